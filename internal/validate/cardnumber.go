package validate

import "strings"

// NoCardNumber refuses a text with the form of a card number (ISO/IEC 7812: 12
// to 19 digits, with blanks or hyphens between them) where a payment provider's
// token belongs. Card data must not reach a database, a log or a history.
func (f *Fields) NoCardNumber(pointer, value string) {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(value)
	isCard := len(digits) >= 12 && len(digits) <= 19 && strings.Trim(digits, "0123456789") == ""
	f.Require(!isCard, pointer, "must be the payment provider's token for a method, never a card number")
}
