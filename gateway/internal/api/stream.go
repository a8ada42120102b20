package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// LongestQuestion is how long one call of Changes may wait: its client's
// timeout must be longer. It is also the time between the heartbeats that keep
// proxies from closing a silent stream.
const LongestQuestion = 15 * time.Second

const (
	// changesRetry is the least time between two questions of the order service
	// that bring nothing new.
	changesRetry = time.Second
	// sendTimeout is how long a client may take to receive one event.
	sendTimeout = 10 * time.Second
	// lastEventHeader says where a client goes on.
	lastEventHeader = "Last-Event-ID"
	// reconnectAfter is what a client is told to wait when a stream breaks.
	reconnectAfter = 2 * time.Second
)

// StreamOrder is GET /v1/orders/{orderId}/stream: server-sent events (WHATWG
// HTML, section 9.2), one for each version of the order, until it has ended.
// Last-Event-ID resumes behind that version; when nothing can follow any more
// the answer is 204, which tells a browser not to come back.
func (a *API) StreamOrder(c *gin.Context, orderID string) {
	version, err := lastEventID(c.Request.Header)
	if err != nil {
		fail(c, err)
		return
	}
	standing, err := a.readable(c.Request.Context(), orderID)
	if err != nil {
		fail(c, err)
		return
	}
	if stored := standing.Stored; stored != nil && orderview.Final(*stored) && stored.Version <= version ||
		standing.RecordLost() && version == 0 && c.GetHeader(lastEventHeader) != "" {
		httpserver.Respond(c, http.StatusNoContent, nil)
		return
	}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	stop := stopWith(httpserver.Draining(ctx), cancel)
	defer stop()

	stream := openStream(c)
	defer stream.Close()
	// The stream's end is the answer: there is nobody to tell an error.
	_ = a.follow(ctx, stream, orderID, version, standing.RecordLost())
}

// follow sends every version above the given one until the order has ended or
// the client is gone. Missing says that the order service did not have it.
func (a *API) follow(ctx context.Context, stream eventStream, orderID string, version int64, missing bool) error {
	for ctx.Err() == nil {
		if missing {
			if last, lost := a.lastOfLost(ctx, orderID); lost {
				return stream.send(last)
			}
		}
		asked := time.Now()
		stored, err := a.Changes.OrderAfter(ctx, orderID, version, LongestQuestion)
		if err != nil || stored.Version <= version {
			// Nothing new, or nobody to ask. A heartbeat finds out whether
			// the client is still there.
			if err := stream.heartbeat(); err != nil {
				return err
			}
			if err == nil && orderview.Final(stored) {
				return nil
			}
			missing = problem.CodeOf(err) == problem.NotFound
			// Who drains answers at once, too.
			pause(ctx, changesRetry-time.Since(asked))
			continue
		}
		// Joining may have read a later version, to have parts that agree: the
		// event is that version's then.
		view := a.Reader.Joined(ctx, stored)
		if err := a.sendBetween(ctx, stream, orderID, version, view.Version); err != nil {
			return err
		}
		if err := stream.send(view); err != nil {
			return err
		}
		if view.Saga != nil && view.Saga.State.Final() {
			return nil
		}
		version = view.Version
	}
	return ctx.Err()
}

// lastOfLost returns the last view of an order that has ended and whose record is
// lost: no other will follow. It has no version, so that its ID is 0.
func (a *API) lastOfLost(ctx context.Context, orderID string) (last orderview.View, lost bool) {
	standing, err := a.Reader.Standing(ctx, orderID)
	if err != nil || !standing.RecordLost() {
		return orderview.View{}, false
	}
	view, err := a.Reader.View(ctx, orderID, standing)
	// With a version it has just been recorded.
	return view, err == nil && view.Version == 0
}

// sendBetween sends the versions that were passed over because they followed
// one another quickly, as the order was at each. When they cannot be read, the
// newest version, which comes next, stands for them.
func (a *API) sendBetween(ctx context.Context, stream eventStream, orderID string, after, before int64) error {
	if after+1 >= before {
		return nil
	}
	events, err := a.Orders.Events(ctx, orderID)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	for _, event := range events {
		if event.Version <= after || event.Version >= before {
			continue
		}
		past, err := a.Orders.OrderAt(ctx, orderID, event.Timestamp)
		if err != nil || past.Version != event.Version {
			continue
		}
		if err := stream.send(orderview.Past(past)); err != nil {
			return err
		}
	}
	return nil
}

// lastEventID reads the version that the client has seen; 0 when it has seen
// none.
func lastEventID(header http.Header) (int64, error) {
	values := header.Values(lastEventHeader)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return 0, nil
	}
	version, err := strconv.ParseInt(values[0], 10, 64)
	// ParseInt takes signs, too.
	if err != nil || strings.Trim(values[0], "0123456789") != "" || len(values) > 1 {
		return 0, problem.New(problem.Malformed, "the Last-Event-ID must be the id of an event of this stream")
	}
	return version, nil
}

// eventStream writes server-sent events.
type eventStream struct{ *httpserver.StreamWriter }

func openStream(c *gin.Context) eventStream {
	header := c.Writer.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	// Asks proxies (nginx) not to hold events back.
	header.Set("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	stream := eventStream{httpserver.NewStreamWriter(c.Writer, sendTimeout)}
	_, _ = fmt.Fprintf(stream, "retry: %d\n\n", reconnectAfter.Milliseconds())
	return stream
}

// send writes one event, whose ID is the view's version. The view is one line
// of JSON: encoding/json escapes line breaks.
func (s eventStream) send(view orderview.View) error {
	data, err := json.Marshal(view)
	if err != nil {
		return fmt.Errorf("encoding the order: %w", err)
	}
	_, err = s.Write(fmt.Appendf(nil, "id: %d\nevent: order\ndata: %s\n\n", view.Version, data))
	return err
}

func (s eventStream) heartbeat() error {
	_, err := s.Write([]byte(": heartbeat\n\n"))
	return err
}

// stopWith calls cancel when draining is closed. The returned function ends the
// waiting.
func stopWith(draining <-chan struct{}, cancel func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-draining:
			cancel()
		case <-done:
		}
	}()
	return func() { close(done) }
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// remaining is how long ctx goes on, at most as long as one question for
// changes may wait.
func remaining(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return LongestQuestion
	}
	return min(max(time.Until(deadline), 0), LongestQuestion)
}
