package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/payloadcodec/keyring"
)

func TestPayloadKeyMakesAKeyringAndReplacesItsKey(t *testing.T) {
	term := newTerminal(t, nil)
	path := filepath.Join(t.TempDir(), "payload-keys.json")
	term.environment["ORDERFLOW_PAYLOAD_KEYS"] = path
	do := func(args ...string) []string {
		t.Helper()
		require.Equal(t, exitOK, term.run(append([]string{"payload-key"}, args...)...), term.stderr.String())
		return printed(term)
	}
	id := func(line string) string { return strings.Fields(line)[0] }

	lines := do()
	require.Len(t, lines, 1)
	first := id(lines[0])
	assert.Equal(t, first+"  encrypts and decrypts", lines[0])
	assert.Contains(t, term.stderr.String(), "made the keyring "+path)
	assert.Equal(t, lines, do(), "a second start of a system changes nothing")
	assert.Contains(t, term.stderr.String(), "is there already")

	do("--add")
	added := strings.TrimSpace(strings.TrimPrefix(term.stderr.String(), "added the key "))
	assert.ElementsMatch(t, []string{first + "  encrypts and decrypts", added + "  decrypts"}, printed(term))

	assert.ElementsMatch(t, []string{first + "  decrypts", added + "  encrypts and decrypts"}, do("--use", added))
	assert.Equal(t, []string{added + "  encrypts and decrypts"}, do("--remove", first))

	ring, err := keyring.Open(path)
	require.NoError(t, err)
	current, _ := ring.Current()
	assert.Equal(t, added, current)
}

// lines2 are the lines of the last command.
func printed(term *terminal) []string {
	return strings.Split(strings.TrimSpace(term.stdout.String()), "\n")
}

func TestPayloadKeyRefusesWhatWouldLoseOrders(t *testing.T) {
	term := newTerminal(t, nil)
	path := filepath.Join(t.TempDir(), "payload-keys.json")
	_, err := keyring.Create(path, time.Now())
	require.NoError(t, err)
	ring, err := keyring.Open(path)
	require.NoError(t, err)
	current, _ := ring.Current()
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	for name, test := range map[string]struct {
		args   []string
		code   int
		reason string
	}{
		"the current key": {[]string{"--remove", current}, exitUsage, "the current key cannot be removed"},
		"an unknown key":  {[]string{"--use", "k9"}, exitUsage, "there is no such key in the keyring"},
		"two at once":     {[]string{"--add", "--use", current}, exitUsage, "--add and --use can't be used together"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.code, term.run(append([]string{"payload-key", "--payload-keys", path}, test.args...)...))
			assert.Contains(t, term.stderr.String(), test.reason)
			assert.Equal(t, 1, strings.Count(term.stderr.String(), "\n"))
			assert.Empty(t, term.stdout.String())
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
		})
	}
	assert.Equal(t, exitUsage, term.run("payload-key"))
	assert.Contains(t, term.stderr.String(), "--payload-keys")
	assert.Equal(t, exitNotAsWished, term.run("payload-key", "--add", "--payload-keys", filepath.Join(t.TempDir(), "missing")))
}

func TestPayloadKeyNeverPrintsAKey(t *testing.T) {
	term := newTerminal(t, nil)
	path := filepath.Join(t.TempDir(), "payload-keys.json")
	for _, args := range [][]string{nil, {"--add"}, nil} {
		require.Equal(t, exitOK, term.run(append([]string{"payload-key", "--payload-keys", path}, args...)...))
		for _, word := range strings.Fields(term.stdout.String() + term.stderr.String()) {
			assert.True(t, len(word) < 30 || word == path, word)
		}
	}
}
