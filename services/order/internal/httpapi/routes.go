// Package httpapi is the HTTP side of the order service: it reads requests,
// calls the handler of the command or the query, and writes the answer. Rules
// about orders are not made here.
package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

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
}

// AddRoutes adds the service's routes.
func (h Handlers) AddRoutes(routes gin.IRouter) {
	routes.POST("/v1/orders", func(c *gin.Context) {
		var request order.CreateRequest
		h.command(c, &request, &request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
			return h.Create.Handle(ctx, request)
		})
	})
	routes.POST("/v1/orders/:id/confirm", func(c *gin.Context) {
		var request order.ConfirmRequest
		h.command(c, &request, &request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
			return h.Confirm.Handle(ctx, request)
		})
	})
	routes.POST("/v1/orders/:id/ship", func(c *gin.Context) {
		var request order.ShipRequest
		h.command(c, &request, &request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
			return h.Ship.Handle(ctx, request)
		})
	})
	routes.POST("/v1/orders/:id/cancel", func(c *gin.Context) {
		var request order.CancelRequest
		h.command(c, &request, &request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
			return h.Cancel.Handle(ctx, request)
		})
	})
	routes.POST("/v1/orders/:id/interventions", func(c *gin.Context) {
		var request order.InterventionRequest
		h.command(c, &request, &request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
			return h.Intervene.Handle(ctx, request)
		})
	})
	routes.POST("/v1/orders/statuses", h.statuses)
	routes.GET("/v1/orders/:id", h.order)
	routes.GET("/v1/orders/:id/events", h.events)
	routes.GET("/v1/customers/:id/orders", h.customerOrders)
}

// command decodes a body, checks that path and key name the same order, and
// answers 200 with the acknowledgement, for the first time as for a replay.
func (h Handlers) command(c *gin.Context, request any, key *order.Key, handle func(context.Context) (order.Acknowledgement, error)) {
	if err := httpserver.Bind(c, request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if id, named := c.Params.Get("id"); named && id != key.OrderID {
		httpserver.Fail(c, problem.New(problem.Invalid, "path and key name two orders").
			WithField("/key/orderId", "must be the order of the path"))
		return
	}
	acknowledgement, err := handle(telemetry.WithOrderID(c.Request.Context(), key.OrderID))
	answer(c, acknowledgement, err)
}

func answer(c *gin.Context, body any, err error) {
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, body)
}
