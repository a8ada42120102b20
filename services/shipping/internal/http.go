package internal

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/httpserver"
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
	h := handlers{service: s}
	return func(r gin.IRouter) {
		r.POST("/v1/shipments", h.ship)
		r.POST("/v1/shipments/cancel", h.cancel)
		r.GET("/v1/shipments/:orderId", h.shipment)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
		effectroutes.Routes(r, s.db.Reader(), EffectKinds()...)
	}
}

type handlers struct{ service *Service }

func (h handlers) ship(c *gin.Context) {
	var request shipping.ShipRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validShip(request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	respond(c, func() (any, error) { return h.service.Ship(c.Request.Context(), request) })
}

func (h handlers) cancel(c *gin.Context) {
	var request shipping.CancelRequest
	if err := bindKeyed(c, &request, &request.Key); err != nil {
		httpserver.Fail(c, err)
		return
	}
	fields := validate.New()
	fields.Text("/reason", request.Reason, 0, maxReason)
	if err := fields.Err(); err != nil {
		httpserver.Fail(c, err)
		return
	}
	respond(c, func() (any, error) { return nil, h.service.Cancel(c.Request.Context(), request) })
}

func (h handlers) shipment(c *gin.Context) {
	orderID := c.Param("orderId")
	if !validate.IsID(orderID) {
		httpserver.Fail(c, problem.New(problem.NotFound, "no such order"))
		return
	}
	respond(c, func() (any, error) { return h.service.Shipment(c.Request.Context(), orderID) })
}

// respond writes 200 with a body, 204 without one, or the problem.
func respond(c *gin.Context, act func() (any, error)) {
	body, err := act()
	switch {
	case err != nil:
		httpserver.Fail(c, err)
	case body == nil:
		httpserver.Respond(c, http.StatusNoContent, nil)
	default:
		httpserver.Respond(c, http.StatusOK, body)
	}
}

func bindKeyed(c *gin.Context, request any, key *shipping.Key) error {
	if err := httpserver.Bind(c, request); err != nil {
		return err
	}
	return key.Validate()
}

func validShip(request shipping.ShipRequest) error {
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
