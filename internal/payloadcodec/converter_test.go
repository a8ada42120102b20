package payloadcodec_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/payloadcodec"
)

type order struct {
	Customer string `json:"customer"`
}

func TestValuesPassTheConverter(t *testing.T) {
	data := codec(t, "k1").DataConverter()
	stored, err := data.ToPayloads(order{Customer: "Ada"}, 7)
	require.NoError(t, err)
	assert.NotContains(t, stored.String(), "Ada")
	var read order
	var number int
	require.NoError(t, data.FromPayloads(stored, &read, &number))
	assert.Equal(t, order{Customer: "Ada"}, read)
	assert.Equal(t, 7, number)

	before, err := payloadcodec.Codec{}.DataConverter().ToPayload(order{Customer: "Bob"})
	require.NoError(t, err)
	assert.Contains(t, before.String(), "Bob")
	require.NoError(t, data.FromPayload(before, &read), "from before it was switched on")
	assert.Equal(t, "Bob", read.Customer)
}

// An error of a missing key would end the workflow; a panic makes it wait.
func TestAWorkflowWaitsForAMissingKey(t *testing.T) {
	stored, err := codec(t, "k1").DataConverter().ToPayloads(order{Customer: "Ada"})
	require.NoError(t, err)
	for name, without := range map[string]payloadcodec.Codec{"another key": codec(t, "k2"), "switched off": {}} {
		t.Run(name, func(t *testing.T) {
			outside := without.DataConverter()
			var missing *payloadcodec.UnknownKeyError
			require.ErrorAs(t, outside.FromPayloads(stored, &order{}), &missing)

			aware, ok := outside.(workflow.ContextAware)
			require.True(t, ok)
			inside := aware.WithWorkflowContext(nil)
			assert.PanicsWithError(t, missing.Error(), func() { _ = inside.FromPayloads(stored, &order{}) })
			assert.PanicsWithError(t, missing.Error(), func() { _ = inside.FromPayload(stored.GetPayloads()[0], &order{}) })
			require.ErrorAs(t, aware.WithContext(t.Context()).FromPayloads(stored, &order{}), &missing, "an activity fails")
		})
	}
	with, ok := codec(t, "k1").DataConverter().(workflow.ContextAware)
	require.True(t, ok)
	var read order
	require.NoError(t, with.WithWorkflowContext(nil).FromPayloads(stored, &read))
	assert.Equal(t, "Ada", read.Customer)
	require.Error(t, with.WithWorkflowContext(nil).FromPayloads(stored, new(int)), "a wrong type is an error as ever")
}

func TestAFailureKeepsItsTypeAndHidesItsText(t *testing.T) {
	failures := codec(t, "k1").FailureConverter()
	cause := errors.New("12 St James's Square does not exist")
	failure := failures.ErrorToFailure(temporal.NewNonRetryableApplicationError("no such address", "shipment-refused", cause, order{Customer: "Ada"}))
	for _, private := range []string{"address", "James", "Ada"} {
		assert.NotContains(t, failure.String(), private)
	}
	assert.Equal(t, "shipment-refused", failure.GetApplicationFailureInfo().GetType(), "retry policies and lists need it")

	var read *temporal.ApplicationError
	require.ErrorAs(t, failures.FailureToError(failure), &read)
	assert.Equal(t, "no such address", read.Message())
	var details order
	require.NoError(t, read.Details(&details))
	assert.Equal(t, "Ada", details.Customer)
	require.ErrorContains(t, errors.Unwrap(read), "12 St James's Square")

	off := payloadcodec.Codec{}.FailureConverter().ErrorToFailure(cause)
	assert.Equal(t, cause.Error(), off.GetMessage(), "switched off, it shows")
}

// The SDK converts an error back and forth on its way through a local activity.
func TestAFailureThatWasReadIsStillStoredEncrypted(t *testing.T) {
	failures := codec(t, "k1").FailureConverter()
	stored := failures.ErrorToFailure(temporal.NewApplicationErrorWithCause("no such address", "refused", errors.New("no such street")))
	for range 3 {
		read := failures.FailureToError(stored)
		require.ErrorContains(t, read, "no such address")
		again := failures.ErrorToFailure(read)
		require.ErrorContains(t, failures.FailureToError(again), "no such address")
		for _, failure := range []*failurepb.Failure{stored, again, failures.ErrorToFailure(read)} {
			assert.NotContains(t, failure.String(), "no such")
		}
	}
	assert.NoError(t, failures.FailureToError(nil))
	assert.Nil(t, failures.ErrorToFailure(nil))
}

func TestAFailureWhoseKeyIsMissingKeepsItsType(t *testing.T) {
	failure := codec(t, "k1").FailureConverter().ErrorToFailure(temporal.NewApplicationError("no such address", "shipment-refused"))
	var read *temporal.ApplicationError
	require.ErrorAs(t, codec(t, "k2").FailureConverter().FailureToError(failure), &read)
	assert.Equal(t, "shipment-refused", read.Type())
	assert.Equal(t, "Encoded failure", read.Message())
}
