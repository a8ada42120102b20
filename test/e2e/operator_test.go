package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
)

// TestWhatAnOperatorSees places one order and looks for it where an operator
// would: in Consul, in the logs of every process, in both user interfaces.
func TestWhatAnOperatorSees(t *testing.T) {
	s := start(t, settings(t, "ORDERFLOW_LOG_LEVEL=debug"))
	d := generate(t, seed+3, 20)
	s.await(s.beginImport(d.products, d.customersFile))
	placed, err := s.call(t.Context(), http.MethodPost, "/v1/orders", map[string]any{
		"customerId": d.customers[0],
		"items":      []any{map[string]any{"productId": "gen-product-0", "quantity": 1}},
		"payment":    map[string]any{"method": "pm_card_visa"},
		"shippingAddress": map[string]any{
			"name": "A", "line1": "1 Main St", "city": "London", "country": "GB",
		},
	}, "Prefer", "wait=30")
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, placed.status, "%s", placed.body)
	var view orderView
	placed.into(t, &view)

	t.Run("nine names in Consul, all passing", func(t *testing.T) {
		var checks []struct{ ServiceName, Status string }
		fetch(t, "http://"+s.ConsulAddr()+"/v1/health/state/any", &checks)
		passing := map[string]bool{}
		for _, check := range checks {
			if check.ServiceName != "" {
				require.Equal(t, "passing", check.Status, check.ServiceName)
				passing[check.ServiceName] = true
			}
		}
		names := append(devstack.Services(), "gateway", "workers")
		require.Len(t, passing, len(names))
		for _, name := range names {
			require.True(t, passing[name], name)
		}
	})

	t.Run("one trace through every process", func(t *testing.T) {
		var trace string
		for _, process := range []string{"order", "inventory", "payment", "shipping", "notification"} {
			var found []string
			require.Eventually(t, func() bool {
				found = tracesOf(t, filepath.Join(s.DataDir(), "logs", process+".log"), view.OrderID, http.MethodPost)
				return len(found) > 0
			}, patience, 50*time.Millisecond, process)
			for _, id := range found {
				if trace == "" {
					trace = id
				}
				require.Equal(t, trace, id, process)
			}
		}
		require.Contains(t, tracesOf(t, filepath.Join(s.DataDir(), "logs", "gateway.log"), view.OrderID, http.MethodPost), trace)
	})

	t.Run("both user interfaces answer", func(t *testing.T) {
		fetch(t, "http://"+s.cfg.TemporalUIAddr+"/namespaces/default/workflows/"+view.OrderID, nil)
		fetch(t, "http://"+s.ConsulAddr()+"/ui/", nil)
		var described struct {
			WorkflowExecutionInfo struct {
				Type struct{ Name string }
			}
		}
		// The page's own server connects to Temporal with its first call.
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			fetch(t, "http://"+s.cfg.TemporalUIAddr+"/api/v1/namespaces/default/workflows/"+view.OrderID, &described)
		}, patience, 50*time.Millisecond)
		require.Equal(t, "PlaceOrder", described.WorkflowExecutionInfo.Type.Name)
	})
}

// fetch reads a page that must be there.
func fetch(t require.TestingT, url string, into any) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode, url)
	if into != nil {
		require.NoError(t, json.NewDecoder(response.Body).Decode(into))
	}
}

// tracesOf returns the trace IDs of a process's request lines about an order.
func tracesOf(t *testing.T, path, orderID, method string) []string {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var traces []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, OrderID, TraceID, Method string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "request" && line.OrderID == orderID && line.Method == method {
			traces = append(traces, line.TraceID)
		}
	}
	require.NoError(t, lines.Err())
	return traces
}
