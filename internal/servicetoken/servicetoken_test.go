package servicetoken_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/jose"
	"orderflow/internal/servicetoken"
	"orderflow/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type subjectKey struct{}

func withSubject(ctx context.Context, subject string) context.Context {
	return context.WithValue(ctx, subjectKey{}, subject)
}

func subjectOf(ctx context.Context) string {
	subject, _ := ctx.Value(subjectKey{}).(string)
	return subject
}

// gatewayOf signs with the key in dir, which it makes if need be.
func gatewayOf(t testing.TB, dir string) *servicetoken.Signer {
	t.Helper()
	key, _, err := servicetoken.OpenKeys(dir)
	require.NoError(t, err)
	return servicetoken.NewSigner(key, "gateway", subjectOf)
}

func serviceOf(t testing.TB, dir, name string) *servicetoken.Verifier {
	t.Helper()
	keys, err := jose.OpenFile(filepath.Join(dir, servicetoken.KeySetFile), nil)
	require.NoError(t, err)
	return servicetoken.NewVerifier(keys, name)
}

// bearer is the token in the header of a call.
func bearer(ctx context.Context, t testing.TB, s *servicetoken.Signer, service string) string {
	t.Helper()
	header, err := s.Authorization(ctx, service)
	require.NoError(t, err)
	require.Len(t, header, 1)
	compact, found := strings.CutPrefix(header[0], "Bearer ")
	require.True(t, found)
	return compact
}

func TestAServiceKnowsWhoCallsAndForWhom(t *testing.T) {
	dir := t.TempDir()
	gateway, payment := gatewayOf(t, dir), serviceOf(t, dir, "payment")
	for _, subject := range []string{"", "cust-ada", "ops-eve"} {
		compact := bearer(withSubject(t.Context(), subject), t, gateway, "payment")
		for range 2 { // the second time from memory
			caller, err := payment.Verify(t.Context(), compact)
			require.NoError(t, err)
			assert.Equal(t, servicetoken.Caller{Component: "gateway", Subject: subject}, caller)
		}
	}
}

func TestWrongCallsAreRefused(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	gateway, payment := gatewayOf(t, dir), serviceOf(t, dir, "payment")
	key, _, err := servicetoken.OpenKeys(dir)
	require.NoError(t, err)
	nobody := servicetoken.NewSigner(key, "", nil)
	// A customer's token, even if it were signed with our key.
	public, err := jwt.NewBuilder().Issuer(token.DevelopmentIssuer).Audience([]string{token.Audience}).
		Subject("cust-ada").Expiration(time.Now().Add(time.Hour)).Build()
	require.NoError(t, err)
	customers, err := key.Sign(public)
	require.NoError(t, err)
	// Whoever has the key can date a token as they like.
	dated := func(issued, expires time.Duration) string {
		claims := jwt.NewBuilder().Issuer("gateway").Audience([]string{"payment"}).Expiration(time.Now().Add(expires))
		if issued != 0 {
			claims = claims.IssuedAt(time.Now().Add(issued))
		}
		built, err := claims.Build()
		require.NoError(t, err)
		compact, err := key.Sign(built)
		require.NoError(t, err)
		return compact
	}

	for name, compact := range map[string]string{
		"none":                 "",
		"no token":             "payment",
		"for another service":  bearer(t.Context(), t, gateway, "shipping"),
		"signed elsewhere":     bearer(t.Context(), t, gatewayOf(t, elsewhere), "payment"),
		"of nobody":            bearer(t.Context(), t, nobody, "payment"),
		"a customer's":         customers,
		"edited":               bearer(t.Context(), t, gateway, "payment") + "A",
		"without its contents": "ey..",
		"for ten years":        dated(-time.Second, 10*365*24*time.Hour),
		"of no date":           dated(0, time.Minute),
		"from the future":      dated(time.Minute, 2*time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				_, err := payment.Verify(t.Context(), compact)
				require.ErrorIs(t, err, jose.ErrInvalid)
			}
		})
	}
}

func TestATokenIsUsedForHalfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		gateway, payment := gatewayOf(t, dir), serviceOf(t, dir, "payment")
		ctx := t.Context()
		first := bearer(ctx, t, gateway, "payment")
		_, err := payment.Verify(ctx, first)
		require.NoError(t, err)
		assert.NotEqual(t, first, bearer(withSubject(ctx, "cust-ada"), t, gateway, "payment"))

		<-time.After(servicetoken.Lifetime/2 - time.Millisecond)
		assert.Equal(t, first, bearer(ctx, t, gateway, "payment"))
		<-time.After(time.Second)
		assert.NotEqual(t, first, bearer(ctx, t, gateway, "payment"))
		_, err = payment.Verify(ctx, first)
		require.NoError(t, err, "calls that were made before it was renewed")

		<-time.After(servicetoken.Lifetime/2 + jose.Leeway)
		_, err = payment.Verify(ctx, first)
		require.ErrorIs(t, err, jose.ErrInvalid, "a token that is remembered ends too")
	})
}

func TestAReplacedKeyIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		before, payment := gatewayOf(t, dir), serviceOf(t, dir, "payment")
		require.NoError(t, os.Remove(filepath.Join(dir, servicetoken.SigningKeyFile)))
		after := gatewayOf(t, dir)
		<-time.After(2 * time.Second)
		for _, gateway := range []*servicetoken.Signer{before, after} {
			_, err := payment.Verify(t.Context(), bearer(t.Context(), t, gateway, "payment"))
			require.NoError(t, err)
		}
	})
}

func TestAKeyThatIsRemovedTakesItsTokensWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		set := filepath.Join(dir, servicetoken.KeySetFile)
		keys, kept := newKeys(t, dir)
		payment := servicetoken.NewVerifier(kept, "payment")
		stolen := bearer(t.Context(), t, servicetoken.NewSigner(keys, "gateway", nil), "payment")
		_, err := payment.Verify(t.Context(), stolen)
		require.NoError(t, err)

		replaced, err := jose.ReplaceSigningKey(filepath.Join(dir, servicetoken.SigningKeyFile), set)
		require.NoError(t, err)
		require.NoError(t, jose.RemovePublicKey(set, keys.ID(), replaced))
		<-time.After(11 * time.Second)
		synctest.Wait()
		_, err = payment.Verify(t.Context(), stolen)
		require.ErrorIs(t, err, jose.ErrInvalid)
		_, err = payment.Verify(t.Context(), bearer(t.Context(), t, servicetoken.NewSigner(replaced, "gateway", nil), "payment"))
		require.NoError(t, err)
	})
}

// newKeys makes a key in dir, and follows its public half until the test ends.
func newKeys(t *testing.T, dir string) (*jose.SigningKey, *jose.Set) {
	t.Helper()
	key, _, err := servicetoken.OpenKeys(dir)
	require.NoError(t, err)
	set, err := jose.OpenFile(filepath.Join(dir, servicetoken.KeySetFile), nil)
	require.NoError(t, err)
	go func() { _ = set.Keep(t.Context()) }()
	return key, set
}

func TestAKnownCallCostsNoAllocation(t *testing.T) {
	dir := t.TempDir()
	gateway, payment := gatewayOf(t, dir), serviceOf(t, dir, "payment")
	ctx := withSubject(t.Context(), "cust-ada")
	compact := bearer(ctx, t, gateway, "payment")
	_, err := payment.Verify(ctx, compact)
	require.NoError(t, err)
	assert.Zero(t, testing.AllocsPerRun(1_000, func() {
		_, _ = gateway.Authorization(ctx, "payment")
		_, _ = payment.Verify(ctx, compact)
	}))
}

// What both sides of a call pay together: for a known subject, and for a new
// one.
func BenchmarkSignAndVerify(b *testing.B) {
	dir := b.TempDir()
	gateway, payment := gatewayOf(b, dir), serviceOf(b, dir, "payment")
	for name, subject := range map[string]func(i int) string{
		"known": func(int) string { return "cust-ada" },
		"new":   func(i int) string { return fmt.Sprint("cust-", i) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			ctx := withSubject(b.Context(), subject(0))
			for b.Loop() {
				if name == "new" {
					i++
					ctx = withSubject(b.Context(), subject(i))
				}
				header, err := gateway.Authorization(ctx, "payment")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := payment.Verify(ctx, header[0][len("Bearer "):]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
