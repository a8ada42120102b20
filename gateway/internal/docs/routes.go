package docs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/edge"
)

// Path is where the page is.
const Path = "/docs"

const stylePath = Path + "/style.css"

//go:embed style.css
var style []byte

// Docs serves the page.
type Docs struct{ page []byte }

// New makes the page of an OpenAPI description. An error is a fault in the
// description.
func New(description []byte) (*Docs, error) {
	page, err := render(description)
	return &Docs{page: page}, err
}

// Register adds the page and its style sheet, for everybody.
func (d *Docs) Register(router gin.IRouter) {
	edge.Get(router, Path, serve(d.page, "text/html; charset=utf-8"))
	edge.Get(router, stylePath, serve(style, "text/css; charset=utf-8"))
}

// policy lets the page look as it does, and do nothing.
const policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serve answers with content that changes with the program only. The tag is
// weak, because the answer may be compressed on its way.
func serve(content []byte, contentType string) gin.HandlerFunc {
	sum := sha256.Sum256(content)
	tag := `W/"` + hex.EncodeToString(sum[:8]) + `"`
	return func(c *gin.Context) {
		header := c.Writer.Header()
		header.Set("Content-Type", contentType)
		header.Set("Content-Security-Policy", policy)
		header.Set("Cache-Control", "no-cache")
		header.Set("ETag", tag)
		http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(content))
	}
}
