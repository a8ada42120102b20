package failpoint

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/procgroup"
)

// Reached is the message of the log line that a process writes at a point,
// before it acts; its field "failPoint" names the point and "path" the request,
// which of an activity is the one that has armed the point.
// A test that counts what has happened reads it.
const Reached = "fail point reached"

// Points acts on the fail points of one process. It is safe for concurrent use.
type Points struct {
	log        *zap.Logger
	background atomic.Pointer[armed]
	activity   atomic.Pointer[armed] // nil when it has been reached
}

// New returns Points without any armed.
func New(log *zap.Logger) *Points { return &Points{log: log} }

// Handler acts on the points of the requests to next. A header that cannot be
// read is answered 400, so that a test does not take a slip for a fault that did
// nothing.
func (p *Points) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := r.Header.Get(Header)
		if text == "" {
			next.ServeHTTP(w, r)
			return
		}
		point, err := Parse(text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.serve(next, w, r, point)
	})
}

func (p *Points) serve(next http.Handler, w http.ResponseWriter, r *http.Request, point Point) {
	armed := &armed{points: p, point: point, path: r.URL.Path}
	switch point.Phase {
	case Before:
		armed.act()
	case Commit:
		r = r.WithContext(context.WithValue(r.Context(), key{}, armed))
	case Background:
		armed.until = time.Now().Add(point.Lasts)
		p.background.Store(armed)
	case Begin, End:
		p.activity.Store(armed)
	case After:
		kept := &answer{header: make(http.Header), status: http.StatusOK}
		next.ServeHTTP(kept, r)
		armed.act()
		kept.writeTo(w)
		return
	}
	next.ServeHTTP(w, r)
}

// Background is the context of work that belongs to no request.
func (p *Points) Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, p)
}

// key finds what a commit meets in its context: *armed in a request, *Points in
// the background.
type key struct{}

// BeforeCommit is called by a transaction that has done its work and is not
// committed yet.
func BeforeCommit(ctx context.Context) {
	switch found := ctx.Value(key{}).(type) {
	case *armed:
		if int(found.transactions.Add(1)) == found.point.Transaction {
			found.act()
		}
	case *Points:
		if now := found.background.Load(); now != nil && int(now.transactions.Add(1)) >= now.point.Transaction &&
			(now.point.Lasts == 0 || time.Now().Before(now.until)) {
			now.act()
		}
	}
}

// armed is a point of one request.
type armed struct {
	points       *Points
	point        Point
	path         string
	until        time.Time // of a delay in the background
	transactions atomic.Int64
}

// act does what the point says. It returns only from a delay or a stop.
func (a *armed) act() {
	a.points.log.Warn(Reached, zap.Stringer("failPoint", a.point), zap.String("path", a.path))
	switch a.point.Action {
	case Kill:
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill() // what is left to do when a process cannot kill itself
		}
		select {}
	case Stop:
		if err := procgroup.Signal(os.Getpid(), stopSignal); err != nil {
			a.points.log.Error("cannot stop", zap.Error(err))
		}
	case Drop:
		panic(http.ErrAbortHandler) // net/http closes the connection
	case Panic:
		panic("fail point " + a.point.String())
	case Delay:
		<-time.After(a.point.Delay)
	}
}

// answer keeps an answer until it may leave.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header            { return a.header }
func (a *answer) WriteHeader(status int)         { a.status = status }
func (a *answer) Write(part []byte) (int, error) { return a.body.Write(part) }

func (a *answer) writeTo(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // the client may have gone
}
