package main

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/gateway/internal/api"
	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/codecapi"
	"orderflow/gateway/internal/dependencies"
	"orderflow/gateway/internal/docs"
	"orderflow/gateway/internal/edge"
	"orderflow/gateway/internal/fleet"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/pricing"
	"orderflow/gateway/openapi"
)

// newRoutes puts together everything that is served: the API, its description
// for people and, where payloads are encrypted, their decoding for the Temporal
// UI.
func newRoutes(cfg *settings, entry admission, conns connections, services services, processes *fleet.Fleet, log *zap.Logger) (func(gin.IRouter), error) {
	page, err := docs.New(openapi.YAML)
	if err != nil {
		return nil, fmt.Errorf("preparing the description of the API: %w", err)
	}
	description, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	orders := newAPI(cfg, description, entry, conns, services, processes, log)
	return func(router gin.IRouter) {
		router.Use(edge.CrossOrigin(cfg.CrossOrigins))
		page.Register(router)
		orders.Register(router)
		if conns.codec.On() {
			codecapi.Register(router, codecapi.Dependencies{
				Codec: conns.codec, Verifier: entry.verifier, Limiter: entry.limiter, Origins: cfg.CodecOrigins, Log: log,
			})
		}
	}, nil
}

func newAPI(cfg *settings, description *openapi.Description, entry admission, conns connections, services services, processes *fleet.Fleet, log *zap.Logger) *api.API {
	payloads := conns.codec.DataConverter()
	placements := placement.New(conns.temporal, payloads, cfg.placements())
	return api.New(api.Dependencies{
		Description: description,

		Verifier: entry.verifier,
		Limiter:  entry.limiter,
		Requests: edge.NewGate(cfg.MaxRequests),
		Streams:  edge.NewGate(cfg.Streams),
		Batches:  edge.NewGate(cfg.Batches),

		StreamShares: edge.NewShares(cfg.StreamsEach, cfg.Streams),
		BatchShares:  edge.NewShares(cfg.BatchesEach, cfg.Batches),
		WaitShares:   edge.NewShares(cfg.WaitsEach, cfg.MaxRequests),

		Batch: cfg.batch(),

		Backlog:    entry.backlog,
		Placements: placements,
		Pricer:     pricing.New(services.products, services.customers, cfg.pricing(), nil),
		Reader: orderview.NewReader(orderview.Sources{
			Orders:      services.orders,
			Payments:    services.payments,
			Shipments:   services.shipments,
			Workflows:   placements,
			MayName:     auth.MayRead,
			PartTimeout: cfg.PartTimeout,
		}),
		Orders:    services.orders,
		Changes:   services.changes,
		Products:  services.products,
		Customers: services.customers,
		Inventory: services.inventory,
		ReadModel: services.orders,
		Holds:     dependencies.New(conns.temporal, payloads, dependencies.Timeouts{}),
		Audits:    services.audits,
		Fleet:     processes,
		Log:       log,
		Settings:  cfg.workflow(),

		WorkflowLink: cfg.workflowLink(),
	})
}

// newHandler puts around all answers what they have in common: security
// headers and compression. What the codec answers is not compressed.
func newHandler(cfg *settings) (func(http.Handler) http.Handler, error) {
	compress, err := edge.Compression(codecapi.Path)
	if err != nil {
		return nil, err
	}
	return func(engine http.Handler) http.Handler { return edge.Headers(compress(engine), cfg.TLS.trusted()) }, nil
}
