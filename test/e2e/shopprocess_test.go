package e2e_test

import (
	"net"
	"net/http"
	"strconv"

	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
	"orderflow/internal/supervisor"
)

// openGateway runs a further gateway.
func (s *shop) openGateway(name string, environ ...string) {
	s.t.Helper()
	addrs, err := devstack.FreeAddrs(1)
	require.NoError(s.t, err)
	s.gateways[name] = "http://" + addrs[0]
	s.run("gateway-"+name, "gateway", func() bool {
		ready, err := s.callAt(s.t.Context(), s.gateways[name], http.MethodGet, "/readyz", nil)
		return err == nil && ready.status == http.StatusOK
	}, append(environ, "ORDERFLOW_INSTANCE_ID=gateway-"+name, "ORDERFLOW_GATEWAY_ADDR="+addrs[0])...)
}

// run runs another process of one of the system's programs, until it is ready.
func (s *shop) run(name, program string, ready func() bool, environ ...string) {
	s.t.Helper()
	require.NoError(s.t, s.Supervisor().Add(supervisor.Process{
		Name:    name,
		Command: supervisor.Fixed(supervisor.Command{Path: s.Program(program), Env: append(s.Environ(), environ...)}),
	}))
	s.eventually(ready, "%s runs", name)
}

// instances are the addresses of a service that Consul sends people to.
func (s *shop) instances(service string) (addrs []string) {
	s.t.Helper()
	var healthy []struct {
		Service struct {
			Address string
			Port    int
		}
	}
	fetch(s.t, "http://"+s.ConsulAddr()+"/v1/health/service/"+service+"?passing=true", &healthy)
	for _, instance := range healthy {
		addrs = append(addrs, net.JoinHostPort(instance.Service.Address, strconv.Itoa(instance.Service.Port)))
	}
	return addrs
}
