package money_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/services/money"
)

// The model is arbitrary-precision arithmetic: a result is either exact or
// refused, for every pair of 64-bit numbers.
func TestArithmeticIsExactOrRefused(t *testing.T) {
	edge := rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 32})
	number := rapid.OneOf(rapid.Int64(), edge)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		check := func(got money.Money, err error, want *big.Int) {
			if want.IsInt64() {
				require.NoError(t, err)
				require.Equal(t, money.New(want.Int64(), "USD"), got)
				return
			}
			require.ErrorIs(t, err, money.ErrOverflow)
		}
		sum, err := money.New(a, "USD").Add(money.New(b, "USD"))
		check(sum, err, new(big.Int).Add(big.NewInt(a), big.NewInt(b)))
		product, err := money.New(a, "USD").Multiply(b)
		check(product, err, new(big.Int).Mul(big.NewInt(a), big.NewInt(b)))
		negated, err := money.New(a, "USD").Negate()
		check(negated, err, new(big.Int).Neg(big.NewInt(a)))
	})
}

func TestCurrenciesNeverMix(t *testing.T) {
	_, err := money.New(1, "USD").Add(money.New(1, "EUR"))
	require.ErrorIs(t, err, money.ErrCurrencyMismatch)

	sum, err := money.Money{}.Add(money.New(7, "EUR"))
	require.NoError(t, err)
	require.Equal(t, money.New(7, "EUR"), sum)
}

func TestStringUsesTheCurrencysDigits(t *testing.T) {
	for want, m := range map[string]money.Money{
		"99.99 USD":   money.New(9999, "USD"),
		"9999 JPY":    money.New(9999, "JPY"),
		"-0.05 EUR":   money.New(-5, "EUR"),
		"1.234 KWD":   money.New(1234, "KWD"),
		"5 NOSUCHONE": money.New(5, "NOSUCHONE"),
	} {
		require.Equal(t, want, m.String())
	}
}

func TestValidCurrency(t *testing.T) {
	require.True(t, money.ValidCurrency("USD"))
	for _, code := range []string{"", "usd", "XXQ", "US"} {
		require.False(t, money.ValidCurrency(code), code)
	}
}
