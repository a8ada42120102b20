package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
)

// batchWidth is how many lines of one batch are placed at once.
const batchWidth = 16

// BatchLimits bound one batch.
type BatchLimits struct {
	// Lines is how many lines it may have.
	Lines int
	// Time is how long its lines are read.
	Time time.Duration
	// Send is how long the client may take to receive an outcome; 0 is ten
	// seconds.
	Send time.Duration
}

// Bytes is the size of the largest body that can be such a batch.
func (l BatchLimits) Bytes() int64 { return int64(l.Lines+1) * (maxLine + 1) }

// PlaceOrders is POST /v1/orders/batch: a line of JSON for each order, and a line
// for what became of it, in the same order, as soon as it is known. A line is
// placed exactly as POST /v1/orders does it, and fails alone.
//
// The batch goes no faster than its principal's rate and the gateway's load
// allow, and no faster than the client reads: whoever stops reading is not read
// from any more, and is given up after BatchLimits.Send. Where the reading of lines
// ends before the last one, the last outcome says so.
func (a *API) PlaceOrders(c *gin.Context) {
	if c.Request.ContentLength == 0 {
		fail(c, problem.New(problem.Malformed, "the body is empty"))
		return
	}
	if err := httpserver.RequireMediaType(c.Request, "application/jsonl", "application/x-ndjson"); err != nil {
		fail(c, err)
		return
	}
	connection := http.NewResponseController(c.Writer)
	// Without it HTTP/1.1 throws away what was not read when the first outcome is
	// sent. HTTP/2 has always both directions, and says so by an error.
	_ = connection.EnableFullDuplex()

	// The cause of reading's end is what the client is told.
	ctx := c.Request.Context()
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	reading, release := context.WithTimeoutCause(reading, a.Batch.Time,
		problem.Newf(problem.RequestTimeout, "the lines of a batch may take %s", a.Batch.Time))
	defer release()
	defer stopWith(httpserver.Draining(ctx), func() {
		stop(problem.New(problem.Unavailable, "this gateway is going down: send the rest again"))
	})()
	// A read that waits for the client ends with it.
	defer context.AfterFunc(reading, func() { _ = connection.SetReadDeadline(passed) })()

	b := &batch{
		api: a, ctx: ctx, reading: reading, traceID: telemetry.TraceID(ctx),
		lines:    newLineReader(reading, c.Request.Body, connection),
		outcomes: make(chan chan openapiserver.BatchOutcome, batchWidth-1),
	}
	go b.read()

	c.Header("Content-Type", "application/jsonl")
	c.Status(http.StatusOK)
	answer := httpserver.NewStreamWriter(c.Writer, cmp.Or(a.Batch.Send, sendTimeout))
	defer answer.Close()
	// The channel is read to its end though the client may be gone: when it is
	// closed and empty, nothing of the batch runs any more.
	var gone error
	for pending := range b.outcomes {
		line := <-pending
		if gone != nil {
			continue
		}
		if gone = sendOutcome(answer, line); gone != nil {
			stop(gone)
		}
	}
	c.Writer.WriteHeaderNow() // also of a batch without a line
}

// sendOutcome writes one line of the answer.
func sendOutcome(answer *httpserver.StreamWriter, line openapiserver.BatchOutcome) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encoding an outcome: %w", err)
	}
	_, err = answer.Write(append(text, '\n'))
	return err
}
