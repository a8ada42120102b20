package payloadcodec

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

// DataConverter returns the SDK's default converter with the codec behind it.
// A client, and whoever decodes what that client returns, must have the same.
//
// Inside a workflow it does not return an *UnknownKeyError but panics with it.
// To the SDK that is a workflow task that failed, which it tries again until
// somebody gives the worker the key. The error would be an ordinary failure:
// an input that cannot be decoded ends the workflow without any compensation,
// and a result that cannot be decoded looks like a step that failed.
func (c Codec) DataConverter() converter.DataConverter {
	return contextual{converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)}
}

// FailureConverter returns the SDK's default converter. Where the codec is on,
// it also encrypts an error's message and stack trace, which may name a person
// or quote an address; the error's type stays readable.
func (c Codec) FailureConverter() converter.FailureConverter {
	return isolated{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          c.DataConverter(),
		EncodeCommonAttributes: c.On(),
	})}
}

// isolated gives the SDK's converter copies of failures. An error remembers the
// failure that it was made from, and becomes that failure again when it is
// stored; but the converter decrypts a failure in place. Without copies, an
// error that was converted twice would be stored with its message in the clear.
type isolated struct {
	converter.FailureConverter
}

// FailureToError implements converter.FailureConverter.
func (i isolated) FailureToError(failure *failurepb.Failure) error {
	return i.FailureConverter.FailureToError(proto.CloneOf(failure))
}

// contextual is told by the SDK when it is used inside a workflow.
type contextual struct {
	converter.DataConverter
}

var _ workflow.ContextAware = contextual{}

// WithWorkflowContext implements workflow.ContextAware.
func (c contextual) WithWorkflowContext(workflow.Context) converter.DataConverter {
	return blocking(c)
}

// WithContext implements workflow.ContextAware.
func (c contextual) WithContext(context.Context) converter.DataConverter { return c }

// blocking keeps a workflow where it is while a key is missing.
type blocking struct {
	converter.DataConverter
}

// FromPayload implements converter.DataConverter.
func (b blocking) FromPayload(payload *commonpb.Payload, value any) error {
	return block(b.DataConverter.FromPayload(payload, value))
}

// FromPayloads implements converter.DataConverter.
func (b blocking) FromPayloads(payloads *commonpb.Payloads, values ...any) error {
	return block(b.DataConverter.FromPayloads(payloads, values...))
}

func block(err error) error {
	var missing *UnknownKeyError
	if errors.As(err, &missing) {
		panic(missing)
	}
	return err
}
