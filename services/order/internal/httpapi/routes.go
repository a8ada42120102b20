// Package httpapi is the HTTP side of the order service: it reads requests,
// calls the handler of the command or the query, and writes the answer. Rules
// about orders are not made here.
package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/endpoint"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
	"orderflow/services/order"
	"orderflow/services/order/internal/command"
	"orderflow/services/order/internal/query"
)

// Handlers are the commands and the queries behind the routes.
type Handlers struct {
	Create    *command.CreateOrder
	Confirm   *command.ConfirmOrder
	Ship      *command.ShipOrder
	Cancel    *command.CancelOrder
	Intervene *command.RecordIntervention

	Orders         *query.Orders
	History        *query.History
	CustomerOrders *query.CustomerOrders
	Statuses       *query.Statuses

	ReadModel ReadModel
}

// AddRoutes adds the service's routes.
func (h Handlers) AddRoutes(routes gin.IRouter) {
	routes.POST("/v1/orders", commandHandler(h.Create.Handle, func(r order.CreateRequest) order.Key { return r.Key }))
	routes.POST("/v1/orders/:id/confirm", commandHandler(h.Confirm.Handle, func(r order.ConfirmRequest) order.Key { return r.Key }))
	routes.POST("/v1/orders/:id/ship", commandHandler(h.Ship.Handle, func(r order.ShipRequest) order.Key { return r.Key }))
	routes.POST("/v1/orders/:id/cancel", commandHandler(h.Cancel.Handle, func(r order.CancelRequest) order.Key { return r.Key }))
	routes.POST("/v1/orders/:id/interventions", commandHandler(h.Intervene.Handle, func(r order.InterventionRequest) order.Key { return r.Key }))
	routes.POST("/v1/orders/statuses", endpoint.Ask(validStatusQuery, h.statuses))
	routes.GET("/v1/orders/:id", h.order)
	routes.GET("/v1/orders/:id/events", h.events)
	routes.GET("/v1/customers/:id/orders", h.customerOrders)
	routes.GET("/v1/projection", h.projection)
	routes.POST("/v1/projection/rebuild", h.rebuildProjection)
}

// commandHandler decodes a body, checks that path and key name the same order, and
// answers 200 with the acknowledgement, for the first time as for a replay.
func commandHandler[Request any](handle func(context.Context, Request) (order.Acknowledgement, error), key func(Request) order.Key) gin.HandlerFunc {
	return func(c *gin.Context) {
		var request Request
		if err := httpserver.Bind(c, &request); err != nil {
			httpserver.Fail(c, err)
			return
		}
		orderID := key(request).OrderID
		if id, named := c.Params.Get("id"); named && id != orderID {
			httpserver.Fail(c, problem.New(problem.Invalid, "path and key name two orders").
				WithField("/key/orderId", "must be the order of the path"))
			return
		}
		acknowledgement, err := handle(telemetry.WithOrderID(c.Request.Context(), orderID), request)
		endpoint.Answer(c, http.StatusOK, acknowledgement, err)
	}
}
