package verify

import (
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"orderflow/services/money"
)

// keyedVersion is the version of the UUID in an order's ID that was derived
// from an idempotency key (RFC 9562, section 5.8).
const keyedVersion = 8

// idempotency is invariant 8: one key makes one order. The ID of a keyed order
// follows from the key, so it must carry the hash of the body that came with
// it; it is created once; and each first answer that is kept for replays is
// this order's, and says what happened.
func (b *breaches) idempotency(o *orderRows, h *history) {
	if id, err := uuid.Parse(strings.TrimPrefix(o.id, "order-")); err == nil {
		keyed := id.Version() == keyedVersion
		switch {
		case keyed && h.requestHash == "":
			b.add(Idempotency, "its ID comes from an idempotency key, but it has no hash of the request")
		case !keyed && h.requestHash != "":
			b.add(Idempotency, "its ID comes from no idempotency key, but it has the hash of a request")
		}
	}
	created := 0
	for service, rows := range o.fences {
		for _, row := range rows {
			if row.Step == "CreateOrder" {
				created++
			}
			b.firstAnswer(h, service, row)
		}
	}
	if created > 1 {
		b.add(Idempotency, "it was created under %d keys", created)
	}
}

// answer has the members that the services' first answers have.
type answer struct {
	OrderID string `json:"orderId"`
	// Of the order service.
	Status  string `json:"status"`
	Version int64  `json:"version"`
	// Of the payment service.
	Captured money.Money `json:"captured"`
	// Of the inventory service.
	Lines []item `json:"lines"`
}

// acknowledged are the statuses in the first answers of the order service.
var acknowledged = map[string]string{
	"CreateOrder": draft, "ConfirmOrder": confirmed, "CompleteOrder": shipped,
}

func (b *breaches) firstAnswer(h *history, service string, row fenceRow) {
	if row.ConfirmedAt.IsZero() {
		return
	}
	if row.BodyHash == "" {
		b.add(Idempotency, "%s at %s keeps no hash of its request: another one would not be refused", row.Step, service)
	}
	var kept answer
	if err := json.Unmarshal(row.Answer, &kept); err != nil {
		b.add(Idempotency, "the first answer of %s at %s cannot be replayed: %v", row.Step, service, err)
		return
	}
	if kept.OrderID != "" && kept.OrderID != row.OrderID {
		b.add(Idempotency, "the first answer of %s at %s is about %s", row.Step, service, kept.OrderID)
		return
	}
	status, isAcknowledgement := acknowledged[row.Step]
	switch {
	case isAcknowledgement && (kept.Status != status || kept.Version < 1 || kept.Version > h.version):
		b.add(Idempotency, "the first answer of %s is %q at version %d of %d", row.Step, kept.Status, kept.Version, h.version)
	case row.Step == "ChargePayment" && kept.Captured.Amount != 0 && kept.Captured != h.total:
		b.add(Idempotency, "the first answer of %s says that %s were captured, not %s", row.Step, kept.Captured, h.total)
	case row.Step == "ReserveInventory" && !sameLines(kept.Lines, h):
		b.add(Idempotency, "the first answer of %s is about other goods than were ordered", row.Step)
	}
}

func sameLines(lines []item, h *history) bool {
	ordered := h.quantities()
	if len(lines) != len(ordered) {
		return false
	}
	for _, line := range lines {
		if ordered[line.ProductID] != line.Quantity {
			return false
		}
	}
	return true
}
