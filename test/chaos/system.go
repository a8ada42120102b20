package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"orderflow/internal/devstack"
	"orderflow/internal/supervisor"
	"orderflow/internal/token"
)

// System is the product on ports of its own, with a wire before each service
// and the gateway.
type System struct {
	*devstack.Stack
	// Operator may do everything, past the wire.
	Operator Client

	wires  map[string]*Wire
	tokens map[string]string // by subject
	http   *http.Client
}

// Ground is what a system stands on.
type Ground struct {
	// Folder is for its data.
	Folder string
	// Programs is the folder of the product's programs.
	Programs string
	// DSNs are those of the services whose database is not the default one.
	DSNs map[string]string
	Out  io.Writer
}

// operator is the subject of the token that audits and cancels.
const operator = "chaos-operator"

// Boot starts a system. Meet is told about every call of a step. Close it.
func Boot(ctx context.Context, ground Ground, shop Shop, meet func(Call) bool) (s *System, err error) {
	s = &System{wires: map[string]*Wire{}, tokens: map[string]string{}, http: newHTTPClient(64)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	services := devstack.Services()
	addrs, err := devstack.FreeAddrs(4 + len(services))
	if err != nil {
		return s, err
	}
	environ := append(os.Environ(),
		"ORDERFLOW_FAIL_POINTS=true",
		"ORDERFLOW_RATE_LIMIT=60", "ORDERFLOW_RATE_BURST=120", // so that an overload meets them
	)
	for _, service := range services {
		// Faults are to meet orders, not breakers that they have opened before.
		environ = append(environ, "ORDERFLOW_"+strings.ToUpper(service)+"_BREAKER_OPEN_FOR=3s")
	}
	network := newNetwork()
	for i, service := range services {
		upstream := addrs[4+i]
		if s.wires[service], err = StrungBefore(ctx, service, upstream, network, meet); err != nil {
			return s, err
		}
		setting := "ORDERFLOW_" + strings.ToUpper(service) + "_"
		environ = append(environ, setting+"LISTEN_ADDR="+upstream, setting+"ADVERTISE="+s.wires[service].Addr)
		if dsn := ground.DSNs[service]; dsn != "" {
			environ = append(environ, setting+"DSN="+dsn)
		}
	}
	if s.wires[gateway], err = StrungBefore(ctx, gateway, addrs[0], network, meet); err != nil {
		return s, err
	}
	s.Stack, err = devstack.Start(ctx, devstack.Config{
		GatewayAddr: addrs[0], TemporalAddr: addrs[1], TemporalUIAddr: addrs[2], ConsulAddr: addrs[3],
		DataDir: filepath.Join(ground.Folder, "data"), Programs: ground.Programs, Environ: environ, Out: ground.Out,
		Console: supervisor.Error,
	})
	if err != nil {
		return s, err
	}
	if err := s.issueTokens(shop); err != nil {
		return s, err
	}
	s.Operator = Client{base: s.GatewayURL(), token: s.tokens[operator], http: s.http}
	return s, nil
}

// Close stops the system.
func (s *System) Close() error {
	var errs []error
	if s.Stack != nil {
		errs = append(errs, s.Stop())
	}
	for _, wire := range s.wires {
		if wire != nil {
			errs = append(errs, wire.Close())
		}
	}
	s.http.CloseIdleConnections()
	return errors.Join(errs...)
}

func (s *System) issueTokens(shop Shop) error {
	keys, _, err := token.OpenKeys(s.KeysDir())
	if err != nil {
		return err
	}
	scopes := map[string]string{operator: "admin ops orders:read orders:write"}
	for _, customer := range shop.Customers {
		scopes[customer.ID] = "orders:read orders:write"
	}
	for subject, scope := range scopes {
		if s.tokens[subject], err = keys.Issue(subject, scope, 12*time.Hour, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Customer is who speaks for a customer, over the wire.
func (s *System) Customer(id string) Client {
	return Client{base: "http://" + s.wires[gateway].Addr, token: s.tokens[id], http: s.http}
}

// Tokens are all that were issued.
func (s *System) Tokens() []string { return slices.Collect(maps.Values(s.tokens)) }

// Stock puts the shop's goods and customers into the system.
func (s *System) Stock(ctx context.Context, shop Shop) error {
	for _, customer := range shop.Customers {
		if err := s.put(ctx, "/v1/customers/"+customer.ID, map[string]any{
			"customerId": customer.ID, "name": "Name " + customer.Mark, "contact": customer.Mark + "@example.com",
		}); err != nil {
			return err
		}
	}
	for i, product := range slices.Concat(shop.Plenty, shop.Scarce) {
		if err := s.put(ctx, "/v1/products/"+product, map[string]any{
			"productId": product, "name": "Product " + product, "unitPrice": map[string]any{"amount": 100 + 37*i, "currency": "USD"},
		}); err != nil {
			return err
		}
		if err := s.put(ctx, "/v1/inventory/"+product, map[string]any{"productId": product, "onHand": shop.Stock[product]}); err != nil {
			return err
		}
	}
	return nil
}

func (s *System) put(ctx context.Context, path string, body any) error {
	answer, err := s.Operator.Patiently(ctx, http.MethodPut, path, body, nil)
	if err != nil {
		return err
	}
	if answer.Status >= http.StatusMultipleChoices {
		return fmt.Errorf("%s is answered %d: %s", path, answer.Status, answer.Body)
	}
	return nil
}
