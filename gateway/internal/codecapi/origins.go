package codecapi

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// allowOrigins are the web origins whose pages may read answers (Fetch
// standard, "CORS protocol"). Senders that are no browser have no origin and
// need none.
type allowOrigins []string

// allowedHeaders are what the Temporal UI sends.
const allowedHeaders = "Authorization, Authorization-Extras, Content-Type, X-Namespace"

// preflightSeconds is how long a browser need not ask again.
const preflightSeconds = "600"

func (o allowOrigins) allows(c *gin.Context) bool {
	origin := c.GetHeader("Origin")
	return origin != "" && slices.Contains(o, origin)
}

// mark lets a page of an allowed origin read the answer, also when it is a
// refusal: it is marked before anything is checked.
func (o allowOrigins) mark(c *gin.Context) {
	header := c.Writer.Header()
	header.Add("Vary", "Origin")
	if o.allows(c) {
		header.Set("Access-Control-Allow-Origin", c.GetHeader("Origin"))
		header.Set("Access-Control-Allow-Credentials", "true")
	}
}

// preflight answers what a browser asks before it sends a page's request.
func (o allowOrigins) preflight(c *gin.Context) {
	o.mark(c)
	if !o.allows(c) {
		httpserver.Fail(c, problem.New(problem.Forbidden, "pages of this origin may not read payloads"))
		return
	}
	header := c.Writer.Header()
	header.Set("Access-Control-Allow-Methods", http.MethodPost)
	header.Set("Access-Control-Allow-Headers", allowedHeaders)
	header.Set("Access-Control-Max-Age", preflightSeconds)
	httpserver.Respond(c, http.StatusNoContent, nil)
}

// tokenFromCookie takes the token of a browser that has signed in. The cookie
// counts only for an allowed origin: a page of any other port of the same host
// would send it as well. A token in the request's own header goes first.
func (o allowOrigins) tokenFromCookie(c *gin.Context) {
	if len(c.Request.Header.Values(authorization)) > 0 || !o.allows(c) {
		return
	}
	if cookie, err := c.Request.Cookie(cookieName); err == nil {
		c.Request.Header.Set(authorization, bearer+cookie.Value)
	}
}
