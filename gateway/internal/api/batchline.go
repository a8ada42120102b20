package api

import (
	"fmt"
	"math"
	"net/http"

	"go.uber.org/zap"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/strictjson"
	"orderflow/internal/telemetry"
)

// batchLine is a line of a batch: the body of POST /v1/orders, and its
// Idempotency-Key as the member reference.
type batchLine struct {
	Reference *string `json:"reference"`
	placementBody
}

// place places the order of a line. It does not panic: its goroutine is not the
// one that the engine protects.
func (b *batch) place(index int, text []byte, tooLong bool) (result openapiserver.BatchOutcome) {
	var line batchLine
	defer func() {
		if recovered := recover(); recovered != nil {
			result = b.refused(index, fmt.Errorf("panic: %v", recovered))
		}
		if line.Reference != nil && isKey(*line.Reference) {
			result.Reference = *line.Reference
		}
	}()
	if tooLong {
		return b.refused(index, problem.Newf(problem.TooLarge, "a line may have %d bytes", maxLine))
	}
	if err := line.decode(text); err != nil {
		return b.refused(index, err)
	}
	key := ""
	if line.Reference != nil {
		key = *line.Reference
	}
	orderID, err := b.api.place(b.ctx, &line.placementBody, key, key != "")
	if err != nil {
		return b.refused(index, err)
	}
	links := orderview.LinksOf(orderID)
	return openapiserver.BatchOutcome{Index: index, Status: http.StatusAccepted, OrderID: orderID, Links: &links}
}

func (l *batchLine) decode(text []byte) error {
	if err := strictjson.Unmarshal(text, l); err != nil {
		return err
	}
	if l.Reference != nil && !isKey(*l.Reference) {
		return problem.New(problem.Invalid, "the body has unacceptable values").
			WithField("/reference", fmt.Sprintf("must have 1 to %d printable ASCII characters", maxKey))
	}
	return l.Validate()
}

// refused is the outcome of a line that was not placed.
func (b *batch) refused(index int, err error) openapiserver.BatchOutcome {
	failure := httpserver.Problem(b.ctx, err)
	if failure.Code == problem.Internal {
		telemetry.Logger(b.ctx, b.api.Log).Error("placing a line of a batch failed", zap.Int("index", index), zap.Error(err))
	}
	document := failure.Document()
	document.Instance, document.TraceID = BatchPath, b.traceID
	return openapiserver.BatchOutcome{
		Index: index, Status: document.Status, Problem: &document,
		RetryAfter: int(math.Ceil(failure.RetryAfter.Seconds())),
	}
}
