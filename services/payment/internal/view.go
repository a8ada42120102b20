package internal

import (
	"context"
	"encoding/json"
	"fmt"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/payment"
)

// paymentOf sums up an order's charges, of which the latest comes last. The
// status is that of the charge that matters most: money on its way back, then
// money captured, then money given back, then a decline. known is false when
// no charge has come to anything.
func paymentOf(orderID string, charges []charge) (summary payment.Payment, known bool, err error) {
	summary.OrderID = orderID
	rank := 0
	for _, c := range charges {
		status := c.status()
		if statusRank[status] == 0 {
			continue
		}
		if err := addUp(&summary, c); err != nil {
			return payment.Payment{}, false, fmt.Errorf("summing up the charges of %s: %w", orderID, err)
		}
		if c.updatedAt.After(summary.UpdatedAt) {
			summary.UpdatedAt = c.updatedAt
		}
		if statusRank[status] >= rank {
			rank = statusRank[status]
			summary.Status, summary.Reference, summary.Reason = status, c.reference, c.explanation()
		}
	}
	return summary, rank > 0, nil
}

// statusRank orders the states by how much they matter. What is not in it is
// no payment yet.
var statusRank = map[payment.Status]int{
	payment.Declined:  1,
	payment.Refunded:  2,
	payment.Captured:  3,
	payment.Refunding: 4,
}

func (c charge) status() payment.Status {
	switch {
	case c.refund == requested:
		return payment.Refunding
	case c.state == captured:
		return payment.Captured
	case c.state == refunded:
		return payment.Refunded
	case c.state == declined:
		return payment.Declined
	default:
		return ""
	}
}

// explanation is why the charge was declined or given back.
func (c charge) explanation() string {
	if c.state == declined {
		return c.reason
	}
	return c.refundReason
}

// addUp adds what was taken and given back. A charge that took nothing still
// tells the currency.
func addUp(summary *payment.Payment, c charge) (err error) {
	taken, returned := c.amount, money.Zero(c.amount.Currency)
	if c.state != captured && c.state != refunded {
		taken = returned
	}
	if c.state == refunded {
		returned = c.amount
	}
	if summary.Captured, err = summary.Captured.Add(taken); err != nil {
		return err
	}
	summary.Refunded, err = summary.Refunded.Add(returned)
	return err
}

// Payment returns what is known of an order's money, or problem.NotFound.
func (s *Service) Payment(ctx context.Context, orderID string) (payment.Payment, error) {
	charges, err := chargesOf(ctx, s.db.Reader(), orderID)
	if err != nil {
		return payment.Payment{}, err
	}
	summary, known, err := paymentOf(orderID, charges)
	if err == nil && !known {
		err = problem.New(problem.NotFound, "nothing is known of a payment for this order")
	}
	if err != nil {
		return payment.Payment{}, err
	}
	return summary, nil
}

func firstAnswer(key fence.Key, text json.RawMessage) (payment.Payment, error) {
	var answer payment.Payment
	if err := json.Unmarshal(text, &answer); err != nil {
		return payment.Payment{}, fmt.Errorf("reading the first answer of %s: %w", key, err)
	}
	return refuseDeclined(answer)
}

// refuseDeclined turns the answer of a declined charge into the refusal. The
// fence keeps it as any other answer, because the provider keeps it too.
func refuseDeclined(answer payment.Payment) (payment.Payment, error) {
	if answer.Status == payment.Declined {
		return payment.Payment{}, problem.New(problem.PaymentDeclined, answer.Reason)
	}
	return answer, nil
}
