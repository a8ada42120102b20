package host

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
)

// keeping is a service that keeps its first calls, and answers those that undo.
type keeping struct {
	begun, answer chan struct{}
}

func (k keeping) Call(ctx context.Context, _, _ string, _, _ any) error {
	if rpc.PurposeOf(ctx) == rpc.Compensation {
		return nil
	}
	k.begun <- struct{}{}
	select {
	case <-k.answer:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is an activity that makes one call.
func call(e *entrance, local bool, purpose rpc.Purpose) error {
	var suite testsuite.WorkflowTestSuite
	environment := suite.NewTestActivityEnvironment()
	activity := func(ctx context.Context) error {
		return e.Call(rpc.WithPurpose(ctx, purpose), "POST", "/", nil, nil)
	}
	if local {
		_, err := environment.ExecuteLocalActivity(activity)
		return err
	}
	environment.RegisterActivity(activity)
	_, err := environment.ExecuteActivity(activity)
	return err
}

func TestDurableAttemptsLeaveTheirQueuesSlotsToCompensations(t *testing.T) {
	const pool = 3
	service := keeping{begun: make(chan struct{}, pool+1), answer: make(chan struct{})}
	e := newEntrance("payment", pool, 10, service)
	ended := make(chan error, pool)
	for range pool {
		go func() { ended <- call(e, false, rpc.Forward) }()
		<-service.begun
	}
	require.ErrorContains(t, call(e, false, rpc.Forward), "bulkhead", "it does not wait")
	require.NoError(t, call(e, false, rpc.Compensation))

	go func() { ended <- call(e, true, rpc.Forward) }()
	<-service.begun
	close(service.answer)
	for range pool + 1 {
		require.NoError(t, <-ended)
	}
	require.Zero(t, e.durable.Stats().Current)
	require.Zero(t, e.fast.turns.Stats().Current)
}

func TestWhatTheEntranceRefusesIsMeasured(t *testing.T) {
	const pool = 2
	service := keeping{begun: make(chan struct{}, pool), answer: make(chan struct{})}
	e := newEntrance("payment", pool, 10, service)
	reports := telemetry.Discard()
	watching, err := watchEntrances(reports.Meter, []*entrance{e})
	require.NoError(t, err)
	ended := make(chan error, pool)
	for range pool {
		go func() { ended <- call(e, false, rpc.Forward) }()
		<-service.begun
	}
	for range 3 {
		require.Error(t, call(e, false, rpc.Forward))
	}
	require.NoError(t, call(e, false, rpc.Compensation), "which no entrance refuses")

	require.Equal(t, map[string]float64{"payment,durable": 2, "payment,fast": 0}, scrape(t, reports, "orderflow_entrance_current"))
	require.Equal(t, map[string]float64{"payment,durable": 3, "payment,fast": 0}, scrape(t, reports, "orderflow_entrance_refused_total"))
	require.Equal(t, map[string]float64{"payment,durable": 0, "payment,fast": 0}, scrape(t, reports, "orderflow_entrance_queued"))
	require.Equal(t, map[string]float64{"payment,durable": 0, "payment,fast": 0}, scrape(t, reports, "orderflow_entrance_wait_seconds_total"))
	close(service.answer)
	for range pool {
		require.NoError(t, <-ended)
	}
	require.Equal(t, map[string]float64{"payment,durable": 0, "payment,fast": 0}, scrape(t, reports, "orderflow_entrance_current"))

	require.NoError(t, watching.Unregister())
	require.Empty(t, scrape(t, reports, "orderflow_entrance_refused_total"))
}

// A service on which nothing moves has its fast attempts sent away at once, and
// counted, though none of them has waited.
func TestWhatTheFastLaneRefusesIsMeasured(t *testing.T) {
	service := keeping{begun: make(chan struct{}, 1), answer: make(chan struct{})}
	e := newEntrance("payment", 1, 10, service)
	ended := make(chan error, 1)
	go func() { ended <- call(e, true, rpc.Forward) }()
	<-service.begun
	e.fast.mu.Lock()
	e.fast.usual = time.Hour
	e.fast.mu.Unlock()
	require.Error(t, call(e, true, rpc.Forward))
	require.Equal(t, int64(1), e.refused.fast.Load())
	require.Zero(t, e.refused.durable.Load())
	close(service.answer)
	require.NoError(t, <-ended)
}

// scrape returns the samples of the metric by the values of their labels.
func scrape(t *testing.T, reports *telemetry.Telemetry, metric string) map[string]float64 {
	t.Helper()
	families, err := reports.Registry.Gather()
	require.NoError(t, err)
	samples := map[string]float64{}
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, sample := range family.GetMetric() {
			var values []string
			for _, label := range sample.GetLabel() {
				values = append(values, label.GetValue())
			}
			samples[strings.Join(values, ",")] = sample.GetGauge().GetValue() + sample.GetCounter().GetValue()
		}
	}
	return samples
}
