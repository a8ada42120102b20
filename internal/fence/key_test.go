package fence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
)

func TestKeyValidateNamesEveryPartThatIsMalformed(t *testing.T) {
	for name, test := range map[string]struct {
		key      fence.Key
		pointers []string
	}{
		"well formed":      {fence.Key{OrderID: "order-0190", Step: "charge-payment", Revision: 1}, nil},
		"empty":            {fence.Key{}, []string{"/key/orderId", "/key/step", "/key/revision"}},
		"a slash":          {fence.Key{OrderID: "a/b", Step: "charge", Revision: 1}, []string{"/key/orderId"}},
		"a line break":     {fence.Key{OrderID: "a", Step: "charge\n", Revision: 1}, []string{"/key/step"}},
		"a long order ID":  {fence.Key{OrderID: strings.Repeat("a", 101), Step: "charge", Revision: 1}, []string{"/key/orderId"}},
		"revision below 1": {fence.Key{OrderID: "a", Step: "charge", Revision: -1}, []string{"/key/revision"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.key.Validate()
			if test.pointers == nil {
				require.NoError(t, err)
				return
			}
			var refusal *problem.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, problem.Invalid, refusal.Code)
			var pointers []string
			for _, field := range refusal.Fields {
				pointers = append(pointers, field.Pointer)
			}
			assert.Equal(t, test.pointers, pointers)
		})
	}
}

// A slash cannot stand in an order ID or a step, so no two keys look alike to
// a provider.
func TestKeyStringIsUnambiguous(t *testing.T) {
	assert.Equal(t, "order-1/charge/2", fence.Key{OrderID: "order-1", Step: "charge", Revision: 2}.String())
}
