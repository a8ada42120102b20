package verify

import (
	"encoding/json"
	"fmt"
)

// table is an audited table whose rows belong to orders.
type table struct {
	service, name string
	decode        func(json.RawMessage) (row, error)
}

// row is a decoded row: whose it is, and how it is added to the order's rows.
type row struct {
	orderID string
	addTo   func(*orderRows)
}

func (t table) String() string { return t.service + "/" + t.name }

func tableOf[R any](service, name string, orderID func(R) string, add func(*orderRows, R)) table {
	return table{service: service, name: name, decode: func(raw json.RawMessage) (row, error) {
		var decoded R
		if err := json.Unmarshal(raw, &decoded); err != nil {
			return row{}, fmt.Errorf("reading a row of %s/%s: %w", service, name, err)
		}
		return row{orderID: orderID(decoded), addTo: func(o *orderRows) { add(o, decoded) }}, nil
	}}
}

func fenceOf(service string) table {
	return tableOf(service, "fence", func(r fenceRow) string { return r.OrderID }, func(o *orderRows, r fenceRow) {
		if o.fences == nil {
			o.fences = make(map[string][]fenceRow)
		}
		o.fences[service] = append(o.fences[service], r)
	})
}

// orderTables are all tables with rows of orders, in the order in which those
// of one order must be read so that what was right does not look wrong:
//
//   - the read model before the events that it is made of;
//   - the events before the effects, because the event that ends an order is
//     the last thing that happens to it;
//   - a refund and a charge before the ledger and the provider, which both know
//     of it by then;
//   - effects before the fence rows that they were committed with.
func orderTables() []table {
	return []table{
		tableOf(orderService, "order_view", func(r viewRow) string { return r.OrderID },
			func(o *orderRows, r viewRow) { o.views = append(o.views, r) }),
		tableOf(orderService, "order_summary", func(r summaryRow) string { return r.OrderID },
			func(o *orderRows, r summaryRow) { o.summaries = append(o.summaries, r) }),
		tableOf(orderService, "event", func(r eventRow) string { return r.AggregateID },
			func(o *orderRows, r eventRow) { o.events = append(o.events, r) }),

		tableOf(inventoryService, "stock_change", func(r stockChangeRow) string { return r.OrderID },
			func(o *orderRows, r stockChangeRow) { o.changes = append(o.changes, r) }),
		tableOf(inventoryService, "reservation", func(r reservationRow) string { return r.OrderID },
			func(o *orderRows, r reservationRow) { o.reservations = append(o.reservations, r) }),

		tableOf(paymentService, "refund", func(r refundRow) string { return r.OrderID },
			func(o *orderRows, r refundRow) { o.refunds = append(o.refunds, r) }),
		tableOf(paymentService, "charge", func(r chargeRow) string { return r.OrderID },
			func(o *orderRows, r chargeRow) { o.charges = append(o.charges, r) }),
		tableOf(paymentService, "ledger_transaction", func(r transactionRow) string { return r.OrderID },
			func(o *orderRows, r transactionRow) { o.transactions = append(o.transactions, r) }),
		tableOf(paymentService, "ledger_entry", func(r entryRow) string { return orderOf(r.TransactionID) },
			func(o *orderRows, r entryRow) { o.entries = append(o.entries, r) }),
		tableOf(paymentService, "payment_simulator_charge", func(r providerChargeRow) string { return orderOf(r.IdempotencyKey) },
			func(o *orderRows, r providerChargeRow) { o.providerCharges = append(o.providerCharges, r) }),
		tableOf(paymentService, "payment_simulator_refund", func(r providerRefundRow) string { return orderOf(r.IdempotencyKey) },
			func(o *orderRows, r providerRefundRow) { o.providerRefunds = append(o.providerRefunds, r) }),
		tableOf(paymentService, "payment_simulator_movement", func(r movementRow) string { return orderOf(r.IdempotencyKey) },
			func(o *orderRows, r movementRow) { o.movements = append(o.movements, r) }),

		tableOf(shippingService, "carrier_simulator_consignment", func(r consignmentRow) string { return orderOf(r.IdempotencyKey) },
			func(o *orderRows, r consignmentRow) { o.consignments = append(o.consignments, r) }),
		tableOf(shippingService, "shipment", func(r shipmentRow) string { return r.OrderID },
			func(o *orderRows, r shipmentRow) { o.shipments = append(o.shipments, r) }),

		tableOf(notificationService, "message", func(r messageRow) string { return r.OrderID },
			func(o *orderRows, r messageRow) { o.messages = append(o.messages, r) }),

		fenceOf(orderService),
		fenceOf(inventoryService),
		fenceOf(paymentService),
		fenceOf(shippingService),
		fenceOf(notificationService),
	}
}
