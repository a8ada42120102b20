// Package money is the vocabulary of amounts that the services' contracts
// share: an integer number of minor units with an ISO 4217 currency code.
//
// It is not for formatting, rounding or conversion; nothing in Orderflow
// divides money.
package money

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/bojanz/currency"
)

// ErrOverflow reports a result that does not fit in 64 bits. The caller
// refuses the input; nothing is ever wrapped around or clamped.
var ErrOverflow = errors.New("amount overflows 64 bits")

// ErrCurrencyMismatch reports an operation over two currencies.
var ErrCurrencyMismatch = errors.New("currencies differ")

// Money is an amount in the minor unit of its currency: 9999 USD is 99.99
// dollars, 9999 JPY is 9999 yen. The zero value has no currency and can be
// added to anything.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// New returns amount minor units of the currency.
func New(amount int64, currencyCode string) Money {
	return Money{Amount: amount, Currency: currencyCode}
}

// Zero returns nothing of the currency.
func Zero(currencyCode string) Money { return Money{Currency: currencyCode} }

// IsZero reports whether the amount is zero, in whatever currency.
func (m Money) IsZero() bool { return m.Amount == 0 }

// Negate returns the amount with the opposite sign, or ErrOverflow for the
// one number that has none.
func (m Money) Negate() (Money, error) {
	if m.Amount == -m.Amount && m.Amount != 0 {
		return Money{}, ErrOverflow
	}
	return Money{Amount: -m.Amount, Currency: m.Currency}, nil
}

// Add returns m + other, ErrCurrencyMismatch or ErrOverflow.
func (m Money) Add(other Money) (Money, error) {
	switch {
	case m.Currency == "" && m.Amount == 0:
		return other, nil
	case other.Currency == "" && other.Amount == 0:
		return m, nil
	case m.Currency != other.Currency:
		return Money{}, fmt.Errorf("adding %s to %s: %w", other.Currency, m.Currency, ErrCurrencyMismatch)
	}
	sum := m.Amount + other.Amount
	if (sum > m.Amount) != (other.Amount > 0) {
		return Money{}, ErrOverflow
	}
	return Money{Amount: sum, Currency: m.Currency}, nil
}

// Multiply returns m × quantity, or ErrOverflow.
func (m Money) Multiply(quantity int64) (Money, error) {
	negative := (m.Amount < 0) != (quantity < 0)
	high, low := bits.Mul64(magnitude(m.Amount), magnitude(quantity))
	limit := uint64(1) << 63
	if high != 0 || low > limit || (low == limit && !negative) {
		return Money{}, ErrOverflow
	}
	product := int64(low)
	if negative {
		product = -product
	}
	return Money{Amount: product, Currency: m.Currency}, nil
}

// ValidCurrency reports whether code is a current ISO 4217 code.
func ValidCurrency(code string) bool { return code != "" && currency.IsValid(code) }

// String is for logs and messages: "9999 USD (minor units)" would be
// unambiguous but long, so it prints the decimal form, "99.99 USD".
func (m Money) String() string {
	digits, known := currency.GetDigits(m.Currency)
	if !known {
		return fmt.Sprintf("%d %s", m.Amount, m.Currency)
	}
	amount, err := currency.NewAmountFromInt64(m.Amount, m.Currency)
	if err != nil {
		return fmt.Sprintf("%d %s (minor units, %d digits)", m.Amount, m.Currency, digits)
	}
	return amount.Number() + " " + m.Currency
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}
