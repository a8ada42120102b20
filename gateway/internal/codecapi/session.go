package codecapi

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	authorization = "Authorization"
	bearer        = "Bearer "

	cookieName = "orderflow-codec"
	tokenField = "token"
)

// tokenFromForm takes the token that was entered, and no other.
func tokenFromForm(c *gin.Context) {
	c.Request.Header.Del(authorization)
	if token := enteredToken(c); token != "" {
		c.Request.Header.Set(authorization, bearer+token)
	}
}

// enteredToken reads the form. A body that is none has no token.
func enteredToken(c *gin.Context) string { return strings.TrimSpace(c.PostForm(tokenField)) }

// signIn is POST /codec/session, behind the check of the token. The cookie lasts
// until the browser is closed; the token in it is checked with every request,
// and so ends when it ends.
func signIn(c *gin.Context) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name:     cookieName,
		Value:    enteredToken(c),
		Path:     Path,
		HttpOnly: true,
		Secure:   c.Request.TLS != nil,
		// The Temporal UI is on the same site, if on another port or host.
		SameSite: http.SameSiteStrictMode,
	})
	page(c, signedIn)
}

// showSignIn is GET /codec/session.
func showSignIn(c *gin.Context) { page(c, signInForm) }

func page(c *gin.Context, text string) {
	header := c.Writer.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(pageStart+text))
}

const pageStart = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Orderflow: encrypted payloads</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:4em auto;padding:0 1em}input{width:100%;box-sizing:border-box}input,button{font:inherit;padding:.4em .8em;margin:.4em 0}</style>
`

const signInForm = `<h1>Read encrypted payloads</h1>
<form method="post" action="` + Path + `/session">
<label for="token">A token with the scope <code>ops</code>:</label>
<input id="token" name="` + tokenField + `" type="password" autocomplete="off" required autofocus>
<button>Sign this browser in</button>
</form>
<p>A development token: <code>go run ./starter token --subject you --scope ops</code>
`

const signedIn = `<h1>This browser may read payloads</h1>
<p>Until it is closed or the token ends. Reload the Temporal UI.
<p>If it still shows payloads encrypted, click the glasses at its top right, choose the browser's own setting, paste the
endpoint (this page's address without <code>/session</code>), turn on “Include cross-origin credentials” and apply.
`
