package internal_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal/carrier"
	"orderflow/services/shipping/internal/simulator"
)

// Any sequence of shipments and cancellations over the revisions of one order,
// by two processes, repeated, reordered, broken at any point of the carrier's
// wire and overtaken there by the other process, keeps at most one consignment
// on its way, and agrees with the carrier once each request has been repeated.
func TestAtMostOneShipmentWhateverHappens(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		var runs atomic.Int64
		rapid.Check(t, func(t *rapid.T) {
			run := &run{
				shop: s, orderID: fmt.Sprintf("order-%d", runs.Add(1)), processes: []process{s.start(), s.start()},
				shipped: map[int]shipping.ShipRequest{}, answered: map[int]bool{}, cancelled: map[int]bool{},
			}
			t.Repeat(map[string]func(*rapid.T){
				"ship":   func(t *rapid.T) { run.ship(t, run.process(t), run.meanwhile(t)) },
				"cancel": func(t *rapid.T) { run.cancel(t, run.process(t), run.meanwhile(t)) },
				"":       run.check,
			})
			run.heal(t)
		})
	})
}

// run is one order and what was done for it, by revision.
type run struct {
	shop
	orderID   string
	processes []process

	shipped   map[int]shipping.ShipRequest // the first request
	answered  map[int]bool                 // accepted, as far as the caller knows
	cancelled map[int]bool                 // a cancellation was sent; true when it was answered
}

func (r *run) process(t *rapid.T) process {
	return rapid.SampledFrom(r.processes).Draw(t, "process")
}

// meanwhile draws what happens at each point of the wire.
func (r *run) meanwhile(t *rapid.T) func(point) error {
	return outsidetest.Meanwhile(t, map[string]func(func(point) error){
		"ship":   func(breaks func(point) error) { r.ship(t, r.start(), breaks) },
		"cancel": func(breaks func(point) error) { r.cancel(t, r.start(), breaks) },
	})
}

func (r *run) ship(t *rapid.T, p process, meanwhile func(point) error) {
	revision := rapid.IntRange(1, 3).Draw(t, "revision")
	request, repeated := r.shipped[revision]
	if !repeated {
		postalCode := rapid.SampledFrom([]string{goodPostalCode, goodPostalCode, simulator.RefusedPostalCode}).Draw(t, "postal code")
		request = shipOf(r.orderID, revision, postalCode)
		r.shipped[revision] = request
	}
	r.send(t, p, meanwhile, request)
}

func (r *run) send(t *rapid.T, p process, meanwhile func(point) error, request shipping.ShipRequest) {
	p.wire.At = meanwhile
	answer, err := p.Ship(context.Background(), request)
	if err == nil {
		require.Equal(t, shipping.Accepted, answer.Status)
		r.answered[request.Key.Revision] = true
		return
	}
	require.Contains(t, []problem.Code{
		problem.ShipmentRefused, problem.AlreadyCompensated, problem.Conflict, problem.InFlight, problem.Unavailable,
	}, problem.CodeOf(err), "%v", err)
}

func (r *run) cancel(t *rapid.T, p process, meanwhile func(point) error) {
	revision := rapid.IntRange(1, 3).Draw(t, "revision")
	if _, sent := r.cancelled[revision]; !sent {
		r.cancelled[revision] = false
	}
	p.wire.At = meanwhile
	err := p.Cancel(context.Background(), cancelOf(r.orderID, revision))
	if err == nil {
		r.cancelled[revision] = true
		return
	}
	require.Equal(t, problem.Unavailable, problem.CodeOf(err), "%v", err)
}

// check is what holds at every instant.
func (r *run) check(t *rapid.T) {
	live, err := r.post.Live(context.Background(), r.orderID)
	require.NoError(t, err)
	require.LessOrEqual(t, live, 1, "at most one live shipment an order")
	for revision, settled := range r.cancelled {
		if settled {
			require.NotEqual(t, carrier.Accepted, r.atCarrier(revision), "no effect after its tombstone")
		}
	}
	for revision := range r.answered {
		if _, undone := r.cancelled[revision]; !undone {
			require.Equal(t, carrier.Accepted, r.atCarrier(revision), "what was answered has happened")
		}
	}
}

func (r *run) atCarrier(revision int) carrier.State {
	consignment, err := r.post.Lookup(context.Background(), key(r.orderID, revision).String())
	if err != nil {
		return ""
	}
	return consignment.State
}

// heal repeats each request over a wire that holds, as the saga would, and
// compares what the service says with what the carrier says.
func (r *run) heal(t *rapid.T) {
	ctx := context.Background()
	healthy := r.start()
	for _, revision := range slices.Sorted(maps.Keys(r.cancelled)) {
		require.NoError(t, healthy.Cancel(ctx, cancelOf(r.orderID, revision)))
		r.cancelled[revision] = true
	}
	for _, revision := range slices.Sorted(maps.Keys(r.shipped)) {
		if _, undone := r.cancelled[revision]; !undone {
			r.send(t, healthy, nil, r.shipped[revision])
		}
	}
	r.check(t)

	states := map[carrier.State]int{}
	for revision := range r.shipped {
		states[r.atCarrier(revision)]++
	}
	found, err := healthy.Shipment(ctx, r.orderID)
	switch {
	case states[carrier.Accepted] > 0:
		require.NoError(t, err)
		require.Equal(t, shipping.Accepted, found.Status)
	case states[carrier.Cancelled] > 0:
		require.NoError(t, err)
		require.Equal(t, shipping.Cancelled, found.Status)
	default:
		require.Equal(t, problem.NotFound, problem.CodeOf(err))
	}
}
