package internal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/services/inventory"
	"orderflow/services/inventory/inventorytest"
)

// stockCall is one call about a product of which each order takes one: a
// reservation, its release, or, without an order, a question for what is free.
type stockCall struct {
	order   string
	release bool
}

// stockState is what callers who take turns would see: who holds one, who was
// undone, and how many are left.
type stockState struct {
	free         int64
	held, undone string // order IDs, each followed by a comma
}

// stockOfOne is a product of which initial are on hand.
func stockOfOne(initial int64) porcupine.Model {
	has := func(list, order string) bool { return order != "" && strings.Contains(list, order+",") }
	return porcupine.Model{
		Init: func() any { return stockState{free: initial} },
		Step: func(state, input, output any) (bool, any) {
			s, made := state.(stockState), input.(stockCall)
			switch {
			case made.order == "":
				return output == s.free, s
			case made.release:
				if has(s.held, made.order) {
					s.held, s.free = strings.Replace(s.held, made.order+",", "", 1), s.free+1
				}
				if !has(s.undone, made.order) {
					s.undone += made.order + ","
				}
				return true, s
			case has(s.undone, made.order):
				return output == problem.AlreadyCompensated, s
			case has(s.held, made.order):
				return output == problem.Code(""), s
			case s.free == 0:
				return output == problem.OutOfStock, s
			default:
				s.held, s.free = s.held+made.order+",", s.free-1
				return output == problem.Code(""), s
			}
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %v", input, output) },
	}
}

// Clients reserve, release and look at once, and the history of their calls is
// one that clients who take turns could have had.
func TestStockIsLinearizable(t *testing.T) {
	each(t, func(t *testing.T, stock inventorytest.Service) {
		const initial, clients, calls = 3, 6, 12
		for round := range 5 {
			product := fmt.Sprintf("product-%d", round)
			count(t, stock, product, initial)
			start := time.Now()
			var mu sync.Mutex
			var history []porcupine.Operation
			var racing errgroup.Group
			for client := range clients {
				random := rand.New(rand.NewPCG(uint64(round), uint64(client)))
				racing.Go(func() error {
					for range calls {
						made := stockCall{order: fmt.Sprintf("order-%d-%d", round, random.IntN(8)), release: random.IntN(3) == 0}
						if random.IntN(4) == 0 {
							made = stockCall{}
						}
						called := time.Since(start)
						output, err := callStock(stock, product, made)
						if err != nil {
							return err
						}
						operation := porcupine.Operation{
							ClientId: client, Input: made, Output: output,
							Call: int64(called), Return: int64(time.Since(start)),
						}
						mu.Lock()
						history = append(history, operation)
						mu.Unlock()
					}
					return nil
				})
			}
			require.NoError(t, racing.Wait())
			require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(stockOfOne(initial), history, time.Minute))
		}
	})
}

// callStock makes the call until it is answered: our own guards may hold it
// back, and PostgreSQL may ask for another run.
func callStock(stock inventorytest.Service, product string, made stockCall) (any, error) {
	for {
		output, err := tryStock(stock, product, made)
		var later *rpc.Error
		if !errors.As(err, &later) {
			return output, err
		}
	}
}

func tryStock(stock inventorytest.Service, product string, made stockCall) (any, error) {
	ctx := context.Background()
	switch {
	case made.order == "":
		found, err := stock.Stock(ctx, product)
		return found.OnHand - found.Reserved, err
	case made.release:
		return nil, stock.Release(ctx, release(made.order))
	default:
		_, err := stock.Reserve(ctx, reserve(made.order, inventory.Line{ProductID: product, Quantity: 1}))
		var answered *problem.Error
		if errors.As(err, &answered) {
			return answered.Code, nil
		}
		return problem.Code(""), err
	}
}
