package workflows

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/workflows/contract"
)

// reconciler is nil; see the activities of PlaceOrder.
var reconciler *activities.Reconciliation

const (
	// pagesOfRun bounds the history of one run; the next one goes on.
	pagesOfRun = 50
	// lookTimeout bounds the look at one page, and at one order.
	lookTimeout = 2 * time.Minute
	// lookAttempts is few: the next round looks again.
	lookAttempts = 3
)

// overlap is how far a round goes back behind the end of the one before: what
// was written then may have become visible only since. Temporal's visibility
// store lags behind by more than the services, whose clocks may differ.
func overlap(source contract.Source) time.Duration {
	if source == contract.SourceClosed {
		return 10 * time.Minute
	}
	return time.Minute
}

// Reconcile looks for orders that no workflow takes to their end, and starts a
// recovery of each: workflows that were terminated or timed out, orders whose
// workflow is lost, and what the services still have for an order that has
// ended otherwise or does not exist.
//
// It only looks and starts; the recovery itself is a run of PlaceOrder. It
// holds nothing, so it may be ended at any time. A source that does not answer
// is left for the next round, which begins where this one has ended: a
// schedule hands the last result to the next run.
func Reconcile(ctx workflow.Context, in contract.ReconcileInput) (contract.ReconcileResult, error) {
	r := newRound(ctx, in)
	for pages := 0; ; pages++ {
		source, more := r.source()
		switch {
		case !more:
			return contract.ReconcileResult{StartedAt: r.StartedAt, Sources: r.Reports}, nil
		case pages == pagesOfRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested():
			in.Resume = &r.ReconcileState
			return contract.ReconcileResult{}, workflow.NewContinueAsNewError(ctx, contract.Reconcile, in)
		}
		if err := r.look(ctx, source); err != nil {
			return contract.ReconcileResult{}, err
		}
		workflow.SetCurrentDetails(ctx, r.markdown())
	}
}

// round is one look at all sources. It may take several runs.
type round struct {
	contract.ReconcileState
	grace time.Duration
}

func newRound(ctx workflow.Context, in contract.ReconcileInput) *round {
	if in.Resume != nil {
		return &round{ReconcileState: *in.Resume, grace: in.Grace}
	}
	r := &round{grace: in.Grace}
	r.StartedAt = workflow.Now(ctx)
	r.Before = lastRound(ctx).Sources
	return r
}

// lastRound returns the result of the round before. It is empty when there was
// none, or none that can be read: its key may be gone, which to an order's
// workflow is a panic that waits for the key. A round looks at everything then.
func lastRound(ctx workflow.Context) (last contract.ReconcileResult) {
	warn := func(why any) {
		workflow.GetLogger(ctx).Warn("The result of the last round cannot be read: everything is looked at", "error", why)
		last = contract.ReconcileResult{}
	}
	defer func() {
		if missingKey := recover(); missingKey != nil {
			warn(missingKey)
		}
	}()
	if workflow.HasLastCompletionResult(ctx) {
		if err := workflow.GetLastCompletionResult(ctx, &last); err != nil {
			warn(err)
		}
	}
	return last
}

// source is where to look next; more is false after the last one.
func (r *round) source() (source contract.Source, more bool) {
	begun := len(r.Reports)
	if r.Cursor != "" {
		return r.Reports[begun-1].Source, true
	}
	if begun == len(contract.Sources()) {
		return "", false
	}
	source = contract.Sources()[begun]
	r.Reports = append(r.Reports, contract.SourceReport{Source: source, Through: r.before(source)})
	return source, true
}

// before is how far the rounds before have come with a source.
func (r *round) before(source contract.Source) time.Time {
	for _, report := range r.Before {
		if report.Source == source {
			return report.Through
		}
	}
	return time.Time{}
}

// until is the end of what a round looks at.
func (r *round) until(source contract.Source) time.Time {
	if source == contract.SourceClosed {
		return r.StartedAt.Add(-contract.ClosedGrace)
	}
	return r.StartedAt.Add(-r.grace)
}

// look looks at one page of a source and decides about the suspects on it. Its
// error says that the run was cancelled.
func (r *round) look(ctx workflow.Context, source contract.Source) error {
	request := contract.SuspectsRequest{Source: source, Before: r.until(source), Cursor: r.Cursor}
	if through := r.before(source); source.ByTime() && !through.IsZero() {
		request.Since = through.Add(-overlap(source))
	}
	report := &r.Reports[len(r.Reports)-1]
	r.Cursor = ""
	var page contract.Suspects
	if err := ask(ctx, "Look at "+string(source), reconciler.FindSuspects, request).Get(ctx, &page); err != nil {
		if ctx.Err() != nil {
			return err
		}
		report.Unread = explain(err)
		workflow.GetLogger(ctx).Warn("A source is left for the next round", "source", source, "error", err)
		return nil
	}
	report.Looked += page.Looked
	if err := decide(ctx, report, page.Orders); err != nil {
		return err
	}
	report.LeftAlone = report.Looked - report.Recovered - report.Undecided - report.InNeed
	if r.Cursor = page.Next; r.Cursor == "" && source.ByTime() && report.Undecided == 0 {
		report.Through = r.until(source)
	}
	return nil
}

// decide decides about all suspects of a page at once; as many as the worker
// has slots for go on at a time.
func decide(ctx workflow.Context, report *contract.SourceReport, suspects []contract.Suspect) error {
	decisions := make([]workflow.Future, len(suspects))
	for i, suspect := range suspects {
		decisions[i] = ask(ctx, "Decide about "+suspect.OrderID, reconciler.RecoverOrder, suspect)
	}
	for i, pending := range decisions {
		var decision contract.Decision
		switch err := pending.Get(ctx, &decision); {
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case err != nil:
			report.Undecided++
		case decision.Recovered:
			report.Recovered++
		case decision.InNeed:
			if report.InNeed++; len(report.Named) < contract.MostNamed {
				report.Named = append(report.Named, suspects[i].OrderID)
			}
		}
	}
	return nil
}

func ask(ctx workflow.Context, summary string, activity, request any) workflow.Future {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:           contract.QueueOrders,
		StartToCloseTimeout: lookTimeout,
		Summary:             summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second, MaximumAttempts: lookAttempts,
		},
	}), activity, request)
}

// markdown is the round so far, for the Temporal UI.
func (r *round) markdown() string {
	var table strings.Builder
	table.WriteString("| Source | Looked at | Recovered | Left alone | Undecided | In need |\n|---|---:|---:|---:|---:|---:|\n")
	for _, report := range r.Reports {
		table.WriteString("| " + string(report.Source) + " |")
		for _, figure := range []int{report.Looked, report.Recovered, report.LeftAlone, report.Undecided, report.InNeed} {
			table.WriteString(" " + strconv.Itoa(figure) + " |")
		}
		if len(report.Named) > 0 {
			table.WriteString(" " + strings.Join(report.Named, ", "))
		}
		if report.Unread != "" {
			table.WriteString(" not read: " + cell(report.Unread))
		}
		table.WriteString("\n")
	}
	return table.String()
}
