// Package simulator is the built-in carrier: a company that delivers simulated
// parcels. It keeps a durable record of its own in the shipping service's
// database, and shares nothing else with the service but the vocabulary of the
// port.
//
// It accepts every address except those with RefusedPostalCode. It does not
// model weights, labels, hand-over or delivery.
package simulator

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base32"
	"errors"
	"time"

	"orderflow/internal/sqlstore"
	"orderflow/services/shipping/internal/carrier"
)

// RefusedPostalCode is the one that the carrier does not deliver to.
const RefusedPostalCode = "00000"

// Name is the carrier's name.
const Name = "Simulated Post"

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the simulator's own tables, for sqlstore.Open.
func Schema() sqlstore.Schema { return sqlstore.EmbeddedSchema("carrier_simulator", migrations) }

// Simulator is the carrier. Every method is one transaction of its own. That of
// Ship is an interim one: who asks records the answer in the same database before
// answering for it.
type Simulator struct {
	db  *sqlstore.DB
	now func() time.Time
}

// New returns a carrier whose records are in db, which was opened with Schema.
func New(db *sqlstore.DB, now func() time.Time) *Simulator {
	return &Simulator{db: db, now: now}
}

// Ship accepts the parcels, unless it refuses them. The same request again gets
// the consignment as it stands now; a key that Cancel has voided stays voided.
// carrier.ErrKeyReused when the key came before with another request.
func (s *Simulator) Ship(ctx context.Context, request carrier.Request) (carrier.Consignment, error) {
	asked, err := newRow(request)
	if err != nil {
		return carrier.Consignment{}, err
	}
	var consignment carrier.Consignment
	err = s.db.InTxInterim(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, err := find(ctx, tx, request.Key)
		if err == nil {
			consignment = known.consignment()
			return known.refuseOther(asked)
		}
		if !errors.Is(err, carrier.ErrUnknownKey) {
			return err
		}
		decided := decide(asked, request.Address.PostalCode)
		consignment = decided.consignment()
		return insert(ctx, tx, decided, s.now())
	})
	return consignment, err
}

// Cancel calls off what was accepted under the key, and returns the
// consignment as it stands then. Under an unknown key it leaves a void, so that
// a shipment that arrives later is refused. It may be repeated.
func (s *Simulator) Cancel(ctx context.Context, key string) (carrier.Consignment, error) {
	var consignment carrier.Consignment
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, err := find(ctx, tx, key)
		switch {
		case errors.Is(err, carrier.ErrUnknownKey):
			known = row{key: key, state: carrier.Voided}
			err = insert(ctx, tx, known, s.now())
		case err == nil && known.state == carrier.Accepted:
			known.state = carrier.Cancelled
			err = updateState(ctx, tx, known, s.now())
		}
		consignment = known.consignment()
		return err
	})
	return consignment, err
}

// Lookup returns the consignment of the key, or carrier.ErrUnknownKey.
func (s *Simulator) Lookup(ctx context.Context, key string) (carrier.Consignment, error) {
	known, err := find(ctx, s.db.Reader(), key)
	return known.consignment(), err
}

// Live counts the accepted consignments of an order.
func (s *Simulator) Live(ctx context.Context, orderID string) (int, error) {
	return countAccepted(ctx, s.db.Reader(), orderID)
}

func decide(asked row, postalCode string) row {
	if postalCode == RefusedPostalCode {
		asked.state, asked.reason = carrier.Refused, "the carrier does not deliver to this postal code"
		return asked
	}
	asked.state, asked.trackingNumber = carrier.Accepted, trackingNumber(asked.key)
	return asked
}

// trackingNumber is unique, because keys are, and needs no counter that
// shipments would queue for.
func trackingNumber(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "SP" + base32.StdEncoding.EncodeToString(sum[:10])
}
