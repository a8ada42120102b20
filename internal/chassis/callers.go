package chassis

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"orderflow/internal/config"
	"orderflow/internal/httpserver"
	"orderflow/internal/jose"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/internal/servicetoken"
)

// Identity says as whom a process calls the services. Embed it with the prefix
// "service-".
type Identity struct {
	SigningKey string `type:"path" placeholder:"FILE" help:"Private key (JWK) that calls to services are signed with; starter service-key makes it. Without it they are not signed, and only services without --service-jwks take them."`
}

// Authorizer signs the calls of a component, such as "gateway"; it is nil
// without a key. Subject says for whom a call is made; see
// servicetoken.NewSigner. An error is a wrong setting: production mode needs a
// key.
func (i Identity) Authorizer(component string, mode Mode, subject func(context.Context) string) (rpc.Authorizer, error) {
	if i.SigningKey == "" {
		if mode.Strict() {
			return nil, config.Wrong("service-signing-key", "production mode signs the calls to services: starter service-key makes the keys")
		}
		return nil, nil
	}
	key, err := jose.ReadSigningKey(i.SigningKey)
	if err != nil {
		return nil, config.Wrong("service-signing-key", "%v", err)
	}
	return servicetoken.NewSigner(key, component, subject), nil
}

// serves reports whether the process takes calls of our own processes, as a
// service does: the gateway takes those of strangers, and workers take none.
func (p Parts) serves() bool { return p.Routes != nil && !p.Public }

// openCallers prepares the check of who calls, and follows its keys in the
// background. Without keys, everybody may call, but not in production.
func (s *service) openCallers(parts *Parts) error {
	if s.cfg.ServiceJWKS == "" {
		if s.cfg.Mode.Strict() {
			return config.Wrong("service-jwks", "production mode takes calls of our own processes only: starter service-key makes the keys")
		}
		s.telemetry.Log.Warn("whoever reaches this process may call it: no keys are set that calls must be signed with",
			zap.String("setting", "--service-jwks"))
		return nil
	}
	keys, err := jose.OpenFile(s.cfg.ServiceJWKS, s.telemetry.Log)
	if err != nil {
		return config.Wrong("service-jwks", "%v", err)
	}
	s.requireCaller = requireCaller(servicetoken.NewVerifier(keys, s.name))
	parts.Background = append(slices.Clone(parts.Background), keys.Keep)
	return nil
}

// callerRetryAfter is when to try again while the keys cannot be read.
const callerRetryAfter = 5 * time.Second

// requireCaller lets only calls of our own processes through. Who calls, and
// for whom, stands in the trace. The reason of a refusal stands in the log line
// of the request and is not told.
func requireCaller(verifier *servicetoken.Verifier) gin.HandlerFunc {
	return func(c *gin.Context) {
		caller, err := verifier.Verify(c.Request.Context(), bearer(c))
		switch {
		case errors.Is(err, jose.ErrInvalid):
			c.Header("WWW-Authenticate", `Bearer realm="orderflow services"`)
			httpserver.Fail(c, problem.New(problem.Unauthenticated, "only processes of this system may call its services").WithCause(err))
			c.Abort()
		case err != nil:
			httpserver.Fail(c, problem.New(problem.Unavailable, "callers cannot be checked now").
				WithRetryAfter(callerRetryAfter).WithCause(err))
			c.Abort()
		default:
			if span := trace.SpanFromContext(c.Request.Context()); span.IsRecording() {
				span.SetAttributes(attribute.String("orderflow.caller", caller.Component))
				if caller.Subject != "" {
					span.SetAttributes(attribute.String("enduser.id", caller.Subject))
				}
			}
		}
	}
}

// bearer is the token of the request, "" when there is not exactly one.
func bearer(c *gin.Context) string {
	values := c.Request.Header["Authorization"]
	if len(values) != 1 {
		return ""
	}
	token, found := strings.CutPrefix(values[0], "Bearer ")
	if !found {
		return ""
	}
	return token
}
