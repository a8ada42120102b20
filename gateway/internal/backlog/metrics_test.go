package backlog_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestTheFiguresAreThoseThatRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdkmetric.NewManualReader()
		w := &workers{since: time.Now(), waiting: 90}
		s, _ := run(t, 100, w)
		watching, err := s.Measure(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
		require.NoError(t, err)
		accepted, refusals := offer(t, s, w, 100, 500*time.Millisecond)
		require.Equal(t, 10, accepted)
		require.Len(t, refusals, 40)
		assert.Equal(t, map[string]int64{
			"orderflow.backlog.orders": 100, "orderflow.backlog.limit": 100, "orderflow.backlog.refused": 40,
		}, read(t, reader))
		require.NoError(t, watching.Unregister())
		assert.Empty(t, read(t, reader))
	})
}

func read(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	figures := map[string]int64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Gauge[int64]:
				figures[m.Name] = data.DataPoints[0].Value
			case metricdata.Sum[int64]:
				figures[m.Name] = data.DataPoints[0].Value
			}
		}
	}
	return figures
}
