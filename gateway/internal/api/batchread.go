package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

const (
	// maxLine is how many bytes a line may have: several times an order of a
	// hundred items.
	maxLine = 64 << 10
	// lineWait is how long a client may take to send the next line.
	lineWait = 20 * time.Second
)

// passed is a deadline that ends a read at once.
var passed = time.Unix(1, 0)

// batch is one batch under way.
type batch struct {
	api *API
	// ctx is the request's. It ends reading as well, which others end earlier.
	ctx, reading context.Context //nolint:containedctx // both live as long as the batch
	traceID      string
	lines        *lineReader
	// outcomes has one channel for each line, in their order, on which its
	// outcome comes. It is closed behind the last one.
	outcomes chan chan openapiserver.BatchOutcome
}

// read reads the lines, starts their placements, and ends with the last one.
func (b *batch) read() {
	defer close(b.outcomes)
	for index := 0; ; index++ {
		text, err := b.lines.next()
		if errors.Is(err, io.EOF) {
			return
		}
		tooLong := errors.Is(err, errLineTooLong)
		if tooLong {
			err = nil
		}
		leave, err := b.admit(index, err)
		if err != nil {
			b.stopped(index, err)
			return
		}
		pending := make(chan openapiserver.BatchOutcome, 1)
		b.outcomes <- pending
		go func() {
			defer leave()
			pending <- b.place(index, text, tooLong)
		}()
	}
}

// admit returns whether a line that was read, or could not be, may be placed now.
// An error ends the batch.
func (b *batch) admit(index int, readError error) (leave func(), err error) {
	switch {
	case readError != nil:
		return nil, httpserver.BodyError(readError)
	case index >= b.api.Batch.Lines:
		return nil, problem.Newf(problem.TooLarge, "a batch may have %d lines", b.api.Batch.Lines)
	}
	if err := b.mayPlace(); err != nil {
		return nil, err
	}
	return b.enter()
}

// stopped reports that the line and all behind it are not looked at.
func (b *batch) stopped(index int, err error) {
	if cause := context.Cause(b.reading); cause != nil {
		err = cause
	}
	last := b.refused(index, err)
	last.Stopped = true
	pending := make(chan openapiserver.BatchOutcome, 1)
	pending <- last
	b.outcomes <- pending
}

// mayPlace waits until the principal's rate has room for a line. An error means
// that the batch is over.
func (b *batch) mayPlace() error {
	for {
		err := b.api.Limiter.AllowPrincipal(b.reading)
		if err == nil || !b.pause(err) {
			return err
		}
	}
}

// enter waits for a place among the requests that are served at once.
func (b *batch) enter() (leave func(), err error) {
	for {
		leave, err = b.api.Requests.Enter()
		if err == nil || !b.pause(err) {
			return leave, err
		}
	}
}

// pause waits as long as the refusal says, and reports whether the batch still
// goes on.
func (b *batch) pause(refusal error) bool {
	return pause(b.reading, problem.From(refusal).RetryAfter)
}

// errLineTooLong stands for a line above maxLine. The next one can be read.
var errLineTooLong = errors.New("the line is too long")

// lineReader reads lines of bounded length from a client that may be slow.
type lineReader struct {
	reading    context.Context //nolint:containedctx // it lives as long as the reader
	buffered   *bufio.Reader
	connection *http.ResponseController
}

func newLineReader(reading context.Context, body io.Reader, connection *http.ResponseController) *lineReader {
	return &lineReader{reading: reading, buffered: bufio.NewReaderSize(body, maxLine+1), connection: connection}
}

// next returns the next line without its end. The error is io.EOF behind the
// last line, errLineTooLong, or why the body cannot be read.
func (r *lineReader) next() ([]byte, error) {
	// Only a writer of a test has no deadlines.
	_ = r.connection.SetReadDeadline(time.Now().Add(lineWait))
	// Whoever ends reading sets an earlier deadline afterwards, which may have
	// been just now. It has to stand: the server waits for the rest of a body that
	// was not read to its end.
	if err := r.reading.Err(); err != nil {
		_ = r.connection.SetReadDeadline(passed)
		return nil, err
	}
	line, err := r.buffered.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.skip()
	case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
		return bytes.Clone(bytes.TrimSuffix(line, []byte("\n"))), nil
	default:
		return nil, err
	}
}

// skip reads to the end of the line.
func (r *lineReader) skip() error {
	for {
		_, err := r.buffered.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return errLineTooLong
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}
