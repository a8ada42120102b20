// Package simulator is the built-in payment provider: a company that moves
// simulated money. It keeps a durable ledger of its own in the payment service's
// database, and shares nothing else with the service but the vocabulary of the
// port.
//
// Methods have Stripe's public test names: MethodVisa succeeds, the two
// declined ones are declined, any other is declined as unknown. MethodRefundFail
// is captured, but each of its refunds is refused for good; so is each refund
// of an order of which somebody has said so. SetRefunds is that switch, and
// PUT /v1/simulator/refunds/{orderId} moves it by hand:
//
//	{"refunds": "accept"}    from now on refunds of this order succeed
//	{"refunds": "refuse"}    from now on they are refused
//
// The switch outlives a restart. What was refused stays refused under its key:
// a refund that shall succeed after all is another one.
//
// It does not model fees, currencies' limits, disputes, settlement dates, or
// refunds that take their time.
package simulator

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"orderflow/internal/sqlstore"
	"orderflow/services/payment/internal/provider"
)

// The payment methods that the simulator knows.
const (
	MethodVisa              = "pm_card_visa"
	MethodDeclined          = "pm_card_chargeDeclined"
	MethodInsufficientFunds = "pm_card_chargeDeclinedInsufficientFunds"
	MethodRefundFail        = "pm_card_refundFail"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the simulator's own tables, for sqlstore.Open.
func Schema() sqlstore.Schema { return sqlstore.EmbeddedSchema("payment_simulator", migrations) }

// Simulator is the provider. Every method is one transaction of its own. That of
// Capture is an interim one: who asks records the answer in the same database
// before answering for it.
type Simulator struct {
	db  *sqlstore.DB
	now func() time.Time
}

// New returns a provider whose ledger is in db, which was opened with Schema.
func New(db *sqlstore.DB, now func() time.Time) *Simulator {
	return &Simulator{db: db, now: now}
}

// Capture takes the money, unless it declines. The same request again gets the
// charge as it stands now; a key that Void has closed stays voided.
// provider.ErrKeyReused when the key came before with another request.
func (s *Simulator) Capture(ctx context.Context, request provider.Request) (provider.Charge, error) {
	var charge provider.Charge
	err := s.db.InTxInterim(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, err := find(ctx, tx, request.Key)
		if err == nil {
			charge = known.charge()
			return known.refuseOther(request)
		}
		if !errors.Is(err, provider.ErrUnknownKey) {
			return err
		}
		decided := decide(request)
		charge = decided.charge()
		if err := s.insert(ctx, tx, decided); err != nil {
			return err
		}
		if decided.state != provider.Captured {
			return nil
		}
		return s.move(ctx, tx, movement{
			key: request.Key, kind: capture, chargeKey: request.Key, orderID: request.OrderID, amount: request.Amount,
		})
	})
	return charge, err
}

// Void leaves a tombstone under a key that it does not know, so that a capture
// that arrives later is refused, and returns the charge as it stands then. One
// that is known stays as it is. It may be repeated.
func (s *Simulator) Void(ctx context.Context, key string) (provider.Charge, error) {
	var charge provider.Charge
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, err := find(ctx, tx, key)
		if errors.Is(err, provider.ErrUnknownKey) {
			known = row{request: provider.Request{Key: key}, state: provider.Voided}
			err = s.insert(ctx, tx, known)
		}
		charge = known.charge()
		return err
	})
	return charge, err
}

// Lookup returns the charge of the key, or provider.ErrUnknownKey.
func (s *Simulator) Lookup(ctx context.Context, key string) (provider.Charge, error) {
	known, err := find(ctx, s.db.Reader(), key)
	return known.charge(), err
}

func decide(request provider.Request) row {
	declined := func(reason string) row {
		return row{request: request, state: provider.Declined, reason: reason}
	}
	switch request.Method {
	case MethodVisa, MethodRefundFail:
		return row{request: request, state: provider.Captured, reference: reference("ch_", request.Key)}
	case MethodDeclined:
		return declined("the card was declined")
	case MethodInsufficientFunds:
		return declined("the card has insufficient funds")
	default:
		return declined("the payment method is unknown")
	}
}

// reference is unique, because keys are, and needs no counter that requests
// would queue for.
func reference(prefix, key string) string {
	sum := sha256.Sum256([]byte(key))
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}
