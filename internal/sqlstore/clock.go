package sqlstore

import "time"

// Now is the system's clock in UTC, in the precision that both databases keep:
// a time that is stored and read again is equal.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
