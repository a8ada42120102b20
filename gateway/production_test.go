package main

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/servicetoken"
	"orderflow/internal/telemetry"
)

// production is a complete environment, after changes; "" takes one out.
func production(changes ...map[string]string) map[string]string {
	environment := map[string]string{
		"ORDERFLOW_MODE": "production", "ORDERFLOW_OIDC_ISSUER": "https://issuer.example", "ORDERFLOW_TLS_IN_FRONT": "true",
		"ORDERFLOW_CONSUL_ADDR": "127.0.0.1:1", "ORDERFLOW_TEMPORAL_ADDR": "127.0.0.1:1",
	}
	for _, change := range changes {
		maps.Copy(environment, change)
	}
	return environment
}

func TestProductionRefusesWhatLetsStrangersIn(t *testing.T) {
	_, err := load(production())
	require.NoError(t, err)
	_, err = load(production(map[string]string{"ORDERFLOW_TLS_IN_FRONT": "", "ORDERFLOW_TLS_CERT": "cert.pem", "ORDERFLOW_TLS_KEY": "key.pem"}))
	require.NoError(t, err)
	elsewhere := map[string]string{"ORDERFLOW_TEMPORAL_ADDR": "temporal:7233", "ORDERFLOW_CONSUL_ADDR": "consul:8500"}
	for _, secured := range []map[string]string{
		{"ORDERFLOW_TEMPORAL_TLS": "true", "ORDERFLOW_CONSUL_TLS": "true"},
		{"ORDERFLOW_TEMPORAL_TLS": "true", "ORDERFLOW_DISCOVERY": "false", "ORDERFLOW_LOOKUP_KIND": "static", "ORDERFLOW_LOOKUP_STATIC": "order=127.0.0.1:80"},
		{"ORDERFLOW_ENCRYPTED_NETWORK": "true"},
		{"ORDERFLOW_MODE": "development", "ORDERFLOW_TLS_IN_FRONT": ""},
	} {
		_, err = load(production(elsewhere, secured))
		require.NoError(t, err, secured)
	}
	for name, test := range map[string]struct {
		change map[string]string
		want   string
	}{
		"the development key": {map[string]string{"ORDERFLOW_OIDC_ISSUER": ""}, "ORDERFLOW_OIDC_ISSUER"},
		"the development key as a file": {
			map[string]string{"ORDERFLOW_OIDC_ISSUER": "", "ORDERFLOW_JWKS": ".orderflow/keys/jwks.json"}, "ORDERFLOW_TOKEN_ISSUER",
		},
		"an issuer over http": {map[string]string{"ORDERFLOW_OIDC_ISSUER": "http://issuer.example"}, "ORDERFLOW_OIDC_ISSUER"},
		"an issuer over HTTP": {map[string]string{"ORDERFLOW_OIDC_ISSUER": "HTTP://issuer.example"}, "ORDERFLOW_OIDC_ISSUER"},
		"keys over HTTP": {
			map[string]string{"ORDERFLOW_OIDC_ISSUER": "", "ORDERFLOW_JWKS": "Http://issuer.example/keys", "ORDERFLOW_TOKEN_ISSUER": "issuer"}, "ORDERFLOW_JWKS",
		},
		"certificates over HTTP": {
			map[string]string{"ORDERFLOW_TLS_IN_FRONT": "", "ORDERFLOW_TLS_ACME_DOMAINS": "shop.example", "ORDERFLOW_TLS_ACME_DIRECTORY": "HTTP://acme.example"},
			"ORDERFLOW_TLS_ACME_DIRECTORY",
		},
		"services in the clear": {
			map[string]string{"ORDERFLOW_LOOKUP_KIND": "static", "ORDERFLOW_LOOKUP_STATIC": "order=10.255.0.1:80"}, "ORDERFLOW_ENCRYPTED_NETWORK",
		},
		"faults": {map[string]string{"ORDERFLOW_FAULTS": "error=0.1"}, "ORDERFLOW_FAULTS"},
		"keys over http": {
			map[string]string{"ORDERFLOW_OIDC_ISSUER": "", "ORDERFLOW_JWKS": "http://issuer.example/keys", "ORDERFLOW_TOKEN_ISSUER": "issuer"}, "ORDERFLOW_JWKS",
		},
		"no TLS":                {map[string]string{"ORDERFLOW_TLS_IN_FRONT": ""}, "ORDERFLOW_TLS_CERT"},
		"a laptop's TLS":        {map[string]string{"ORDERFLOW_TLS_IN_FRONT": "", "ORDERFLOW_TLS_DEV": "true"}, "ORDERFLOW_TLS_DEV"},
		"TLS here and there":    {map[string]string{"ORDERFLOW_TLS_CERT": "cert.pem", "ORDERFLOW_TLS_KEY": "key.pem"}, "ORDERFLOW_TLS_IN_FRONT"},
		"Temporal in the clear": {map[string]string{"ORDERFLOW_TEMPORAL_ADDR": "temporal:7233"}, "ORDERFLOW_TEMPORAL_TLS"},
		"Consul in the clear":   {map[string]string{"ORDERFLOW_CONSUL_ADDR": "10.0.0.7:8500"}, "ORDERFLOW_CONSUL_TLS"},
		"a mode that is none":   {map[string]string{"ORDERFLOW_MODE": "prod"}, "ORDERFLOW_MODE"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(production(test.change))
			require.ErrorContains(t, err, "("+test.want+")")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestProductionSignsItsCalls(t *testing.T) {
	dir := t.TempDir()
	keys, service := filepath.Join(dir, "keys"), filepath.Join(dir, "service-keys")
	_, _, err := servicetoken.OpenKeys(service)
	require.NoError(t, err)
	for file, want := range map[string]string{
		"": "setting --service-signing-key (ORDERFLOW_SERVICE_SIGNING_KEY): production mode",
		filepath.Join(service, servicetoken.SigningKeyFile): "",
	} {
		cfg, err := load(production(map[string]string{"ORDERFLOW_KEYS_DIR": keys, "ORDERFLOW_SERVICE_SIGNING_KEY": file}))
		require.NoError(t, err)
		parts, err := build(cfg, telemetry.Discard())
		if want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, want)
		}
		require.NoError(t, parts.Close())
		assert.NoDirExists(t, keys, "no development key is made")
	}
}
