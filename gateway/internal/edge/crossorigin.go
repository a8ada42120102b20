package edge

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

const (
	// sharedPrefix is where the routes are that pages of other origins may use.
	sharedPrefix = "/v1/"
	// sharedRequestHeaders are what such a page may send, beyond what every form
	// can.
	sharedRequestHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, Traceparent"
	// sharedAnswerHeaders are what it may read, beyond the type of the content.
	sharedAnswerHeaders = "ETag, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate"
	// preflightSeconds is how long a browser need not ask again.
	preflightSeconds = "600"
)

// CrossOrigin lets pages of the listed origins, such as https://shop.test, use
// the API from a browser (Fetch standard, "CORS protocol"). Without origins it
// does nothing, and browsers keep other origins' pages from reading anything.
//
// Cookies are never allowed with such a request: who it is for stands in its
// token. A browser's own question, which has no token, is answered here, before
// anybody asks for one: 204 with the methods of the route, 403 to other
// origins, 404 where there is no route. It must be used before the routes are
// added.
func CrossOrigin(origins []string) gin.HandlerFunc {
	if len(origins) == 0 {
		return func(*gin.Context) {}
	}
	allowed := make(map[string]bool, len(origins))
	for _, origin := range origins {
		allowed[origin] = true
	}
	return func(c *gin.Context) {
		if !strings.HasPrefix(c.Request.URL.Path, sharedPrefix) {
			return
		}
		header, origin := c.Writer.Header(), c.GetHeader("Origin")
		// Also where there is no origin: a cache must not give this answer to a
		// page that has one.
		header.Add("Vary", "Origin")
		if allowed[origin] {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Expose-Headers", sharedAnswerHeaders)
		}
		if !isPreflight(c.Request) {
			return
		}
		switch {
		case !allowed[origin]:
			httpserver.Fail(c, problem.New(problem.Forbidden, "pages of this origin may not use the API"))
		case c.Writer.Status() == http.StatusMethodNotAllowed:
			// Gin has found routes with other methods than OPTIONS, and named them.
			header.Set("Access-Control-Allow-Methods", header.Get("Allow"))
			header.Set("Access-Control-Allow-Headers", sharedRequestHeaders)
			header.Set("Access-Control-Max-Age", preflightSeconds)
			httpserver.Respond(c, http.StatusNoContent, nil)
			c.Abort()
		}
	}
}

// isPreflight reports whether a browser asks what it may send.
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}
