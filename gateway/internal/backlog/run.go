package backlog

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Run asks the queue once a second until ctx ends. It returns nil.
func (s *Shedder) Run(ctx context.Context) error {
	if s.limit == 0 {
		return nil
	}
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		s.ask(ctx)
		if over, is := s.ended(time.Now()); is {
			s.log.Info("new orders are accepted again",
				zap.Int64("refused", over.refused), zap.Duration("within", over.latest.Sub(over.began)), zap.Int64("mostBacklog", over.most))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ask asks the queue once. A failure leaves what is known as it is, until that
// is too old.
func (s *Shedder) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	s.mu.Lock()
	started := s.started
	s.mu.Unlock()
	stats, err := s.queue.Stats(ctx)
	if err != nil {
		// Others tell that Temporal is away, and every start fails.
		s.log.Debug("the backlog is not known", zap.Error(err))
		return
	}
	s.learn(stats, started, time.Now())
}
