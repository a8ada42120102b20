package token_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/token"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestKeysAreMadeOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "keys")
	first, created, err := token.OpenKeys(dir)
	require.NoError(t, err)
	require.True(t, created)

	signed, err := first.Issue("cust-ada", token.OrdersRead, time.Hour, noon)
	require.NoError(t, err)

	_, created, err = token.OpenKeys(dir)
	require.NoError(t, err)
	require.False(t, created)
	_, err = verifier(t, dir, noon).Verify(t.Context(), signed)
	require.NoError(t, err)
}

func TestTheSigningKeyIsPrivateAndTheKeySetIsPublic(t *testing.T) {
	dir := t.TempDir()
	_, _, err := token.OpenKeys(dir)
	require.NoError(t, err)

	if runtime.GOOS != "windows" {
		info, err := os.Stat(filepath.Join(dir, token.SigningKeyFile))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	public, err := os.ReadFile(filepath.Join(dir, token.KeySetFile))
	require.NoError(t, err)
	assert.NotContains(t, string(public), `"d"`, "the private number of the key")

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "no temporary file may stay")
}

func TestProcessesThatStartAtOnceAgreeOnOneKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	const starters = 16
	var (
		wait    sync.WaitGroup
		mu      sync.Mutex
		signed  []string
		creates int
	)
	for range starters {
		wait.Go(func() {
			keys, created, err := token.OpenKeys(dir)
			if !assert.NoError(t, err) {
				return
			}
			compact, err := keys.Issue("cust-ada", "", time.Hour, noon)
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			signed = append(signed, compact)
			if created {
				creates++
			}
		})
	}
	wait.Wait()
	assert.Equal(t, 1, creates)
	check := verifier(t, dir, noon)
	for _, compact := range signed {
		_, err := check.Verify(t.Context(), compact)
		assert.NoError(t, err)
	}
}

func TestTokensOfAReplacedKeyStayValid(t *testing.T) {
	dir := t.TempDir()
	old, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	signed, err := old.Issue("cust-ada", "", time.Hour, noon)
	require.NoError(t, err)

	require.NoError(t, os.Remove(filepath.Join(dir, token.SigningKeyFile)))
	_, created, err := token.OpenKeys(dir)
	require.NoError(t, err)
	require.True(t, created)

	_, err = verifier(t, dir, noon).Verify(t.Context(), signed)
	require.NoError(t, err)
}

func TestADamagedKeyFolderIsRefusedWithoutQuotingIt(t *testing.T) {
	for name, content := range map[string]string{
		"empty":       "",
		"no JSON":     "secret-secret",
		"no JWK":      `{"secret": "secret"}`,
		"public half": `{"kty":"EC","crv":"P-256","kid":"secret","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`,
		"other type":  `{"kty":"oct","kid":"secret","alg":"HS256","k":"c2VjcmV0"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, token.SigningKeyFile), []byte(content), 0o600))
			_, _, err := token.OpenKeys(dir)
			require.ErrorContains(t, err, token.SigningKeyFile)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
	t.Run("key set", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, token.KeySetFile), []byte("secret"), 0o600))
		_, _, err := token.OpenKeys(dir)
		require.ErrorContains(t, err, token.KeySetFile)
	})
	t.Run("a file instead of a folder", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		_, _, err := token.OpenKeys(path)
		require.ErrorContains(t, err, "key folder")
	})
}

func TestOnlyUsefulTokensAreIssued(t *testing.T) {
	keys, _, err := token.OpenKeys(t.TempDir())
	require.NoError(t, err)
	for name, issue := range map[string]func() (string, error){
		"no subject":     func() (string, error) { return keys.Issue(" ", "admin", time.Hour, noon) },
		"long subject":   func() (string, error) { return keys.Issue(strings.Repeat("a", 201), "admin", time.Hour, noon) },
		"line break":     func() (string, error) { return keys.Issue("a\nb", "admin", time.Hour, noon) },
		"unknown scope":  func() (string, error) { return keys.Issue("ada", "orders:reed", time.Hour, noon) },
		"no time at all": func() (string, error) { return keys.Issue("ada", "admin", 0, noon) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := issue()
			require.Error(t, err)
		})
	}
}
