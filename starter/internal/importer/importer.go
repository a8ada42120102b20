package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
)

// StockFigure chooses what of a product's line becomes its first stock.
type StockFigure string

// The figures that a product's line can have.
const (
	StockOnHand StockFigure = "on-hand"
	StockDemand StockFigure = "demand"
)

// Config says how to import. Gateway and Progress are required.
type Config struct {
	// Gateway must have a token with the scopes orders:read, orders:write and
	// admin: an admin places orders for every customer.
	Gateway *gatewayclient.Client
	// Stock is StockOnHand unless it says otherwise.
	Stock StockFigure
	// Concurrency is how many lines are in flight at once; 0 means 32.
	Concurrency int
	// Deadline bounds one line, over all its attempts and waits; 0 means 10
	// minutes.
	Deadline time.Duration
	// ConnectTimeout bounds the wait for the gateway at the beginning; 0 means
	// 10 seconds.
	ConnectTimeout time.Duration
	// Backoff spaces attempts and looks at an order.
	Backoff  gatewayclient.Backoff
	Progress Progress
}

// Progress shows how far the import is. Its methods are called from many
// goroutines.
type Progress interface {
	// Advance gives the counts after one more line.
	Advance(Counts)
	// Note says something about one line.
	Note(text string)
}

// Counts is how far an import is. Failed are malformed lines and lines that
// were refused or had no answer.
type Counts struct {
	Lines, Shipped, Cancelled, Failed int
}

// Run imports the files. The summary is right whatever the error is, which is
// the context's when it was stopped, an *gatewayclient.UnreachableError when the
// gateway was not there at the beginning, and otherwise says why the import
// could not go on: the token was refused, or a file could not be read.
func Run(ctx context.Context, cfg Config, files []File) (Summary, error) {
	if cfg.Stock == "" {
		cfg.Stock = StockOnHand
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = 32
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = 10 * time.Minute
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	stoppable, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	run := &run{cfg: cfg, stop: stop, tally: newTally(TotalLines(files))}
	began := time.Now()
	err := run.connect(stoppable)
	if err == nil {
		err = run.files(stoppable, files)
	}
	if cause := context.Cause(stoppable); cause != nil {
		err = cause
	}
	return run.tally.summary(time.Since(began)), err
}

// run is one import.
type run struct {
	cfg   Config
	stop  context.CancelCauseFunc
	tally *tally

	// firstTime is the earliest reading of the gateway's clock.
	firstTime time.Time
	// ordersFrom is the gateway's clock when the first order was about to be
	// placed.
	ordersFrom time.Time

	group group
}

// kind is what may be in flight at the same time.
type kind int

const (
	masterData kind = iota
	orders
)

// group is the lines of one kind that are in flight or done since the last
// barrier.
type group struct {
	kind   kind
	labels map[string]struct{}
	tasks  *errgroup.Group
}

func (r *run) connect(ctx context.Context) error {
	connect, cancel := context.WithTimeout(ctx, r.cfg.ConnectTimeout)
	defer cancel()
	at, err := r.serverTime(connect)
	r.firstTime = at
	return err
}

func (r *run) files(ctx context.Context, files []File) error {
	r.barrier(masterData)
	defer r.wait()
	for _, file := range files {
		if err := r.file(ctx, file); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) file(ctx context.Context, file File) error {
	lines := dataset.NewReader(file.Content)
	for ctx.Err() == nil {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", file.Name, err)
		}
		at := Place{File: file.Name, Line: line.Number}
		if line.Err != nil {
			r.tally.malformed()
			r.report(at, "%v", line.Err)
			continue
		}
		if err := r.dispatch(ctx, at, line.Record); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// dispatch starts the work for one line, when there is room for it.
func (r *run) dispatch(ctx context.Context, at Place, record dataset.Record) error {
	switch record := record.(type) {
	case *dataset.Product:
		r.start(masterData, record.Label(), func() { r.product(ctx, at, record) })
	case *dataset.Customer:
		r.start(masterData, record.Label(), func() { r.customer(ctx, at, record) })
	case *dataset.Order:
		if err := r.beginOrders(ctx); err != nil {
			return err
		}
		r.start(orders, record.Label(), func() { r.order(ctx, at, record) })
	}
	return nil
}

// start runs task in the group of its kind. Another kind, or another line for
// the same product or customer, waits until the group is done: the order of
// lines decides which of them has the last word.
func (r *run) start(kind kind, label string, task func()) {
	_, again := r.group.labels[label]
	if kind != r.group.kind || (again && kind == masterData) {
		r.wait()
		r.barrier(kind)
	}
	if kind == masterData {
		r.group.labels[label] = struct{}{}
	}
	r.group.tasks.Go(func() error {
		task()
		return nil
	})
}

func (r *run) barrier(kind kind) {
	r.group = group{kind: kind, labels: map[string]struct{}{}, tasks: &errgroup.Group{}}
	r.group.tasks.SetLimit(r.cfg.Concurrency)
}

func (r *run) wait() {
	// Tasks return no errors: what went wrong with a line is in the tally.
	_ = r.group.tasks.Wait()
}

// attempt calls the gateway for one line until it has an answer. A refused
// token stops the whole import.
func (r *run) attempt(ctx context.Context, call func(context.Context) error) error {
	err := gatewayclient.Retry(ctx, r.cfg.Backoff, call)
	r.checkToken(err)
	return err
}

func (r *run) checkToken(err error) {
	if gatewayclient.Unauthorized(err) {
		r.stop(fmt.Errorf("the gateway refuses the token: %w", err))
	}
}

// report notes what is wrong with a line and shows the new counts.
func (r *run) report(at Place, format string, args ...any) {
	r.cfg.Progress.Note(at.String() + ": " + fmt.Sprintf(format, args...))
	r.advance()
}

func (r *run) advance() { r.cfg.Progress.Advance(r.tally.counts()) }
