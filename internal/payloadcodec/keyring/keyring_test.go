package keyring_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/payloadcodec/keyring"
)

var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// key is 32 equal bytes.
func key(b byte) []byte { return []byte(strings.Repeat(string(rune(b)), keyring.KeySize)) }

func encoded(b byte) string { return base64.StdEncoding.EncodeToString(key(b)) }

func write(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.Chmod(path, mode)) // whatever the umask is
	return path
}

func TestAKeyringIsReadFromItsFile(t *testing.T) {
	text := fmt.Sprintf(`{"current":"2026-11","keys":{"2026-11":%q,"2026-08":%q}}`, encoded('n'), encoded('o'))
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o440, 0o640} {
		ring, err := keyring.Open(write(t, text, mode))
		require.NoError(t, err)
		id, sealer := ring.Current()
		assert.Equal(t, "2026-11", id)
		assert.Zero(t, sealer.NonceSize(), "it makes its own")
		assert.Equal(t, []string{"2026-08", "2026-11"}, ring.IDs())
		_, found := ring.Find("2026-08")
		assert.True(t, found)
		_, found = ring.Find("2026-05")
		assert.False(t, found)
	}
}

func TestAFileThatCannotBeUsedIsNamedAndNotQuoted(t *testing.T) {
	secret := encoded('s')
	good := fmt.Sprintf(`{"current":"a","keys":{"a":%q}}`, secret)
	for name, test := range map[string]struct {
		text   string
		mode   fs.FileMode
		reason string
	}{
		"empty":                   {"", 0o600, "is not of the form"},
		"no JSON":                 {secret, 0o600, "is not of the form"},
		"a bare key":              {`"` + secret + `"`, 0o600, "is not of the form"},
		"no base64":               {`{"current":"a","keys":{"a":"not base64, ` + secret + `"}}`, 0o600, "is not of the form"},
		"unknown member":          {`{"current":"a","keys":{"a":"` + secret + `"},"more":1}`, 0o600, "is not of the form"},
		"one ID twice":            {fmt.Sprintf(`{"current":"a","keys":{"a":%q,"a":%q}}`, secret, encoded('t')), 0o600, "is not of the form"},
		"no current":              {fmt.Sprintf(`{"keys":{"a":%q}}`, secret), 0o600, "the current key of 0 bytes is not among the keys"},
		"another current":         {fmt.Sprintf(`{"current":"b","keys":{"a":%q}}`, secret), 0o600, `the current key "b" is not among the keys`},
		"a key as current":        {fmt.Sprintf(`{"current":%q,"keys":{"a":%q}}`, secret, secret), 0o600, "the current key of 44 bytes"},
		"no keys":                 {`{"current":"a","keys":{}}`, 0o600, `the current key "a" is not among the keys`},
		"a short key":             {`{"current":"a","keys":{"a":"c2hvcnQ="}}`, 0o600, "the key a has 5 bytes instead of 32"},
		"a key as an ID":          {fmt.Sprintf(`{"current":"a","keys":{"a":%q,%q:""}}`, secret, secret), 0o600, "of 44 bytes is no key ID"},
		"readable by everybody":   {good, 0o644, "can be read or changed by others (mode 0644): chmod 600 it"},
		"writable by the group":   {good, 0o660, "(mode 0660)"},
		"executable by everybody": {good, 0o601, "(mode 0601)"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, test.text, test.mode)
			_, err := keyring.Open(path)
			require.ErrorContains(t, err, test.reason)
			assert.Contains(t, err.Error(), path)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, err.Error(), "sss")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := keyring.Open(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = keyring.Open(t.TempDir())
	require.ErrorContains(t, err, "is no file")
}

func TestNoTextFormOfAKeyringShowsAKey(t *testing.T) {
	ring, err := keyring.New("a", map[string][]byte{"a": key('s')})
	require.NoError(t, err)
	for _, text := range []string{fmt.Sprint(ring), fmt.Sprintf("%+v", ring), fmt.Sprintf("%#v", ring)} {
		assert.NotContains(t, text, "115 115", "bytes in decimal")
		assert.NotContains(t, text, "0x73")
		assert.NotContains(t, text, "sss")
		assert.LessOrEqual(t, len(text), 40, text)
	}
}

func TestCreateMakesOneFileForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	var creations sync.WaitGroup
	results := make(chan bool, 20)
	for range cap(results) {
		creations.Go(func() {
			created, err := keyring.Create(path, today)
			assert.NoError(t, err)
			results <- created
		})
	}
	creations.Wait()
	close(results)
	made := 0
	for created := range results {
		if created {
			made++
		}
	}
	assert.Equal(t, 1, made)

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	ring, err := keyring.Open(path)
	require.NoError(t, err)
	id, _ := ring.Current()
	assert.Regexp(t, regexp.MustCompile(`^2026-11-23-[0-9a-f]{4}$`), id)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1, "no temporary file stays")

	_, err = keyring.Create(filepath.Join(t.TempDir(), "no", "folder"), today)
	require.ErrorContains(t, err, "writing the keyring: ")
}

func TestAKeyIsReplacedInSteps(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	_, err := keyring.Create(path, today)
	require.NoError(t, err)
	ring, err := keyring.Open(path)
	require.NoError(t, err)
	first, before := ring.Current()
	sealed := before.Seal(nil, nil, []byte("tea"), nil)

	second, err := keyring.Add(path, today.AddDate(0, 3, 0))
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(second, "2027-02-23-"), second)
	ring, err = keyring.Open(path)
	require.NoError(t, err)
	current, _ := ring.Current()
	assert.Equal(t, first, current, "it does not encrypt yet")
	assert.Equal(t, []string{first, second}, ring.IDs())

	require.NoError(t, keyring.Use(path, second))
	ring, err = keyring.Open(path)
	require.NoError(t, err)
	current, _ = ring.Current()
	assert.Equal(t, second, current)
	old, found := ring.Find(first)
	require.True(t, found)
	opened, err := old.Open(nil, nil, sealed, nil)
	require.NoError(t, err)
	assert.Equal(t, "tea", string(opened))

	require.ErrorIs(t, keyring.Remove(path, second), keyring.ErrCurrent)
	require.NoError(t, keyring.Remove(path, first))
	ring, err = keyring.Open(path)
	require.NoError(t, err)
	assert.Equal(t, []string{second}, ring.IDs())

	require.ErrorIs(t, keyring.Use(path, first), keyring.ErrNoSuchKey)
	require.ErrorIs(t, keyring.Remove(path, first), keyring.ErrNoSuchKey)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestManyKeysOfOneDayDiffer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	_, err := keyring.Create(path, today)
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 250 { // of 65,536 names: two would be equal in every third run
		id, err := keyring.Add(path, today)
		require.NoError(t, err)
		seen[id] = true
	}
	ring, err := keyring.Open(path)
	require.NoError(t, err)
	assert.Len(t, seen, 250)
	assert.Len(t, ring.IDs(), 251)
}
