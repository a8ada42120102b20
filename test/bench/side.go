package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"orderflow/test/bench/floor"
)

// side is one of the things that are compared. Begin has a piece of work
// accepted and returns the ID of its workflow, whose end is the work's.
type side struct {
	name  string
	begin func(ctx context.Context, number int) (workflowID string, err error)
	// temporal is where the workflow runs.
	temporal client.Client
	system   *system
}

// The sides.
const (
	floorFour  = "floor 4"
	floorSteps = "floor N"
	durableWay = "durable way"
	asShipped  = "as shipped"
)

// sides are what every ratio is made of.
func (s *system) sides() []side {
	return []side{
		s.floor(floorFour, floor.Four), s.floor(floorSteps, floor.Steps),
		s.orders(durableWay, s.durable), s.orders(asShipped, s.GatewayURL()),
	}
}

func (s *system) floor(name, workflowType string) side {
	return side{name: name, system: s, temporal: s.temporal, begin: func(ctx context.Context, _ int) (string, error) {
		started, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: "floor-" + uuid.NewString(), TaskQueue: floor.Queue,
		}, workflowType)
		if err != nil {
			return "", fmt.Errorf("starting %s: %w", workflowType, err)
		}
		return started.GetID(), nil
	}}
}

// orders are placed as a careful client places them: with a key, so that it
// could ask again.
func (s *system) orders(name, gateway string) side {
	return side{name: name, system: s, temporal: s.temporal, begin: func(ctx context.Context, number int) (string, error) {
		return s.shop.buy(ctx, gateway, uuid.NewString(), number)
	}}
}
