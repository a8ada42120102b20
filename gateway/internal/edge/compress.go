package edge

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// smallestCompressed is the size in bytes from which an answer is compressed: a
// smaller one goes in one packet either way.
const smallestCompressed = 1400

// Compression returns what compresses large answers with zstd or gzip, whichever the client
// likes better (RFC 9110, section 12.5.3). Streams and what is compressed
// already pass as they are.
//
// An answer with a strong ETag is not compressed. Two codings of one version
// would need two tags, and a client would send back one that the services have
// never heard of: If-Match would refuse every writer behind a compressing
// reader. What has a version here is one row, too small to gain anything.
//
// Compression can leak a secret by an answer's length, where an attacker makes
// a victim's browser repeat requests and chooses a part of the answer (BREACH).
// A browser adds no credentials to requests to this API by itself: they are in
// the Authorization header, which other sites' pages cannot set. The exceptions
// are the routes below uncompressed, which know a cookie and answer secrets:
// nothing below that path is compressed.
func Compression(uncompressed string) (func(http.Handler) http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(smallestCompressed),
		gzhttp.ContentTypes([]string{
			"application/json", "application/problem+json", "application/yaml", "text/html", "text/css", "text/plain",
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing compression: %w", err)
	}
	return func(next http.Handler) http.Handler {
		compressed := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(versionedWriter{w}, r)
		}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, uncompressed) {
				next.ServeHTTP(w, r)
				return
			}
			compressed.ServeHTTP(w, r)
		})
	}, nil
}

// versionedWriter keeps answers with a strong ETag from being compressed.
type versionedWriter struct{ http.ResponseWriter }

// WriteHeader tells the compression what the handler has decided.
func (w versionedWriter) WriteHeader(status int) {
	if strings.HasPrefix(w.Header().Get("ETag"), `"`) {
		w.Header().Set(gzhttp.HeaderNoCompression, "versioned")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Flush sends what was written so far.
func (w versionedWriter) Flush() {
	if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}

// Unwrap is for http.ResponseController.
func (w versionedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
