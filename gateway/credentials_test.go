package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/apikey"
	"orderflow/internal/jose"
	"orderflow/internal/token"
)

// opened are the credentials by the settings.
func opened(t *testing.T, environment map[string]string) *credentials {
	t.Helper()
	cfg, err := load(environment)
	require.NoError(t, err)
	c, err := openCredentials(cfg.credentialSettings, zap.NewNop())
	require.NoError(t, err)
	return c
}

// developmentToken is signed with the key in dir, for an hour.
func developmentToken(t *testing.T, dir string) string {
	t.Helper()
	keys, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	signed, err := keys.Issue("cust-ada", token.OrdersRead, time.Hour, time.Now())
	require.NoError(t, err)
	return signed
}

func TestTokensAreTakenFromTheIssuerThatIsSet(t *testing.T) {
	ctx, ours, theirs := t.Context(), t.TempDir(), t.TempDir()
	foreign := developmentToken(t, theirs)
	jwks := filepath.Join(theirs, token.KeySetFile)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, jwks) }))
	defer server.Close()

	for name, environment := range map[string]map[string]string{
		"a file": {"ORDERFLOW_KEYS_DIR": ours, "ORDERFLOW_JWKS": jwks},
		"a URL":  {"ORDERFLOW_KEYS_DIR": ours, "ORDERFLOW_JWKS": server.URL + "/keys"},
	} {
		t.Run(name, func(t *testing.T) {
			c := opened(t, environment)
			principal, err := c.Verify(ctx, foreign)
			require.NoError(t, err)
			assert.Equal(t, "cust-ada", principal.Subject)
			assert.NoFileExists(t, filepath.Join(ours, token.SigningKeyFile), "no development key is made, or taken")

			environment["ORDERFLOW_TOKEN_ISSUER"] = "https://issuer.example"
			_, err = opened(t, environment).Verify(ctx, foreign)
			require.ErrorIs(t, err, token.ErrInvalid, "another issuer")
			environment["ORDERFLOW_TOKEN_ISSUER"], environment["ORDERFLOW_TOKEN_AUDIENCE"] = "", "another-api"
			_, err = opened(t, environment).Verify(ctx, foreign)
			require.ErrorIs(t, err, token.ErrInvalid, "another audience")
		})
	}
	t.Run("the development key", func(t *testing.T) {
		c := opened(t, map[string]string{"ORDERFLOW_KEYS_DIR": ours})
		_, err := c.Verify(ctx, developmentToken(t, ours))
		require.NoError(t, err)
		_, err = c.Verify(ctx, foreign)
		require.ErrorIs(t, err, token.ErrInvalid)
	})
}

func TestAnOIDCIssuerIsAskedForItsKeys(t *testing.T) {
	dir := t.TempDir()
	_, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	issuer := ""
	routes := http.NewServeMux()
	routes.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"issuer": "`+issuer+`", "jwks_uri": "`+issuer+`/keys"}`)
	})
	routes.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(dir, token.KeySetFile))
	})
	server := httptest.NewServer(routes)
	defer server.Close()
	issuer = server.URL

	c := opened(t, map[string]string{"ORDERFLOW_KEYS_DIR": t.TempDir(), "ORDERFLOW_OIDC_ISSUER": issuer})
	_, err = c.Verify(t.Context(), developmentToken(t, dir))
	require.ErrorIs(t, err, token.ErrInvalid, "the keys are the issuer's, but the token is not")
	require.NoError(t, c.keys.Check(t.Context()))
}

// An issuer that is away is no reason not to start.
func TestTheGatewayIsUnreadyUntilTheIssuerHasAnswered(t *testing.T) {
	environment := map[string]string{
		"ORDERFLOW_KEYS_DIR": t.TempDir(), "ORDERFLOW_OIDC_ISSUER": "http://127.0.0.1:1", "ORDERFLOW_CONSUL_ADDR": "127.0.0.1:1",
	}
	c := opened(t, environment)
	_, err := c.Verify(t.Context(), developmentToken(t, t.TempDir()))
	require.ErrorIs(t, err, jose.ErrNoKeys)

	cfg, err := load(environment)
	require.NoError(t, err)
	all := checks(cfg, admission{verifier: c}, connections{})
	require.Contains(t, all, "issuer")
	assert.Error(t, all["issuer"](t.Context()))
}

func TestAPIKeysComeFromTheirFile(t *testing.T) {
	dir := t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "machines.json")
	for path, environment := range map[string]map[string]string{
		filepath.Join(dir, apikey.File): {"ORDERFLOW_KEYS_DIR": dir},
		elsewhere:                       {"ORDERFLOW_KEYS_DIR": dir, "ORDERFLOW_API_KEYS": elsewhere},
	} {
		text, _, err := apikey.Create(t.Context(), path, "partner-7", []string{token.OrdersRead}, time.Time{}, time.Now())
		require.NoError(t, err)
		c := opened(t, environment)
		principal, err := c.Verify(t.Context(), text)
		require.NoError(t, err)
		assert.Equal(t, token.Principal{Subject: "partner-7", Scopes: []string{token.OrdersRead}}, principal)
		_, err = c.Verify(t.Context(), developmentToken(t, dir))
		require.NoError(t, err, "tokens are taken beside keys")
	}
}

// The works of a running gateway follow both files.
func TestWhatIsRevokedEndsWithoutARestart(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, apikey.File)
	text, key, err := apikey.Create(t.Context(), path, "partner-7", nil, time.Time{}, time.Now())
	require.NoError(t, err)
	c := opened(t, map[string]string{"ORDERFLOW_KEYS_DIR": dir})
	for _, work := range c.follow() {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- work(ctx) }()
		defer func() {
			stop()
			assert.NoError(t, <-ended)
		}()
	}
	_, err = c.Verify(t.Context(), text)
	require.NoError(t, err)
	require.NoError(t, apikey.Revoke(t.Context(), path, key.ID))
	require.Eventually(t, func() bool {
		_, err := c.Verify(t.Context(), text)
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestCredentialsThatCannotBeUsedAreOneLine(t *testing.T) {
	damaged := filepath.Join(t.TempDir(), "damaged.json")
	require.NoError(t, os.WriteFile(damaged, []byte("secret"), 0o600))
	for _, environment := range []map[string]string{
		{"ORDERFLOW_JWKS": filepath.Join(t.TempDir(), "missing.json")},
		{"ORDERFLOW_JWKS": damaged},
		{"ORDERFLOW_API_KEYS": damaged},
	} {
		environment["ORDERFLOW_KEYS_DIR"] = t.TempDir()
		cfg, err := load(environment)
		require.NoError(t, err)
		_, err = openCredentials(cfg.credentialSettings, zap.NewNop())
		require.ErrorContains(t, err, "ORDERFLOW_")
		assert.NotContains(t, err.Error(), "\n")
		assert.NotContains(t, err.Error(), "secret")
	}
	for _, environment := range []map[string]string{
		{"ORDERFLOW_OIDC_ISSUER": "https://issuer.example", "ORDERFLOW_JWKS": damaged},
		{"ORDERFLOW_OIDC_ISSUER": "https://issuer.example", "ORDERFLOW_TOKEN_ISSUER": "https://other.example"},
		{"ORDERFLOW_OIDC_ISSUER": "issuer.example"},
	} {
		_, err := load(environment)
		require.ErrorContains(t, err, "ORDERFLOW_")
	}
}
