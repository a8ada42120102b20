package internal

import (
	"context"

	"orderflow/internal/problem"
	"orderflow/services/shipping"
)

// answer is what the fence keeps as the answer of a key: a shipment, or the
// carrier's reason for refusing it.
type answer struct {
	Shipment shipping.Shipment `json:"shipment"`
	Refusal  string            `json:"refusal,omitempty"`
}

func answerOf(s shipment) answer {
	if s.state == refused {
		return answer{Refusal: s.reason}
	}
	return answer{Shipment: s.view()}
}

func (a answer) give() (shipping.Shipment, error) {
	if a.Refusal != "" {
		return shipping.Shipment{}, problem.New(problem.ShipmentRefused, a.Refusal)
	}
	return a.Shipment, nil
}

// Shipment returns what is known of an order's parcel, or problem.NotFound.
func (s *Service) Shipment(ctx context.Context, orderID string) (shipping.Shipment, error) {
	shipments, err := shipmentsOf(ctx, s.db.Reader(), orderID)
	if err != nil {
		return shipping.Shipment{}, err
	}
	latest, known := shipment{}, false
	for _, found := range shipments {
		switch found.state {
		case accepted:
			return found.view(), nil // no other one can be on its way
		case cancelled:
			latest, known = found, true
		default:
		}
	}
	if !known {
		return shipping.Shipment{}, problem.New(problem.NotFound, "nothing is known of a shipment of this order")
	}
	return latest.view(), nil
}

func (s shipment) view() shipping.Shipment {
	status := shipping.Accepted
	if s.state == cancelled {
		status = shipping.Cancelled
	}
	return shipping.Shipment{
		OrderID: s.key.OrderID, Status: status,
		TrackingNumber: s.trackingNumber, Carrier: s.carrier, UpdatedAt: s.updatedAt,
	}
}
