package httpserver

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
)

// recoverPanics answers a panic with 500 and logs it with its stack. When part
// of an answer has left already, the connection is closed instead, so that no
// client takes the part for the whole.
func recoverPanics(log *zap.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			recovered := recover()
			if recovered == nil {
				return
			}
			// net/http's own value for "close the connection, say nothing".
			if recovered == http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
				panic(recovered)
			}
			telemetry.Logger(c.Request.Context(), log).Error("panic in a handler",
				zap.String("method", c.Request.Method),
				zap.String("route", c.FullPath()),
				zap.Any("panic", recovered),
				zap.Stack("stack"),
			)
			c.Abort()
			if c.Writer.Written() {
				panic(http.ErrAbortHandler)
			}
			Fail(c, problem.New(problem.Internal, "").WithCause(fmt.Errorf("panic: %v", recovered)))
		}()
		c.Next()
	}
}
