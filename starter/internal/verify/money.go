package verify

import "orderflow/services/money"

// cash is the ledger's account of what the provider holds for the shop.
const cash = "cash-at-provider"

// refundKind is the kind of a movement, or of a transaction, that is no
// capture.
const refundKind = "refund"

// sums are the money of one order, once as the provider moved it and once as
// the ledger has it.
type sums struct {
	captured, refunded money.Money
	// agreed is the part of refunded that was agreed on with the customer.
	agreed money.Money
}

// net is what is left of what was captured.
func (s sums) net() (money.Money, error) {
	back, err := s.refunded.Negate()
	if err != nil {
		return money.Money{}, err
	}
	return s.captured.Add(back)
}

// add adds one movement. agreed says that it is a refund which was agreed on.
func (s *sums) add(kind string, amount money.Money, agreed bool) (err error) {
	if kind != refundKind {
		s.captured, err = s.captured.Add(amount)
		return err
	}
	if agreed {
		if s.agreed, err = s.agreed.Add(amount); err != nil {
			return err
		}
	}
	s.refunded, err = s.refunded.Add(amount)
	return err
}

// money is invariant 1, at the provider and in the ledger, whose transactions
// each sum to zero:
//
//   - Of a shipped order, captured − refunded is the total less what was given
//     back in agreement with the customer. So all else that went back came in
//     again.
//   - Of a cancelled one it is zero, on whatever grounds money went back.
//   - An order in flight may have paid or not, as may one whose refund an
//     operator has settled. The money of one that is being undone may be under
//     way.
//   - Never is more refunded than was captured.
//   - Provider, ledger and service agree about each refund.
func (b *breaches) money(o *orderRows, h *history, atRest bool) {
	if total, err := totalOf(h.items); err != nil || total != h.total {
		b.add(Money, "its total is %s, but price × quantity sums to %s", h.total, total)
		return
	}
	provider := b.atProvider(o)
	ledger := b.inLedger(o)
	b.rightAmount(o, h, "the provider", provider)
	b.rightAmount(o, h, "the ledger", ledger)
	b.refunds(o, h, atRest)
	if h.endOf(refundPayment) == "" {
		return
	}
	b.booksAgree(o, provider, ledger)
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
func (b *breaches) rightAmount(o *orderRows, h *history, where string, s sums) {
	net, err := s.net()
	var due money.Money
	if err == nil {
		due, err = net.Add(s.agreed)
	}
	if err != nil {
		b.add(Money, "%s has amounts that cannot be added: %v", where, err)
		return
	}
	if net.Currency != "" && net.Currency != h.total.Currency {
		b.add(Money, "%s holds %s, but the order is in %s", where, net, h.total.Currency)
		return
	}
	holds := net.String()
	if !s.agreed.IsZero() {
		holds += ", and " + s.agreed.String() + " went back in agreement"
	}
	paid, nothing := due.Amount == h.total.Amount, net.Amount == 0
	end := h.endOf(refundPayment)
	switch {
	case net.Amount < 0:
		b.add(Money, "%s captured %s, but refunded %s", where, s.captured, s.refunded)
	case end == shipped && !paid:
		b.add(Money, "it is shipped with a total of %s, but %s holds %s", h.total, where, holds)
	case end == cancelled && !nothing:
		b.add(Money, "it is cancelled, but %s still holds %s", where, net)
	case end == "" && !paid && !nothing && (net.Amount > h.total.Amount || !o.undoneInParts()):
		b.add(Money, "its total is %s, but %s holds %s", h.total, where, holds)
	}
}

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
	agreed := o.agreedRefunds()
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
		if kinds[entry.TransactionID] == refundKind {
			if amount, err = amount.Negate(); err != nil {
				b.add(Money, "the entries of %s cannot be added: %v", entry.TransactionID, err)
			}
		}
		if err := s.add(kinds[entry.TransactionID], amount, agreed[entry.TransactionID]); err != nil {
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

// booksAgree checks the ledger against the provider, of an order that has
// ended. What the provider has given back and the service does not know yet
// stands in no ledger.
func (b *breaches) booksAgree(o *orderRows, provider, ledger sums) {
	unknown := o.settledUnheard()
	if provider.captured.Amount != ledger.captured.Amount || provider.refunded.Amount != ledger.refunded.Amount+unknown {
		b.add(Money, "the provider captured %s and refunded %s, the ledger has %s and %s",
			provider.captured, provider.refunded, ledger.captured, ledger.refunded)
	}
}

// chargesAgree checks the service's own rows against its ledger, of an order
// that has ended.
func (b *breaches) chargesAgree(o *orderRows, ledger sums) {
	settled := make(map[string]int64)
	var captured, refunded int64
	for _, refund := range o.refunds {
		if refund.State == refundSettled {
			settled[refund.Charge] += refund.Amount
			refunded += refund.Amount
		}
	}
	for _, charge := range o.charges {
		back := settled[charge.word()]
		switch charge.State {
		case "captured", "refunded":
			captured += charge.Amount.Amount
			if all := back == charge.Amount.Amount; all != (charge.State == "refunded") && !charge.Amount.IsZero() {
				b.add(Money, "the charge %s of %s is %s, and %d of it is back", charge.word(), charge.Amount, charge.State, back)
			}
		case "pending":
			b.add(Money, "the outcome of the charge %s is still not known", charge.word())
		}
	}
	if captured != ledger.captured.Amount || refunded != ledger.refunded.Amount {
		b.add(Money, "its charges say %d captured, its refunds %d, the ledger %s and %s",
			captured, refunded, ledger.captured, ledger.refunded)
	}
}
