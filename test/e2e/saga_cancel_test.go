package e2e_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/problem"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// cancellations meet orders in the middle of every step, of being undone, and
// together.
func cancellations() []story {
	charging := halted{"payment", contract.StepChargePayment}
	shipping := halted{"shipping", contract.StepShipOrder}
	all := []story{
		{"cancelled fifty times at once", cancelledByMany},
		{"cancelled at any moment", cancelledAtAnyMoment},
	}
	for _, phase := range []struct {
		at []halted
		// undone says which step the cancellation stops; "" is that the order
		// ships, because it is too late.
		undone string
	}{
		{[]halted{{"order", contract.StepCreateOrder}}, contract.StepCreateOrder},
		{[]halted{{"inventory", contract.StepReserveInventory}}, contract.StepReserveInventory},
		{[]halted{charging}, contract.StepChargePayment},
		{[]halted{charging, {"order", contract.StepConfirmOrder}}, contract.StepConfirmOrder},
		{[]halted{shipping}, contract.StepShipOrder},
		{[]halted{shipping, {"inventory", contract.StepCommitInventory}}, ""},
		{[]halted{shipping, {"order", contract.StepCompleteOrder}}, ""},
		{[]halted{{"notification", contract.StepNotifyCustomer}}, ""},
	} {
		here := phase.at[len(phase.at)-1]
		name := "cancel-at-" + here.activity
		all = append(all, story{"cancelled at " + here.activity, func(s *shop) {
			id := s.halt(name, purchase{}, phase.at...)
			if phase.undone == "" {
				s.requireCancel(id, http.StatusConflict, problem.TooLate)
				s.resume(here.service)
				s.requireShipped(name, id)
				return
			}
			s.requireCancel(id, http.StatusAccepted, "")
			s.requireCancel(id, http.StatusConflict, problem.Conflict)
			s.resume(here.service)
			s.requireUndone(name, id, phase.undone)
			s.requireCancel(id, http.StatusConflict, problem.Conflict)
		}})
	}
	return append(all, story{"cancelled while it is undone", func(s *shop) {
		id := s.halt("cancel-undone", purchase{postalCode: noRoute}, shipping, halted{"payment", contract.UndoChargePayment})
		s.requireCancel(id, http.StatusConflict, problem.Conflict)
		s.resume("payment")
		s.requireUndone("cancel-undone", id, contract.StepShipOrder)
	}})
}

// cancel asks for a cancellation.
func (s *shop) cancel(id string) (answer, error) {
	return s.call(s.t.Context(), http.MethodPost, "/v1/orders/"+id+"/cancel", because("changed my mind"))
}

func (s *shop) requireCancel(id string, status int, code problem.Code) {
	s.t.Helper()
	said, err := s.cancel(id)
	require.NoError(s.t, err)
	requireAnswer(s, said, status, code)
}

func requireAnswer(s *shop, said answer, status int, code problem.Code) {
	s.t.Helper()
	require.Equal(s.t, status, said.status, "%s", said.body)
	if code != "" {
		var document problem.Document
		said.into(s.t, &document)
		require.Equal(s.t, "urn:orderflow:problem:"+string(code), document.Type, "%s", said.body)
	}
}

// cancelledByMany: one of those who ask at once is heard.
func cancelledByMany(s *shop) {
	const name, many = "cancel-by-many", 50
	id := s.halt(name, purchase{}, halted{"payment", contract.StepChargePayment})
	said := make([]answer, many)
	s.atOnce(many, func(i int) (err error) { said[i], err = s.cancel(id); return err })
	accepted := 0
	for i := range said {
		if said[i].status == http.StatusAccepted {
			accepted++
			continue
		}
		requireAnswer(s, said[i], http.StatusConflict, problem.Conflict)
	}
	require.Equal(s.t, 1, accepted)
	s.resume("payment")
	s.requireUndone(name, id, contract.StepChargePayment)
}

// cancelledAtAnyMoment: an order ends as whoever cancelled it was told, on
// either side of the point of no return. The orders come all at once; those of
// a first round show how long they take then.
func cancelledAtAnyMoment(s *shop) {
	const name, orders = "cancel-any-moment", onHand / 2
	s.stockUp(name)
	began := time.Now()
	s.atOnce(orders, func(i int) error {
		id := s.placeAgain(name, fmt.Sprintf("%s-left-alone-%d", name, i), purchase{})
		s.awaitClosed(id)
		return nil
	})
	latest := time.Since(began)

	random := rand.New(rand.NewPCG(seed, seed))
	moments := make([]time.Duration, orders)
	for i := range moments {
		moments[i] = time.Duration(math.Pow(random.Float64(), 3) * float64(latest)) // rather early than late
	}
	ids, said := make([]string, orders), make([]answer, orders)
	s.atOnce(orders, func(i int) (err error) {
		ids[i] = s.placeAgain(name, fmt.Sprintf("%s-%d", name, i), purchase{})
		<-time.After(moments[i])
		said[i], err = s.cancel(ids[i])
		return err
	})
	shipped := int64(orders)
	for i, id := range ids {
		promised := order.Cancelled
		if said[i].status != http.StatusAccepted {
			requireAnswer(s, said[i], http.StatusConflict, problem.TooLate)
			promised = order.Shipped
			shipped++
		}
		s.awaitClosed(id)
		require.Equal(s.t, promised, s.settled(id).Status, "%s, cancelled after %v", id, moments[i])
	}
	s.t.Logf("within %v, %d of %d were too late", latest, shipped-orders, orders)
	var stock inventory.Stock
	s.get("/v1/inventory/"+name, &stock)
	require.Equal(s.t, inventory.Stock{ProductID: name, OnHand: onHand - shipped, Shipped: shipped}, stock)
}

// atOnce does something so many times side by side.
func (s *shop) atOnce(times int, do func(i int) error) {
	s.t.Helper()
	var doing errgroup.Group
	for i := range times {
		doing.Go(func() error { return do(i) })
	}
	require.NoError(s.t, doing.Wait())
}
