package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/sdk/client"
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
	"orderflow/gateway/internal/ratelimit"
	"orderflow/gateway/openapi"
	"orderflow/internal/audit"
	"orderflow/internal/chassis"
	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/token"
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

// needed are the services without which no order can be taken.
var needed = []string{orderService, catalogService, customerService}

// build connects the handlers with everything that they work with. Neither
// Temporal nor the services have to be there: readiness tells which are not.
func build(cfg *settings, t *telemetry.Telemetry) (parts chassis.Parts, err error) {
	var opened closers
	parts.Close = opened.close

	served, err := openTLS(cfg, t.Log)
	if err != nil {
		return parts, err
	}
	if served != nil {
		parts.TLS = served.Config()
	}
	verifier, err := openVerifier(cfg, t.Log)
	if err != nil {
		return parts, err
	}
	limiter, err := ratelimit.New(cfg.limits(), nil)
	if err != nil {
		return parts, err
	}
	codec, err := cfg.codec()
	if err != nil {
		return parts, err
	}
	temporal, err := temporalclient.DialLazy(cfg.temporal(codec), t)
	if err != nil {
		return parts, err
	}
	opened.add(func() error { temporal.Close(); return nil })

	resolver, err := discovery.Open(cfg.Lookup.Discovery(cfg.Consul), t.Log)
	if err != nil {
		return parts, fmt.Errorf("preparing discovery: %w", err)
	}
	opened.add(resolver.Close)

	guards := new(rpc.Guards)
	parts.Guards, parts.InternalAddr = guards, cfg.InternalAddr
	processes, err := openFleet(cfg, guards, &opened, t.Log)
	if err != nil {
		return parts, err
	}
	call := func(service string, limits chassis.Target) rpc.Caller {
		guarded := rpc.NewClient(service, resolver, limits.RPC(callTimeout), t, rpc.WithGuards(guards))
		opened.add(guarded.Close)
		return guarded
	}
	waiting := rpc.NewClient(changesTarget, resolver, changesConfig(cfg), t, rpc.WithGuards(guards), rpc.WithService(orderService))
	opened.add(waiting.Close)

	orders := order.NewClient(call(orderService, cfg.Order))
	products := catalog.NewClient(call(catalogService, cfg.Catalog))
	customers := customer.NewClient(call(customerService, cfg.Customer))
	placements := placement.New(temporal, codec.DataConverter(), cfg.placements())
	audits := make(map[string]api.Audit)
	for _, service := range audited {
		reader := rpc.NewClient(auditTarget(service), resolver, auditConfig(), t, rpc.WithGuards(guards), rpc.WithService(service))
		opened.add(reader.Close)
		audits[service] = audit.NewReader(reader)
	}

	parts.Public = true
	parts.BodyLimits = map[string]int64{api.BatchPath: cfg.batch().Bytes()}
	compress, err := edge.Compression(codecapi.Path)
	if err != nil {
		return parts, err
	}
	parts.Handler = func(engine http.Handler) http.Handler { return edge.Headers(compress(engine), cfg.TLS.trusted()) }
	page, err := docs.New(openapi.YAML)
	if err != nil {
		return parts, err
	}
	register := api.New(api.Dependencies{
		Verifier: verifier,
		Limiter:  limiter,
		Requests: edge.NewGate(cfg.MaxRequests),
		Streams:  edge.NewGate(cfg.Streams),
		Batches:  edge.NewGate(cfg.Batches),
		Batch:    cfg.batch(),

		Placements: placements,
		Pricer:     pricing.New(products, customers, cfg.pricing(), nil),
		Reader: orderview.NewReader(orderview.Sources{
			Orders:      orders,
			Payments:    payment.NewClient(call(paymentService, cfg.Payment)),
			Shipments:   shipping.NewClient(call(shippingService, cfg.Shipping)),
			Workflows:   placements,
			MayName:     auth.MayRead,
			PartTimeout: cfg.PartTimeout,
		}),
		Orders:    orders,
		Changes:   order.NewClient(waiting),
		Products:  products,
		Customers: customers,
		Inventory: inventory.NewClient(call(inventoryService, cfg.Inventory)),
		Holds:     dependencies.New(temporal, codec.DataConverter(), dependencies.Timeouts{}),
		Audits:    audits,
		Fleet:     processes,
		Log:       t.Log,
		Settings:  cfg.workflow(),

		WorkflowLink: cfg.workflowLink(),
	}).Register
	parts.Routes = func(router gin.IRouter) {
		router.Use(edge.CrossOrigin(cfg.CrossOrigins))
		page.Register(router)
		register(router)
		if codec.On() {
			codecapi.Register(router, codecapi.Dependencies{
				Codec: codec, Verifier: verifier, Limiter: limiter, Origins: cfg.CodecOrigins, Log: t.Log,
			})
		}
	}

	parts.Checks = map[string]func(context.Context) error{
		"temporal": func(ctx context.Context) error {
			return temporalclient.Check(ctx, temporal, cfg.Temporal.Namespace)
		},
	}
	parts.Background = []func(context.Context) error{
		func(ctx context.Context) error { warnWithoutTemporal(ctx, cfg, temporal, t.Log); return nil },
	}
	if served != nil {
		parts.Background = append(parts.Background, func(ctx context.Context) error { return served.Watch(ctx, cfg.TLS.Reload) })
	}
	for _, service := range needed {
		parts.Checks[service] = func(ctx context.Context) error {
			_, err := resolver.Next(ctx, service)
			return err
		}
	}
	return parts, nil
}

// openVerifier makes the development key at the first start, and says so.
func openVerifier(cfg *settings, log *zap.Logger) (*token.Verifier, error) {
	_, created, err := token.OpenKeys(cfg.KeysDir)
	if err != nil {
		return nil, err
	}
	if created {
		log.Warn("made a development signing key: whoever can read it can sign any token", zap.String("folder", cfg.KeysDir))
	}
	return token.OpenVerifier(filepath.Join(cfg.KeysDir, token.KeySetFile), cfg.TokenIssuer, nil)
}

// warnWithoutTemporal says once what is wrong when Temporal does not answer at
// the start. The gateway goes on: reads need no Temporal, and it may come.
func warnWithoutTemporal(ctx context.Context, cfg *settings, temporal client.Client, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Temporal.DialTimeout)
	defer cancel()
	if err := temporalclient.Check(ctx, temporal, cfg.Temporal.Namespace); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		log.Warn("no orders can be placed: the Temporal server does not answer",
			zap.String("temporalAddr", cfg.Temporal.Addr), zap.Error(err))
	}
}

// changesTarget names the calls that wait for changes of orders. They have a
// breaker and a bulkhead of their own, because each lasts many seconds: in the
// order service's own bulkhead a few watchers would keep every reader out.
const changesTarget = "order-changes"

func changesConfig(cfg *settings) rpc.Config {
	limits := cfg.Order.RPC(callTimeout)
	limits.Timeout += api.LongestQuestion
	limits.Breaker.SlowCall = 0 // it is slow on purpose
	limits.Bulkhead = resilience.BulkheadConfig{MaxConcurrent: cfg.Streams}
	return limits
}

// audited are the services whose raw rows can be read.
var audited = []string{
	orderService, inventoryService, paymentService, shippingService, notificationService, customerService, catalogService,
}

// auditTarget names the calls that read a service's raw rows. Like those that
// wait for changes they are kept apart from the calls of customers: an audit
// reads whole tables, as fast as it is let.
func auditTarget(service string) string { return service + "-audit" }

const (
	auditTimeout = 10 * time.Second
	auditReads   = 4
	auditQueue   = 16
)

func auditConfig() rpc.Config {
	return rpc.Config{
		Timeout:  auditTimeout,
		Bulkhead: resilience.BulkheadConfig{MaxConcurrent: auditReads, MaxQueue: auditQueue},
	}
}

// openFleet prepares what asks the other processes. Where instances are not
// found in Consul, this process knows of no others.
func openFleet(cfg *settings, guards *rpc.Guards, opened *closers, log *zap.Logger) (*fleet.Fleet, error) {
	var registry fleet.Registry
	if cfg.Lookup.InConsul() {
		consul, err := discovery.NewConsul(chassis.Agent(cfg.Consul), log)
		if err != nil {
			return nil, fmt.Errorf("preparing the list of processes: %w", err)
		}
		opened.add(func() error { consul.Close(); return nil })
		registry = consul
	}
	self := fleet.Process{Service: gatewayService, Instance: cfg.InstanceID}
	processes := fleet.New(self, guards.Snapshot, registry, fleet.DefaultTimeout)
	opened.add(processes.Close)
	return processes, nil
}

// closers close what was opened, the last first.
type closers struct{ all []func() error }

func (c *closers) add(closer func() error) { c.all = append(c.all, closer) }

func (c *closers) close() error {
	var errs []error
	for _, closer := range slices.Backward(c.all) {
		errs = append(errs, closer())
	}
	return errors.Join(errs...)
}
