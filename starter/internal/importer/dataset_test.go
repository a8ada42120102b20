package importer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/starter/internal/gatewaytest"
	"orderflow/starter/internal/importer"
)

// A generated shop has the same properties as the real one below: with the
// demand as stock everything ships, totals are as expected, and all stock is
// used up.
func TestWithTheDemandAsStockEveryOrderShips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines, products, total := generatedShop(rt)
		gateway := gatewaytest.New(t)
		cfg, progress := configFor(t, gateway)
		cfg.Stock = importer.StockDemand
		summary, err := importer.Run(t.Context(), cfg, fileOf(lines...))
		require.NoError(rt, err)
		require.True(rt, summary.Complete(), progress.text())
		require.Equal(rt, summary.Orders.Total, summary.Orders.Shipped)
		if summary.Orders.Total > 0 {
			require.Equal(rt, big.NewInt(total), summary.Totals[0].Shipped)
		}
		for _, product := range products {
			require.Zero(rt, gateway.Stock(product).OnHand)
		}
	})
}

// generatedShop returns the lines of a small data set, its product IDs and the
// sum of its orders' totals.
func generatedShop(t *rapid.T) (lines, products []string, total int64) {
	prices := rapid.SliceOfN(rapid.Int64Range(0, 100_000), 1, 5).Draw(t, "prices")
	demand := make([]int64, len(prices))
	var orders []string
	for i := range rapid.IntRange(0, 20).Draw(t, "orders") {
		var items []map[string]any
		var expected int64
		for _, at := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(prices)-1), 1, len(prices), rapid.ID).Draw(t, "items") {
			quantity := rapid.Int64Range(1, 50).Draw(t, "quantity")
			demand[at] += quantity
			expected += prices[at] * quantity
			items = append(items, map[string]any{"productId": fmt.Sprintf("p-%d", at), "quantity": quantity})
		}
		total += expected
		orders = append(orders, encoded(map[string]any{
			"reference": fmt.Sprintf("o-%d", i), "customerId": "c-1", "items": items,
			"expectedTotal": expected, "currency": "USD",
		}))
	}
	for at, price := range prices {
		products = append(products, fmt.Sprintf("p-%d", at))
		lines = append(lines, encoded(map[string]any{
			"productId": fmt.Sprintf("p-%d", at), "name": "P", "unitPrice": price, "currency": "USD",
			"stock": 0, "demand": demand[at],
		}))
	}
	lines = append(lines, encoded(map[string]any{"customerId": "c-1", "name": "C"}))
	return append(lines, orders...), products, total
}

func encoded(value map[string]any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// The trading company's data set is not part of the project.
func TestTheTradingCompanysOrdersAllShip(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "data", "northwind")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		t.Skip("skipped: needs the Northwind data set")
	}
	files, closeAll, err := importer.Open([]string{
		filepath.Join(dir, "products.jsonl"), filepath.Join(dir, "customers.jsonl"), filepath.Join(dir, "orders.jsonl"),
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, closeAll()) }()

	gateway := gatewaytest.New(t)
	cfg, progress := configFor(t, gateway)
	cfg.Stock = importer.StockDemand
	summary, err := importer.Run(t.Context(), cfg, files)
	require.NoError(t, err)
	assert.True(t, summary.Complete(), progress.text())
	assert.Equal(t, 998, summary.Lines)
	assert.Equal(t, importer.WriteCounts{Written: 77}, summary.Products)
	assert.Equal(t, importer.WriteCounts{Written: 91}, summary.Customers)
	assert.Equal(t, 830, summary.Orders.Shipped)
	assert.Equal(t, big.NewInt(144_936_731), summary.Totals[0].Shipped)
}
