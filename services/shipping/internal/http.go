package internal

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/endpoint"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/shipping"
)

const (
	maxParcels  = 100
	maxQuantity = 1_000_000_000_000
	// maxReason leaves room for the saga's account of a failure: a
	// cancellation must not be refused for its reason.
	maxReason = 1000
)

// Routes serves the service's API.
func Routes(s *Service) func(gin.IRouter) {
	return func(r gin.IRouter) {
		r.POST("/v1/shipments", endpoint.Ask(validShip, s.Ship))
		r.POST("/v1/shipments/cancel", endpoint.Tell(http.StatusNoContent, validCancel, s.Cancel))
		r.GET("/v1/shipments/:orderId", endpoint.Read("orderId", errNoOrder, s.Shipment))
		audittables.Routes(r, s.db.Reader(), auditTables()...)
		effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	}
}

var errNoOrder = problem.New(problem.NotFound, "no such order")

func validShip(request shipping.ShipRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.ShippingAddress("/address", validate.Address(request.Address))
	fields.Count("/parcels", len(request.Parcels), 1, maxParcels)
	if len(request.Parcels) <= maxParcels {
		for i, parcel := range request.Parcels {
			pointer := fmt.Sprintf("/parcels/%d", i)
			fields.ID(pointer+"/productId", parcel.ProductID)
			fields.Integer(pointer+"/quantity", parcel.Quantity, 1, maxQuantity)
		}
	}
	return fields.Err()
}

func validCancel(request shipping.CancelRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.Text("/reason", request.Reason, 0, maxReason)
	return fields.Err()
}
