package codecapi

import (
	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/converter"
	"go.uber.org/zap"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/edge"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/token"
)

// Path is where the routes are, below the gateway's address: the codec endpoint
// that the Temporal UI and CLI are given.
const Path = "/codec"

// Dependencies are what the routes work with. All are needed.
type Dependencies struct {
	Codec    converter.PayloadCodec
	Verifier auth.Verifier
	Limiter  *ratelimit.Limiter
	// Origins are the web origins whose pages may read payloads, such as
	// http://127.0.0.1:8233: where the Temporal UI is served.
	Origins []string
	Log     *zap.Logger
}

// Register adds the routes.
func Register(router gin.IRouter, d Dependencies) {
	shared := allowOrigins(d.Origins)
	codec := router.Group(Path)
	guarded := []gin.HandlerFunc{
		auth.Authenticate(d.Verifier, d.Log, d.Limiter.Refused), d.Limiter.Middleware(), auth.RequireScope(token.Ops),
	}

	// The browser asks first whether it may, without token and cookie.
	codec.OPTIONS("/decode", shared.preflight)
	codec.OPTIONS("/encode", shared.preflight)
	remote := codec.Group("", shared.mark, shared.tokenFromCookie)
	remote.Use(guarded...)
	remote.POST("/decode", convert(d.Codec.Decode))
	remote.POST("/encode", convert(d.Codec.Encode))

	edge.Get(codec, "/session", showSignIn)
	session := codec.Group("", tokenFromForm)
	session.Use(guarded...)
	session.POST("/session", signIn)
}
