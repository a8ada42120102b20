package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/apikey"
	"orderflow/internal/token"
)

func TestAPIKeysAreMadeListedAndRevoked(t *testing.T) {
	term := newTerminal(t, nil)
	path := filepath.Join(term.environment["ORDERFLOW_DATA_DIR"], "keys", apikey.File)
	require.Equal(t, exitOK, term.run("api-key"))
	assert.Contains(t, term.stderr.String(), "there is no key")

	require.Equal(t, exitOK, term.run("api-key", "--subject", "partner-7", "--scope", "orders:read orders:write"))
	text := strings.TrimSpace(term.stdout.String())
	secret := text[strings.LastIndex(text, "_")+1:]
	assert.NotContains(t, term.stderr.String(), secret)

	keys, err := apikey.List(path)
	require.NoError(t, err)
	require.Len(t, keys, 1)
	assert.WithinDuration(t, time.Now().Add(90*24*time.Hour), *keys[0].Expires, time.Minute)
	store, err := apikey.Open(path, nil, zap.NewNop())
	require.NoError(t, err)
	principal, err := store.Verify(t.Context(), text)
	require.NoError(t, err)
	assert.Equal(t, token.Principal{Subject: "partner-7", Scopes: []string{"orders:read", "orders:write"}}, principal)

	require.Equal(t, exitOK, term.run("api-key"))
	assert.Contains(t, term.stdout.String(), keys[0].ID)
	assert.Contains(t, term.stdout.String(), "partner-7")
	assert.NotContains(t, term.stdout.String(), secret)

	require.Equal(t, exitOK, term.run("api-key", "--revoke", text), "the whole key names it too")
	assert.NotContains(t, term.stderr.String(), secret)
	require.Equal(t, exitUsage, term.run("api-key", "--revoke", keys[0].ID), "it is gone")
}

func TestWrongAPIKeysAreNotMade(t *testing.T) {
	for _, args := range [][]string{
		{"--subject", " ", "--scope", "ops"},
		{"--subject", "partner-7"},
		{"--subject", "partner-7", "--scope", "everything"},
		{"--subject", "partner-7", "--scope", "ops", "--revoke", "x"},
		{"--subject", "partner-7", "--scope", "ops", "--expires", "soon"},
		{"--subject", "partner-7", "--scope", "ops", "--expires", "2001-01-31"},
		{"--subject", "partner-7", "--scope", "ops", "--expires", "-1h"},
		{"--subject", "partner-7", "--scope", "ops", "--expires", "40000d"},
	} {
		term := newTerminal(t, nil)
		require.Equal(t, exitUsage, term.run(append([]string{"api-key"}, args...)...), args)
		assert.Equal(t, 1, strings.Count(term.stderr.String(), "\n"), term.stderr.String())
		assert.NoFileExists(t, filepath.Join(term.environment["ORDERFLOW_DATA_DIR"], "keys", apikey.File))
	}
}

func TestKeysEndWhenItIsSaid(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"90d":        now.Add(90 * 24 * time.Hour),
		"12h":        now.Add(12 * time.Hour),
		"2027-01-31": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		"never":      {},
	} {
		end, err := expiry(text, now)
		require.NoError(t, err)
		assert.Equal(t, want, end, text)
	}
}
