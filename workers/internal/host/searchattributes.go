package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"orderflow/workflows/contract"
)

const (
	// attributesTimeout is generous: a new attribute becomes usable when the
	// server's caches have seen it.
	attributesTimeout  = time.Minute
	attributesInterval = 250 * time.Millisecond
)

var searchAttributes = map[string]enumspb.IndexedValueType{
	contract.AttributeOrderState:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeCustomerID:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeFailedStep:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	contract.AttributeNeedsAttention: enumspb.INDEXED_VALUE_TYPE_BOOL,
}

// registerSearchAttributes adds what the namespace lacks and waits until the
// server knows it. On our own development server all are there from the start.
func registerSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, attributesTimeout)
	defer cancel()
	for {
		missing, err := missingAttributes(ctx, c, namespace)
		if err != nil {
			return fmt.Errorf("listing search attributes: %w", err)
		}
		if len(missing) == 0 {
			return nil
		}
		// Every round again: another worker may have added only some.
		if err := addAttributes(ctx, c, namespace, missing); err != nil {
			return fmt.Errorf("adding search attributes: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for search attributes: %w", ctx.Err())
		case <-time.After(attributesInterval):
		}
	}
}

func missingAttributes(ctx context.Context, c client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, err
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, valueType := range searchAttributes {
		found, ok := known.GetCustomAttributes()[name]
		if !ok {
			missing[name] = valueType
			continue
		}
		if found != valueType {
			return nil, fmt.Errorf("search attribute %s has type %s on this server, want %s", name, found, valueType)
		}
	}
	return missing, nil
}

func addAttributes(ctx context.Context, c client.Client, namespace string, missing map[string]enumspb.IndexedValueType) error {
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: missing,
	})
	var already *serviceerror.AlreadyExists
	if errors.As(err, &already) {
		return nil // another worker was faster
	}
	return err
}
