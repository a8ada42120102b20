package validate_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/problem"
	"orderflow/internal/validate"
)

func TestNoCardNumberRefusesWhatLooksLikeOne(t *testing.T) {
	for value, isCard := range map[string]bool{
		"":                      false,
		"pm_card_visa":          false,
		"pm_4242424242424242":   false,
		"42424242424":           false, // 11 digits
		"424242424242":          true,  // 12
		"4242424242424242":      true,
		"4242 4242-4242 4242":   true,
		"4242424242424242424":   true,  // 19
		"42424242424242424242":  false, // 20
		"4242424242424242 VISA": false,
		"٤٢٤٢٤٢٤٢٤٢٤٢":          false, // digits of another script
	} {
		found := violations(t, func(f *validate.Fields) { f.NoCardNumber("/method", value) })
		if !isCard {
			assert.Empty(t, found, value)
			continue
		}
		assert.Equal(t, []problem.FieldError{
			{Pointer: "/method", Detail: "must be the payment provider's token for a method, never a card number"},
		}, found, value)
	}
}
