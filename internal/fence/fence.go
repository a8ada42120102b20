package fence

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"orderflow/internal/problem"
)

// State is where a key stands.
type State string

// The states of a key. Unknown has no row.
const (
	Unknown     State = "unknown"
	Tried       State = "tried"
	Confirmed   State = "confirmed"
	Compensated State = "compensated"
)

// Seen is what the fence knew of a key before the call.
type Seen struct {
	State State
	// Answer is the JSON of the first answer; empty unless Confirmed, or
	// Compensated after having been Confirmed.
	Answer json.RawMessage
}

// Act runs a local effect at most once: row and effect commit together in tx.
// It returns the effect's answer, or the first answer when the key was
// confirmed before. The errors are those of Begin, and whatever effect
// returns; after any error the caller rolls tx back.
//
// The row is written once, after the effect, already confirmed: nobody sees
// the state in between. Equal calls at the same moment are kept apart by tx,
// which is serializable: the later one fails, and sqlstore runs it again.
func Act[Answer any](ctx context.Context, tx *sql.Tx, key Key, body any, now time.Time, effect func() (Answer, error)) (Answer, error) {
	var answer Answer
	hash, err := hashOf(body)
	if err != nil {
		return answer, err
	}
	seen, err := admit(ctx, tx, key, hash)
	if err != nil {
		return answer, err
	}
	if seen.State == Confirmed {
		if err := json.Unmarshal(seen.Answer, &answer); err != nil {
			return answer, fmt.Errorf("reading the first answer of %s: %w", key, err)
		}
		return answer, nil
	}
	if answer, err = effect(); err != nil {
		return answer, err
	}
	if seen.State == Tried {
		return answer, Confirm(ctx, tx, key, answer, now)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return answer, fmt.Errorf("writing the answer of %s: %w", key, err)
	}
	return answer, insert(ctx, tx, key, newRow{
		state: Confirmed, bodyHash: hash, answer: string(text), triedAt: now.UnixMicro(), confirmedAt: now.UnixMicro(),
	})
}

// Begin admits an action. Unknown and Tried mean: go on, and Confirm later
// (Tried says that an earlier attempt may have reached a provider, so look
// there by key before sending again). Confirmed means: answer with
// Seen.Answer and do nothing.
//
// Errors: problem.AlreadyCompensated when the key has a tombstone,
// problem.KeyReused when the key was used with another body; both are final.
func Begin(ctx context.Context, tx *sql.Tx, key Key, body any, now time.Time) (Seen, error) {
	hash, err := hashOf(body)
	if err != nil {
		return Seen{}, err
	}
	seen, err := admit(ctx, tx, key, hash)
	if err != nil || seen.State != Unknown {
		return seen, err
	}
	return seen, insert(ctx, tx, key, newRow{state: Tried, bodyHash: hash, triedAt: now.UnixMicro()})
}

// admit returns what is known of a key, or why no action may use it.
func admit(ctx context.Context, tx *sql.Tx, key Key, hash string) (Seen, error) {
	row, err := load(ctx, tx, key)
	switch {
	case err != nil:
		return Seen{}, err
	case row.State == Compensated:
		return Seen{}, problem.Newf(problem.AlreadyCompensated, "step %s of this order has already been undone", key.Step)
	case row.State != Unknown && row.bodyHash != hash:
		return Seen{}, problem.Newf(problem.KeyReused, "step %s of this order was requested before with another body", key.Step)
	default:
		return row.Seen, nil
	}
}

// Confirm records that the effect has happened and what was answered. The key
// must have been admitted by Begin, in this transaction or in one before it.
//
// Another call may have come between Begin and Confirm; the effect must then
// not be recorded, so the caller rolls tx back. problem.AlreadyCompensated
// says that the key was undone meanwhile, which is final. problem.InFlight
// says that an equal call (in another process, Locks keeps them apart in this
// one) was confirmed first: the same call again gets the first answer.
func Confirm(ctx context.Context, tx *sql.Tx, key Key, answer any, now time.Time) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("writing the answer of %s: %w", key, err)
	}
	row, err := load(ctx, tx, key)
	if err != nil {
		return err
	}
	switch row.State {
	case Tried:
	case Confirmed:
		return problem.Newf(problem.InFlight, "step %s of this order was done by an equal request meanwhile", key.Step)
	case Compensated:
		return problem.Newf(problem.AlreadyCompensated, "step %s of this order was undone meanwhile", key.Step)
	default:
		return fmt.Errorf("confirming %s: the key was never begun", key)
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE fence SET state = 'confirmed', answer = $4, confirmed_at = $5
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		key.OrderID, key.Step, key.Revision, string(text), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("confirming %s: %w", key, err)
	}
	return nil
}

// Compensate closes the key for good and returns what it was before. The
// caller undoes the effect in the same transaction when it was Confirmed,
// looks at the provider when it was Tried, and has nothing to do when it was
// Unknown (the row is now a tombstone) or already Compensated.
func Compensate(ctx context.Context, tx *sql.Tx, key Key, now time.Time) (Seen, error) {
	row, err := load(ctx, tx, key)
	if err != nil {
		return Seen{}, err
	}
	if row.State == Compensated {
		return row.Seen, nil
	}
	if row.State == Unknown {
		return row.Seen, insert(ctx, tx, key, newRow{state: Compensated, compensatedAt: now.UnixMicro()})
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE fence SET state = 'compensated', compensated_at = $4
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		key.OrderID, key.Step, key.Revision, now.UnixMicro())
	if err != nil {
		return Seen{}, fmt.Errorf("compensating %s: %w", key, err)
	}
	return row.Seen, nil
}
