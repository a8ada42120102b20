package jose_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/jose"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://issuer.example"
	audience = "orderflow"
)

// signer is a key of the issuer.
type signer struct {
	private   jwk.Key
	algorithm jwa.SignatureAlgorithm
}

// newSigner makes a key. Named says that the key names its algorithm.
func newSigner(t testing.TB, kid string, algorithm jwa.SignatureAlgorithm, named bool) signer {
	t.Helper()
	var raw any
	var err error
	switch algorithm {
	case jwa.ES256():
		raw, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jwa.ES384():
		raw, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jwa.EdDSA():
		_, raw, err = ed25519.GenerateKey(rand.Reader)
	case jwa.HS256():
		raw = []byte("a secret of thirty-two characters")
	default:
		raw, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	require.NoError(t, err)
	private, err := jwk.Import(raw)
	require.NoError(t, err)
	require.NoError(t, private.Set(jwk.KeyIDKey, kid))
	if named {
		require.NoError(t, private.Set(jwk.AlgorithmKey, algorithm))
	}
	return signer{private, algorithm}
}

func es256(t testing.TB, kid string) signer { return newSigner(t, kid, jwa.ES256(), true) }

// sign makes a token that is valid for an hour from now, after change.
func (s signer) sign(t testing.TB, change ...func(jwt.Token)) string {
	t.Helper()
	claims, err := jwt.NewBuilder().Issuer(issuer).Audience([]string{audience}).Subject("cust-ada").
		IssuedAt(time.Now()).Expiration(time.Now().Add(time.Hour)).Build()
	require.NoError(t, err)
	for _, change := range change {
		change(claims)
	}
	signed, err := jwt.Sign(claims, jwt.WithKey(s.algorithm, s.private, jws.WithProtectedHeaders(jws.NewHeaders())))
	require.NoError(t, err)
	return string(signed)
}

// setOf is the JWK set with the public halves, symmetric keys as they are.
func setOf(t testing.TB, signers ...signer) string {
	t.Helper()
	set := jwk.NewSet()
	for _, s := range signers {
		public, err := s.private.PublicKey()
		require.NoError(t, err)
		require.NoError(t, set.AddKey(public))
	}
	text, err := json.Marshal(set)
	require.NoError(t, err)
	return string(text)
}

// provider answers HTTP requests in memory, so that time can be virtual.
type provider struct {
	mu     sync.Mutex
	pages  map[string]string // by URL
	header http.Header
	asked  map[string]int
	away   bool
	hang   chan struct{} // answers wait for it; nil: at once
}

func newProvider() *provider {
	return &provider{pages: map[string]string{}, header: http.Header{}, asked: map[string]int{}}
}

func (p *provider) client() *http.Client { return &http.Client{Transport: p} }

func (p *provider) serve(url, page string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[url] = page
}

func (p *provider) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

func (p *provider) requests(url string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[url]
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked[r.URL.String()]++
	page, found := p.pages[r.URL.String()]
	away, hang := p.away, p.hang
	header := p.header.Clone()
	p.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	status := http.StatusOK
	switch {
	case away:
		return nil, io.ErrUnexpectedEOF
	case !found:
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(page)), Request: r}, nil
}

const keysURL = "https://issuer.example/keys"

func verifierOf(set *jose.Set) *jose.Verifier {
	return jose.NewVerifier(set, jose.Expected{Issuer: issuer, Audience: audience}, nil)
}

func accepts(t testing.TB, v *jose.Verifier, compact string) bool {
	t.Helper()
	_, err := v.Verify(t.Context(), compact)
	if err != nil {
		require.ErrorIs(t, err, jose.ErrInvalid)
	}
	return err == nil
}

// keep follows the source until the test ends.
func keep(t *testing.T, set *jose.Set) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- set.Keep(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
}
