package e2e_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// northwind reads the trading company's data beside the project. It is no part
// of the project: without it, the generated data set proves the same.
func northwind(t *testing.T, stockFigure string) dataset {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "data", "northwind")
	d := dataset{
		products: filepath.Join(folder, "products.jsonl"), customersFile: filepath.Join(folder, "customers.jsonl"),
		orders: filepath.Join(folder, "orders.jsonl"), stock: map[string]int64{},
	}
	if _, err := os.Stat(d.orders); err != nil {
		t.Skip("skipped: needs the Northwind data set")
	}
	for _, row := range readLines(t, d.products) {
		d.stock[row["productId"].(string)] = int64(row[stockFigure].(float64))
	}
	for _, row := range readLines(t, d.orders) {
		d.references = append(d.references, row["reference"].(string))
		d.customers = append(d.customers, row["customerId"].(string))
	}
	return d
}

func readLines(t *testing.T, path string) []map[string]any {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var rows []map[string]any
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var row map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &row))
		rows = append(rows, row)
	}
	return rows
}

func TestAllOrdersOfNorthwindShipWhenThereIsStockForAll(t *testing.T) {
	d := northwind(t, "demand")
	onEachDatabase(t, func(t *testing.T, environ []string) {
		s := start(t, settings(t, environ...))
		files := []string{"--stock", "demand", "--concurrency", "32", d.products, d.customersFile, d.orders}

		summary := s.await(s.beginImport(files...))
		require.Equal(t, 830, summary.Orders.Shipped)
		require.Equal(t, 830, summary.Orders.PlacedNow)
		require.Empty(t, summary.Mismatches, "every order's total is the expected one")
		require.Len(t, summary.Totals, 1)
		require.EqualValues(t, 144_936_731, summary.Totals[0].Orders)
		require.Equal(t, 830, s.requireBooksBalance(d, s.views(d)))
		s.verify("--at-rest", "--orders", d.orders)

		again := s.await(s.beginImport(files...))
		require.Zero(t, again.Orders.PlacedNow)
		require.Equal(t, 830, again.Orders.AlreadyThere)
	})
}

func TestWhatNorthwindHasOnHandIsSoldExactlyOnce(t *testing.T) {
	d := northwind(t, "stock")
	onEachDatabase(t, func(t *testing.T, environ []string) {
		s := start(t, settings(t, environ...))

		summary := s.await(s.beginImport("--stock", "on-hand", "--concurrency", "32", d.products, d.customersFile, d.orders))
		require.Equal(t, 830, summary.Orders.Shipped+summary.Orders.Cancelled)
		require.Equal(t, map[string]int{"ReserveInventory": summary.Orders.Cancelled}, summary.Orders.CancelledBy)
		require.Positive(t, summary.Orders.Shipped)
		require.Positive(t, summary.Orders.Cancelled)
		require.Equal(t, summary.Orders.Shipped, s.requireBooksBalance(d, s.views(d)))
		s.verify("--at-rest", "--orders", d.orders)
	})
}
