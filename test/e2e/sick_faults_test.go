package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
)

// inject has every instance of a service misbehave, until end.
func (s *shop) inject(service, faults string) (end func()) {
	s.t.Helper()
	addrs := s.instances(service)
	require.NotEmpty(s.t, addrs)
	for _, addr := range addrs {
		s.setFaults(addr, faults)
	}
	return func() {
		s.t.Helper()
		for _, addr := range addrs {
			s.setFaults(addr, "")
		}
	}
}

// setFaults replaces the faults of one instance that lets them be replaced.
func (s *shop) setFaults(addr, faults string) {
	s.t.Helper()
	body, err := json.Marshal(httpserver.InjectedFaults{Faults: faults})
	require.NoError(s.t, err)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, "http://"+addr+httpserver.FaultsPath, bytes.NewReader(body))
	require.NoError(s.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	require.Equal(s.t, http.StatusNoContent, response.StatusCode)
}

// keepDown kills a process. The supervisor starts it again at end, which
// returns when all is healthy.
func (s *shop) keepDown(process string) (end func()) {
	s.t.Helper()
	bringUp, err := s.Supervisor().KeepDown(process)
	require.NoError(s.t, err)
	return func() {
		s.t.Helper()
		bringUp()
		s.waitHealthy()
	}
}

const (
	slowInstance = "inventory-2"
	// slowness is more than the fast way waits, and less than the durable way
	// does.
	slowness = "3s"
)

// slowInventory adds two instances of inventory, of which one is slow.
func (s *shop) slowInventory() (end func()) {
	s.t.Helper()
	more := []string{slowInstance, "inventory-3"}
	for i, name := range more {
		environ := []string{
			"ORDERFLOW_INSTANCE_ID=" + name,
			"ORDERFLOW_DSN=sqlite:" + filepath.Join(s.DataDir(), "inventory.db"),
		}
		if name == slowInstance {
			environ = append(environ, "ORDERFLOW_FAULTS=latency="+slowness)
		}
		s.run(name, "inventory", func() bool { return len(s.instances("inventory")) == 2+i }, environ...)
	}
	return func() {
		s.t.Helper()
		for _, name := range more {
			require.NoError(s.t, s.Supervisor().Remove(s.t.Context(), name))
		}
	}
}

// inventoryFigures are what each instance was called, and how often the slow
// one was ejected.
func (s *shop) inventoryFigures(f *figures) {
	s.t.Helper()
	var list struct {
		Items []struct {
			Service, Instance, Address string
			Callers                    []struct {
				Process   string
				Ejections int
			}
		}
	}
	s.get("/v1/ops/instances", &list)
	calls, ejections := map[string]int{}, map[string]int{}
	for _, instance := range list.Items {
		if instance.Service != "inventory" {
			continue
		}
		calls[instance.Instance] = int(s.counted(instance.Address, served, `method="POST"`))
		for _, caller := range instance.Callers {
			if caller.Process == "workers" {
				ejections[instance.Instance] = caller.Ejections
			}
		}
	}
	healthy := calls["inventory-3"]
	f.add("calls", "%d at the slow instance, %d at one that joined with it", calls[slowInstance], healthy)
	f.add("ejections", "%d of the slow instance, by the workers", ejections[slowInstance])
	assert.NotZero(s.t, ejections[slowInstance])
	assert.Less(s.t, calls[slowInstance], healthy/2, "a slow instance gets few calls")
	delete(ejections, slowInstance)
	for instance, times := range ejections {
		assert.Zero(s.t, times, instance)
	}
}
