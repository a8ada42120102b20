package main

import (
	"context"

	"orderflow/gateway/internal/backlog"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/lifecycle"
	"orderflow/internal/telemetry"
	"orderflow/workflows/contract"
)

// admission says who may come in, how often, and whether new orders are taken.
type admission struct {
	verifier *credentials
	limiter  *ratelimit.Limiter
	shared   *ratelimit.Shared // nil where this gateway counts alone
	backlog  *backlog.Shedder
}

func openAdmission(cfg *settings, conns connections, t *telemetry.Telemetry, opened *lifecycle.Stack) (admission, error) {
	log := t.Log
	verifier, err := openCredentials(cfg.credentialSettings, log)
	if err != nil {
		return admission{}, err
	}
	a := admission{verifier: verifier}
	a.backlog, err = openBacklog(cfg, conns, t, opened)
	if err != nil {
		return admission{}, err
	}
	if cfg.LimitsDSN == "" {
		a.limiter, err = ratelimit.New(cfg.limits(), nil)
		return a, err
	}
	if a.shared, err = ratelimit.OpenShared(cfg.LimitsDSN, log); err != nil {
		return admission{}, err
	}
	opened.PushFunc("shared rate limits", a.shared.Close)
	a.limiter, err = ratelimit.NewShared(cfg.limits(), a.shared)
	return a, err
}

// openBacklog prepares what sheds new orders by the backlog of the workers. Where
// there is no limit there are no figures either.
func openBacklog(cfg *settings, conns connections, t *telemetry.Telemetry, opened *lifecycle.Stack) (*backlog.Shedder, error) {
	shedder := backlog.New(cfg.MaxBacklog, &backlog.TaskQueue{
		Server: conns.temporal.WorkflowService(), Namespace: cfg.Temporal.Namespace, Name: contract.QueueOrders,
	}, t.Log)
	if cfg.MaxBacklog == 0 {
		return shedder, nil
	}
	measured, err := shedder.Measure(t.Meter)
	if err != nil {
		return nil, err
	}
	opened.PushFunc("backlog", measured.Unregister)
	return shedder, nil
}

// background is what keeps the admission up to date.
func (a admission) background() []func(context.Context) error {
	works := append(a.verifier.follow(), a.backlog.Run)
	if a.shared != nil {
		works = append(works, a.shared.Keep)
	}
	return works
}
