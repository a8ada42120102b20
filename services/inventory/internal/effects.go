package internal

import (
	"orderflow/internal/effects/effectroutes"
	"orderflow/services/inventory"
)

// EffectKinds are what stands here for orders. There are no open fences: every
// effect is local, and its fence is written with it.
func EffectKinds() []effectroutes.Kind {
	return []effectroutes.Kind{
		{Name: inventory.HeldReservations, From: "reservation", Where: "state = 'held'", Since: "held_at"},
	}
}
