package httpserver

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/conditional"
)

// RespondVersioned answers the GET of something that has a version: with v and
// the version's ETag, or as the request's conditions ask (RFC 9110, section
// 13.2.2): 304 without a body when the caller has this version already, 412
// when it wants another one, 400 when the condition is malformed.
func RespondVersioned(c *gin.Context, version int64, v any) {
	condition, err := conditional.FromHeader(c.Request.Header)
	if err != nil {
		Fail(c, err)
		return
	}
	unchanged, err := condition.CheckRead(version)
	if err != nil {
		Fail(c, err)
		return
	}
	c.Header("ETag", conditional.ETag(version))
	if unchanged {
		Respond(c, http.StatusNotModified, nil)
		return
	}
	Respond(c, http.StatusOK, v)
}
