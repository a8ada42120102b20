package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workflows/contract"
)

// keptOrders is of how many orders the histories are kept.
const keptOrders = 25

// keepEvidence writes down what a failed run needs to be understood, beside its
// schedule, journal, promises and the system's data: what is broken, and of each
// order concerned the history of its workflow and its events.
func (r *run) keepEvidence(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	breaches := r.breaches.All()
	text, err := json.MarshalIndent(breaches, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.folder, "breaches.json"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("keeping the breaches: %w", err)
	}
	folder := filepath.Join(r.folder, "histories")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("keeping histories: %w", err)
	}
	temporal, err := temporalclient.Dial(ctx, temporalclient.Config{Addr: r.system.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	if err != nil {
		return nil // a system that is down has no histories to give; its data is kept
	}
	defer temporal.Close()
	for _, orderID := range concerned(breaches) {
		var history historypb.History
		events := temporal.GetWorkflowHistory(ctx, orderID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				break // it has none
			}
			history.Events = append(history.Events, event)
		}
		text, err := protojson.MarshalOptions{Indent: " "}.Marshal(&history)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, orderID+".json"), text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keeping the history of %s: %w", orderID, err)
		}
		if answer, err := r.system.Operator.Do(ctx, http.MethodGet, "/v1/orders/"+orderID+"/events", nil); err == nil {
			if err := os.WriteFile(filepath.Join(folder, orderID+".events.json"), answer.Body, 0o600); err != nil {
				return fmt.Errorf("keeping the events of %s: %w", orderID, err)
			}
		}
	}
	return nil
}

// concerned are the first orders that something is broken of.
func concerned(breaches []Breach) (orders []string) {
	for _, breach := range breaches {
		if contract.ValidOrderID(breach.Subject) && !slices.Contains(orders, breach.Subject) && len(orders) < keptOrders {
			orders = append(orders, breach.Subject)
		}
	}
	return orders
}
