package query

import "time"

// SetRecheck changes how often a waiting query looks by itself.
func (o *Orders) SetRecheck(d time.Duration) { o.recheck = d }
