package chassis

import (
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

func TestAProcessThatRegistersInPlainTextDoesNotStartInProduction(t *testing.T) {
	_, jwks := serviceKeys(t)
	cfg := Config{Mode: Production, ServiceJWKS: jwks, Consul: config.Consul{Addr: "consul.invalid:8500"}}
	require.NoError(t, cfg.checkMode(), "who does not register tells Consul nothing")
	cfg.Discovery = true
	require.ErrorContains(t, Run(t.Context(), "payment", "v1", cfg, nil), "ORDERFLOW_CONSUL_TLS")
}
