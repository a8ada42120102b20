package verify

// The kinds and states of a refund in the payment service.
const (
	compensationKind = "compensation"
	agreedKind       = "agreed"

	refundRequested = "requested"
	refundSettled   = "settled"
	refundFailed    = "failed"
)

// agreedRefunds are the IDs of the refunds that were agreed on with the
// customer.
func (o *orderRows) agreedRefunds() map[string]bool {
	agreed := make(map[string]bool)
	for _, refund := range o.refunds {
		if refund.Kind == agreedKind {
			agreed[refund.RefundID] = true
		}
	}
	return agreed
}

// agreesOn reports whether the row is that of an agreed refund which is under
// way.
func (o *orderRows) agreesOn(row fenceRow) bool {
	for _, refund := range o.refunds {
		if refund.Kind == agreedKind && refund.State == refundRequested && refund.effectKey == row.effectKey {
			return true
		}
	}
	return false
}

// undoneInParts reports whether a charge with agreed refunds is being undone:
// its money then goes back in several parts, of which some may be under way.
func (o *orderRows) undoneInParts() bool {
	agreed, undone := false, false
	for _, refund := range o.refunds {
		agreed = agreed || refund.Kind == agreedKind
		undone = undone || refund.Kind == compensationKind
	}
	return agreed && undone
}

// settledUnheard is what the provider has given back by refunds whose answer
// the service has not got yet, in minor units.
func (o *orderRows) settledUnheard() (amount int64) {
	for _, refund := range o.refunds {
		if refund.State == refundRequested && o.providerRefund(refund.RefundID).State == refundSettled {
			amount += refund.Amount
		}
	}
	return amount
}

// providerRefund is what the provider knows of a refund, the zero value when it
// knows nothing.
func (o *orderRows) providerRefund(refundID string) providerRefundRow {
	for _, refund := range o.providerRefunds {
		if refund.IdempotencyKey == refundID {
			return refund
		}
	}
	return providerRefundRow{}
}

// refunds checks refund by refund that service, ledger and provider agree. A
// refund that was requested may be in flight as long as the saga runs; an agreed
// one also after the order has shipped, unless the system is at rest.
func (b *breaches) refunds(o *orderRows, h *history, atRest bool) {
	end := h.endOf(refundPayment)
	known := make(map[string]string)
	for _, refund := range o.refunds {
		known[refund.RefundID] = refund.State
		if ofCharge := refund.word() == refund.Charge; ofCharge != (refund.Kind == compensationKind) {
			b.add(Money, "the refund %s is called %s, but its key is %s and that of the charge %s",
				refund.RefundID, refund.Kind, refund.word(), refund.Charge)
		}
		b.refundAgrees(o, refund)
		mayWait := end == "" || end == shipped && refund.Kind == agreedKind && !atRest
		if refund.State == refundRequested && !mayWait {
			b.add(Money, "the refund %s is still not settled", refund.RefundID)
		}
	}
	if end == "" {
		return // what is not known here may have come since
	}
	for _, refund := range o.providerRefunds {
		if _, ours := known[refund.IdempotencyKey]; !ours {
			b.add(Money, "the provider was asked for the refund %s of %s, which the service does not know",
				refund.IdempotencyKey, refund.Amount)
		}
	}
	for _, transaction := range o.transactions {
		if transaction.Kind == refundKind && known[transaction.TransactionID] != refundSettled {
			b.add(Money, "the ledger has the refund %s, which is not settled", transaction.TransactionID)
		}
	}
}

// refundAgrees checks a refund whose end the service knows against the provider
// and the ledger, who knew it before or at the same moment.
func (b *breaches) refundAgrees(o *orderRows, refund refundRow) {
	told := o.providerRefund(refund.RefundID)
	switch refund.State {
	case refundSettled:
		if told.State != refundSettled || told.Amount != refund.money() || told.ChargeKey != refund.Charge {
			b.add(Money, "the refund %s of %s is settled, but the provider calls it %q, of %s",
				refund.RefundID, refund.money(), told.State, told.Amount)
		}
		if booked := o.booked(refund.RefundID); booked != -refund.Amount {
			b.add(Money, "the refund %s of %s is settled, but the ledger has %d", refund.RefundID, refund.money(), booked)
		}
	case refundFailed:
		if told.State != "refused" {
			b.add(Money, "the refund %s of %s has failed, but the provider calls it %q", refund.RefundID, refund.money(), told.State)
		}
	}
}

// booked is what a ledger transaction has moved to the provider, in minor units.
func (o *orderRows) booked(transactionID string) (amount int64) {
	for _, entry := range o.entries {
		if entry.TransactionID == transactionID && entry.Account == cash {
			amount += entry.Amount.Amount
		}
	}
	return amount
}
