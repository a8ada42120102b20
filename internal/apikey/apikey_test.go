package apikey_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/apikey"
	"orderflow/internal/token"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// create makes a key for the subject, which ends an hour after noon.
func create(t testing.TB, path, subject string) (text, id string) {
	t.Helper()
	text, key, err := apikey.Create(t.Context(), path, subject, []string{token.OrdersRead, token.Ops}, noon.Add(time.Hour), noon)
	require.NoError(t, err)
	return text, key.ID
}

func open(t testing.TB, path string, now time.Time) *apikey.Store {
	t.Helper()
	store, err := apikey.Open(path, func() time.Time { return now }, zap.NewNop())
	require.NoError(t, err)
	return store
}

func keysFile(t testing.TB) string { return filepath.Join(t.TempDir(), "keys", apikey.File) }

func TestAKeySpeaksForItsSubjectUntilItEnds(t *testing.T) {
	path := keysFile(t)
	text, _ := create(t, path, "partner-7")
	principal, err := open(t, path, noon.Add(time.Hour-time.Second)).Verify(t.Context(), text)
	require.NoError(t, err)
	assert.Equal(t, token.Principal{Subject: "partner-7", Scopes: []string{"orders:read", "ops"}}, principal)

	_, err = open(t, path, noon.Add(time.Hour)).Verify(t.Context(), text)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestAKeyWithoutAnEndDoesNotEnd(t *testing.T) {
	path := keysFile(t)
	text, key, err := apikey.Create(t.Context(), path, "partner-7", nil, time.Time{}, noon)
	require.NoError(t, err)
	assert.Nil(t, key.Expires)
	principal, err := open(t, path, noon.AddDate(50, 0, 0)).Verify(t.Context(), text)
	require.NoError(t, err)
	assert.Empty(t, principal.Scopes)
}

func TestWrongKeysAreRefused(t *testing.T) {
	path := keysFile(t)
	text, id := create(t, path, "partner-7")
	other, _ := create(t, path, "partner-8")
	store := open(t, path, noon)
	ending := func(c string) string { return text[:len(text)-1] + c }
	for name, wrong := range map[string]string{
		"empty":               "",
		"prefix only":         apikey.Prefix,
		"no secret":           apikey.Prefix + id + "_",
		"another's secret":    apikey.Prefix + id + other[strings.LastIndex(other, "_"):],
		"another secret":      ending(map[bool]string{true: "b", false: "a"}[strings.HasSuffix(text, "a")]),
		"a capital letter":    strings.ToUpper(text[:5]) + text[5:],
		"outside of alphabet": ending("1"),
		"one more":            text + "a",
		"one less":            text[:len(text)-1],
		"a space":             text + " ",
		"unknown id":          apikey.Prefix + strings.Repeat("a", len(id)) + text[strings.LastIndex(text, "_"):],
		"a token":             "eyJhbGciOiJub25lIn0.e30.",
	} {
		t.Run(name, func(t *testing.T) {
			principal, err := store.Verify(t.Context(), wrong)
			require.ErrorIs(t, err, token.ErrInvalid)
			assert.Zero(t, principal)
			assert.NotContains(t, err.Error(), text[len(text)-20:], "no secret is shown")
		})
	}
}

func TestTheFileHoldsNoSecretAndIsItsOwnersOnly(t *testing.T) {
	path := keysFile(t)
	text, _ := create(t, path, "partner-7")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NotContains(t, string(content), text[strings.LastIndex(text, "_")+1:])
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestKeysAreListedAndRevoked(t *testing.T) {
	path := keysFile(t)
	keys, err := apikey.List(path)
	require.NoError(t, err)
	assert.Empty(t, keys)

	text, id := create(t, path, "partner-7")
	kept, _ := create(t, path, "partner-8")
	keys, err = apikey.List(path)
	require.NoError(t, err)
	require.Len(t, keys, 2)
	assert.Equal(t, id, keys[0].ID)
	assert.Equal(t, noon, keys[0].Created)
	assert.Equal(t, noon.Add(time.Hour), *keys[0].Expires)

	require.ErrorIs(t, apikey.Revoke(t.Context(), path, "nobody"), apikey.ErrNoSuchKey)
	require.NoError(t, apikey.Revoke(t.Context(), path, id))
	store := open(t, path, noon)
	_, err = store.Verify(t.Context(), text)
	require.ErrorIs(t, err, token.ErrInvalid)
	_, err = store.Verify(t.Context(), kept)
	require.NoError(t, err)
}

func TestKeysThatAreMadeAtOnceAreAllKept(t *testing.T) {
	path := keysFile(t)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			_, _, err := apikey.Create(t.Context(), path, fmt.Sprint("partner-", i), nil, time.Time{}, noon)
			assert.NoError(t, err)
		})
	}
	wait.Wait()
	keys, err := apikey.List(path)
	require.NoError(t, err)
	assert.Len(t, keys, 8)
}

func TestOnlyUsefulKeysAreMade(t *testing.T) {
	path := keysFile(t)
	_, _, err := apikey.Create(t.Context(), path, "a\nb", nil, time.Time{}, noon)
	require.ErrorContains(t, err, "subject")
	_, _, err = apikey.Create(t.Context(), path, "partner-7", nil, noon, noon)
	require.ErrorContains(t, err, "ended")
	assert.NoFileExists(t, path)
}

func TestAStoreFollowsItsFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := keysFile(t)
		logs, lines := observer.New(zap.InfoLevel)
		store, err := apikey.Open(path, func() time.Time { return noon }, zap.New(logs))
		require.NoError(t, err)
		go func() { _ = store.Watch(t.Context(), time.Second) }()
		works := func(text string) bool {
			<-time.After(2 * time.Second)
			synctest.Wait()
			_, err := store.Verify(t.Context(), text)
			return err == nil
		}
		text, id := create(t, path, "partner-7")
		assert.True(t, works(text), "a new key")

		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte("half a fi"), 0o600))
		assert.True(t, works(text), "a damaged file leaves the keys in force")
		assert.True(t, works(text))
		assert.Equal(t, 1, lines.FilterLevelExact(zap.ErrorLevel).Len(), "that is said once")

		require.NoError(t, os.WriteFile(path, content, 0o600))
		require.NoError(t, apikey.Revoke(t.Context(), path, id))
		assert.False(t, works(text), "a revoked key")

		text, _ = create(t, path, "partner-7")
		assert.True(t, works(text))
		require.NoError(t, os.Remove(path))
		assert.False(t, works(text), "a file that is removed takes its keys with it")
		for _, line := range lines.All() {
			assert.NotContains(t, fmt.Sprint(line), text[len(text)-20:])
		}
	})
}

// Nothing but the content tells the file that could not be read from the one that
// can: as after a read that failed for want of descriptors.
func TestAReadThatFailedIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := keysFile(t)
		text, id := create(t, path, "partner-7")
		logs, lines := observer.New(zap.InfoLevel)
		store, err := apikey.Open(path, func() time.Time { return noon }, zap.New(logs))
		require.NoError(t, err)
		require.NoError(t, apikey.Revoke(t.Context(), path, id))
		revoked, err := os.ReadFile(path)
		require.NoError(t, err)
		write := func(content []byte) {
			require.NoError(t, os.WriteFile(path, content, 0o600))
			require.NoError(t, os.Chtimes(path, noon, noon))
		}
		write(bytes.Repeat([]byte("x"), len(revoked)))
		go func() { _ = store.Watch(t.Context(), time.Second) }()
		<-time.After(10 * time.Second)
		synctest.Wait()
		_, err = store.Verify(t.Context(), text)
		require.NoError(t, err)
		require.Equal(t, 1, lines.FilterLevelExact(zap.ErrorLevel).Len(), "a cause is logged once")

		write(revoked)
		<-time.After(2 * time.Second)
		synctest.Wait()
		_, err = store.Verify(t.Context(), text)
		require.ErrorIs(t, err, token.ErrInvalid)
		assert.Equal(t, 1, lines.FilterMessage("read the API keys anew").Len(), "and then not read again and again")
	})
}

// A gateway of another user may read the file through its group.
func TestAChangeKeepsWhoMayReadTheFile(t *testing.T) {
	path := keysFile(t)
	_, id := create(t, path, "partner-7")
	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, apikey.Revoke(t.Context(), path, id))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

func TestADamagedFileIsRefusedWithoutQuotingIt(t *testing.T) {
	hash := `"` + strings.Repeat("A", 43) + `="`
	for name, content := range map[string]string{
		"no JSON":        "secret",
		"unknown member": `{"keys": [], "secret": 1}`,
		"no ID":          `{"keys": [{"id": "secret", "hash": ` + hash + `, "subject": "a", "scopes": [], "created": "2026-11-23T12:00:00Z"}]}`,
		"short hash":     `{"keys": [{"id": "aaaaaaaaaaaaaaaa", "hash": "c2VjcmV0", "subject": "a", "scopes": [], "created": "2026-11-23T12:00:00Z"}]}`,
		"no subject":     `{"keys": [{"id": "aaaaaaaaaaaaaaaa", "hash": ` + hash + `, "subject": "", "scopes": ["secret"], "created": "2026-11-23T12:00:00Z"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), apikey.File)
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			_, err := apikey.Open(path, nil, zap.NewNop())
			require.ErrorContains(t, err, path)
			assert.NotContains(t, err.Error(), "secret")
			_, _, err = apikey.Create(t.Context(), path, "partner-7", nil, time.Time{}, noon)
			require.Error(t, err, "it is not overwritten")
		})
	}
}

func FuzzVerifyAcceptsOnlyTheKeyItself(f *testing.F) {
	path := keysFile(f)
	text, id := create(f, path, "partner-7")
	store := open(f, path, noon)
	for _, seed := range []string{
		"", apikey.Prefix, apikey.Prefix + id, apikey.Prefix + id + "_", text[:len(text)-1], text + "a",
		strings.ToUpper(text), strings.ReplaceAll(text, "_", "-"), " " + text, "Bearer " + text,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wrong string) {
		if _, err := store.Verify(t.Context(), wrong); err == nil && wrong != text {
			t.Fatalf("accepted %q", wrong)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	path := keysFile(b)
	text, _ := create(b, path, "partner-7")
	store := open(b, path, noon)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Verify(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}
