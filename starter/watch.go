package main

import (
	"context"
	"fmt"
	"time"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/narrate"
	"orderflow/starter/internal/watch"
)

type watchCommand struct {
	ID       string        `arg:"" name:"id" help:"The order's ID."`
	Patience time.Duration `default:"2m" help:"How long to wait for a gateway that was there and is away."`
}

// Run follows the order.
func (c *watchCommand) Run(ctx context.Context, s *session) error {
	gateway, err := s.gateway(adminSubject, adminScope, 0)
	if err != nil {
		return err
	}
	defer gateway.Close()

	order, err := watch.Run(ctx, watch.Config{
		Gateway: gateway, Out: s.stdout, Notes: s.stderr,
		ConnectTimeout: connectTimeout, Patience: c.Patience,
		Pause: s.backoff.Base, Backoff: s.backoff,
	}, c.ID)
	if problem.CodeOf(err) == problem.NotFound {
		return fmt.Errorf("there is no order %s", c.ID)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.stdout, narrate.Outcome(order))
	if order.Status != gatewayclient.StatusShipped {
		return silently(exitNotAsWished)
	}
	return nil
}
