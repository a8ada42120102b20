// Package fence makes each effect of a saga step happen at most once and be
// undone at most once, even when the undo arrives first.
//
// Every service that has effects keeps one row per Key in the same
// transaction as the effect itself. The row knows three states: tried (an
// effect outside the database may have happened), confirmed, compensated.
// From that follow the rules which a retrying, crashing, reordering caller
// needs:
//
//   - An equal action again gets the first answer again and has no effect.
//   - An equal key with another body is refused (problem.KeyReused).
//   - Compensating a key that was never seen succeeds and leaves a tombstone.
//   - An action that meets its tombstone is refused (problem.AlreadyCompensated).
//   - A business refusal rolls the row back: nothing happened, and the same
//     key may be tried again.
//
// The name and the idea are those of the fencing token and of the "null
// compensation, hanging prevention" rules of the Try-Confirm/Cancel protocol.
//
// It is not a lock service and not a cache of HTTP answers: the gateway's
// Idempotency-Key is another thing.
package fence
