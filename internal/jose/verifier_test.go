package jose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/jose"
)

// verifying returns a verifier that knows the keys.
func verifying(t testing.TB, signers ...signer) *jose.Verifier {
	t.Helper()
	p := newProvider()
	p.serve(keysURL, setOf(t, signers...))
	set := jose.NewSet(jose.URL(keysURL, p.client()), 0, nil)
	require.NoError(t, set.Refresh(t.Context()))
	return verifierOf(set)
}

func TestEachKeyHasOneAsymmetricAlgorithm(t *testing.T) {
	for _, algorithm := range []jwa.SignatureAlgorithm{
		jwa.ES256(), jwa.ES384(), jwa.EdDSA(), jwa.RS256(), jwa.PS256(),
	} {
		t.Run(algorithm.String(), func(t *testing.T) {
			key := newSigner(t, "key", algorithm, true)
			v := verifying(t, key)
			assert.True(t, accepts(t, v, key.sign(t)))
			if algorithm == jwa.RS256() {
				key.algorithm = jwa.PS256()
				assert.False(t, accepts(t, v, key.sign(t)), "the key names another algorithm")
			}
		})
	}
	t.Run("unnamed", func(t *testing.T) {
		key := newSigner(t, "key", jwa.RS256(), false)
		v := verifying(t, key)
		assert.True(t, accepts(t, v, key.sign(t)))
		key.algorithm = jwa.RS512()
		assert.False(t, accepts(t, v, key.sign(t)), "the token does not choose")
	})
	t.Run("symmetric", func(t *testing.T) {
		secret := newSigner(t, "secret", jwa.HS256(), true)
		v := verifying(t, es256(t, "key"), secret)
		assert.False(t, accepts(t, v, secret.sign(t)))
	})
}

func TestAKeyThatIsNotUnderstoodLeavesTheOthers(t *testing.T) {
	key := es256(t, "key")
	p := newProvider()
	p.serve(keysURL, strings.Replace(setOf(t, key), `[`, `[{"kty": "NEW", "kid": "x"}, {"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}, `, 1))
	set := jose.NewSet(jose.URL(keysURL, p.client()), 0, nil)
	require.NoError(t, set.Refresh(t.Context()))
	assert.True(t, accepts(t, verifierOf(set), key.sign(t)))
}

func TestTwoKeysOfOneKidAreRefused(t *testing.T) {
	p := newProvider()
	p.serve(keysURL, strings.Replace(setOf(t, es256(t, "a"), es256(t, "b")), `"kid":"b"`, `"kid":"a"`, 1))
	require.ErrorContains(t, jose.NewSet(jose.URL(keysURL, p.client()), 0, nil).Refresh(t.Context()), `kid "a"`)
}

func TestTimesAreCheckedWithALittleLeeway(t *testing.T) {
	key := es256(t, "key")
	v := verifying(t, key)
	set := func(name string, at time.Duration) func(jwt.Token) {
		return func(claims jwt.Token) { require.NoError(t, claims.Set(name, time.Now().Add(at))) }
	}
	assert.True(t, accepts(t, v, key.sign(t, set(jwt.ExpirationKey, -2*time.Second))))
	assert.False(t, accepts(t, v, key.sign(t, set(jwt.ExpirationKey, -10*time.Second))))
	assert.True(t, accepts(t, v, key.sign(t, set(jwt.NotBeforeKey, 3*time.Second))))
	assert.False(t, accepts(t, v, key.sign(t, set(jwt.NotBeforeKey, 10*time.Second))))
	assert.False(t, accepts(t, v, key.sign(t, func(claims jwt.Token) { require.NoError(t, claims.Remove(jwt.ExpirationKey)) })))
}
