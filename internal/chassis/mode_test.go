package chassis

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
)

func TestProductionSpeaksNoPlainTextToAnotherMachine(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  Config
		addr string
		tls  bool
		fine bool
	}{
		"another machine":                  {Config{Mode: Production}, "consul:8500", false, false},
		"an address of another one":        {Config{Mode: Production}, "10.0.0.7:8500", false, false},
		"a name that only looks like this": {Config{Mode: Production}, "localhost.example:8500", false, false},
		"all interfaces":                   {Config{Mode: Production}, "0.0.0.0:8500", false, false},
		"no address":                       {Config{Mode: Production}, "consul", false, false},
		"over TLS":                         {Config{Mode: Production}, "consul:8500", true, true},
		"over a network that encrypts":     {Config{Mode: Production, EncryptedNetwork: true}, "consul:8500", false, true},
		"this machine":                     {Config{Mode: Production}, "127.0.0.1:8500", false, true},
		"this machine by IPv6":             {Config{Mode: Production}, "[::1]:8500", false, true},
		"this machine by name":             {Config{Mode: Production}, "localhost:8500", false, true},
		"development":                      {Config{}, "consul:8500", false, true},
		"this machine's own address":       {Config{Mode: Production}, net.JoinHostPort(ownAddress(t), "8500"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.cfg.CheckPlainText(test.addr, test.tls, "consul-tls")
			if test.fine {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "setting --consul-tls (ORDERFLOW_CONSUL_TLS): production mode")
			assert.ErrorContains(t, err, "ORDERFLOW_ENCRYPTED_NETWORK")
		})
	}
}

// ownAddress is one at which others reach this machine, or else the loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	own, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, addr := range own {
		if network, ok := addr.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			return network.IP.String()
		}
	}
	return "127.0.0.1"
}

func TestProductionCallsServicesElsewhereOnlyWhereTheNetworkEncrypts(t *testing.T) {
	elsewhere := Lookup{Kind: "static", Static: map[string]string{"order": "127.0.0.1:80", "payment": "127.0.0.1:80,10.255.0.7:80"}}
	require.ErrorContains(t, Config{Mode: Production}.CheckLookup(elsewhere), "setting --encrypted-network (ORDERFLOW_ENCRYPTED_NETWORK)")
	require.ErrorContains(t, Config{Mode: Production}.CheckLookup(elsewhere), "10.255.0.7:80")
	for _, fine := range []struct {
		cfg    Config
		lookup Lookup
	}{
		{Config{Mode: Production, EncryptedNetwork: true}, elsewhere},
		{Config{}, elsewhere},
		{Config{Mode: Production}, Lookup{Kind: "static", Static: map[string]string{"order": "127.0.0.1:80"}}},
		{Config{Mode: Production, Consul: config.Consul{Addr: "127.0.0.1:8500"}}, Lookup{}},
	} {
		require.NoError(t, fine.cfg.CheckLookup(fine.lookup))
	}
	require.ErrorContains(t, Config{Mode: Production, Consul: config.Consul{Addr: "consul.invalid:8500"}}.CheckLookup(Lookup{}), "ORDERFLOW_CONSUL_TLS")
}

// So that a check of the settings finds what a start would refuse.
func TestWhatAModeDoesNotAllowIsAWrongSetting(t *testing.T) {
	var cfg struct {
		Config `embed:""`
	}
	for name, args := range map[string][]string{
		"consul-tls":    {"--mode=production", "--consul-addr=consul.invalid:8500"},
		"faults":        {"--mode=production", "--no-discovery", "--faults=error=0.1"},
		"switch-faults": {"--mode=production", "--no-discovery", "--switch-faults"},
		"fail-points":   {"--fail-points", "--listen-addr=0.0.0.0:0"},
	} {
		cfg.Config = Config{}
		none := func(string) (string, bool) { return "", false }
		_, err := config.Load("payment", "", &cfg, append(args, config.CheckFlag), none, t.Output())
		require.ErrorContains(t, err, "payment: setting --"+name+" ")
	}
}

func TestAProcessThatRegistersInPlainTextDoesNotStartInProduction(t *testing.T) {
	_, jwks := serviceKeys(t)
	cfg := Config{Mode: Production, ServiceJWKS: jwks, Consul: config.Consul{Addr: "consul.invalid:8500"}}
	require.NoError(t, cfg.Validate(), "who does not register tells Consul nothing")
	cfg.Discovery = true
	require.ErrorContains(t, Run(t.Context(), "payment", "v1", cfg, nil), "ORDERFLOW_CONSUL_TLS")
}
