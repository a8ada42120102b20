package main

import (
	"context"

	"go.uber.org/zap"

	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/lifecycle"
)

// admission says who may come in, and how often.
type admission struct {
	verifier *credentials
	limiter  *ratelimit.Limiter
	shared   *ratelimit.Shared // nil where this gateway counts alone
}

func openAdmission(cfg *settings, opened *lifecycle.Stack, log *zap.Logger) (admission, error) {
	verifier, err := openCredentials(cfg.credentialSettings, log)
	if err != nil {
		return admission{}, err
	}
	a := admission{verifier: verifier}
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

// background is what keeps the admission up to date.
func (a admission) background() []func(context.Context) error {
	works := a.verifier.follow()
	if a.shared != nil {
		works = append(works, a.shared.Keep)
	}
	return works
}
