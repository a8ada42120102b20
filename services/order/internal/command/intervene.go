package command

import (
	"context"
	"time"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

// RecordIntervention records what people decided about orders' sagas.
type RecordIntervention struct{ orders orders }

// NewRecordIntervention returns the handler.
func NewRecordIntervention(cfg Config) *RecordIntervention { return &RecordIntervention{orders{cfg}} }

// Handle records the decision in the order's stream, whatever the order's
// status, and with its actor as the operator. Nothing else about the order
// changes. Errors: problem.Invalid; problem.NotFound, which a later attempt may
// not meet any more; the refusals of fence.Act.
func (h *RecordIntervention) Handle(ctx context.Context, request order.InterventionRequest) (order.Acknowledgement, error) {
	if err := request.Key.Validate(); err != nil {
		return order.Acknowledgement{}, err
	}
	if request.Key.Step != order.InterventionStep {
		return order.Acknowledgement{}, problem.New(problem.Invalid, "the key is not that of an intervention").
			WithField("/key/step", "must be "+order.InterventionStep)
	}
	intervention, err := domain.NewIntervention(request.Intervention)
	if err != nil {
		return order.Acknowledgement{}, unacceptable("/intervention", err)
	}
	decide := func(current domain.Order, _ time.Time) ([]domain.Event, error) {
		return one(current.Intervene(intervention))
	}
	return h.orders.actFor(ctx, request.Intervention.Actor, request.Key, request.Intervention, decide)
}
