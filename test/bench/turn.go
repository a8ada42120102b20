package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"
)

// turn is what was measured of one side at once.
type turn struct {
	orders int
	took   time.Duration
	// accepted is how long each order waited for its acceptance, ended how long
	// from there to its end.
	accepted, ended []time.Duration
	// cpu is what each process used, by name.
	cpu map[string]time.Duration
	// elsewhere is the share of the machine that others used.
	elsewhere float64
}

// perSecond is the orders that were brought to their end in a second.
func (t turn) perSecond() float64 { return float64(t.orders) / t.took.Seconds() }

// measure keeps so many orders outstanding until all have ended. An order that
// does not ship is an error.
func (s side) measure(ctx context.Context, orders, outstanding int) (turn, error) {
	before, err := s.system.usage()
	if err != nil {
		return turn{}, err
	}
	began := time.Now()
	results, err := s.work(ctx, min(orders, outstanding), func(number int) bool { return number < orders })
	took := time.Since(began)
	if err != nil {
		return turn{}, err
	}
	after, err := s.system.usage()
	if err != nil {
		return turn{}, err
	}
	t := turn{orders: orders, took: took}
	for _, result := range results {
		t.accepted, t.ended = append(t.accepted, result.accepted), append(t.ended, result.ended)
	}
	t.cpu, t.elsewhere = after.since(before)
	return t, nil
}

// lead is what goes before a turn at saturation and is not counted. An attempt's
// timeout is a timer, which Temporal works off when it is due, long after the
// attempt has ended: without a lead, a turn would pay for the one before it and
// leave its own to the next. With one that is as long as the timeout, each pays
// for its own.
func (s side) lead(ctx context.Context, lasts time.Duration, outstanding int) error {
	ends := time.Now().Add(lasts)
	_, err := s.work(ctx, outstanding, func(int) bool { return time.Now().Before(ends) })
	return err
}

// work keeps so many orders outstanding for as long as there are more. The
// numbers count from 0.
func (s side) work(ctx context.Context, outstanding int, more func(number int) bool) ([]lived, error) {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	var next atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	results := make([][]lived, outstanding)
	for buyer := range results {
		work.Go(func() error {
			for number := int(next.Add(1)) - 1; more(number); number = int(next.Add(1)) - 1 {
				result, err := s.live(ctx, number)
				if err != nil {
					return fmt.Errorf("%s, order %d: %w", s.name, number, err)
				}
				results[buyer] = append(results[buyer], result)
			}
			return nil
		})
	}
	err := work.Wait()
	return slices.Concat(results...), err
}

// lived is what one order took.
type lived struct{ accepted, ended time.Duration }

func (s side) live(ctx context.Context, number int) (lived, error) {
	began := time.Now()
	workflowID, err := s.begin(ctx, number)
	accepted := time.Now()
	if err != nil {
		return lived{}, err
	}
	err = s.temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, nil)
	return lived{accepted: accepted.Sub(began), ended: time.Since(accepted)}, err
}

// history is what Temporal keeps of one piece of work.
type history struct {
	events, bytes int64
}

func (s side) history(ctx context.Context) (history, error) {
	workflowID, err := s.begin(ctx, 0)
	if err != nil {
		return history{}, err
	}
	if err := s.temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, nil); err != nil {
		return history{}, fmt.Errorf("%s: %w", s.name, err)
	}
	return describe(ctx, s.temporal, workflowID)
}

func describe(ctx context.Context, temporal client.Client, workflowID string) (history, error) {
	described, err := temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return history{}, fmt.Errorf("describing %s: %w", workflowID, err)
	}
	info := described.GetWorkflowExecutionInfo()
	return history{events: info.GetHistoryLength(), bytes: info.GetHistorySizeBytes()}, nil
}

// inTurn gives each side its turn in each round. Every other round goes the
// other way round, so that whoever gets slower with time is not always last.
func inTurn(rounds int, sides []side, visit func(round int, s side) error) error {
	for round := range rounds {
		order := slices.Clone(sides)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, s := range order {
			if err := visit(round, s); err != nil {
				return err
			}
		}
	}
	return nil
}
