package endpoint

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
)

// Ask handles requests that are answered: 200 with what act returns. The body
// is bound, see httpserver.Bind, and then checked.
func Ask[Request, Reply any](check func(Request) error, act func(context.Context, Request) (Reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		request, err := bind(c, check)
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		reply, err := act(c.Request.Context(), request)
		Answer(c, http.StatusOK, reply, err)
	}
}

// Tell handles requests of which there is nothing to say but that they were
// done: it answers the status without a body. The request's body is bound, see
// httpserver.Bind, and then checked.
func Tell[Request any](status int, check func(Request) error, act func(context.Context, Request) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		request, err := bind(c, check)
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		Answer(c, status, nil, act(c.Request.Context(), request))
	}
}

// Answer answers the status with the body, nil for none, or the error.
func Answer(c *gin.Context, status int, body any, err error) {
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, status, body)
}

func bind[Request any](c *gin.Context, check func(Request) error) (Request, error) {
	var request Request
	if err := httpserver.Bind(c, &request); err != nil {
		return request, err
	}
	return request, check(request)
}
