package pricing_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/gateway/internal/pricing"
	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/money"
)

// shop is catalogue and customer service in memory.
type shop struct {
	mu       sync.Mutex
	products map[string]catalog.Product
	err      error
	delay    time.Duration
	lookups  atomic.Int64
	asked    atomic.Int64
}

func newShop() *shop {
	return &shop{products: map[string]catalog.Product{
		"kettle": {ProductID: "kettle", Name: "Kettle", UnitPrice: money.New(4999, "USD")},
		"cup":    {ProductID: "cup", Name: "Cup", UnitPrice: money.New(250, "USD")},
	}}
}

func (s *shop) set(product catalog.Product) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products[product.ProductID] = product
}

func (s *shop) Lookup(ctx context.Context, ids []string) ([]catalog.Product, error) {
	s.lookups.Add(1)
	s.mu.Lock()
	var found []catalog.Product
	for _, id := range ids {
		if product, ok := s.products[id]; ok {
			found = append(found, product)
		}
	}
	s.mu.Unlock()
	return found, s.wait(ctx)
}

func (s *shop) Customer(ctx context.Context, id string) (customer.Customer, error) {
	s.asked.Add(1)
	if id != "ada" {
		return customer.Customer{}, problem.New(problem.NotFound, "there is no such customer")
	}
	return customer.Customer{CustomerID: id, Name: "Ada"}, s.wait(ctx)
}

func (s *shop) wait(ctx context.Context) error {
	if s.delay > 0 {
		select {
		case <-time.After(s.delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *shop) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

var kettles = []pricing.Line{{ProductID: "kettle", Quantity: 2, Pointer: "/items/0"}}

func TestPricesAreAskedForAgainAfterTheirTime(t *testing.T) {
	shop := newShop()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	pricer := pricing.New(shop, shop, pricing.Config{TTL: 2 * time.Second, Timeout: time.Second}, func() time.Time { return now })
	price := func() int64 {
		quote, err := pricer.Quote(t.Context(), "ada", kettles)
		require.NoError(t, err)
		return quote.Total.Amount
	}
	assert.EqualValues(t, 9998, price())
	shop.set(catalog.Product{ProductID: "kettle", Name: "Kettle", UnitPrice: money.New(1, "USD")})
	now = now.Add(1999 * time.Millisecond)
	assert.EqualValues(t, 9998, price())
	now = now.Add(time.Millisecond)
	assert.EqualValues(t, 2, price())
	assert.EqualValues(t, 2, shop.lookups.Load())
	assert.EqualValues(t, 2, shop.asked.Load())
}

func TestWithoutATimeNothingIsKept(t *testing.T) {
	shop := newShop()
	pricer := pricing.New(shop, shop, pricing.Config{Timeout: time.Second}, nil)
	for range 3 {
		_, err := pricer.Quote(t.Context(), "ada", kettles)
		require.NoError(t, err)
	}
	assert.EqualValues(t, 3, shop.lookups.Load())
}

func TestAnUnknownProductIsNotRemembered(t *testing.T) {
	shop := newShop()
	pricer := pricing.New(shop, shop, pricing.Config{TTL: time.Minute, Timeout: time.Second}, nil)
	lines := []pricing.Line{{ProductID: "new", Quantity: 1, Pointer: "/items/0"}}
	_, err := pricer.Quote(t.Context(), "ada", lines)
	assert.Equal(t, problem.Invalid, problem.CodeOf(err))
	shop.set(catalog.Product{ProductID: "new", Name: "New", UnitPrice: money.New(1, "USD")})
	_, err = pricer.Quote(t.Context(), "ada", lines)
	assert.NoError(t, err)
}

func TestEqualQuestionsAtOnceAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		shop.delay = 100 * time.Millisecond
		pricer := pricing.New(shop, shop, pricing.Config{TTL: time.Minute, Timeout: time.Second}, nil)
		var quotes sync.WaitGroup
		for range 50 {
			quotes.Go(func() {
				_, err := pricer.Quote(t.Context(), "ada", kettles)
				assert.NoError(t, err)
			})
		}
		quotes.Wait()
		assert.EqualValues(t, 1, shop.lookups.Load())
		assert.EqualValues(t, 1, shop.asked.Load())
	})
}

func TestWhoeverAsksFirstMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		shop.delay = 100 * time.Millisecond
		pricer := pricing.New(shop, shop, pricing.Config{TTL: time.Minute, Timeout: time.Second}, nil)
		first, leave := context.WithCancel(t.Context())
		var quotes sync.WaitGroup
		quotes.Go(func() {
			_, err := pricer.Quote(first, "ada", kettles)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		quotes.Go(func() {
			_, err := pricer.Quote(t.Context(), "ada", kettles)
			assert.NoError(t, err)
		})
		synctest.Wait()
		leave()
		quotes.Wait()
		assert.EqualValues(t, 1, shop.lookups.Load())
	})
}

func TestAnAnswerFromBeforeAChangeIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		shop.delay = 500 * time.Millisecond
		pricer := pricing.New(shop, shop, pricing.Config{TTL: time.Minute, Timeout: time.Second}, nil)
		var quotes sync.WaitGroup
		quotes.Go(func() {
			_, err := pricer.Quote(t.Context(), "ada", kettles)
			assert.NoError(t, err)
		})
		synctest.Wait() // The old price is on its way, and slower than the new one.
		shop.delay = 0
		shop.set(catalog.Product{ProductID: "kettle", Name: "Kettle", UnitPrice: money.New(1, "USD")})
		pricer.ForgetProduct("kettle")

		quote, err := pricer.Quote(t.Context(), "ada", kettles)
		require.NoError(t, err)
		assert.EqualValues(t, 2, quote.Total.Amount, "a question after the change gets no answer from before it")
		quotes.Wait()
		quote, err = pricer.Quote(t.Context(), "ada", kettles)
		require.NoError(t, err)
		assert.EqualValues(t, 2, quote.Total.Amount)
	})
}

func TestAFailureIsPassedOnAndNotKept(t *testing.T) {
	shop := newShop()
	away := errors.New("away")
	shop.fail(away)
	pricer := pricing.New(shop, shop, pricing.Config{TTL: time.Minute, Timeout: time.Second}, nil)
	_, err := pricer.Quote(t.Context(), "ada", kettles)
	require.ErrorIs(t, err, away)
	shop.fail(nil)
	// The other half of the first question may still be on its way; whoever
	// asks meanwhile shares its answer.
	require.Eventually(t, func() bool {
		_, err := pricer.Quote(t.Context(), "ada", kettles)
		return err == nil
	}, time.Minute, time.Millisecond)
}

func TestASlowServiceIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := newShop()
		shop.delay = time.Hour
		pricer := pricing.New(shop, shop, pricing.Config{Timeout: time.Second}, nil)
		start := time.Now()
		_, err := pricer.Quote(t.Context(), "ada", kettles)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// The total is the sum of the items, or the order is refused.
func TestTheTotalIsTheSumOfTheItems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shop := newShop()
		price := rapid.OneOf(rapid.Int64Range(0, 1_000_000), rapid.Int64Range(0, 1<<62))
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,3}`), 1, 10, rapid.ID[string]).Draw(t, "products")
		var lines []pricing.Line
		for _, id := range ids {
			shop.set(catalog.Product{ProductID: id, Name: id, UnitPrice: money.New(price.Draw(t, "price"), "USD")})
			lines = append(lines, pricing.Line{ProductID: id, Quantity: rapid.Int64Range(1, 1000).Draw(t, "quantity"), Pointer: "/items/0"})
		}
		quote, err := pricing.New(shop, shop, pricing.Config{Timeout: time.Second}, nil).Quote(context.Background(), "ada", lines)
		if err != nil {
			require.Equal(t, problem.Invalid, problem.CodeOf(err))
			return
		}
		require.Len(t, quote.Items, len(lines))
		sum := money.Zero("USD")
		for _, item := range quote.Items {
			amount, err := item.UnitPrice.Multiply(item.Quantity)
			require.NoError(t, err)
			sum, err = sum.Add(amount)
			require.NoError(t, err)
		}
		require.Equal(t, sum, quote.Total)
	})
}
