package fence

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// newRow is a row to be written. Times are microseconds, 0 for never.
type newRow struct {
	state                               State
	bodyHash, answer                    string
	triedAt, confirmedAt, compensatedAt int64
}

func insert(ctx context.Context, tx *sql.Tx, key Key, n newRow) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		key.OrderID, key.Step, key.Revision, string(n.state), n.bodyHash, n.answer, n.triedAt, n.confirmedAt, n.compensatedAt)
	if err != nil {
		return fmt.Errorf("recording %s as %s: %w", key, n.state, err)
	}
	return nil
}

type row struct {
	Seen
	bodyHash string
}

func load(ctx context.Context, tx *sql.Tx, key Key) (row, error) {
	var state, answer, hash string
	err := tx.QueryRowContext(ctx, `
		SELECT state, answer, body_hash FROM fence
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		key.OrderID, key.Step, key.Revision).Scan(&state, &answer, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return row{Seen: Seen{State: Unknown}}, nil
	}
	if err != nil {
		return row{}, fmt.Errorf("reading the fence of %s: %w", key, err)
	}
	return row{Seen: Seen{State: State(state), Answer: json.RawMessage(answer)}, bodyHash: hash}, nil
}
