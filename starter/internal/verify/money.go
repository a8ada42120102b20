package verify

import "orderflow/services/money"

// cash is the ledger's account of what the provider holds for the shop.
const cash = "cash-at-provider"

// sums are the money of one order, once as the provider moved it and once as
// the ledger has it.
type sums struct {
	captured, refunded money.Money
}

func (s sums) net() (money.Money, error) {
	back, err := s.refunded.Negate()
	if err != nil {
		return money.Money{}, err
	}
	return s.captured.Add(back)
}

// add adds one movement; kind is capture or refund.
func (s *sums) add(kind string, amount money.Money) (err error) {
	if kind == "refund" {
		s.refunded, err = s.refunded.Add(amount)
		return err
	}
	s.captured, err = s.captured.Add(amount)
	return err
}

// money is invariant 1: captured − refunded is the total of a shipped order and
// zero of a cancelled one, at the provider and in the ledger, whose
// transactions each sum to zero. An order in flight may have paid or not.
func (b *breaches) money(o *orderRows, h *history) {
	if total, err := totalOf(h.items); err != nil || total != h.total {
		b.add(Money, "its total is %s, but price × quantity sums to %s", h.total, total)
		return
	}
	provider := b.atProvider(o)
	ledger := b.inLedger(o)
	b.rightAmount(h, "the provider", provider)
	b.rightAmount(h, "the ledger", ledger)
	if h.end() == "" {
		return
	}
	if provider.captured.Amount != ledger.captured.Amount || provider.refunded.Amount != ledger.refunded.Amount {
		b.add(Money, "the provider captured %s and refunded %s, the ledger has %s and %s",
			provider.captured, provider.refunded, ledger.captured, ledger.refunded)
	}
	b.chargesAgree(o, ledger)
}

func totalOf(items []item) (total money.Money, err error) {
	for _, item := range items {
		line, err := item.UnitPrice.Multiply(item.Quantity)
		if err != nil {
			return total, err
		}
		if total, err = total.Add(line); err != nil {
			return total, err
		}
	}
	return total, nil
}

// rightAmount checks what is left of the order's money.
func (b *breaches) rightAmount(h *history, where string, s sums) {
	net, err := s.net()
	if err != nil {
		b.add(Money, "%s has amounts that cannot be added: %v", where, err)
		return
	}
	if net.Currency != "" && net.Currency != h.total.Currency {
		b.add(Money, "%s holds %s, but the order is in %s", where, net, h.total.Currency)
		return
	}
	paid, nothing := net.Amount == h.total.Amount, net.Amount == 0
	switch h.end() {
	case shipped:
		if !paid {
			b.add(Money, "it is shipped with a total of %s, but %s holds %s", h.total, where, net)
		}
	case cancelled:
		if !nothing {
			b.add(Money, "it is cancelled, but %s still holds %s", where, net)
		}
	default:
		if !paid && !nothing {
			b.add(Money, "its total is %s, but %s holds %s", h.total, where, net)
		}
	}
}

// atProvider adds up the movements, and checks that each charge's state is
// what its movements say.
func (b *breaches) atProvider(o *orderRows) sums {
	var s sums
	moved := make(map[string]map[string]int)
	amounts := make(map[string]money.Money)
	for _, charge := range o.providerCharges {
		moved[charge.IdempotencyKey] = make(map[string]int)
		amounts[charge.IdempotencyKey] = charge.Amount
	}
	for _, movement := range o.movements {
		counts, known := moved[movement.IdempotencyKey]
		if !known {
			b.add(Money, "the provider moved %s under %s, which it has no charge for", movement.Amount, movement.IdempotencyKey)
			counts = make(map[string]int)
			moved[movement.IdempotencyKey] = counts
		} else if movement.Amount != amounts[movement.IdempotencyKey] {
			b.add(Money, "the provider's %s of %s under %s differs from the charge of %s",
				movement.Kind, movement.Amount, movement.IdempotencyKey, amounts[movement.IdempotencyKey])
		}
		counts[movement.Kind]++
		if err := s.add(movement.Kind, movement.Amount); err != nil {
			b.add(Money, "the provider's movements cannot be added: %v", err)
		}
	}
	for _, charge := range o.providerCharges {
		counts := moved[charge.IdempotencyKey]
		want := movementsOf[charge.State]
		if counts["capture"] != want[0] || counts["refund"] != want[1] {
			b.add(Money, "the provider calls %s %s, with %d captures and %d refunds",
				charge.IdempotencyKey, charge.State, counts["capture"], counts["refund"])
		}
	}
	return s
}

// movementsOf are the captures and refunds of a charge in each state.
var movementsOf = map[string][2]int{"captured": {1, 0}, "refunded": {1, 1}}

// inLedger adds up the ledger, and checks that it is double-entry.
func (b *breaches) inLedger(o *orderRows) sums {
	var s sums
	type book struct {
		sum     money.Money
		entries int
	}
	books := make(map[string]*book)
	kinds := make(map[string]string)
	for _, transaction := range o.transactions {
		books[transaction.TransactionID] = &book{}
		kinds[transaction.TransactionID] = transaction.Kind
	}
	for _, entry := range o.entries {
		at := books[entry.TransactionID]
		if at == nil {
			b.add(Money, "the ledger's entry of %s in %s belongs to no transaction", entry.Amount, entry.TransactionID)
			continue
		}
		var err error
		at.entries++
		if at.sum, err = at.sum.Add(entry.Amount); err != nil {
			b.add(Money, "the entries of %s cannot be added: %v", entry.TransactionID, err)
		}
		if entry.Account != cash {
			continue
		}
		amount := entry.Amount
		if kinds[entry.TransactionID] == "refund" {
			if amount, err = amount.Negate(); err != nil {
				b.add(Money, "the entries of %s cannot be added: %v", entry.TransactionID, err)
			}
		}
		if err := s.add(kinds[entry.TransactionID], amount); err != nil {
			b.add(Money, "the ledger's transactions cannot be added: %v", err)
		}
	}
	for _, transaction := range o.transactions {
		if at := books[transaction.TransactionID]; at.entries < 2 || at.sum.Amount != 0 {
			b.add(Money, "the %d entries of %s sum to %s, not to zero", at.entries, transaction.TransactionID, at.sum)
		}
	}
	return s
}

// chargesAgree checks the service's own rows against its ledger, of an order
// that has ended.
func (b *breaches) chargesAgree(o *orderRows, ledger sums) {
	var captured, refunded, settled int64
	for _, charge := range o.charges {
		switch charge.State {
		case "captured":
			captured += charge.Amount.Amount
		case "refunded":
			captured += charge.Amount.Amount
			refunded += charge.Amount.Amount
		case "pending":
			b.add(Money, "the outcome of the charge %s is still not known", charge.word())
		}
	}
	for _, refund := range o.refunds {
		settled += refund.Amount
		if refund.State != "settled" {
			b.add(Money, "the refund of %s is still not settled", refund.word())
		}
	}
	if captured != ledger.captured.Amount || refunded != ledger.refunded.Amount || settled != refunded {
		b.add(Money, "its charges say %d captured and %d refunded, its refunds %d, the ledger %s and %s",
			captured, refunded, settled, ledger.captured, ledger.refunded)
	}
}
