// Package simulator is the built-in payment provider: a company that moves
// simulated money. It keeps a durable ledger of its own and shares nothing with
// the payment service but the vocabulary of the port, so it could as well stand
// on another machine.
//
// Methods have Stripe's public test names: MethodVisa succeeds, the two
// declined ones are declined, any other is declined as unknown. It does not
// model fees, currencies' limits, disputes or settlement dates.
package simulator

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
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
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the simulator's own tables, for sqlstore.Open.
func Schema() sqlstore.Schema {
	root, err := fs.Sub(migrations, "migrations")
	if err != nil {
		// The folder is compiled in; its absence is a defect of the build.
		panic(err)
	}
	return sqlstore.Schema{Name: "payment_simulator", Migrations: root}
}

// Simulator is the provider. Every method is one transaction of its own.
type Simulator struct {
	db  *sqlstore.DB
	now func() time.Time
}

// New returns a provider whose ledger is in db, which was opened with Schema.
func New(db *sqlstore.DB, now func() time.Time) *Simulator {
	return &Simulator{db: db, now: now}
}

// Capture takes the money, unless it declines. The same request again gets the
// charge as it stands now; a key that Refund has voided stays voided.
// provider.ErrKeyReused when the key came before with another request.
func (s *Simulator) Capture(ctx context.Context, request provider.Request) (provider.Charge, error) {
	var charge provider.Charge
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
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
		return s.move(ctx, tx, decided, capture)
	})
	return charge, err
}

// Refund gives back everything that was captured under the key, and returns
// the charge as it stands then. Under an unknown key it leaves a void, so that
// a capture that arrives later is refused. It may be repeated.
func (s *Simulator) Refund(ctx context.Context, key string) (provider.Charge, error) {
	var charge provider.Charge
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, err := find(ctx, tx, key)
		switch {
		case errors.Is(err, provider.ErrUnknownKey):
			known = row{request: provider.Request{Key: key}, state: provider.Voided}
			err = s.insert(ctx, tx, known)
		case err == nil && known.state == provider.Captured:
			known.state = provider.Refunded
			err = s.giveBack(ctx, tx, known)
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

func (s *Simulator) giveBack(ctx context.Context, tx *sql.Tx, r row) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE payment_simulator_charge SET state = $2 WHERE idempotency_key = $1`,
		r.request.Key, string(r.state))
	if err != nil {
		return fmt.Errorf("simulator: refunding %s: %w", r.request.Key, err)
	}
	return s.move(ctx, tx, r, refund)
}

func decide(request provider.Request) row {
	declined := func(reason string) row {
		return row{request: request, state: provider.Declined, reason: reason}
	}
	switch request.Method {
	case MethodVisa:
		return row{request: request, state: provider.Captured, reference: reference(request.Key)}
	case MethodDeclined:
		return declined("the card was declined")
	case MethodInsufficientFunds:
		return declined("the card has insufficient funds")
	default:
		return declined("the payment method is unknown")
	}
}

// reference is unique, because keys are, and needs no counter that captures
// would queue for.
func reference(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "ch_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}
