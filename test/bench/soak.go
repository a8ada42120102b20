package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/procfs"

	"orderflow/internal/devstack"
)

// SoakSettings say how long a soak lasts, and how often it looks.
type SoakSettings struct {
	Orders, Outstanding int
	// Samples is how many equal parts the orders come in; after each of them
	// every process is looked at.
	Samples int
}

// Growth is what the processes held after each part of a soak.
type Growth struct {
	// Orders are those placed so far, at each sample.
	Orders []int
	// Memory is what each process had in memory, in bytes.
	Memory map[string][]uint64
	// Goroutines are those of our own processes.
	Goroutines map[string][]int
	// Took is the whole time.
	Took time.Duration
}

// Soak has the product as shipped serve many orders, and looks at what each
// process holds meanwhile. Growth.Grown tells whether any keeps much of each.
func Soak(ctx context.Context, settings SoakSettings, ground Ground) (growth *Growth, err error) {
	s, err := boot(ctx, ground)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	growth = &Growth{Memory: map[string][]uint64{}, Goroutines: map[string][]int{}}
	shipped, began := s.orders(asShipped, s.GatewayURL()), time.Now()
	each := max(1, settings.Orders/settings.Samples)
	for sample := range settings.Samples {
		t, err := shipped.measure(ctx, each, settings.Outstanding)
		if err != nil {
			return nil, err
		}
		growth.Orders = append(growth.Orders, (sample+1)*each)
		if err := s.sample(ctx, growth); err != nil {
			return nil, err
		}
		fmt.Fprintf(ground.Out, "%s  %d orders, %.1f a second\n", time.Now().Format(time.TimeOnly), (sample+1)*each, t.perSecond())
	}
	growth.Took = time.Since(began)
	return growth, nil
}

// sample adds what each process has now.
func (s *system) sample(ctx context.Context, growth *Growth) error {
	pids, err := s.pids()
	if err != nil {
		return err
	}
	for name, pid := range pids {
		process, err := procfs.NewProc(pid)
		if err != nil {
			return fmt.Errorf("reading the memory of %s: %w", name, err)
		}
		status, err := process.NewStatus()
		if err != nil {
			return fmt.Errorf("reading the memory of %s: %w", name, err)
		}
		growth.Memory[name] = append(growth.Memory[name], status.VmRSS)
	}
	for _, service := range append(devstack.Services(), "gateway", "workers") {
		count, err := s.goroutines(ctx, service)
		if err != nil {
			return fmt.Errorf("counting the goroutines of %s: %w", service, err)
		}
		growth.Goroutines[service] = append(growth.Goroutines[service], count)
	}
	return nil
}

// goroutines are those of an instance of the service.
func (s *system) goroutines(ctx context.Context, service string) (int, error) {
	var healthy []struct {
		Service instance
	}
	answer, err := fetch(ctx, "http://"+s.ConsulAddr()+"/v1/health/service/"+service+"?passing")
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(answer, &healthy); err != nil {
		return 0, fmt.Errorf("reading Consul's answer: %w", err)
	}
	for _, each := range healthy {
		if each.Service.ID != durableGateway { // which has nothing to do
			return each.Service.goroutines(ctx)
		}
	}
	return 0, errors.New("no instance is healthy")
}

// instance is what Consul knows of one.
type instance struct {
	ID, Address string
	Port        int
	Meta        map[string]string
}

// goroutines asks the instance, as Prometheus would.
func (i instance) goroutines(ctx context.Context) (int, error) {
	addr := cmp.Or(i.Meta["internal"], net.JoinHostPort(i.Address, strconv.Itoa(i.Port)))
	metrics, err := fetch(ctx, "http://"+addr+"/metrics")
	if err != nil {
		return 0, err
	}
	const metric = "go_goroutines "
	for line := range strings.Lines(string(metrics)) {
		if count, found := strings.CutPrefix(line, metric); found {
			return strconv.Atoi(strings.TrimSpace(count))
		}
	}
	return 0, fmt.Errorf("%s does not serve %s", i.ID, metric)
}

// fetch reads what is at the address.
func fetch(ctx context.Context, url string) (body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", url, err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking %s: %s", url, response.Status)
	}
	if body, err = io.ReadAll(response.Body); err != nil {
		return nil, fmt.Errorf("asking %s: %w", url, err)
	}
	return body, nil
}
