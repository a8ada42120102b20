package outside_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

const (
	beforeLookup outsidetest.Point = "before lookup"
	beforeRing   outsidetest.Point = "before ring"
	afterRing    outsidetest.Point = "after ring"
	beforeMute   outsidetest.Point = "before mute"
	afterMute    outsidetest.Point = "after mute"
)

// tower is a provider: it rings a bell once a key, unless the key was muted.
type tower struct {
	mu sync.Mutex
	// bells are by key: the number of the ring, or muted.
	bells map[string]int
	rings int
}

const muted = -1

var errUnknownKey = errors.New("the tower does not know the key")

func (t *tower) lookup(key string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	bell, known := t.bells[key]
	if !known {
		return 0, errUnknownKey
	}
	return bell, nil
}

func (t *tower) ring(key string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bell, known := t.bells[key]; known {
		return bell, nil
	}
	t.rings++
	t.bells[key] = t.rings
	return t.rings, nil
}

func (t *tower) mute(key string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bells[key] = muted
	return muted, nil
}

// ringers is one database and the tower that its processes share.
type ringers struct {
	db    *sqlstore.DB
	tower *tower
}

func each(t *testing.T, suite func(t *testing.T, s ringers)) {
	sqlstoretest.Each(t, []sqlstore.Schema{fence.Schema()}, func(t *testing.T, db *sqlstore.DB) {
		suite(t, ringers{db: db, tower: &tower{bells: map[string]int{}}})
	})
}

// ringer is one process of the service.
type ringer struct {
	ringers
	wire  outsidetest.Wire
	locks fence.Locks
}

func (s ringers) start() *ringer { return &ringer{ringers: s} }

func keyOf(orderID string) fence.Key {
	return fence.Key{OrderID: orderID, Step: "RingBell", Revision: 1}
}

// ring answers which ring of the tower it was.
func (r *ringer) ring(ctx context.Context, key fence.Key) (string, error) {
	return outside.Act(ctx, &r.locks, key, outside.Effect[int, string]{
		Begin: func(ctx context.Context) (seen fence.Seen, err error) {
			err = r.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
				seen, err = fence.Begin(ctx, tx, key, "a body", sqlstore.Now())
				return err
			})
			return seen, err
		},
		Ask: func(_ context.Context, asked bool) (int, error) {
			return outside.Ask(asked, errUnknownKey,
				func() (int, error) {
					return outsidetest.Through(&r.wire, beforeLookup, outsidetest.Unnoticed, func() (int, error) { return r.tower.lookup(key.String()) })
				},
				func() (int, error) {
					return outsidetest.Through(&r.wire, beforeRing, afterRing, func() (int, error) { return r.tower.ring(key.String()) })
				})
		},
		Record: func(ctx context.Context, bell int) (string, error) {
			answer := fmt.Sprintf("ring %d", bell)
			return answer, r.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				if bell == muted {
					return problem.New(problem.AlreadyCompensated, "the bell was muted")
				}
				return fence.Confirm(ctx, tx, key, answer, sqlstore.Now())
			})
		},
		Undo: func(context.Context) error { return r.mute(key) },
	})
}

// undo undoes ring, whether or not it has happened.
func (r *ringer) undo(ctx context.Context, key fence.Key) error {
	err := r.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := fence.Compensate(ctx, tx, key, sqlstore.Now())
		return err
	})
	if err != nil {
		return err
	}
	return r.mute(key)
}

func (r *ringer) mute(key fence.Key) error {
	_, err := outsidetest.Through(&r.wire, beforeMute, afterMute, func() (int, error) { return r.tower.mute(key.String()) })
	return err
}
