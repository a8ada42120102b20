package verify

import (
	"context"
	"errors"
	"slices"
	"time"

	"orderflow/starter/internal/gatewayclient"
)

// Config says what is verified and how. Only Gateway is required.
type Config struct {
	Gateway Gateway
	// Backoff spaces attempts to read a page; the zero value is its default.
	Backoff gatewayclient.Backoff
	// Patience is how long one page is tried to be read. Default 30 s.
	Patience time.Duration
	// PageSize is how many rows a page has. Default gatewayclient.MaxAuditLimit.
	PageSize int
	// Pause is how long an order that looks wrong is left alone before it is
	// read again. Default 500 ms.
	Pause time.Duration
	// AtRest says that no order is in flight any more: one that is breaks
	// invariant 3.
	AtRest bool
	// Expected are orders that clients saw accepted; nil leaves invariant 9
	// out.
	Expected map[string]Expectation
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Expectation is an accepted order as its client knows it.
type Expectation struct {
	// Label names it in messages, such as "line 3 of orders.jsonl".
	Label      string
	CustomerID string
	// Quantities are what was ordered of each product.
	Quantities map[string]int64
}

const (
	defaultPatience = 30 * time.Second
	defaultPause    = 500 * time.Millisecond
	// rereads is how often an order that looks wrong is read again at most.
	rereads = 5
)

// Run verifies a system. The report says whether all invariants hold. An error
// means that no verdict was reached: gatewayclient.Temporary holds for one that
// says that the gateway, or a service behind it, does not answer.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.Pause == 0 {
		cfg.Pause = defaultPause
	}
	if cfg.PageSize == 0 {
		cfg.PageSize = gatewayclient.MaxAuditLimit
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &auditor{
		cfg:    cfg,
		source: &source{gateway: cfg.Gateway, backoff: cfg.Backoff, patience: cfg.Patience, pageSize: cfg.PageSize},
		report: newReport(cfg.Expected != nil),
	}
	began := cfg.Now()
	if err := a.run(ctx); err != nil {
		return nil, err
	}
	a.summarise()
	a.report.OK = len(a.report.broken()) == 0
	a.report.Took = cfg.Now().Sub(began)
	return a.report, nil
}

// auditor is one verification.
type auditor struct {
	cfg    Config
	source *source
	report *Report

	shelves   *shelves
	readModel *readModel
	positions *positions
	tally     tally
	expected  expectations
}

// run reads what must be read first, then every order, then judges what they
// make together.
func (a *auditor) run(ctx context.Context) error {
	checkpoint, err := a.source.checkpoint(ctx)
	if err != nil {
		return err
	}
	head, err := a.source.head(ctx)
	if err != nil {
		return err
	}
	if a.readModel, err = readCounters(ctx, a.source, checkpoint, head); err != nil {
		return err
	}
	if a.shelves, err = readShelves(ctx, a.source); err != nil {
		return err
	}
	a.positions = newPositions(head)
	a.expected = expect(a.cfg.Expected)
	if err := merge(ctx, a.source, checkpoint, func(o *orderRows) error { return a.visit(ctx, o) }); err != nil {
		return err
	}
	if err := a.expected.check(ctx, a.source, a.report); err != nil {
		return err
	}
	if err := a.shelves.check(ctx, a.source, a.report); err != nil {
		return err
	}
	a.readModel.check(a.report)
	return a.positions.check(ctx, a.source, a.report)
}

// visit takes one order as the merged pages show it.
func (a *auditor) visit(ctx context.Context, o *orderRows) error {
	a.shelves.add(o.changes)
	a.positions.add(o.events, a.report)
	if o.id == "" {
		return nil // changes of stock that belong to no order
	}
	o, h, found, err := a.settle(ctx, o)
	if err != nil {
		return err
	}
	for _, breach := range found {
		a.report.breach(breach.invariant, o.id, "%s", breach.detail)
	}
	a.report.settle(o.id, h.settlements())
	a.readModel.add(o, h, a.report)
	a.expected.seen(o, h, a.report)
	a.tally.add(o, h)
	return nil
}

// settle judges an order. One that looks wrong is read again until it looks
// right, or wrong in the same way twice in a row.
func (a *auditor) settle(ctx context.Context, o *orderRows) (*orderRows, *history, []orderBreach, error) {
	h, found, err := a.judge(ctx, o)
	if err != nil || len(found) == 0 {
		return o, h, found, err
	}
	a.report.Reread++
	for attempt := range rereads {
		if err := gatewayclient.Sleep(ctx, a.cfg.Pause); err != nil {
			return nil, nil, nil, err
		}
		before := found
		if o, err = a.source.order(ctx, o.id); err != nil {
			return nil, nil, nil, err
		}
		if h, found, err = a.judge(ctx, o); err != nil {
			return nil, nil, nil, err
		}
		if len(found) == 0 || attempt > 0 && slices.Equal(found, before) {
			break
		}
	}
	return o, h, found, nil
}

// judge asks the gateway about an order that has not ended, and judges it.
func (a *auditor) judge(ctx context.Context, o *orderRows) (h *history, found []orderBreach, err error) {
	replayed := replay(o.events)
	h = &replayed
	if h.intact() && h.end() == "" && !o.standing.asked {
		if o.standing, err = a.source.standing(ctx, o.id); err != nil {
			return nil, nil, err
		}
	}
	return h, judge(o, h, a.cfg.AtRest), nil
}

// Undecided reports whether an error of Run means that something did not answer
// in time, so that a later verification may come to a verdict.
func Undecided(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || gatewayclient.Temporary(err)
}
