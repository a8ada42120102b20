package jose_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/jose"
)

// inVirtualTime gives the test a provider that serves one key at keysURL, and
// the set that follows it.
func inVirtualTime(t *testing.T, test func(t *testing.T, p *provider, set *jose.Set, first signer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, first := newProvider(), es256(t, "first")
		p.serve(keysURL, setOf(t, first))
		test(t, p, jose.NewSet(jose.URL(keysURL, p.client()), 0, nil), first)
	})
}

func TestANewKeyIsKnownWhenItsFirstTokenComes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		require.NoError(t, set.Refresh(t.Context()))
		v := verifierOf(set)
		require.True(t, accepts(t, v, first.sign(t)))

		second := es256(t, "second")
		p.serve(keysURL, setOf(t, first, second))
		<-time.After(time.Minute)
		assert.True(t, accepts(t, v, second.sign(t)))
		assert.True(t, accepts(t, v, first.sign(t)))
		assert.Equal(t, 2, p.requests(keysURL))
	})
}

func TestInventedKidsAskTheIssuerOnceInTenSeconds(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		require.NoError(t, set.Refresh(t.Context()))
		v := verifierOf(set)
		began := time.Now()
		for i := range 600 { // a minute
			require.False(t, accepts(t, v, es256(t, fmt.Sprint("invented-", i)).sign(t)))
			<-time.After(100 * time.Millisecond)
		}
		assert.Equal(t, time.Minute, time.Since(began), "nobody waits while the issuer answers at once")
		assert.InDelta(t, 7, p.requests(keysURL), 1)
	})
}

func TestTokensThatComeAtOnceShareOneFetch(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		p.hang = make(chan struct{})
		v := verifierOf(set)
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() { assert.True(t, accepts(t, v, first.sign(t))) })
		}
		synctest.Wait()
		close(p.hang)
		wait.Wait()
		assert.Equal(t, 1, p.requests(keysURL))
	})
}

func TestAnIssuerThatHangsIsGivenUp(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		p.hang = make(chan struct{})
		began := time.Now()
		_, err := verifierOf(set).Verify(t.Context(), first.sign(t))
		require.ErrorIs(t, err, jose.ErrNoKeys)
		require.NotErrorIs(t, err, jose.ErrInvalid)
		assert.Equal(t, 5*time.Second, time.Since(began))

		<-time.After(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = verifierOf(set).Verify(ctx, first.sign(t))
		require.ErrorIs(t, err, context.DeadlineExceeded, "who has less time does not wait")
		synctest.Wait()
		<-time.After(5 * time.Second)
	})
}

// Made-up kids hold up nothing for long while the issuer hangs, and so nobody
// who has a known key.
func TestAnUnknownKidWaitsBrieflyForAnIssuerThatHangs(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		require.NoError(t, set.Refresh(t.Context()))
		<-time.After(time.Minute)
		p.hang = make(chan struct{})
		v, unknown := verifierOf(set), es256(t, "second")
		p.serve(keysURL, setOf(t, first, unknown))
		compact := unknown.sign(t)

		began := time.Now()
		var atOnce, waited atomic.Int64
		var wait sync.WaitGroup
		for range 1_000 {
			wait.Go(func() {
				assert.False(t, accepts(t, v, compact))
				switch took := time.Since(began); {
				case took == 0:
					atOnce.Add(1)
				case took <= 200*time.Millisecond:
					waited.Add(1)
				}
			})
		}
		wait.Wait()
		assert.Equal(t, int64(100), waited.Load())
		assert.Equal(t, int64(900), atOnce.Load())
		assert.Equal(t, 2, p.requests(keysURL))

		close(p.hang)
		synctest.Wait()
		assert.True(t, accepts(t, v, compact), "the answer is used when it comes after all")
	})
}

func TestTheVersionChangesWithTheKeysOnly(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		require.NoError(t, set.Refresh(t.Context()))
		before := set.Version()
		<-time.After(time.Minute)
		require.NoError(t, set.Refresh(t.Context()))
		assert.Equal(t, before, set.Version())
		p.serve(keysURL, setOf(t, first, es256(t, "second")))
		<-time.After(time.Minute)
		require.NoError(t, set.Refresh(t.Context()))
		assert.NotEqual(t, before, set.Version())
	})
}

func TestTheLastGoodKeysStayWhileTheIssuerIsAwayOrTalksNonsense(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, _ *jose.Set, first signer) {
		logs, lines := observer.New(zap.InfoLevel)
		set := jose.NewSet(jose.URL(keysURL, p.client()), time.Minute, zap.New(logs))
		require.NoError(t, set.Refresh(t.Context()))
		keep(t, set)
		v := verifierOf(set)
		for name, fail := range map[string]func(){
			"away":     func() { p.setAway(true) },
			"not JSON": func() { p.serve(keysURL, "<html>maintenance</html>") },
			"no keys":  func() { p.serve(keysURL, `{"keys": []}`) },
			"too long": func() { p.serve(keysURL, strings.Repeat(" ", 2<<20)) },
		} {
			fail()
			<-time.After(time.Hour)
			assert.True(t, accepts(t, v, first.sign(t)), name)
			require.NoError(t, set.Check(t.Context()), name)
			p.setAway(false)
			p.serve(keysURL, setOf(t, first))
			<-time.After(time.Minute)
		}
		assert.Equal(t, 4, lines.FilterLevelExact(zap.WarnLevel).Len(), "each outage is said once")
		assert.Equal(t, 4, lines.FilterMessage("the key set can be read again").Len())

		second := es256(t, "second")
		p.serve(keysURL, setOf(t, second))
		<-time.After(time.Minute)
		assert.False(t, accepts(t, v, first.sign(t)), "a key that the issuer has taken back is not used any more")
		assert.True(t, accepts(t, v, second.sign(t)))
	})
}

func TestWithoutAnyKeysTokensAreNotCalledWrong(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, first signer) {
		p.setAway(true)
		require.Error(t, set.Refresh(t.Context()))
		require.ErrorIs(t, set.Check(t.Context()), jose.ErrNoKeys)
		_, err := verifierOf(set).Verify(t.Context(), first.sign(t))
		require.ErrorIs(t, err, jose.ErrNoKeys)

		keep(t, set)
		p.setAway(false)
		<-time.After(time.Minute)
		require.NoError(t, set.Check(t.Context()))
		assert.True(t, accepts(t, verifierOf(set), first.sign(t)))
	})
}

func TestTheIssuerSaysHowLongItsKeysAreFresh(t *testing.T) {
	for cacheControl, want := range map[string]time.Duration{
		"":                            15 * time.Minute,
		"public, max-age=3600":        time.Hour,
		`max-age="600"`:               10 * time.Minute,
		"max-age=1":                   time.Minute,
		"max-age=31536000, immutable": 24 * time.Hour,
		"max-age=3600, no-cache":      time.Minute,
		"no-store":                    time.Minute,
		"max-age=soon":                15 * time.Minute,
		"max-age=-5":                  15 * time.Minute,
	} {
		t.Run(cacheControl, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, _ signer) {
				if cacheControl != "" {
					p.header.Set("Cache-Control", cacheControl)
				}
				require.NoError(t, set.Refresh(t.Context()))
				keep(t, set)
				<-time.After(want - time.Second)
				assert.Equal(t, 1, p.requests(keysURL))
				<-time.After(2 * time.Second)
				assert.Equal(t, 2, p.requests(keysURL))
			})
		})
	}
	t.Run("with an age", func(t *testing.T) {
		inVirtualTime(t, func(t *testing.T, p *provider, set *jose.Set, _ signer) {
			p.header = http.Header{"Cache-Control": {"max-age=3600"}, "Age": {"3000"}}
			require.NoError(t, set.Refresh(t.Context()))
			keep(t, set)
			<-time.After(10*time.Minute + time.Second)
			assert.Equal(t, 2, p.requests(keysURL))
		})
	})
}

func TestAFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jwks.json")
		first, second := es256(t, "first"), es256(t, "second")
		require.NoError(t, os.WriteFile(path, []byte(setOf(t, first)), 0o600))
		set, err := jose.OpenFile(path, nil)
		require.NoError(t, err)
		v := verifierOf(set)
		require.False(t, accepts(t, v, second.sign(t)))

		require.NoError(t, os.WriteFile(path, []byte(setOf(t, second)), 0o600))
		<-time.After(time.Second)
		assert.True(t, accepts(t, v, second.sign(t)), "a new key is known at once")
		require.NoError(t, os.Remove(path))
		keep(t, set)
		<-time.After(time.Minute)
		assert.True(t, accepts(t, v, second.sign(t)))
	})
}

func TestAFileMustBeUsableAtTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	_, err := jose.OpenFile(path, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte("secret"), 0o600))
	_, err = jose.OpenFile(path, nil)
	require.ErrorContains(t, err, path)
	assert.NotContains(t, err.Error(), "secret")
}

const configurationURL = "https://issuer.example/.well-known/openid-configuration"

func TestDiscoveryFindsTheKeys(t *testing.T) {
	p, key := newProvider(), es256(t, "first")
	p.serve(configurationURL, `{"issuer": "`+issuer+`", "jwks_uri": "`+keysURL+`", "scopes_supported": ["openid"]}`)
	p.serve(keysURL, setOf(t, key))
	set := jose.NewSet(jose.Discovery(issuer, p.client()), 0, nil)
	require.NoError(t, set.Refresh(t.Context()))
	assert.True(t, accepts(t, verifierOf(set), key.sign(t)))
}

func TestDiscoveryTrustsOnlyWhatTheIssuerSaysOfItself(t *testing.T) {
	for name, configuration := range map[string]string{
		"another issuer":  `{"issuer": "https://evil.example", "jwks_uri": "` + keysURL + `"}`,
		"a slash more":    `{"issuer": "` + issuer + `/", "jwks_uri": "` + keysURL + `"}`,
		"no issuer":       `{"jwks_uri": "` + keysURL + `"}`,
		"keys over http":  `{"issuer": "` + issuer + `", "jwks_uri": "http://issuer.example/keys"}`,
		"keys in a file":  `{"issuer": "` + issuer + `", "jwks_uri": "file:///etc/passwd"}`,
		"no keys":         `{"issuer": "` + issuer + `"}`,
		"no JSON":         `nonsense`,
		"no such address": ``,
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider()
			if configuration != "" {
				p.serve(configurationURL, configuration)
			}
			p.serve(keysURL, setOf(t, es256(t, "first")))
			set := jose.NewSet(jose.Discovery(issuer, p.client()), 0, nil)
			require.ErrorContains(t, set.Refresh(t.Context()), configurationURL)
			require.ErrorIs(t, set.Check(t.Context()), jose.ErrNoKeys)
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	redirect := jose.NewHTTPClient().CheckRedirect
	require.ErrorIs(t, redirect(nil, nil), http.ErrUseLastResponse)
}
