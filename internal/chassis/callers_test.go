package chassis

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/discovery"
	"orderflow/internal/faults"
	"orderflow/internal/jose"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/internal/servicetoken"
	"orderflow/internal/telemetry"
	"orderflow/internal/token"
)

// serviceKeys makes the keys of calls and returns the files of both halves.
func serviceKeys(t *testing.T) (signingKey, jwks string) {
	t.Helper()
	dir := t.TempDir()
	_, _, err := servicetoken.OpenKeys(dir)
	require.NoError(t, err)
	return filepath.Join(dir, servicetoken.SigningKeyFile), filepath.Join(dir, servicetoken.KeySetFile)
}

// paid is a service with one route.
func paid() Parts {
	return Parts{Routes: func(routes gin.IRouter) {
		routes.GET("/v1/charges", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	}, Guards: new(rpc.Guards)}
}

func authorizer(t *testing.T, signingKey string) rpc.Authorizer {
	t.Helper()
	authorizer, err := Identity{SigningKey: signingKey}.Authorizer("gateway", Development, nil)
	require.NoError(t, err)
	return authorizer
}

// statusOf asks with the authorization, which may be empty.
func statusOf(t *testing.T, url, authorization string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestAServiceTakesCallsOfOurProcessesOnly(t *testing.T) {
	signingKey, jwks := serviceKeys(t)
	foreignKey, _ := serviceKeys(t)
	r := start(t, Config{ServiceJWKS: jwks, Mode: Production}, paid())
	header := func(signingKey, service string) string {
		values, err := authorizer(t, signingKey).Authorization(t.Context(), service)
		require.NoError(t, err)
		return values[0]
	}
	// A customer's token, as the gateway would take it.
	customers, _, err := token.OpenKeys(t.TempDir())
	require.NoError(t, err)
	public, err := customers.Issue("cust-ada", token.Admin, time.Hour, time.Now())
	require.NoError(t, err)

	assert.Equal(t, http.StatusNoContent, statusOf(t, r.url+"/v1/charges", header(signingKey, "payment")))
	for name, authorization := range map[string]string{
		"none":                "",
		"another service's":   header(signingKey, "shipping"),
		"signed elsewhere":    header(foreignKey, "payment"),
		"a customer's":        "Bearer " + public,
		"another scheme":      "Basic " + header(signingKey, "payment")[len("Bearer "):],
		"without its scheme":  header(signingKey, "payment")[len("Bearer "):],
		"nothing but a space": "Bearer ",
	} {
		for _, path := range []string{"/v1/charges", "/v1/nothing"} {
			assert.Equal(t, http.StatusUnauthorized, statusOf(t, r.url+path, authorization), "%s: %s", name, path)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", GuardsPath} {
		assert.Equal(t, http.StatusOK, statusOf(t, r.url+path, ""), path)
	}
	r.signal()
	require.NoError(t, r.end(t))
	assert.NotContains(t, r.logs.String(), public)
}

// The client of one side and the check of the other belong together.
func TestASignedCallGetsThrough(t *testing.T) {
	signingKey, jwks := serviceKeys(t)
	r := start(t, Config{ServiceJWKS: jwks}, paid())
	resolver, err := discovery.NewFixed(discovery.Addresses{"payment": {r.logs.addr()}}, telemetry.Discard().Log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, resolver.Close()) }()
	for name, test := range map[string]struct {
		options []rpc.Option
		refused bool
	}{
		"signed":   {[]rpc.Option{rpc.WithAuthorizer(authorizer(t, signingKey))}, false},
		"unsigned": {nil, true},
	} {
		client := rpc.NewClient("payment", resolver, rpc.Config{}, nil, test.options...)
		err := client.Call(t.Context(), http.MethodGet, "/v1/charges", nil, nil)
		if test.refused {
			var failure *rpc.Error
			require.ErrorAs(t, err, &failure, "it may be made again when the keys are right")
			assert.Equal(t, problem.Unauthenticated, failure.Code)
		} else {
			require.NoError(t, err, name)
		}
		require.NoError(t, client.Close())
	}
	r.signal()
	require.NoError(t, r.end(t))
}

func TestWithoutKeysAServiceTakesEveryCallAndSaysSo(t *testing.T) {
	r := start(t, Config{}, paid())
	assert.Equal(t, http.StatusNoContent, statusOf(t, r.url+"/v1/charges", ""))
	r.signal()
	require.NoError(t, r.end(t))
	assert.Contains(t, r.logs.String(), "whoever reaches this process may call it")
}

func TestProductionRefusesToStartWhereAnybodyCouldComeIn(t *testing.T) {
	_, jwks := serviceKeys(t)
	injected, err := faults.Parse("error=0.1")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"no keys":      {Config{}, "setting --service-jwks (ORDERFLOW_SERVICE_JWKS): production mode"},
		"missing file": {Config{ServiceJWKS: filepath.Join(t.TempDir(), "missing")}, "setting --service-jwks (ORDERFLOW_SERVICE_JWKS): reading the key set"},
		"faults":       {Config{ServiceJWKS: jwks, Faults: injected}, "ORDERFLOW_FAULTS"},
		"switch":       {Config{ServiceJWKS: jwks, SwitchFaults: true}, "ORDERFLOW_SWITCH_FAULTS"},
		"fail points":  {Config{ServiceJWKS: jwks, FailPoints: true}, "ORDERFLOW_FAIL_POINTS"},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.Mode = Production
			test.cfg.Listen.Addr = "127.0.0.1:0"
			test.cfg.Telemetry.LogOutput = &logLines{}
			err := Run(t.Context(), "payment", "v1", test.cfg, func(context.Context, *telemetry.Telemetry) (Parts, error) { return paid(), nil })
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err = Identity{}.Authorizer("gateway", Production, nil)
	require.ErrorContains(t, err, "setting --service-signing-key (ORDERFLOW_SERVICE_SIGNING_KEY): production mode")
}

func TestASigningKeyMustBeUsable(t *testing.T) {
	none, err := Identity{}.Authorizer("gateway", Development, nil)
	require.NoError(t, err)
	assert.Nil(t, none)

	_, err = Identity{SigningKey: filepath.Join(t.TempDir(), "missing")}.Authorizer("gateway", Development, nil)
	require.ErrorContains(t, err, "ORDERFLOW_SERVICE_SIGNING_KEY")
	damaged := filepath.Join(t.TempDir(), "damaged")
	require.NoError(t, os.WriteFile(damaged, []byte("secret"), 0o600))
	_, err = Identity{SigningKey: damaged}.Authorizer("gateway", Development, nil)
	require.ErrorContains(t, err, "ORDERFLOW_SERVICE_SIGNING_KEY")
	assert.NotContains(t, err.Error(), "secret")
	require.NotErrorIs(t, err, jose.ErrInvalid)
}
