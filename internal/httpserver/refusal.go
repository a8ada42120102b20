package httpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"sync/atomic"

	"orderflow/internal/problem"
)

// refusalListener gives the refusals of net/http itself the form of every other
// answer. A request that cannot be parsed reaches no handler: net/http answers
// it with a line of plain text, past its own buffers, and offers no hook. What
// can be known of such an answer is the one write in which it leaves, so that
// is where it becomes a problem document:
//
//   - 400: an impossible path such as /%zz, a header with a control character,
//     a missing or double Host, two different lengths;
//   - 431: headers above what the server reads;
//   - 501 and 505: an unknown transfer coding or version of HTTP.
//
// A header that stops in the middle of a line looks broken to net/http, and is
// answered 408 when it was the time that ended; one that stops anywhere else is
// hung up on without an answer.
//
// Some cannot be given the form. Over TLS net/http insists on the connection of
// crypto/tls itself, so that its HTTP/1.1 refusals stay plain text there. And
// HTTP/2 has no answers for broken requests: it resets their stream.
type refusalListener struct{ net.Listener }

// Accept returns the next connection.
func (l refusalListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if plain, ok := connection.(*net.TCPConn); ok {
		return &refusalConn{TCPConn: plain}, nil
	}
	return connection, nil
}

// refusalConn is embedded whole: net/http looks for more than net.Conn has.
type refusalConn struct {
	*net.TCPConn
	late atomic.Bool // the last read ran into the deadline
}

// Read remembers when the client was too slow.
func (c *refusalConn) Read(buffer []byte) (int, error) {
	n, err := c.TCPConn.Read(buffer)
	c.late.Store(errors.Is(err, os.ErrDeadlineExceeded))
	return n, err
}

// plainRefusal is all of what net/http writes at once when it refuses. Answers
// of handlers do not look like it: they have a Date before everything else, and
// no piece of JSON or of an event has a line break of HTTP in it.
var plainRefusal = regexp.MustCompile(`\AHTTP/1\.1 ([45]\d\d) [^\r\n]*\r\n` +
	`Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n` +
	`(?:[45]\d\d [^\r\n:]*(?:: )?)?([^\r\n]*)\z`)

// longestRefusal spares longer writes the comparison.
const longestRefusal = 512

// Write sends content, or the problem that it stands for.
func (c *refusalConn) Write(content []byte) (int, error) {
	if len(content) > longestRefusal || !bytes.HasPrefix(content, []byte("HTTP/1.1 ")) {
		return c.TCPConn.Write(content)
	}
	refusal := plainRefusal.FindSubmatch(content)
	if refusal == nil {
		return c.TCPConn.Write(content)
	}
	// Three digits, as they matched.
	status, _ := strconv.Atoi(string(refusal[1]))
	if c.late.Load() {
		status = http.StatusRequestTimeout
	}
	if _, err := c.TCPConn.Write(refusalAnswer(status, string(refusal[2]))); err != nil {
		return 0, err
	}
	return len(content), nil
}

// refusalAnswer is a whole answer of HTTP/1.1. The detail is one of net/http's
// own texts, which quote nothing of the request; it may be empty.
func refusalAnswer(status int, detail string) []byte {
	document := problem.Document{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
	switch status {
	case http.StatusBadRequest:
		if detail == "" {
			detail = "this is no valid HTTP request"
		}
		document = problem.New(problem.Malformed, detail).Document()
	case http.StatusRequestTimeout:
		document = problem.New(problem.RequestTimeout, "the header did not arrive in time").Document()
	case http.StatusRequestHeaderFieldsTooLarge:
		document = problem.Newf(problem.HeadersTooLarge, "the headers are larger than %d bytes", MaxHeaderBytes).Document()
	}
	// A Document has only strings and numbers: encoding cannot fail.
	body, _ := json.Marshal(document)
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n"+
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), problem.MediaType, len(body), body)
}
