package token_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/token"
)

func verifier(t testing.TB, dir string, now time.Time) *token.Verifier {
	t.Helper()
	verifier, err := token.OpenVerifier(filepath.Join(dir, token.KeySetFile), token.DevelopmentIssuer,
		func() time.Time { return now })
	require.NoError(t, err)
	return verifier
}

// forge signs arbitrary claims and headers with the real development key, or
// with another one.
type forge struct {
	dir     string
	private jwk.Key
}

func newForge(t testing.TB) *forge {
	t.Helper()
	dir := t.TempDir()
	_, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(dir, token.SigningKeyFile))
	require.NoError(t, err)
	private, err := jwk.ParseKey(content)
	require.NoError(t, err)
	return &forge{dir: dir, private: private}
}

func validClaims() map[string]any {
	return map[string]any{
		"iss": token.DevelopmentIssuer, "aud": token.Audience, "sub": "cust-ada", "scope": "orders:read",
		"iat": noon.Unix(), "nbf": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
	}
}

// without returns valid claims with one changed; nil takes it out.
func without(name string, value any) map[string]any {
	claims := validClaims()
	if value == nil {
		delete(claims, name)
	} else {
		claims[name] = value
	}
	return claims
}

func (f *forge) sign(t testing.TB, claims map[string]any, headers map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	protected := jws.NewHeaders()
	for name, value := range headers {
		require.NoError(t, protected.Set(name, value))
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.ES256(), f.private, jws.WithProtectedHeaders(protected)))
	require.NoError(t, err)
	return string(signed)
}

// assemble joins parts that no library would sign.
func assemble(header, payload map[string]any, signature string) string {
	encode := func(v any) string {
		content, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(content)
	}
	return encode(header) + "." + encode(payload) + "." + signature
}

func TestAValidTokenSpeaksForItsSubject(t *testing.T) {
	f := newForge(t)
	principal, err := verifier(t, f.dir, noon).Verify(t.Context(), f.sign(t, without("scope", "orders:read ops"), nil))
	require.NoError(t, err)
	require.Equal(t, token.Principal{Subject: "cust-ada", Scopes: []string{"orders:read", "ops"}}, principal)
	assert.True(t, principal.Has(token.Admin, token.Ops))
	assert.False(t, principal.Has(token.OrdersWrite, token.Admin))
	assert.False(t, principal.Has())
}

func TestATokenWithoutScopeAllowsNothing(t *testing.T) {
	f := newForge(t)
	principal, err := verifier(t, f.dir, noon).Verify(t.Context(), f.sign(t, without("scope", nil), nil))
	require.NoError(t, err)
	assert.Empty(t, principal.Scopes)
}

func TestIssuersWriteScopesInTheirOwnWays(t *testing.T) {
	f := newForge(t)
	check := verifier(t, f.dir, noon)
	both := []string{"orders:read", "ops"}
	for name, claims := range map[string]map[string]any{
		"scope":            without("scope", "orders:read ops"),
		"scp with spaces":  {"scp": "orders:read ops"},
		"scp as an array":  {"scp": both},
		"scope before scp": {"scope": "orders:read ops", "scp": []string{"admin"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := without("scope", nil)
			maps.Copy(all, claims)
			principal, err := check.Verify(t.Context(), f.sign(t, all, nil))
			require.NoError(t, err)
			assert.Equal(t, both, principal.Scopes)
		})
	}
	for name, scp := range map[string]any{"a number": 7, "numbers": []int{7}, "an object": map[string]any{"admin": true}} {
		t.Run(name, func(t *testing.T) {
			all := without("scope", nil)
			all["scp"] = scp
			_, err := check.Verify(t.Context(), f.sign(t, all, nil))
			require.ErrorIs(t, err, token.ErrInvalid)
		})
	}
}

func TestIssuedTokensVerifyUntilTheyExpire(t *testing.T) {
	dir := t.TempDir()
	keys, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	signed, err := keys.Issue("ops-eve", "ops admin", 12*time.Hour, noon)
	require.NoError(t, err)

	principal, err := verifier(t, dir, noon.Add(12*time.Hour-time.Second)).Verify(t.Context(), signed)
	require.NoError(t, err)
	require.Equal(t, token.Principal{Subject: "ops-eve", Scopes: []string{"ops", "admin"}}, principal)

	_, err = verifier(t, dir, noon.Add(12*time.Hour+10*time.Second)).Verify(t.Context(), signed)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestClocksMayDifferALittle(t *testing.T) {
	f := newForge(t)
	signed := f.sign(t, validClaims(), nil)
	_, err := verifier(t, f.dir, noon.Add(-3*time.Second)).Verify(t.Context(), signed)
	require.NoError(t, err)
	_, err = verifier(t, f.dir, noon.Add(-time.Minute)).Verify(t.Context(), signed)
	require.ErrorIs(t, err, token.ErrInvalid)
}

func TestWrongTokensAreRefused(t *testing.T) {
	f := newForge(t)
	valid := f.sign(t, validClaims(), nil)
	parts := strings.Split(valid, ".")
	kid, _ := f.private.KeyID()

	publicSet, err := os.ReadFile(filepath.Join(f.dir, token.KeySetFile))
	require.NoError(t, err)
	hmacWithPublicKey := func() string {
		secret, err := jwk.Import(publicSet)
		require.NoError(t, err)
		require.NoError(t, secret.Set(jwk.KeyIDKey, kid))
		payload, err := json.Marshal(validClaims())
		require.NoError(t, err)
		signed, err := jws.Sign(payload, jws.WithKey(jwa.HS256(), secret))
		require.NoError(t, err)
		return string(signed)
	}
	stranger := newForge(t)
	require.NoError(t, stranger.private.Set(jwk.KeyIDKey, kid))
	strangerPublic, err := stranger.private.PublicKey()
	require.NoError(t, err)
	nameless := newForge(t)
	require.NoError(t, nameless.private.Remove(jwk.KeyIDKey))

	for name, compact := range map[string]string{
		"empty":                   "",
		"no token":                "letmein",
		"two parts":               parts[0] + "." + parts[1],
		"no signature":            parts[0] + "." + parts[1] + ".",
		"four parts":              valid + ".e30",
		"edited payload":          parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"admin"}`)) + "." + parts[2],
		"expired":                 f.sign(t, without("exp", noon.Add(-time.Minute).Unix()), nil),
		"no expiry":               f.sign(t, without("exp", nil), nil),
		"not yet valid":           f.sign(t, without("nbf", noon.Add(time.Minute).Unix()), nil),
		"issued in the future":    f.sign(t, without("iat", noon.Add(time.Minute).Unix()), nil),
		"wrong issuer":            f.sign(t, without("iss", "somebody"), nil),
		"no issuer":               f.sign(t, without("iss", nil), nil),
		"wrong audience":          f.sign(t, without("aud", "another-product"), nil),
		"no audience":             f.sign(t, without("aud", nil), nil),
		"no subject":              f.sign(t, without("sub", nil), nil),
		"empty subject":           f.sign(t, without("sub", ""), nil),
		"subject with line break": f.sign(t, without("sub", "ada\nadmin"), nil),
		"scope is a list":         f.sign(t, without("scope", []string{"admin"}), nil),
		"alg none":                assemble(map[string]any{"alg": "none", "kid": kid}, validClaims(), ""),
		"alg none with signature": assemble(map[string]any{"alg": "none", "kid": kid}, validClaims(), parts[2]),
		"HS256 with public key":   hmacWithPublicKey(),
		"another algorithm":       assemble(map[string]any{"alg": "ES384", "kid": kid}, validClaims(), parts[2]),
		"another key, our kid":    stranger.sign(t, validClaims(), nil),
		"another key in header":   stranger.sign(t, validClaims(), map[string]any{"jwk": strangerPublic}),
		"unknown kid":             newForge(t).sign(t, validClaims(), nil),
		"no kid":                  nameless.sign(t, validClaims(), nil),
		"critical extension":      assemble(map[string]any{"alg": "ES256", "kid": kid, "crit": []string{"b64"}, "b64": true}, validClaims(), parts[2]),
		"too long":                f.sign(t, without("pad", strings.Repeat("x", 9000)), nil),
		"JSON serialization": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q,"header":{"a":"b.c.d"}}`,
			parts[0], parts[1], parts[2]),
	} {
		t.Run(name, func(t *testing.T) {
			principal, err := verifier(t, f.dir, noon).Verify(t.Context(), compact)
			require.ErrorIs(t, err, token.ErrInvalid)
			assert.Zero(t, principal)
			assert.NotContains(t, err.Error(), parts[1], "the token is not quoted")
		})
	}
}

func TestAKeySetWithoutAUsableKeyIsRefused(t *testing.T) {
	encryption := newForge(t)
	require.NoError(t, encryption.private.Set(jwk.KeyUsageKey, "enc"))
	symmetric, err := jwk.Import([]byte("a secret of thirty-two characters"))
	require.NoError(t, err)
	require.NoError(t, symmetric.Set(jwk.KeyIDKey, "hmac"))
	for name, keys := range map[string][]jwk.Key{
		"none":           {},
		"for encryption": {encryption.private},
		"symmetric":      {symmetric},
	} {
		t.Run(name, func(t *testing.T) {
			set := jwk.NewSet()
			for _, key := range keys {
				require.NoError(t, set.AddKey(key))
			}
			content, err := json.Marshal(set)
			require.NoError(t, err)
			path := filepath.Join(t.TempDir(), "jwks.json")
			require.NoError(t, os.WriteFile(path, content, 0o600))
			_, err = token.OpenVerifier(path, token.DevelopmentIssuer, nil)
			require.ErrorContains(t, err, "no key with a kid")
		})
	}
	_, err = token.OpenVerifier(filepath.Join(t.TempDir(), "absent.json"), token.DevelopmentIssuer, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzVerifyNeverAcceptsWhatWasNotSigned(f *testing.F) {
	forged := newForge(f)
	check := verifier(f, forged.dir, noon)
	valid := forged.sign(f, validClaims(), nil)
	for _, seed := range []string{"", "..", "ey.ey.ey", valid[:len(valid)-2], assemble(map[string]any{"alg": "none"}, validClaims(), "")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		if _, err := check.Verify(t.Context(), compact); err == nil {
			t.Fatalf("accepted %q", compact)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	f := newForge(b)
	check := verifier(b, f.dir, noon)
	signed := f.sign(b, validClaims(), nil)
	for b.Loop() {
		if _, err := check.Verify(b.Context(), signed); err != nil {
			b.Fatal(err)
		}
	}
}
