package internal

import (
	"orderflow/internal/effects/effectroutes"
	"orderflow/services/order"
)

// EffectKinds are what stands here of orders. There are no open fences: every
// effect is local, and its fence is written with it.
func EffectKinds() []effectroutes.Kind {
	return []effectroutes.Kind{{
		Name: order.OpenOrders, From: "order_summary", Where: liveGeneration + " AND status IN ('draft', 'confirmed')",
		Since: "created_at", WholeOrder: true,
	}}
}
