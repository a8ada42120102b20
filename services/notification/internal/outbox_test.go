package internal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/notification"
	"orderflow/services/notification/internal/sink"
)

var errDown = errors.New("mail server is down")

func TestAMessageIsQueuedThenDelivered(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		require.Equal(t, 1, *o.woken)
		found, err := o.Notifications(t.Context(), "order-1")
		require.NoError(t, err)
		require.Equal(t, []notification.Notification{{
			OrderID: "order-1", CustomerID: "cust-ada", Template: notification.OrderShipped,
			Status: notification.Queued, QueuedAt: o.clock.now(),
		}}, found)

		var got sink.Message
		o.mailbox.deliver = func(m sink.Message) error { got = m; return nil }
		require.False(t, o.runOnce(t))
		require.Equal(t, sink.Message{
			ID: "order-1/NotifyCustomer/1", OrderID: "order-1", CustomerID: "cust-ada", Template: "order-shipped",
			TrackingNumber: "SP1", QueuedAt: o.clock.now(),
		}, got)
		o.requireOne(t, "order-1", notification.Delivered, 1)
		require.Equal(t, []string{"delivered "}, o.outcomes(t, "order-1"))

		o.clock.advance(24 * time.Hour)
		o.runOnce(t)
		require.Len(t, o.mailbox.got, 1, "what is delivered stays delivered")
	})
}

func TestAnEqualMessageIsQueuedOnce(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1", "order-1")
		o.requireOne(t, "order-1", notification.Queued, 0)
		other := shipped("order-1")
		other.TrackingNumber = "SP2"
		require.Equal(t, problem.KeyReused, problem.CodeOf(o.Notify(t.Context(), other)))
		o.requireOne(t, "order-1", notification.Queued, 0)
	})
}

func TestAFailedMessageIsTriedAgainWithGrowingPauses(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.mailbox.deliver = func(sink.Message) error { return errDown }
		o.notify(t, "order-1")
		second := time.Second
		for i, pause := range []time.Duration{
			1 * second, 2 * second, 4 * second, 8 * second, 16 * second, 32 * second, 64 * second, 128 * second,
			256 * second, 512 * second, 600 * second, 600 * second,
		} {
			o.runOnce(t)
			o.requireOne(t, "order-1", notification.Queued, i+1)
			o.clock.advance(pause - time.Microsecond)
			o.runOnce(t)
			o.requireOne(t, "order-1", notification.Queued, i+1)
			o.clock.advance(time.Microsecond)
		}
		o.mailbox.deliver = nil
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Delivered, 13)
		require.Equal(t, append(slices.Repeat([]string{"failed mail server is down"}, 12), "delivered "), o.outcomes(t, "order-1"))
	})
}

func TestOneBadMessageHoldsUpNoOther(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1", "order-2", "order-3")
		o.mailbox.deliver = func(m sink.Message) error {
			if m.OrderID == "order-2" {
				return errDown
			}
			return nil
		}
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Delivered, 1)
		o.requireOne(t, "order-2", notification.Queued, 1)
		o.requireOne(t, "order-3", notification.Delivered, 1)
	})
}

func TestASinkThatLeavesMessagesOutIsNotBelieved(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		o.Deliverer = o.over(lazy{})
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Queued, 1)
	})
}

// lazy takes nothing and says nothing.
type lazy struct{}

func (lazy) Deliver(context.Context, []sink.Message) []error { return nil }

// The process ends between delivery and its record: the message comes again
// once the attempt counts as lost, under the same ID.
func TestALostAttemptIsMadeAgain(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		require.Panics(t, func() { _, _ = o.over(crash{o.mailbox}).RunOnce(t.Context()) })
		require.Len(t, o.mailbox.got, 1)
		o.requireOne(t, "order-1", notification.Queued, 1)

		o.clock.advance(time.Minute - time.Microsecond)
		o.runOnce(t)
		require.Len(t, o.mailbox.got, 1, "the first attempt may still be under way")
		o.clock.advance(time.Microsecond)
		o.runOnce(t)
		require.Equal(t, []string{"order-1/NotifyCustomer/1", "order-1/NotifyCustomer/1"}, o.mailbox.got)
		o.requireOne(t, "order-1", notification.Delivered, 2)
		require.Equal(t, []string{"started ", "delivered "}, o.outcomes(t, "order-1"))
	})
}

// crash delivers, and ends the process before anybody hears of it.
type crash struct{ *mailbox }

func (c crash) Deliver(ctx context.Context, messages []sink.Message) []error {
	c.mailbox.Deliver(ctx, messages)
	panic("the process ends")
}

// The process is asked to end during a batch: what was delivered is recorded,
// and what had no turn is due again without an attempt.
func TestTheEndOfTheProcessLosesNoResult(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1", "order-2", "order-3")
		ctx, stop := context.WithCancel(t.Context())
		o.mailbox.deliver = func(m sink.Message) error {
			switch m.OrderID {
			case "order-1":
				stop()
				return nil
			case "order-2":
				return errDown
			}
			return sink.ErrNotTried
		}
		_, err := o.RunOnce(ctx)
		require.NoError(t, err)
		o.requireOne(t, "order-1", notification.Delivered, 1)
		o.requireOne(t, "order-2", notification.Queued, 1)
		o.requireOne(t, "order-3", notification.Queued, 0)
		require.Empty(t, o.outcomes(t, "order-3"))

		o.mailbox.deliver = nil
		o.runOnce(t)
		o.requireOne(t, "order-3", notification.Delivered, 1)
		require.Equal(t, []string{"delivered "}, o.outcomes(t, "order-3"))
		o.requireOne(t, "order-2", notification.Queued, 1)
	})
}

// An attempt that was not made, but counted as lost before that was recorded,
// leaves the one that was made instead alone.
func TestALateWithdrawalOfALostAttempt(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		o.mailbox.deliver = func(sink.Message) error {
			o.clock.advance(2 * time.Minute)
			second := o.over(&mailbox{deliver: func(sink.Message) error { return errDown }})
			_, err := second.RunOnce(t.Context())
			require.NoError(t, err)
			return sink.ErrNotTried
		}
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Queued, 2)
		require.Equal(t, []string{"started ", "failed mail server is down"}, o.outcomes(t, "order-1"))
	})
}

func TestARefusedMessageIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1", "order-2", "order-3")
		o.mailbox.deliver = func(m sink.Message) error {
			switch m.OrderID {
			case "order-1":
				return &sink.RefusedError{Err: errors.New("no such mailbox")}
			case "order-2":
				return errDown
			}
			return nil
		}
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Failed, 1)
		o.requireOne(t, "order-2", notification.Queued, 1)
		o.requireOne(t, "order-3", notification.Delivered, 1)
		require.Equal(t, []string{"failed refused for good: no such mailbox"}, o.outcomes(t, "order-1"))

		o.mailbox.deliver = nil
		o.clock.advance(24 * time.Hour)
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Failed, 1)
		o.requireOne(t, "order-2", notification.Delivered, 2)

		given := o.logs.FilterMessage("message given up").All()
		require.Len(t, given, 1)
		require.Equal(t, map[string]any{
			"orderId": "order-1", "attempt": int64(1), "error": "refused for good: no such mailbox",
		}, given[0].ContextMap())
	})
}

// An attempt that counted as lost, but was delivered, is the better knowledge.
func TestALateDeliveryOfAMessageThatWasGivenUp(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		o.mailbox.deliver = func(sink.Message) error {
			o.clock.advance(2 * time.Minute)
			second := o.over(&mailbox{deliver: func(sink.Message) error { return &sink.RefusedError{Err: errDown} }})
			_, err := second.RunOnce(t.Context())
			require.NoError(t, err)
			o.requireOne(t, "order-1", notification.Failed, 2)
			return nil
		}
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Delivered, 2)
	})
}

// A refusal that comes late does not end the attempt that is under way.
func TestALateRefusalOfALostAttempt(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		o.mailbox.deliver = func(sink.Message) error {
			o.clock.advance(2 * time.Minute)
			second := o.over(&mailbox{deliver: func(sink.Message) error { return errDown }})
			_, err := second.RunOnce(t.Context())
			require.NoError(t, err)
			return &sink.RefusedError{Err: errDown}
		}
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Queued, 2)
	})
}

func TestTheSinkHasLessTimeThanAnAttempt(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		var left time.Duration
		_, err := o.over(deadline(func(d time.Time) { left = time.Until(d) })).RunOnce(t.Context())
		require.NoError(t, err)
		require.InDelta(t, 45, left.Seconds(), 5)
	})
}

// deadline is a sink that looks at its time.
type deadline func(time.Time)

func (d deadline) Deliver(ctx context.Context, messages []sink.Message) []error {
	end, _ := ctx.Deadline()
	d(end)
	return make([]error, len(messages))
}

// An attempt that counted as lost, but ends at last, does not touch the one
// that was made instead.
func TestALateEndOfALostAttempt(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1")
		slow := o.mailbox
		slow.deliver = func(sink.Message) error {
			o.clock.advance(2 * time.Minute)
			second := o.over(&mailbox{deliver: func(sink.Message) error { return errDown }})
			_, err := second.RunOnce(t.Context())
			require.NoError(t, err)
			o.clock.advance(-time.Minute)
			return errDown
		}
		o.runOnce(t)
		o.requireOne(t, "order-1", notification.Queued, 2)
		require.Equal(t, []string{"failed mail server is down", "failed mail server is down"}, o.outcomes(t, "order-1"))

		slow.deliver = nil
		o.clock.advance(time.Minute + 2*time.Second - time.Microsecond)
		o.runOnce(t)
		require.Empty(t, slow.got, "the second attempt's pause counts")
		o.clock.advance(time.Microsecond)
		o.runOnce(t)
		require.Len(t, slow.got, 1)
	})
}

func TestManyMessagesAreDeliveredInBatches(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		for i := range 101 {
			o.notify(t, fmt.Sprintf("order-%03d", i))
			o.clock.advance(time.Microsecond)
		}
		require.True(t, o.runOnce(t), "more than a batch is due")
		require.Len(t, o.mailbox.got, 100)
		require.True(t, slices.IsSorted(o.mailbox.got), "those that wait longest come first")
		require.False(t, o.runOnce(t))
		require.Len(t, o.mailbox.got, 101)
	})
}

func TestSeveralDeliverersShareTheMessages(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		const messages = 50
		for i := range messages {
			o.notify(t, fmt.Sprintf("order-%d", i))
		}
		var all sync.WaitGroup
		for range 4 {
			other := o.over(o.mailbox)
			all.Go(func() {
				_, err := other.RunOnce(t.Context())
				assert.NoError(t, err)
			})
		}
		all.Wait()
		require.Len(t, o.mailbox.got, messages)
		slices.Sort(o.mailbox.got)
		require.Len(t, slices.Compact(o.mailbox.got), messages, "no message twice")
	})
}

func TestLogsTellOrdersButNotCustomers(t *testing.T) {
	each(t, func(t *testing.T, o outbox) {
		o.notify(t, "order-1", "order-2")
		o.mailbox.deliver = func(sink.Message) error { return errDown }
		o.runOnce(t)
		require.Equal(t, 1, o.logs.Len(), "one line a batch")
		entry := o.logs.All()[0]
		require.Equal(t, map[string]any{
			"messages": int64(2), "orderId": "order-1", "attempt": int64(1), "error": "mail server is down",
		}, entry.ContextMap())
	})
}
