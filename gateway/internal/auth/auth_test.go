package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/apikey"
	"orderflow/internal/jose"
	"orderflow/internal/problem"
	"orderflow/internal/token"
)

// verifierFunc checks a credential.
type verifierFunc func(credential string) (token.Principal, error)

func (f verifierFunc) Verify(_ context.Context, credential string) (token.Principal, error) {
	return f(credential)
}

// only accepts one credential, as its subject.
func only(accepted string) verifierFunc {
	return func(credential string) (token.Principal, error) {
		if credential != accepted {
			return token.Principal{}, fmt.Errorf("%w: another one", token.ErrInvalid)
		}
		return token.Principal{Subject: credential}, nil
	}
}

// ask sends a request with the Authorization headers through Authenticate. The
// answer's body is the subject that the handler saw.
func ask(t *testing.T, verifier auth.Verifier, log *zap.Logger, refused auth.Refused, authorization ...string) *httptest.ResponseRecorder {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", auth.Authenticate(verifier, log, refused), func(c *gin.Context) {
		c.String(http.StatusOK, auth.PrincipalOf(c.Request.Context()).Subject)
	})
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.Header["Authorization"] = authorization
	// What names an identity from outside is never read.
	for _, name := range []string{"X-Customer-Id", "X-User", "X-API-Key", "X-Forwarded-User", "Cookie"} {
		request.Header.Set(name, "good")
	}
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	return recorder
}

func TestExactlyOneBearerTokenSaysWhoAsks(t *testing.T) {
	for name, test := range map[string]struct {
		authorization []string
		status        int
		challenge     string
	}{
		"a token":          {[]string{"Bearer good"}, http.StatusOK, ""},
		"in small letters": {[]string{"bearer  good "}, http.StatusOK, ""},
		"none":             {nil, http.StatusUnauthorized, `Bearer realm="orderflow"`},
		"a wrong one":      {[]string{"Bearer bad"}, http.StatusUnauthorized, `Bearer realm="orderflow", error="invalid_token"`},
		"two":              {[]string{"Bearer good", "Bearer good"}, http.StatusUnauthorized, `Bearer realm="orderflow", error="invalid_request"`},
		"empty":            {[]string{"Bearer "}, http.StatusUnauthorized, `Bearer realm="orderflow", error="invalid_request"`},
		"another scheme":   {[]string{"Basic good"}, http.StatusUnauthorized, `Bearer realm="orderflow", error="invalid_request"`},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ask(t, only("good"), zap.NewNop(), nil, test.authorization...)
			assert.Equal(t, test.status, answer.Code)
			assert.Equal(t, test.challenge, answer.Header().Get("WWW-Authenticate"))
		})
	}
}

func TestWhoCannotBeCheckedIsAskedToComeBack(t *testing.T) {
	for _, err := range []error{jose.ErrNoKeys, context.DeadlineExceeded, errors.New("anything else")} {
		refusals := 0
		refused := func(*gin.Context) error { refusals++; return nil }
		answer := ask(t, verifierFunc(func(string) (token.Principal, error) { return token.Principal{}, err }), zap.NewNop(), refused, "Bearer good")
		assert.Equal(t, http.StatusServiceUnavailable, answer.Code)
		assert.NotEmpty(t, answer.Header().Get("Retry-After"))
		assert.Empty(t, answer.Header().Get("WWW-Authenticate"), "nothing is wrong with the token")
		assert.Zero(t, refusals, "it does not count against the sender's address")
		assert.NotContains(t, answer.Body.String(), err.Error())
	}
}

func TestALimitOfTheAddressIsAnsweredInPlaceOf401(t *testing.T) {
	refused := func(*gin.Context) error { return problem.New(problem.RateLimited, "too many") }
	answer := ask(t, only("good"), zap.NewNop(), refused, "Bearer bad")
	assert.Equal(t, http.StatusTooManyRequests, answer.Code)
	answer = ask(t, only("good"), zap.NewNop(), refused, "Bearer good")
	assert.Equal(t, http.StatusOK, answer.Code)
}

func TestKeysAndTokensAreToldApartByTheirForm(t *testing.T) {
	key := apikey.Prefix + "id_secret"
	both := auth.Credentials{Tokens: only("eyJ.token.x"), Keys: only(key)}
	for credential, status := range map[string]int{
		key: http.StatusOK, "eyJ.token.x": http.StatusOK,
		apikey.Prefix: http.StatusUnauthorized, "id_secret": http.StatusUnauthorized,
	} {
		logs, lines := observer.New(zap.DebugLevel)
		answer := ask(t, both, zap.New(logs), nil, "Bearer "+credential)
		require.Equal(t, status, answer.Code, credential)
		for _, line := range lines.All() {
			assert.NotContains(t, fmt.Sprint(line.Message, line.ContextMap()), credential)
		}
	}
}

func TestOnlyThoseWhoActForOthersAreNamedToServices(t *testing.T) {
	for scope, want := range map[string]string{
		token.OrdersRead: "", token.OrdersWrite: "", token.Admin: "eve", token.Ops: "eve",
	} {
		ctx := auth.WithPrincipal(t.Context(), token.Principal{Subject: "eve", Scopes: []string{scope}})
		assert.Equal(t, want, auth.Operator(ctx), scope)
	}
	assert.Empty(t, auth.Operator(t.Context()))
}
