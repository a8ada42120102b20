package e2e_test

import (
	"bufio"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
)

// The table of our own metrics in docs/operations.md.
var (
	metricsTable = regexp.MustCompile(`(?s)<!-- metrics: begin -->(.*)<!-- metrics: end -->`)
	metricsRow   = regexp.MustCompile("(?m)^\\| `(orderflow_[a-z_]+)`")
)

// afterAnEvent are served only by a process to which it has happened.
var afterAnEvent = []string{"orderflow_breaker_transitions_total"}

// requireMetricsTable checks that the operators' table names the metrics of our
// own that the processes serve, and no others.
func (s *system) requireMetricsTable() {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(s.t, err)
	table := metricsTable.FindSubmatch(text)
	require.NotNil(s.t, table, "the table of metrics in docs/operations.md")
	var listed []string
	for _, row := range metricsRow.FindAllSubmatch(table[1], -1) {
		listed = append(listed, string(row[1]))
	}
	served := map[string]bool{}
	for _, name := range afterAnEvent {
		served[name] = true
	}
	for _, process := range append(devstack.Services(), "gateway", "workers") {
		for name := range s.metricsOf(process) {
			served[name] = true
		}
	}
	slices.Sort(listed)
	require.Equal(s.t, slices.Sorted(maps.Keys(served)), listed)
}

// metricsOf are the names of our own metrics that the first instance of a
// service serves to our own processes.
func (s *system) metricsOf(service string) map[string]bool {
	s.t.Helper()
	var healthy []struct {
		Service struct {
			Address string
			Port    int
			Meta    map[string]string
		}
	}
	fetch(s.t, "http://"+s.ConsulAddr()+"/v1/health/service/"+service+"?passing=true", &healthy)
	require.NotEmpty(s.t, healthy, service)
	at := healthy[0].Service
	addr := at.Meta["internal"]
	if addr == "" {
		addr = net.JoinHostPort(at.Address, strconv.Itoa(at.Port))
	}
	response, err := http.Get("http://" + addr + "/metrics")
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(s.t, http.StatusOK, response.StatusCode, service)
	names := map[string]bool{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if name, found := strings.CutPrefix(lines.Text(), "# TYPE orderflow_"); found {
			name, _, _ = strings.Cut(name, " ")
			names["orderflow_"+name] = true
		}
	}
	require.NoError(s.t, lines.Err())
	return names
}
