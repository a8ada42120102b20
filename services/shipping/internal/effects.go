package internal

import (
	"orderflow/internal/effects/effectroutes"
	"orderflow/services/shipping"
)

// EffectKinds are what stands here for orders.
func EffectKinds() []effectroutes.Kind {
	return []effectroutes.Kind{
		{Name: shipping.AcceptedShipments, From: "shipment", Where: "state = 'accepted'", Since: "updated_at"},
		effectroutes.OpenFences(),
	}
}
