package internal_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/inventory"
	"orderflow/services/inventory/inventorytest"
)

func each(t *testing.T, test func(t *testing.T, stock inventorytest.Service)) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		test(t, inventorytest.Start(t, inventorytest.WithDSN(dsn)))
	})
}

func key(order string, step string) inventory.Key {
	return inventory.Key{OrderID: order, Step: step, Revision: 1}
}

func reserve(order string, lines ...inventory.Line) inventory.ReserveRequest {
	return inventory.ReserveRequest{Key: key(order, "ReserveInventory"), Lines: lines}
}

func release(order string) inventory.ReleaseRequest {
	return inventory.ReleaseRequest{Key: key(order, "ReserveInventory")}
}

func commit(order string) inventory.CommitRequest {
	return inventory.CommitRequest{Key: key(order, "CommitInventory")}
}

func count(t require.TestingT, stock inventorytest.Service, product string, onHand int64) {
	_, err := stock.SetOnHand(context.Background(), inventory.StockCount{ProductID: product, OnHand: onHand})
	require.NoError(t, err)
}

func requireStock(t require.TestingT, stock inventorytest.Service, product string, onHand, reserved, shipped int64) {
	found, err := stock.Stock(context.Background(), product)
	require.NoError(t, err)
	require.Equal(t, inventory.Stock{ProductID: product, OnHand: onHand, Reserved: reserved, Shipped: shipped}, found)
}

func TestAReservationIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 10)
		count(t, stock, "b", 1)

		_, err := stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 2}, inventory.Line{ProductID: "b", Quantity: 2}))
		require.Equal(t, problem.OutOfStock, problem.CodeOf(err))
		require.Contains(t, err.Error(), "2 of product b were asked for, fewer are available")
		requireStock(t, stock, "a", 10, 0, 0)

		_, err = stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "unknown", Quantity: 1}))
		require.Equal(t, problem.OutOfStock, problem.CodeOf(err), "a refusal leaves the key free, and what nobody counted is not there")
	})
}

func TestLinesOfOneProductAreMerged(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 5)
		held, err := stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 2}, inventory.Line{ProductID: "a", Quantity: 3}))
		require.NoError(t, err)
		require.Equal(t, []inventory.Line{{ProductID: "a", Quantity: 5}}, held.Lines)
		requireStock(t, stock, "a", 5, 5, 0)
	})
}

func TestAReservationIsReplayedReleasedOnceAndThenRefused(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 5)
		line := inventory.Line{ProductID: "a", Quantity: 2}
		for range 2 {
			held, err := stock.Reserve(t.Context(), reserve("order-1", line))
			require.NoError(t, err)
			require.Equal(t, inventory.Reservation{OrderID: "order-1", Lines: []inventory.Line{line}}, held)
		}
		requireStock(t, stock, "a", 5, 2, 0)
		_, err := stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 3}))
		require.Equal(t, problem.KeyReused, problem.CodeOf(err))

		for range 2 {
			require.NoError(t, stock.Release(t.Context(), release("order-1")))
		}
		requireStock(t, stock, "a", 5, 0, 0)
		_, err = stock.Reserve(t.Context(), reserve("order-1", line))
		require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
	})
}

func TestAReleaseThatComesFirstKeepsTheReservationOut(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 5)
		require.NoError(t, stock.Release(t.Context(), release("order-1")))
		_, err := stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 1}))
		require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
		requireStock(t, stock, "a", 5, 0, 0)
	})
}

func TestCommittedStockLeavesTheShelfOnce(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 5)
		require.Equal(t, problem.Conflict, problem.CodeOf(stock.Commit(t.Context(), commit("order-1"))), "nothing is held yet")
		_, err := stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 2}))
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, stock.Commit(t.Context(), commit("order-1")))
		}
		requireStock(t, stock, "a", 3, 0, 2)
	})
}

func TestAReleaseUndoesACommitToo(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 5)
		count(t, stock, "b", 5)
		for _, id := range []string{"order-1", "order-2"} {
			_, err := stock.Reserve(t.Context(), reserve(id, inventory.Line{ProductID: "a", Quantity: 2}, inventory.Line{ProductID: "b", Quantity: 1}))
			require.NoError(t, err)
			require.NoError(t, stock.Commit(t.Context(), commit(id)))
		}
		for range 2 {
			require.NoError(t, stock.Release(t.Context(), release("order-1")))
			require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(stock.Commit(t.Context(), commit("order-1"))))
		}
		requireStock(t, stock, "a", 3, 0, 2)
		requireStock(t, stock, "b", 4, 0, 1)
		require.NoError(t, stock.Commit(t.Context(), commit("order-2")), "another order's commit stands")

		kinds := map[string]string{}
		for _, change := range audittest.Walk(t, stock.AuditStockChanges, "order-1") {
			kinds[change.ProductID] += change.Kind + " "
		}
		require.Equal(t, map[string]string{"a": "reserve commit return ", "b": "reserve commit return "}, kinds)
		for _, reservation := range audittest.Walk(t, stock.AuditReservations, "order-1") {
			require.Equal(t, "released", reservation.State)
		}
	})
}

// What was released cannot be committed any more, whatever came before.
func TestACommitThatComesAfterTheReleaseIsRefused(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 5)
		_, err := stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 2}))
		require.NoError(t, err)
		for _, id := range []string{"order-1", "order-2"} {
			require.NoError(t, stock.Release(t.Context(), release(id)))
			require.Equal(t, problem.Conflict, problem.CodeOf(stock.Commit(t.Context(), commit(id))))
		}
		requireStock(t, stock, "a", 5, 0, 0)
	})
}

func TestACountIsAnAdjustmentAndNeverBelowWhatIsReserved(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		_, err := stock.SetFirstOnHand(t.Context(), inventory.StockCount{ProductID: "a", OnHand: 5})
		require.NoError(t, err)
		_, err = stock.SetFirstOnHand(t.Context(), inventory.StockCount{ProductID: "a", OnHand: 9})
		require.Equal(t, problem.Conflict, problem.CodeOf(err))
		_, err = stock.Reserve(t.Context(), reserve("order-1", inventory.Line{ProductID: "a", Quantity: 4}))
		require.NoError(t, err)
		_, err = stock.SetOnHand(t.Context(), inventory.StockCount{ProductID: "a", OnHand: 3})
		require.Equal(t, problem.Conflict, problem.CodeOf(err))
		count(t, stock, "a", 4)
		requireStock(t, stock, "a", 4, 4, 0)
	})
}

func TestTheLastOnesAreNeverSoldTwice(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		count(t, stock, "a", 10)
		var won atomic.Int64
		var buyers sync.WaitGroup
		for n := range 50 {
			buyers.Go(func() {
				for {
					_, err := stock.Reserve(context.Background(), reserve(fmt.Sprintf("order-%d", n), inventory.Line{ProductID: "a", Quantity: 1}))
					switch {
					case err == nil:
						won.Add(1)
						return
					case problem.CodeOf(err) == problem.OutOfStock:
						return
					}
					// The client's bulkhead was full: come again.
				}
			})
		}
		buyers.Wait()
		require.EqualValues(t, 10, won.Load())
		requireStock(t, stock, "a", 10, 10, 0)
	})
}

func TestBadInputNamesTheField(t *testing.T) {
	stock := inventorytest.Start(t)
	for name, test := range map[string]struct {
		request inventory.ReserveRequest
		pointer string
	}{
		"no order":       {inventory.ReserveRequest{Key: inventory.Key{Step: "s", Revision: 1}, Lines: []inventory.Line{{ProductID: "a", Quantity: 1}}}, "/key/orderId"},
		"no revision":    {inventory.ReserveRequest{Key: inventory.Key{OrderID: "o", Step: "s"}, Lines: []inventory.Line{{ProductID: "a", Quantity: 1}}}, "/key/revision"},
		"no lines":       {reserve("order-1"), "/lines"},
		"bad product":    {reserve("order-1", inventory.Line{ProductID: "../x", Quantity: 1}), "/lines/0/productId"},
		"no quantity":    {reserve("order-1", inventory.Line{ProductID: "a"}), "/lines/0/quantity"},
		"huge quantity":  {reserve("order-1", inventory.Line{ProductID: "a", Quantity: 1 << 62}), "/lines/0/quantity"},
		"negative count": {reserve("order-1", inventory.Line{ProductID: "a", Quantity: -1}), "/lines/0/quantity"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stock.Reserve(t.Context(), test.request)
			var refused *problem.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, problem.Invalid, refused.Code)
			require.Equal(t, test.pointer, refused.Fields[0].Pointer)
		})
	}
	_, err := stock.Stock(t.Context(), "nobody-counted-it")
	require.Equal(t, problem.NotFound, problem.CodeOf(err))
}

// The model is the saga's view: what each order holds. Whatever comes in
// whatever order and however often, the figures follow from it.
func TestStockFollowsTheModel(t *testing.T) {
	stock := inventorytest.Start(t)
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		product := fmt.Sprintf("product-%d", runs)
		onHand, shipped := int64(20), int64(0)
		held, sent := map[string]int64{}, map[string]int64{}
		undone, returned := map[string]bool{}, map[string]bool{}
		count(t, stock, product, onHand)
		order := func(t *rapid.T) string {
			return fmt.Sprintf("order-%d-%d", runs, rapid.IntRange(1, 5).Draw(t, "order"))
		}
		promised := func() (sum int64) {
			for _, quantity := range held {
				sum += quantity
			}
			return sum
		}
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				id := order(t)
				// One quantity an order, so that a repetition is equal.
				quantity := int64(len(id)+int(id[len(id)-1])) % 9
				quantity++
				_, err := stock.Reserve(context.Background(), reserve(id, inventory.Line{ProductID: product, Quantity: quantity}))
				switch {
				case undone[id]:
					require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
				case held[id] > 0 || sent[id] > 0:
					require.NoError(t, err, "replayed")
				case onHand-promised() < quantity:
					require.Equal(t, problem.OutOfStock, problem.CodeOf(err))
				default:
					require.NoError(t, err)
					held[id] = quantity
				}
			},
			"release": func(t *rapid.T) {
				id := order(t)
				require.NoError(t, stock.Release(context.Background(), release(id)))
				onHand, shipped = onHand+sent[id], shipped-sent[id]
				returned[id] = returned[id] || sent[id] > 0
				delete(held, id)
				delete(sent, id)
				undone[id] = true
			},
			"commit": func(t *rapid.T) {
				id := order(t)
				err := stock.Commit(context.Background(), commit(id))
				switch {
				case returned[id]:
					require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
				case sent[id] > 0:
					require.NoError(t, err, "replayed")
				case held[id] == 0:
					require.Equal(t, problem.Conflict, problem.CodeOf(err))
				default:
					require.NoError(t, err)
					onHand, shipped, sent[id] = onHand-held[id], shipped+held[id], held[id]
					delete(held, id)
				}
			},
			"": func(t *rapid.T) { requireStock(t, stock, product, onHand, promised(), shipped) },
		})
	})
}
