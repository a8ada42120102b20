// Package internal is the order service: it puts the parts together.
//
//	httpapi   requests in, answers out
//	command   the write side: create, confirm, ship, cancel, intervene
//	query     the read side: an order now, then, or after a change; lists
//	domain    which orders can exist and what they accept
//	eventstore, eventcodec, migrations   how history is kept
//	readmodel views and lists, projected from history
//
// It has no rules of its own.
package internal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderflow/internal/chassis"
	"orderflow/internal/sqlstore"
	"orderflow/internal/telemetry"
	"orderflow/services/order/internal/command"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/httpapi"
	"orderflow/services/order/internal/migrations"
	"orderflow/services/order/internal/query"
	"orderflow/services/order/internal/readmodel"
)

// Config is what the service needs. Only DSN is required.
type Config struct {
	// DSN names the service's own database; see sqlstore.Open.
	DSN string
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// NewEventID makes the IDs of events; nil makes version 7 UUIDs.
	NewEventID func() string
	// Projection says when the projector runs.
	Projection readmodel.LoopConfig
}

// Service is the order service. Make it with Open.
type Service struct {
	db        *sqlstore.DB
	handlers  httpapi.Handlers
	loop      *readmodel.Loop
	rebuilder *readmodel.Rebuilder
	// listener is nil on SQLite: there, who appends wakes the projector.
	listener *eventstore.Listener
	stopLag  func() error
}

// Open opens the database and puts the service together. The errors are those
// of sqlstore.Open. Run its Parts.
func Open(ctx context.Context, cfg Config, t *telemetry.Telemetry) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = systemClock
	}
	if cfg.NewEventID == nil {
		cfg.NewEventID = newEventID
	}
	db, err := sqlstore.Open(ctx, cfg.DSN, migrations.Schemas()...)
	if err != nil {
		return nil, err
	}
	events, codec := eventstore.New(db), eventcodec.New()
	views, watchers := readmodel.NewViews(db), new(readmodel.Watchers)
	projector := readmodel.NewProjector(db, events, codec, watchers)
	loop := readmodel.NewLoop(projector.RunOnce, cfg.Projection, t.Log)
	rebuilder := readmodel.NewRebuilder(projector, cfg.Now, t.Log)
	commands := command.Config{
		Store: events, Codec: codec, Now: cfg.Now, NewEventID: cfg.NewEventID, Appended: loop.Wake, Log: t.Log,
	}
	projected := query.Projection{Views: views, Watchers: watchers, Wake: loop.Wake}
	service := &Service{db: db, loop: loop, rebuilder: rebuilder, handlers: httpapi.Handlers{
		Create:         command.NewCreateOrder(commands),
		Confirm:        command.NewConfirmOrder(commands),
		Ship:           command.NewShipOrder(commands),
		Cancel:         command.NewCancelOrder(commands),
		Intervene:      command.NewRecordIntervention(commands),
		Orders:         query.NewOrders(events, codec, projected),
		History:        query.NewHistory(events),
		CustomerOrders: query.NewCustomerOrders(projected),
		Statuses:       query.NewStatuses(projected),
		ReadModel:      rebuilder,
	}}
	if db.Dialect() == sqlstore.Postgres {
		service.listener = eventstore.NewListener(cfg.DSN, loop.Wake, t.Log)
	}
	service.stopLag, err = readmodel.ObserveLag(t.Meter.Meter("orderflow/services/order"), projector)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return service, nil
}

// Parts are what the chassis runs. Their Close closes the database.
func (s *Service) Parts() chassis.Parts {
	return chassis.Parts{
		Routes: s.routes,
		Checks: map[string]func(context.Context) error{
			"database":  s.db.Ping,
			"projector": s.loop.Check,
		},
		Background: s.background(),
		Close:      s.close,
	}
}

func (s *Service) background() []func(context.Context) error {
	background := []func(context.Context) error{s.loop.Run, s.rebuilder.Run}
	if s.listener != nil {
		background = append(background, s.listener.Run)
	}
	return background
}

func (s *Service) close() error {
	if err := errors.Join(s.stopLag(), s.db.Close()); err != nil {
		return fmt.Errorf("closing the order service: %w", err)
	}
	return nil
}

func systemClock() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newEventID makes IDs that sort by time, which keeps their index compact.
func newEventID() string { return "event-" + uuid.Must(uuid.NewV7()).String() }
