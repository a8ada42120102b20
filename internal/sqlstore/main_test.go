package sqlstore_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Databases have goroutines of their own, which must end with them, also with
// one that could not be opened.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
