package internal

import (
	"context"
	"fmt"
	"slices"
	"time"

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
		if at := c.changedAt(); at.After(summary.UpdatedAt) {
			summary.UpdatedAt = at
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
	switch c.state {
	case declined:
		return payment.Declined
	case refunded:
		return payment.Refunded
	case pending:
		if c.closed() {
			return payment.Refunding
		}
	case captured:
		if c.closed() || len(c.openRefunds()) > 0 {
			return payment.Refunding
		}
		return payment.Captured
	case void:
	}
	return ""
}

// explanation is why the charge was declined, or why its money went back.
func (c charge) explanation() string {
	switch {
	case c.state == declined:
		return c.reason
	case c.closed():
		return c.closingReason
	}
	for _, r := range slices.Backward(c.refunds) {
		if r.state != payment.RefundFailed {
			return r.reason
		}
	}
	return ""
}

// changedAt is when anything of the charge changed last.
func (c charge) changedAt() time.Time {
	latest := c.updatedAt
	for _, r := range c.refunds {
		for _, at := range []time.Time{r.requestedAt, r.settledAt, r.failedAt} {
			if at.After(latest) {
				latest = at
			}
		}
	}
	return latest
}

// addUp adds what was taken and given back. A charge that took nothing still
// tells the currency.
func addUp(summary *payment.Payment, c charge) (err error) {
	taken := c.amount
	if c.state != captured && c.state != refunded {
		taken = money.Zero(c.amount.Currency)
	}
	if summary.Captured, err = summary.Captured.Add(taken); err != nil {
		return err
	}
	summary.Refunded, err = summary.Refunded.Add(c.settled())
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

// Refunds lists the refunds of an order in every state.
func (s *Service) Refunds(ctx context.Context, orderID string) (payment.RefundList, error) {
	list := payment.RefundList{Items: []payment.Refund{}}
	charges, err := chargesOf(ctx, s.db.Reader(), orderID)
	for _, c := range charges {
		for _, r := range c.refunds {
			list.Items = append(list.Items, r.view())
		}
	}
	return list, err
}

// refuseDeclined turns the answer of a declined charge into the refusal. The
// fence keeps it as any other answer, because the provider keeps it too.
func refuseDeclined(answer payment.Payment) (payment.Payment, error) {
	if answer.Status == payment.Declined {
		return payment.Payment{}, problem.New(problem.PaymentDeclined, answer.Reason)
	}
	return answer, nil
}
