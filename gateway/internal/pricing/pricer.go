package pricing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/money"
	"orderflow/workflows/contract"
)

// Catalog is what is asked of the catalogue; *catalog.Client does it.
type Catalog interface {
	// Lookup returns those of at most 100 products that exist.
	Lookup(ctx context.Context, productIDs []string) ([]catalog.Product, error)
}

// Customers is what is asked of the customer service; *customer.Client does it.
type Customers interface {
	// Customer returns one customer, or problem.NotFound.
	Customer(ctx context.Context, customerID string) (customer.Customer, error)
}

// Line asks for a quantity of one product.
type Line struct {
	ProductID string
	// Quantity is 1 or more.
	Quantity int64
	// Pointer is the JSON pointer of the line in the client's body.
	Pointer string
}

// Quote is the priced order.
type Quote struct {
	CustomerName string
	Items        []contract.Item
	Total        money.Money
}

// Config says how long answers are used and how long they may take.
type Config struct {
	// TTL is how long a price or name is used without asking again; 0 asks
	// each time.
	TTL time.Duration
	// Timeout bounds one question to a service.
	Timeout time.Duration
}

// Pricer makes quotes. It is safe for concurrent use.
type Pricer struct {
	catalog   Catalog
	customers Customers
	timeout   time.Duration

	products *cache[catalog.Product]
	names    *cache[string]
	flights  singleflight.Group
}

// New returns a pricer. Now is the clock, nil for time.Now.
func New(products Catalog, customers Customers, cfg Config, now func() time.Time) *Pricer {
	if now == nil {
		now = time.Now
	}
	return &Pricer{
		catalog:   products,
		customers: customers,
		timeout:   cfg.Timeout,
		products:  newCache[catalog.Product](cfg.TTL, now),
		names:     newCache[string](cfg.TTL, now),
	}
}

// Quote prices the lines for the customer. Its errors are
//
//   - problem.Invalid with the pointers of all lines that cannot be ordered
//     (unknown or discontinued product, a second currency, a total beyond 64
//     bits) and /customerId for an unknown customer;
//   - whatever a service's client returns when it gets no answer.
func (p *Pricer) Quote(ctx context.Context, customerID string, lines []Line) (Quote, error) {
	var products map[string]catalog.Product
	var name string
	var known bool

	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		products, err = p.lookup(groupCtx, lines)
		return err
	})
	group.Go(func() (err error) {
		name, known, err = p.customerName(groupCtx, customerID)
		return err
	})
	if err := group.Wait(); err != nil {
		return Quote{}, err
	}
	var violations problem.Violations
	if !known {
		violations.Add("/customerId", "is not a known customer")
	}
	items, total := priced(lines, products, &violations)
	if err := violations.Err(); err != nil {
		return Quote{}, err
	}
	return Quote{CustomerName: name, Items: items, Total: total}, nil
}

// ForgetProduct makes the next quote ask for the product anew.
func (p *Pricer) ForgetProduct(productID string) { p.products.invalidate(productID) }

// ForgetCustomer makes the next quote ask for the customer anew.
func (p *Pricer) ForgetCustomer(customerID string) { p.names.invalidate(customerID) }

func priced(lines []Line, products map[string]catalog.Product, violations *problem.Violations) ([]contract.Item, money.Money) {
	items := make([]contract.Item, 0, len(lines))
	var total money.Money
	for _, line := range lines {
		product, exists := products[line.ProductID]
		switch {
		case !exists:
			violations.Add(line.Pointer+"/productId", "is not a known product")
			continue
		case product.Discontinued:
			violations.Add(line.Pointer+"/productId", "is discontinued")
			continue
		case total.Currency != "" && product.UnitPrice.Currency != total.Currency:
			violations.Add(line.Pointer+"/productId", "has another currency than the products before it: an order has one currency")
			continue
		}
		amount, err := product.UnitPrice.Multiply(line.Quantity)
		if err == nil {
			amount, err = total.Add(amount)
		}
		if err != nil {
			violations.Add(line.Pointer+"/quantity", "makes the total too large")
			continue
		}
		total = amount
		items = append(items, contract.Item{
			ProductID:   product.ProductID,
			ProductName: product.Name,
			Quantity:    line.Quantity,
			UnitPrice:   product.UnitPrice,
		})
	}
	return items, total
}

// lookup returns the lines' products by ID. Those that do not exist are not
// remembered: they may be written at any moment.
func (p *Pricer) lookup(ctx context.Context, lines []Line) (map[string]catalog.Product, error) {
	found := make(map[string]catalog.Product, len(lines))
	var missing []string
	for _, line := range lines {
		if product, ok := p.products.get(line.ProductID); ok {
			found[line.ProductID] = product
		} else {
			missing = append(missing, line.ProductID)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	slices.Sort(missing)
	generation := p.products.current()
	answer, err := shared(ctx, p, fmt.Sprintf("products %d %s", generation, strings.Join(missing, " ")),
		func(ctx context.Context) ([]catalog.Product, error) {
			products, err := p.catalog.Lookup(ctx, missing)
			for _, product := range products {
				p.products.put(product.ProductID, product, generation)
			}
			return products, err
		})
	if err != nil {
		return nil, fmt.Errorf("asking for prices: %w", err)
	}
	for _, product := range answer {
		found[product.ProductID] = product
	}
	return found, nil
}

func (p *Pricer) customerName(ctx context.Context, customerID string) (name string, known bool, err error) {
	if name, ok := p.names.get(customerID); ok {
		return name, true, nil
	}
	generation := p.names.current()
	name, err = shared(ctx, p, fmt.Sprintf("customer %d %s", generation, customerID), func(ctx context.Context) (string, error) {
		found, err := p.customers.Customer(ctx, customerID)
		if err == nil {
			p.names.put(customerID, found.Name, generation)
		}
		return found.Name, err
	})
	switch {
	case problem.CodeOf(err) == problem.NotFound:
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("asking for the customer: %w", err)
	}
	return name, true, nil
}

// shared lets equal questions that are under way at once share one answer. The
// key holds the cache's generation, so that nobody gets an answer to a question
// from before a change. The question does not end with the context of whoever
// happened to ask first.
func shared[V any](ctx context.Context, p *Pricer, key string, ask func(context.Context) (V, error)) (V, error) {
	answer := p.flights.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.timeout)
		defer cancel()
		return ask(ctx)
	})
	var none V
	select {
	case result := <-answer:
		if result.Err != nil {
			return none, result.Err
		}
		return result.Val.(V), nil
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
