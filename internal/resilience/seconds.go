package resilience

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Seconds is a duration that stands in JSON as a number of seconds, as in a
// Retry-After header, with milliseconds as decimals.
type Seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s Seconds) MarshalJSON() ([]byte, error) {
	seconds := time.Duration(s).Round(time.Millisecond).Seconds()
	return strconv.AppendFloat(nil, seconds, 'f', -1, 64), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Seconds) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(seconds) > time.Duration(math.MaxInt64).Seconds() {
		return fmt.Errorf("%q is no number of seconds", text)
	}
	*s = Seconds(math.Round(seconds*1_000)) * Seconds(time.Millisecond)
	return nil
}
