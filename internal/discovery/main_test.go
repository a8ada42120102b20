package discovery

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// advance lets virtual time pass, and what it wakes come to rest. Call it only
// inside a synctest bubble.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
