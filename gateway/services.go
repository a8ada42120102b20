package main

import (
	"orderflow/gateway/internal/api"
	"orderflow/internal/audit"
	"orderflow/internal/lifecycle"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
)

// Names of the services in the registry.
const (
	orderService     = "order"
	catalogService   = "catalog"
	customerService  = "customer"
	inventoryService = "inventory"
	paymentService   = "payment"
	shippingService  = "shipping"

	notificationService = "notification"

	gatewayService = "gateway"
)

// audited are the services whose raw rows can be read.
var audited = []string{
	orderService, inventoryService, paymentService, shippingService, notificationService, customerService, catalogService,
}

// services are the clients of our services. Changes and the audits have targets
// of their own: see changesTarget and auditTarget.
type services struct {
	orders    *order.Client
	changes   *order.Client
	products  *catalog.Client
	customers *customer.Client
	inventory *inventory.Client
	payments  *payment.Client
	shipments *shipping.Client
	audits    map[string]api.Audit
}

func newServices(cfg *settings, dial dialer) services {
	audits := make(map[string]api.Audit)
	for _, service := range audited {
		audits[service] = audit.NewReader(dial(auditTarget(service), auditLimits(), rpc.WithService(service)))
	}
	return services{
		orders:    order.NewClient(dial(orderService, cfg.Order.RPC(callTimeout))),
		changes:   order.NewClient(dial(changesTarget, changesLimits(cfg), rpc.WithService(orderService))),
		products:  catalog.NewClient(dial(catalogService, cfg.Catalog.RPC(callTimeout))),
		customers: customer.NewClient(dial(customerService, cfg.Customer.RPC(callTimeout))),
		inventory: inventory.NewClient(dial(inventoryService, cfg.Inventory.RPC(callTimeout))),
		payments:  payment.NewClient(dial(paymentService, cfg.Payment.RPC(callTimeout))),
		shipments: shipping.NewClient(dial(shippingService, cfg.Shipping.RPC(callTimeout))),
		audits:    audits,
	}
}

// dialer makes what calls one target within limits. It closes with the rest of
// the gateway.
type dialer func(target string, limits rpc.Config, options ...rpc.Option) rpc.Caller

func newDialer(conns connections, t *telemetry.Telemetry, opened *lifecycle.Stack) dialer {
	return func(target string, limits rpc.Config, options ...rpc.Option) rpc.Caller {
		caller := rpc.NewClient(target, conns.resolver, limits, t, append(options, rpc.WithGuards(conns.guards), rpc.WithAuthorizer(conns.calls))...)
		opened.PushFunc("client of "+target, caller.Close)
		return caller
	}
}
