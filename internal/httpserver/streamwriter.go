package httpserver

import (
	"fmt"
	"net/http"
	"time"
)

// StreamWriter sends an answer piece by piece. Each piece has a time of its own
// in which the client must take it, so that a stream may last for ever and a
// client that does not read still cannot hold it. The server's limit on the
// time of a whole answer does not apply any more.
type StreamWriter struct {
	writer     http.ResponseWriter
	controller *http.ResponseController
	timeout    time.Duration
}

// NewStreamWriter returns a writer for the answer w. Close it before the
// handler returns.
func NewStreamWriter(w http.ResponseWriter, timeout time.Duration) *StreamWriter {
	return &StreamWriter{writer: w, controller: http.NewResponseController(w), timeout: timeout}
}

// Write sends content at once. An error means that the client is gone or does
// not read; the answer cannot be continued.
func (s *StreamWriter) Write(content []byte) (int, error) {
	// Only a writer of a test has no deadlines.
	_ = s.controller.SetWriteDeadline(time.Now().Add(s.timeout))
	sent, err := s.writer.Write(content)
	if err == nil {
		err = s.controller.Flush()
	}
	if err != nil {
		return sent, fmt.Errorf("sending a part of the answer: %w", err)
	}
	// HTTP/2 resets a stream when its deadline passes, also when nothing waits
	// to be sent: between two writes there must be none.
	_ = s.controller.SetWriteDeadline(time.Time{})
	return sent, nil
}

// Close bounds the time for the end of the answer, which net/http sends after
// the handler has returned.
func (s *StreamWriter) Close() { _ = s.controller.SetWriteDeadline(time.Now().Add(s.timeout)) }
