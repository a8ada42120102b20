package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"orderflow/internal/chassis"
	"orderflow/internal/discovery"
	"orderflow/internal/rpc"
)

// asker asks processes for their guards. It is no rpc.Client: it asks one
// instance, not a service, and an operator's question must go through when
// breakers are open.
type asker struct {
	transport *http.Transport
	client    *http.Client
}

func newAsker() *asker {
	transport := &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 1}
	return &asker{transport: transport, client: &http.Client{Transport: transport}}
}

func (a *asker) close() { a.transport.CloseIdleConnections() }

// longestReport bounds what is read of one process's answer.
const longestReport = 8 << 20

var errNotUnderstood = errors.New("its answer is not understood")

func (a *asker) ask(ctx context.Context, instance discovery.Instance) ([]rpc.Snapshot, error) {
	addr := cmp.Or(instance.Metadata[chassis.MetadataInternal], instance.Addr())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+chassis.GuardsPath, nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", instance.ID, err)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", instance.ID, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, longestReport))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", instance.ID, err)
	}
	var report chassis.GuardsReport
	if response.StatusCode != http.StatusOK || json.Unmarshal(body, &report) != nil {
		return nil, fmt.Errorf("asking %s: %w", instance.ID, errNotUnderstood)
	}
	return report.Items, nil
}

// reasonOf is what an operator needs to know of a question that failed.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, errNotUnderstood):
		return errNotUnderstood.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "it did not answer in time"
	default:
		return "it cannot be reached"
	}
}
