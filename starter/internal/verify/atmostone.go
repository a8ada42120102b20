package verify

// atMostOne is invariant 6, counted at the providers: at no time does an order
// have two live charges or two live shipments. A shipped order has exactly the
// shipment that its history names, a cancelled one none unless an operator has
// settled its compensation.
func (b *breaches) atMostOne(o *orderRows, h *history) {
	if charges := o.liveCharges(); charges > 1 {
		b.add(AtMostOne, "the provider has %d live charges", charges)
	}

	var tracking []string
	for _, consignment := range o.consignments {
		if consignment.State == "accepted" {
			tracking = append(tracking, consignment.TrackingNumber)
		}
	}
	switch {
	case len(tracking) > 1:
		b.add(AtMostOne, "the carrier has %d live shipments", len(tracking))
	case h.endOf(cancelShipment) == cancelled && len(tracking) == 1:
		b.add(AtMostOne, "it is cancelled, but the carrier has the live shipment %s", tracking[0])
	case h.end() == shipped && len(tracking) == 0:
		b.add(AtMostOne, "it is shipped, but the carrier has no live shipment")
	case h.end() == shipped && tracking[0] != h.tracking:
		b.add(AtMostOne, "it is shipped as %s, but the carrier has the live shipment %s", h.tracking, tracking[0])
	}
}
