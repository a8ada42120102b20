package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dataset is a small shop: its files for the import, and what must come of
// them.
type dataset struct {
	// The paths of the files.
	products, customersFile, orders string
	// stock is what is on hand at first.
	stock map[string]int64
	// Of each order: the idempotency key, whose it is, and the body that
	// places it.
	references []string
	customers  []string
	bodies     []map[string]any
}

// generate makes a shop of n orders from a seed, which is printed. About one
// order in eight has a card that is declined, one in ten an address that the
// carrier refuses, and the stock does not suffice for all.
func generate(t *testing.T, seed uint64, n int) dataset {
	t.Helper()
	t.Logf("data set of seed %d", seed)
	random := rand.New(rand.NewPCG(seed, seed))
	d := dataset{stock: map[string]int64{}}
	var products, customers, orders []any
	customerOf := func(i int) string { return fmt.Sprintf("gen-customer-%d", i) }

	prices := map[string]int64{}
	for i := range 6 {
		id := fmt.Sprintf("gen-product-%d", i)
		prices[id] = 100 + random.Int64N(10_000)
		d.stock[id] = int64(n/2) + random.Int64N(int64(n))
		products = append(products, map[string]any{
			"productId": id, "name": "Product " + id, "description": "generated",
			"unitPrice": prices[id], "currency": "USD", "stock": d.stock[id], "demand": n * 100,
		})
	}
	for i := range 4 {
		customers = append(customers, map[string]any{"customerId": customerOf(i), "name": fmt.Sprintf("Customer %d", i)})
	}
	for i := range n {
		customer, reference := customerOf(random.IntN(4)), fmt.Sprintf("gen-%d-%d", seed, i)
		address := map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "region": nil, "postalCode": "N1", "country": "GB"}
		if random.IntN(10) == 0 {
			address["postalCode"] = "00000"
		}
		payment := map[string]any{"method": "pm_card_visa"}
		if random.IntN(8) == 0 {
			payment["method"] = "pm_card_chargeDeclined"
		}
		var items []any
		var total int64
		for _, product := range random.Perm(6)[:1+random.IntN(3)] {
			id, quantity := fmt.Sprintf("gen-product-%d", product), 1+random.Int64N(5)
			items = append(items, map[string]any{"productId": id, "quantity": quantity})
			total += prices[id] * quantity
		}
		orders = append(orders, map[string]any{
			"reference": reference, "customerId": customer, "items": items, "payment": payment,
			"shippingAddress": address, "expectedTotal": total, "currency": "USD",
		})
		d.references, d.customers = append(d.references, reference), append(d.customers, customer)
		d.bodies = append(d.bodies, map[string]any{
			"customerId": customer, "items": items, "payment": payment, "shippingAddress": address,
		})
	}
	folder := t.TempDir()
	d.products = writeLines(t, filepath.Join(folder, "products.jsonl"), products)
	d.customersFile = writeLines(t, filepath.Join(folder, "customers.jsonl"), customers)
	d.orders = writeLines(t, filepath.Join(folder, "orders.jsonl"), orders)
	return d
}

func writeLines(t *testing.T, path string, rows []any) string {
	t.Helper()
	var text strings.Builder
	for _, row := range rows {
		line, err := json.Marshal(row)
		require.NoError(t, err)
		text.Write(line)
		text.WriteByte('\n')
	}
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}
