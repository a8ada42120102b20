package edge

import "github.com/gin-gonic/gin"

// Get adds a route that can be read: GET and, for the same without a body, HEAD
// (RFC 9110, sections 9.1 and 9.3.2). The handlers run as they do for GET, and
// the server sends nothing that they write but the headers. A stream, which has
// no end to wait for, is for GET alone.
func Get(routes gin.IRoutes, path string, handlers ...gin.HandlerFunc) {
	routes.GET(path, handlers...)
	routes.HEAD(path, handlers...)
}
