// Package outside carries an effect out at a company outside, such as a payment
// provider or a carrier, at most once a key.
//
// No transaction can span both, and none may stay open while the provider is
// asked. So an effect is two transactions with the provider between them: the
// first records under the key that the provider may now be asked (fence.Begin),
// the second records its answer (fence.Confirm). Whatever breaks on the way, the
// same call again goes on from what the provider knows of the key. This is the
// Idempotent Receiver (Hohpe and Woolf, Enterprise Integration Patterns) at both
// ends of the wire.
//
// Effects in the service's own database need none of this: see fence.Act. How
// an effect is undone is each service's own business.
package outside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
)

// Effect is what Act does for one key, in the order of the fields. Outcome is
// what the provider says, Answer what the service says, which the fence keeps.
type Effect[Outcome, Answer any] struct {
	// Begin is the first transaction. It calls fence.Begin and, for a key that
	// was never seen, records the effect as pending or refuses it.
	Begin func(ctx context.Context) (fence.Seen, error)
	// Ask has the provider do it, without a transaction. asked says that an
	// earlier attempt may have reached the provider: see the function Ask.
	Ask func(ctx context.Context, asked bool) (Outcome, error)
	// Record is the second transaction. It stores the outcome and calls
	// fence.Confirm with the answer that it returns. An effect that was undone
	// while the provider was asked is refused: problem.AlreadyCompensated.
	Record func(ctx context.Context, outcome Outcome) (Answer, error)
	// Undo brings an undone effect to its end at the provider. It may be
	// repeated.
	Undo func(ctx context.Context) error
}

// Act carries the effect out and returns its answer. The same call again gets
// the first answer again. The errors are those of the effect's functions; after
// any but a final one, the same call again goes on where this one stopped.
//
// An effect that was undone while the provider was asked may have come to the
// provider after its undoing, which has then found nothing. So Act undoes it
// again, and says problem.AlreadyCompensated only when that has succeeded.
func Act[Outcome, Answer any](ctx context.Context, locks *fence.Locks, key fence.Key, effect Effect[Outcome, Answer]) (Answer, error) {
	var none Answer
	release, err := locks.Lock(ctx, key)
	if err != nil {
		return none, err
	}
	defer release()

	seen, err := effect.Begin(ctx)
	if err != nil {
		return none, err
	}
	if seen.State == fence.Confirmed {
		return firstAnswer[Answer](key, seen)
	}
	outcome, err := effect.Ask(ctx, seen.State == fence.Tried)
	if err != nil {
		return none, err
	}
	answer, err := effect.Record(ctx, outcome)
	if problem.CodeOf(err) == problem.AlreadyCompensated {
		if unfinished := effect.Undo(ctx); unfinished != nil {
			return none, unfinished
		}
	}
	if err != nil {
		return none, err
	}
	return answer, nil
}

func firstAnswer[Answer any](key fence.Key, seen fence.Seen) (answer Answer, err error) {
	if err := json.Unmarshal(seen.Answer, &answer); err != nil {
		return answer, fmt.Errorf("reading the first answer of %s: %w", key, err)
	}
	return answer, nil
}

// Ask sends a request to a provider, unless the provider has had it before: one
// that was asked, or may have been, is looked up by its key first. The
// provider's own idempotency key is not enough for that, since a real provider
// forgets those, some after a day, sooner than what was done under them.
//
// lookup returns errUnknown when the provider does not know the key. The errors
// are those of lookup and send. Any that does not say otherwise means that the
// outcome is unknown.
func Ask[Outcome any](asked bool, errUnknown error, lookup, send func() (Outcome, error)) (Outcome, error) {
	if asked {
		known, err := lookup()
		if !errors.Is(err, errUnknown) {
			return known, err
		}
	}
	return send()
}
