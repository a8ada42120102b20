package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"

	"orderflow/internal/problem"
)

// Judge verifies services as operators do: with the program "starter verify",
// through a gateway that passes audits on.
type Judge struct {
	program string
}

// BuildJudge builds the program in a folder.
func BuildJudge(ctx context.Context, folder string) (Judge, error) {
	program := filepath.Join(folder, "starter")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "orderflow/starter").CombinedOutput()
	if err != nil {
		return Judge{}, fmt.Errorf("building the starter: %w: %s", err, out)
	}
	return Judge{program}, nil
}

// Report is what the verification says.
type Report struct {
	OK         bool
	Orders     int
	Invariants []Invariant
}

// Invariant is one of the numbered promises.
type Invariant struct {
	Name     string
	OK       bool
	Breaches []Breach
}

// Breach is an order, product or customer of which a promise is broken.
type Breach struct{ Subject, Detail string }

// Breaches lists what breaks the invariants of these names, or any invariant.
func (r Report) Breaches(names ...string) (breaches []Breach) {
	for _, invariant := range r.Invariants {
		if len(names) == 0 || slices.Contains(names, invariant.Name) {
			breaches = append(breaches, invariant.Breaches...)
		}
	}
	return breaches
}

// Broken lists the names of the invariants that do not hold.
func (r Report) Broken() (names []string) {
	for _, invariant := range r.Invariants {
		if !invariant.OK {
			names = append(names, invariant.Name)
		}
	}
	return names
}

// Verify checks all rows of the services. AtRest says that nothing is in flight
// any more.
func (j Judge) Verify(services *Services, atRest bool) (Report, error) {
	gateway := httptest.NewServer(services.gateway())
	defer gateway.Close()
	arguments := []string{"verify", "--json", "--gateway-addr", gateway.URL, "--token", "any"}
	if atRest {
		arguments = append(arguments, "--at-rest")
	}
	var said, complaints bytes.Buffer
	command := exec.CommandContext(context.Background(), j.program, arguments...)
	command.Stdout, command.Stderr = &said, &complaints
	ended := command.Run()
	var report Report
	if err := json.Unmarshal(said.Bytes(), &report); err != nil {
		return report, fmt.Errorf("verifying: %w: %s", errors.Join(ended, err), complaints.Bytes())
	}
	return report, nil
}

// gateway passes on what a verification asks for, as the product's does.
func (s *Services) gateway() http.Handler {
	urls := map[string]string{
		orderService: s.Orders.URL, inventoryService: s.Inventory.URL, paymentService: s.Payments.URL,
		shippingService: s.Shipping.URL, notificationService: s.Notifications.URL,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ops/audit/{service}", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		table := query.Get("table")
		query.Del("table")
		pass(w, r, urls[r.PathValue("service")]+"/v1/audit/"+table+"?"+query.Encode())
	})
	mux.HandleFunc("GET /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		view, err := s.Orders.Order(r.Context(), r.PathValue("id"))
		if err != nil {
			w.WriteHeader(problem.CodeOf(err).Status())
			return
		}
		_ = json.NewEncoder(w).Encode(view) // a client that went away
	})
	return mux
}

// pass answers with what the service answers.
func pass(w http.ResponseWriter, r *http.Request, url string) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer func() { _ = response.Body.Close() }()
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body) // a client that went away
}
