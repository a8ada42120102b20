package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/jose"
	"orderflow/internal/servicetoken"
)

// service verifies with the keys of the terminal's data folder.
func service(t *testing.T, term *terminal, name string) *servicetoken.Verifier {
	t.Helper()
	keys, err := jose.OpenFile(filepath.Join(term.environment["ORDERFLOW_DATA_DIR"], "service-keys", servicetoken.KeySetFile), nil)
	require.NoError(t, err)
	return servicetoken.NewVerifier(keys, name)
}

func TestAnOperatorCallsAServiceDirectly(t *testing.T) {
	term := newTerminal(t, nil)
	require.Equal(t, exitNotAsWished, term.run("service-token", "--to", "payment"), "there is no key yet")
	require.Equal(t, exitOK, term.run("service-key"))
	require.Equal(t, exitOK, term.run("service-token", "--to", "payment"))
	signed := strings.TrimSpace(term.stdout.String())

	caller, err := service(t, term, "payment").Verify(t.Context(), signed)
	require.NoError(t, err)
	assert.Equal(t, "starter", caller.Component)
	_, err = service(t, term, "shipping").Verify(t.Context(), signed)
	require.ErrorIs(t, err, jose.ErrInvalid)
}

func TestServiceKeysAreReplacedInSteps(t *testing.T) {
	term := newTerminal(t, nil)
	require.Equal(t, exitOK, term.run("service-key"))
	first, role, _ := strings.Cut(strings.TrimSpace(term.stdout.String()), "  ")
	assert.Equal(t, "signs and verifies", role)
	require.Equal(t, exitOK, term.run("service-key"))
	assert.Contains(t, term.stdout.String(), first, "it stays")
	require.Equal(t, exitOK, term.run("service-token", "--to", "payment"))
	before := strings.TrimSpace(term.stdout.String())

	require.Equal(t, exitOK, term.run("service-key", "--replace"))
	assert.Contains(t, term.stdout.String(), first+"  verifies\n")
	_, err := service(t, term, "payment").Verify(t.Context(), before)
	require.NoError(t, err, "calls of those who have not been restarted")
	require.Equal(t, exitOK, term.run("service-token", "--to", "payment"))
	after := strings.TrimSpace(term.stdout.String())

	require.Equal(t, exitOK, term.run("service-key", "--remove", first))
	second, _, _ := strings.Cut(strings.TrimSpace(term.stdout.String()), "  ")
	_, err = service(t, term, "payment").Verify(t.Context(), before)
	require.ErrorIs(t, err, jose.ErrInvalid)
	_, err = service(t, term, "payment").Verify(t.Context(), after)
	require.NoError(t, err)

	require.Equal(t, exitUsage, term.run("service-key", "--remove", first), "it is gone")
	require.Equal(t, exitUsage, term.run("service-key", "--remove", second), "it is in use")
}
