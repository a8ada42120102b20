package internal_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal"
	"orderflow/services/shipping/internal/carrier"
	"orderflow/services/shipping/internal/simulator"
)

func TestAnOrderIsShippedOnceAndAnsweredAgain(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		first, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		require.NoError(t, err)
		require.Equal(t, shipping.Accepted, first.Status)
		require.Equal(t, simulator.Name, first.Carrier)
		require.NotEmpty(t, first.TrackingNumber)

		again, err := s.start().Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		require.NoError(t, err)
		require.Equal(t, first, again)
		require.Equal(t, first, requireStatus(t, p, "order-1", shipping.Accepted))
		s.requireLive(t, "order-1", 1)
	})
}

func TestARefusalIsAnsweredAgainAndUndoneWithoutTheCarrier(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		for range 2 {
			_, err := p.Ship(t.Context(), shipOf("order-1", 1, simulator.RefusedPostalCode))
			requireCode(t, problem.ShipmentRefused, err)
			require.Contains(t, err.Error(), "the carrier does not deliver to this postal code")
		}
		_, err := p.Shipment(t.Context(), "order-1")
		requireCode(t, problem.NotFound, err)

		require.NoError(t, p.Cancel(t.Context(), cancelOf("order-1", 1)))
		require.Equal(t, []point{beforeShip, afterShip}, p.wire.Calls)
		require.Equal(t, fence.Compensated, s.fenceState(t, key("order-1", 1)))
		_, err = p.Ship(t.Context(), shipOf("order-1", 1, simulator.RefusedPostalCode))
		requireCode(t, problem.AlreadyCompensated, err)
	})
}

func TestAKeyWithAnotherBodyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		require.NoError(t, err)
		_, err = p.Ship(t.Context(), shipOf("order-1", 1, "E1 6AN"))
		requireCode(t, problem.KeyReused, err)
	})
}

func TestACancellationHappensOnce(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		shipped, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, p.Cancel(t.Context(), cancelOf("order-1", 1)))
		}
		require.Equal(t, []point{beforeShip, afterShip, beforeCancel, afterCancel}, p.wire.Calls)
		cancelled := requireStatus(t, p, "order-1", shipping.Cancelled)
		require.Equal(t, shipped.TrackingNumber, cancelled.TrackingNumber)
		s.requireLive(t, "order-1", 0)
		_, err = p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		requireCode(t, problem.AlreadyCompensated, err)
	})
}

func TestACancellationOfAnUnknownKeyLeavesOnlyATombstone(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		for range 2 {
			require.NoError(t, p.Cancel(t.Context(), cancelOf("order-1", 1)))
		}
		_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		requireCode(t, problem.AlreadyCompensated, err)
		require.Empty(t, p.wire.Calls, "the carrier never hears of it")
		_, err = p.Shipment(t.Context(), "order-1")
		requireCode(t, problem.NotFound, err)
	})
}

func TestAnOrderHasAtMostOneLiveShipment(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.Ship(t.Context(), shipOf("order-1", 1, simulator.RefusedPostalCode))
		requireCode(t, problem.ShipmentRefused, err)
		p.wire.At = outsidetest.FailOnce(afterShip)
		_, err = p.Ship(t.Context(), shipOf("order-1", 2, goodPostalCode))
		requireCode(t, problem.Unavailable, err)
		_, err = p.Ship(t.Context(), shipOf("order-1", 3, goodPostalCode))
		requireCode(t, problem.InFlight, err)
		_, err = p.Ship(t.Context(), shipOf("order-1", 2, goodPostalCode))
		require.NoError(t, err)
		_, err = p.Ship(t.Context(), shipOf("order-1", 3, goodPostalCode))
		requireCode(t, problem.Conflict, err)
		s.requireLive(t, "order-1", 1)

		require.NoError(t, p.Cancel(t.Context(), cancelOf("order-1", 2)))
		_, err = p.Ship(t.Context(), shipOf("order-1", 3, goodPostalCode))
		require.NoError(t, err)
		requireStatus(t, p, "order-1", shipping.Accepted)
		s.requireLive(t, "order-1", 1)
	})
}

// Each row breaks a call at one point, as a crash there would; the same request
// again finishes it.
func TestABrokenShipmentIsFinishedByTheNextOne(t *testing.T) {
	for _, at := range []point{beforeShip, afterShip} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				p.wire.At = outsidetest.FailOnce(at)
				_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				requireCode(t, problem.Unavailable, err)
				require.Equal(t, fence.Tried, s.fenceState(t, key("order-1", 1)))

				restarted := s.start()
				restarted.wire.At = outsidetest.FailOnce(beforeLookup)
				_, err = restarted.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				requireCode(t, problem.Unavailable, err)
				_, err = restarted.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				require.NoError(t, err)
				require.Equal(t, []point{beforeLookup, beforeLookup}, restarted.wire.Calls[:2], "the carrier is asked before it is told again")
				if at == afterShip {
					require.Len(t, restarted.wire.Calls, 2, "what has happened is not sent again")
				}
				s.requireLive(t, "order-1", 1)
			})
		})
	}
}

func TestABrokenCancellationIsFinishedByTheNextOne(t *testing.T) {
	for _, at := range []point{beforeCancel, afterCancel} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				require.NoError(t, err)
				p.wire.At = outsidetest.FailOnce(at)
				requireCode(t, problem.Unavailable, p.Cancel(t.Context(), cancelOf("order-1", 1)))
				requireStatus(t, p, "order-1", shipping.Accepted)

				require.NoError(t, s.start().Cancel(t.Context(), cancelOf("order-1", 1)))
				requireStatus(t, p, "order-1", shipping.Cancelled)
				s.requireLive(t, "order-1", 0)
			})
		})
	}
}

// The answer of the carrier is lost for good: the cancellation finds the
// parcels. What never reached the carrier is no shipment.
func TestACancellationOfAShipmentWithUnknownOutcome(t *testing.T) {
	for at, known := range map[point]bool{beforeShip: false, afterShip: true} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				p.wire.At = outsidetest.FailOnce(at)
				_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				requireCode(t, problem.Unavailable, err)
				require.NoError(t, p.Cancel(t.Context(), cancelOf("order-1", 1)))
				s.requireLive(t, "order-1", 0)
				if !known {
					_, err = p.Shipment(t.Context(), "order-1")
					requireCode(t, problem.NotFound, err)
					return
				}
				require.NotEmpty(t, requireStatus(t, p, "order-1", shipping.Cancelled).TrackingNumber)
			})
		})
	}
}

// Another process undoes a shipment while this one is at the carrier.
func TestAShipmentThatIsUndoneMeanwhileIsCalledOff(t *testing.T) {
	for name, test := range map[string]struct {
		undoneAt point
		undo     func(t *testing.T, other process)
	}{
		"cancelled before it is accepted": {beforeShip, func(t *testing.T, other process) {
			require.NoError(t, other.Cancel(t.Context(), cancelOf("order-1", 1)))
		}},
		"cancelled after it is accepted": {afterShip, func(t *testing.T, other process) {
			require.NoError(t, other.Cancel(t.Context(), cancelOf("order-1", 1)))
		}},
		"cancellation requested, and its process crashed": {afterShip, func(t *testing.T, other process) {
			other.wire.At = outsidetest.FailOnce(beforeCancel)
			requireCode(t, problem.Unavailable, other.Cancel(t.Context(), cancelOf("order-1", 1)))
		}},
		"cancelled, and its process crashed before it could record that": {afterShip, func(t *testing.T, other process) {
			other.wire.At = outsidetest.FailOnce(afterCancel)
			requireCode(t, problem.Unavailable, other.Cancel(t.Context(), cancelOf("order-1", 1)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p, other := s.start(), s.start()
				p.wire.At = func(here point) error {
					if here == test.undoneAt {
						test.undo(t, other)
					}
					return nil
				}
				_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				requireCode(t, problem.AlreadyCompensated, err)
				s.requireLive(t, "order-1", 0)
				require.NoError(t, other.Cancel(t.Context(), cancelOf("order-1", 1)))
				s.requireLive(t, "order-1", 0)
			})
		})
	}
}

// Until the parcels are called off, an undone shipment is not answered as
// undone.
func TestAShipmentThatCannotBeCalledOffIsNotRefusedYet(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p, other := s.start(), s.start()
		p.wire.At = func(here point) error {
			switch here {
			case afterShip:
				other.wire.At = outsidetest.FailOnce(beforeCancel)
				requireCode(t, problem.Unavailable, other.Cancel(t.Context(), cancelOf("order-1", 1)))
			case beforeCancel:
				return outsidetest.ErrBroken
			default:
			}
			return nil
		}
		_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		requireCode(t, problem.Unavailable, err)
		require.NoError(t, other.Cancel(t.Context(), cancelOf("order-1", 1)))
		s.requireLive(t, "order-1", 0)
	})
}

// One that contradicts itself, or has not finished, changes nothing here.
func TestACarrierWhoseAnswerIsNoCancellation(t *testing.T) {
	for name, test := range map[string]struct {
		state carrier.State
		code  problem.Code
	}{
		"still on its way":         {carrier.Accepted, problem.Unavailable},
		"knows of no shipment":     {carrier.Voided, problem.Internal},
		"refused it after all":     {carrier.Refused, problem.Internal},
		"speaks another language":  {"gone", problem.Internal},
		"says nothing about state": {"", problem.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, s shop) {
				p := s.start()
				_, err := p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				require.NoError(t, err)
				post := p.wire.Carrier
				p.wire.Carrier = contradicting{post, carrier.Consignment{State: test.state}}
				requireCode(t, test.code, p.Cancel(t.Context(), cancelOf("order-1", 1)))
				requireStatus(t, p, "order-1", shipping.Accepted)

				p.wire.Carrier = post
				require.NoError(t, p.Cancel(t.Context(), cancelOf("order-1", 1)))
				requireStatus(t, p, "order-1", shipping.Cancelled)
			})
		})
	}
}

// contradicting answers every cancellation with the same outcome.
type contradicting struct {
	internal.Carrier
	outcome carrier.Consignment
}

func (c contradicting) Cancel(context.Context, string) (carrier.Consignment, error) {
	return c.outcome, nil
}

func TestEqualShipmentsAtOnceShipOnce(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		p := s.start()
		var all sync.WaitGroup
		answers := make([]shipping.Shipment, 10)
		for i := range answers {
			all.Go(func() {
				var err error
				answers[i], err = p.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
				assert.NoError(t, err)
			})
		}
		all.Wait()
		for _, answer := range answers {
			require.Equal(t, answers[0], answer)
		}
		require.Equal(t, []point{beforeShip, afterShip}, p.wire.Calls)
	})
}

// Two processes know nothing of each other's locks: fence and carrier decide.
func TestEqualShipmentsAndCancellationsInTwoProcesses(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		for round := range 5 {
			orderID := fmt.Sprintf("order-%d", round)
			var all sync.WaitGroup
			for range 2 {
				p := s.start()
				all.Go(func() {
					_, err := p.Ship(t.Context(), shipOf(orderID, 1, goodPostalCode))
					if err != nil {
						assert.Contains(t, []problem.Code{problem.AlreadyCompensated, problem.InFlight}, problem.CodeOf(err), "%v", err)
					}
				})
				all.Go(func() { assert.NoError(t, p.Cancel(t.Context(), cancelOf(orderID, 1))) })
			}
			all.Wait()
			s.requireLive(t, orderID, 0)
		}
	})
}

// The address is the carrier's business: this service keeps no copy.
func TestTheServiceKeepsNoAddress(t *testing.T) {
	each(t, func(t *testing.T, s shop) {
		_, err := s.start().Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
		require.NoError(t, err)
		var found int
		require.NoError(t, s.db.Reader().QueryRowContext(t.Context(), `
			SELECT COUNT(*) FROM shipment JOIN fence USING (order_id, step, revision)
			WHERE order_id = 'order-1' AND (answer LIKE '%London%' OR tracking_number || carrier || reason LIKE '%London%')`).Scan(&found))
		require.Zero(t, found)
	})
}
