// Package auth answers who sends a request and what they may do: bearer
// tokens, scopes, and the ownership of orders and customers.
//
// The token is the only source. Headers that name an identity are never read,
// wherever they come from. Making and verifying tokens is the work of
// internal/token.
package auth

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
	"orderflow/internal/token"
)

// Verifier checks a token; *token.Verifier does.
type Verifier interface {
	// Verify returns whom the token speaks for. Every error means 401.
	Verify(compact string) (token.Principal, error)
}

// Refused is asked before a request without a valid token is answered. An
// error is answered in place of the 401: the limit of the sender's address.
type Refused func(c *gin.Context) error

type principalKey struct{}

// Authenticate lets only requests with a valid bearer token (RFC 6750) through
// and puts the principal into the request's context. The reason of a refusal
// is logged and not told. Refused may be nil.
func Authenticate(verifier Verifier, log *zap.Logger, refused Refused) gin.HandlerFunc {
	return func(c *gin.Context) {
		compact, challenge := bearerToken(c.Request.Header)
		if challenge == "" {
			principal, err := verifier.Verify(compact)
			if err == nil {
				c.Request = c.Request.WithContext(WithPrincipal(c.Request.Context(), principal))
				return
			}
			telemetry.Logger(c.Request.Context(), log).Debug("token refused", zap.Error(err))
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
func bearerToken(header http.Header) (compact, challenge string) {
	values := header.Values("Authorization")
	if len(values) == 0 {
		return "", `Bearer realm="orderflow"`
	}
	scheme, compact, _ := strings.Cut(values[0], " ")
	compact = strings.TrimSpace(compact)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || compact == "" {
		return "", `Bearer realm="orderflow", error="invalid_request"`
	}
	return compact, ""
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

// RequireScope lets only principals with at least one of the scopes through.
func RequireScope(scopes ...string) gin.HandlerFunc {
	needed := strings.Join(scopes, " or ")
	return func(c *gin.Context) {
		if PrincipalOf(c.Request.Context()).Has(scopes...) {
			return
		}
		// RFC 6750, section 3.1.
		c.Header("WWW-Authenticate", `Bearer realm="orderflow", error="insufficient_scope", scope="`+strings.Join(scopes, " ")+`"`)
		httpserver.Fail(c, problem.Newf(problem.Forbidden, "this needs a token with the scope %s", needed))
		c.Abort()
	}
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
