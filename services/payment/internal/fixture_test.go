package internal_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal"
	"orderflow/services/payment/internal/provider"
	"orderflow/services/payment/internal/simulator"
)

// point is a place in a call of the provider where something can happen.
type point = outsidetest.Point

const (
	beforeLookup       point = "before lookup"
	beforeCapture      point = "before capture"
	afterCapture       point = "after capture"
	beforeVoid         point = "before void"
	afterVoid          point = "after void"
	beforeLookupRefund point = "before lookup of a refund"
	beforeRefund       point = "before refund"
	afterRefund        point = "after refund"
)

// interposed is a provider behind a wire on which things happen.
type interposed struct {
	internal.Provider
	outsidetest.Wire
}

func (p *interposed) Lookup(ctx context.Context, key string) (provider.Charge, error) {
	return outsidetest.Through(&p.Wire, beforeLookup, outsidetest.Unnoticed, func() (provider.Charge, error) {
		return p.Provider.Lookup(ctx, key)
	})
}

func (p *interposed) Capture(ctx context.Context, request provider.Request) (provider.Charge, error) {
	return outsidetest.Through(&p.Wire, beforeCapture, afterCapture, func() (provider.Charge, error) {
		return p.Provider.Capture(ctx, request)
	})
}

func (p *interposed) Void(ctx context.Context, key string) (provider.Charge, error) {
	return outsidetest.Through(&p.Wire, beforeVoid, afterVoid, func() (provider.Charge, error) {
		return p.Provider.Void(ctx, key)
	})
}

func (p *interposed) LookupRefund(ctx context.Context, key string) (provider.Refund, error) {
	return outsidetest.Through(&p.Wire, beforeLookupRefund, outsidetest.Unnoticed, func() (provider.Refund, error) {
		return p.Provider.LookupRefund(ctx, key)
	})
}

func (p *interposed) Refund(ctx context.Context, request provider.RefundRequest) (provider.Refund, error) {
	return outsidetest.Through(&p.Wire, beforeRefund, afterRefund, func() (provider.Refund, error) {
		return p.Provider.Refund(ctx, request)
	})
}

// process is one process of the payment service.
type process struct {
	*internal.Service
	wire *interposed
}

// shop is several processes over one database, and the bank that they share.
type shop struct {
	db   *sqlstore.DB
	bank *simulator.Simulator
}

func (s shop) start() process {
	wire := &interposed{Provider: s.bank}
	return process{Service: internal.NewService(s.db, wire, sqlstore.Now), wire: wire}
}

func each(t *testing.T, test func(t *testing.T, s shop)) {
	sqlstoretest.Each(t, append(internal.Schemas(), simulator.Schema()), func(t *testing.T, db *sqlstore.DB) {
		test(t, shop{db: db, bank: simulator.New(db, sqlstore.Now)})
	})
}

var total = money.New(9999, "USD")

func key(orderID string, revision int) fence.Key {
	return fence.Key{OrderID: orderID, Step: "ChargePayment", Revision: revision}
}

func chargeOf(orderID string, revision int, method string) payment.ChargeRequest {
	return payment.ChargeRequest{Key: key(orderID, revision), CustomerID: "cust-1", Amount: total, Method: method}
}

func refundOf(orderID string, revision int) payment.RefundRequest {
	return payment.RefundRequest{Key: key(orderID, revision), Reason: "out of stock"}
}

// agreedOf is the nth refund that was agreed on with the customer.
func agreedOf(orderID string, nth int, amount int64) payment.AgreedRefundRequest {
	return payment.AgreedRefundRequest{
		Key: agreedKey(orderID, nth), Amount: money.New(amount, "USD"), Reason: "a dent in the kettle",
	}
}

func agreedKey(orderID string, nth int) fence.Key {
	return fence.Key{OrderID: orderID, Step: "AgreedRefund", Revision: nth}
}

// requireMoney compares what the service says and has booked, and what the
// provider says.
func (s shop) requireMoney(t require.TestingT, orderID string, captured, refunded int64) {
	ctx := context.Background()
	statement, err := s.bank.Statement(ctx, orderID)
	require.NoError(t, err)
	require.Equal(t, captured, statement.Captured.Amount, "captured at the provider")
	require.Equal(t, refunded, statement.Refunded.Amount, "refunded at the provider")
	cash, err := s.booked(ctx, orderID)
	require.NoError(t, err)
	require.Equal(t, captured-refunded, cash, "the ledger's cash at the provider")
}

// booked returns the balance of cash at the provider for an order, from the
// ledger's rows.
func (s shop) booked(ctx context.Context, orderID string) (int64, error) {
	var cash int64
	err := s.db.Reader().QueryRowContext(ctx, `
		SELECT COALESCE(SUM(e.amount), 0) FROM ledger_entry e
		JOIN ledger_transaction t ON t.transaction_id = e.transaction_id
		WHERE t.order_id = $1 AND e.account = 'cash-at-provider'`, orderID).Scan(&cash)
	return cash, err
}

func (s shop) fenceState(t require.TestingT, key fence.Key) fence.State {
	return outsidetest.FenceState(t, s.db, key)
}

// captureOf is what the service asks the provider for.
func captureOf(request payment.ChargeRequest) provider.Request {
	return provider.Request{
		Key: request.Key.String(), OrderID: request.Key.OrderID, CustomerID: request.CustomerID,
		Amount: request.Amount, Method: request.Method,
	}
}
