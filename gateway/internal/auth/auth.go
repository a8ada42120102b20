// Package auth answers who sends a request and what they may do: bearer
// tokens, API keys, scopes, and the ownership of orders and customers.
//
// The credential is the only source. Headers that name an identity are never
// read, wherever they come from. Making and verifying credentials is the work
// of internal/token and internal/apikey.
package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
	"orderflow/internal/token"
)

// Verifier checks what a client sends as bearer token; *token.Verifier does,
// and Credentials.
type Verifier interface {
	// Verify returns whom the credential speaks for. An error that wraps
	// token.ErrInvalid means 401; any other, that credentials cannot be checked
	// now.
	Verify(ctx context.Context, credential string) (token.Principal, error)
}

// Refused is asked before a request without a valid token is answered. An
// error is answered in place of the 401: the limit of the sender's address.
type Refused func(c *gin.Context) error

type principalKey struct{}

// retryAfter is when to try again while credentials cannot be checked.
const retryAfter = 5 * time.Second

// Authenticate lets only requests with a valid bearer token (RFC 6750) through
// and puts the principal into the request's context. The reason of a refusal
// is logged and not told. Refused may be nil.
func Authenticate(verifier Verifier, log *zap.Logger, refused Refused) gin.HandlerFunc {
	return func(c *gin.Context) {
		credential, challenge := bearerToken(c.Request.Header)
		if challenge == "" {
			principal, err := verifier.Verify(c.Request.Context(), credential)
			switch {
			case err == nil:
				c.Request = c.Request.WithContext(WithPrincipal(c.Request.Context(), principal))
				return
			case !errors.Is(err, token.ErrInvalid):
				httpserver.Fail(c, problem.New(problem.Unavailable, "tokens cannot be checked now").
					WithRetryAfter(retryAfter).WithCause(err))
				c.Abort()
				return
			}
			telemetry.Logger(c.Request.Context(), log).Debug("credential refused", zap.Error(err))
			challenge = `Bearer realm="orderflow", error="invalid_token"`
		}
		defer c.Abort()
		if refused != nil {
			if err := refused(c); err != nil {
				httpserver.Fail(c, err)
				return
			}
		}
		c.Header("WWW-Authenticate", challenge)
		httpserver.Fail(c, problem.New(problem.Unauthenticated, "send a valid token in the Authorization header: Bearer TOKEN"))
	}
}

// bearerToken reads the Authorization header. Without exactly one bearer token
// it returns the challenge to answer with.
func bearerToken(header http.Header) (credential, challenge string) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return "", `Bearer realm="orderflow"`
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	credential = strings.TrimSpace(credential)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return "", `Bearer realm="orderflow", error="invalid_request"`
	}
	return credential, ""
}

// WithPrincipal returns a context whose requests come from the principal.
func WithPrincipal(ctx context.Context, principal token.Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, principal)
}

// PrincipalOf returns who sent the request. Behind Authenticate there always
// is somebody; elsewhere it is nobody, who has no scope and owns nothing.
func PrincipalOf(ctx context.Context) token.Principal {
	principal, _ := ctx.Value(principalKey{}).(token.Principal)
	return principal
}

// Operator returns the subject of the context's principal if it acts for
// others: an operator, or a machine with their rights. A customer acts for
// themselves, who stands in what they ask for.
func Operator(ctx context.Context) string {
	principal := PrincipalOf(ctx)
	if principal.Has(token.Admin, token.Ops) {
		return principal.Subject
	}
	return ""
}

// CheckScope reports whether the principal has at least one of the scopes, and
// otherwise answers 403.
func CheckScope(c *gin.Context, scopes ...string) bool {
	if PrincipalOf(c.Request.Context()).Has(scopes...) {
		return true
	}
	// RFC 6750, section 3.1.
	c.Header("WWW-Authenticate", `Bearer realm="orderflow", error="insufficient_scope", scope="`+strings.Join(scopes, " ")+`"`)
	httpserver.Fail(c, problem.Newf(problem.Forbidden, "this needs a token with the scope %s", strings.Join(scopes, " or ")))
	return false
}

// RequireScope lets only principals through that CheckScope lets.
func RequireScope(scopes ...string) gin.HandlerFunc {
	return func(c *gin.Context) { CheckScope(c, scopes...) }
}

// MayRead reports whether the principal may see what belongs to the customer.
func MayRead(ctx context.Context, customerID string) bool {
	principal := PrincipalOf(ctx)
	return owns(principal, customerID) || principal.Has(token.Admin, token.Ops)
}

// MayWrite reports whether the principal may act for the customer.
func MayWrite(ctx context.Context, customerID string) bool {
	principal := PrincipalOf(ctx)
	return owns(principal, customerID) || principal.Has(token.Admin)
}

func owns(principal token.Principal, customerID string) bool {
	return customerID != "" && principal.Subject == customerID
}
