package verify

import "orderflow/services/money"

// balance is what the provider's movements of one charge come to, in minor
// units.
type balance struct {
	captures, refunds  int
	captured, refunded int64
}

// live reports whether the charge holds the customer's money. One of nothing
// holds it until its nothing is back.
func (b balance) live() bool {
	return b.captures > 0 && (b.refunds == 0 || b.refunded < b.captured)
}

// balances are those of the order's charges, by key.
func (o *orderRows) balances() map[string]balance {
	balances := make(map[string]balance)
	for _, movement := range o.movements {
		of := balances[movement.ChargeKey]
		if movement.Kind == refundKind {
			of.refunds++
			of.refunded += movement.Amount.Amount
		} else {
			of.captures++
			of.captured += movement.Amount.Amount
		}
		balances[movement.ChargeKey] = of
	}
	return balances
}

// liveCharges counts them at the provider.
func (o *orderRows) liveCharges() (live int) {
	for _, of := range o.balances() {
		if of.live() {
			live++
		}
	}
	return live
}

// atProvider adds up the movements, and checks that each has a charge or a
// refund of its amount, and that each charge's state is what its movements say.
func (b *breaches) atProvider(o *orderRows) sums {
	amounts := make(map[string]money.Money)
	for _, charge := range o.providerCharges {
		amounts[charge.IdempotencyKey] = charge.Amount
	}
	refunds := make(map[string]providerRefundRow)
	for _, refund := range o.providerRefunds {
		refunds[refund.IdempotencyKey] = refund
	}
	var s sums
	agreed := o.agreedRefunds()
	moved := make(map[string]bool)
	for _, movement := range o.movements {
		if _, known := amounts[movement.ChargeKey]; !known {
			b.add(Money, "the provider moved %s under %s, which it has no charge for", movement.Amount, movement.ChargeKey)
		}
		decided := amounts[movement.IdempotencyKey]
		if movement.Kind == refundKind {
			decided = refunds[movement.IdempotencyKey].Amount
			moved[movement.IdempotencyKey] = true
		}
		if movement.Amount != decided {
			b.add(Money, "the provider's %s of %s under %s differs from what it decided, %s",
				movement.Kind, movement.Amount, movement.IdempotencyKey, decided)
		}
		if err := s.add(movement.Kind, movement.Amount, agreed[movement.IdempotencyKey]); err != nil {
			b.add(Money, "the provider's movements cannot be added: %v", err)
		}
	}
	for _, refund := range o.providerRefunds {
		if settled := refund.State == refundSettled; settled != moved[refund.IdempotencyKey] {
			b.add(Money, "the provider calls the refund %s %s, and whether its money moved is %t",
				refund.IdempotencyKey, refund.State, moved[refund.IdempotencyKey])
		}
	}
	b.providerStates(o)
	return s
}

// providerStates checks each charge's state against its movements.
func (b *breaches) providerStates(o *orderRows) {
	balances := o.balances()
	for _, charge := range o.providerCharges {
		of := balances[charge.IdempotencyKey]
		right := of == balance{}
		switch charge.State {
		case "captured":
			right = of.captures == 1 && of.live()
		case "refunded":
			right = of.captures == 1 && of.refunds > 0 && of.refunded == of.captured
		}
		if !right {
			b.add(Money, "the provider calls %s %s, with %d captures of %d and %d refunds of %d",
				charge.IdempotencyKey, charge.State, of.captures, of.captured, of.refunds, of.refunded)
		}
	}
}
