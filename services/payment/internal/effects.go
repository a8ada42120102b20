package internal

import (
	"orderflow/internal/effects/effectroutes"
	"orderflow/services/payment"
)

// EffectKinds are what stands here for orders.
func EffectKinds() []effectroutes.Kind {
	return []effectroutes.Kind{
		{Name: payment.CapturedCharges, From: "charge", Where: "state = 'captured'", Since: "updated_at"},
		effectroutes.OpenFences(),
	}
}
