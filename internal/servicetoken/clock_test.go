package servicetoken

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/jose"
)

func TestClocksMayDifferByHalfAMinute(t *testing.T) {
	dir := t.TempDir()
	key, _, err := OpenKeys(dir)
	require.NoError(t, err)
	keys, err := jose.OpenFile(filepath.Join(dir, KeySetFile), nil)
	require.NoError(t, err)
	gateway, payment := NewSigner(key, "gateway", nil), NewVerifier(keys, "payment")
	for name, ahead := range map[string]time.Duration{"behind": -30 * time.Second, "the same": 0, "ahead": 30 * time.Second} {
		compact, err := gateway.sign(purpose{audience: "payment"}, time.Now().Add(ahead))
		require.NoError(t, err)
		_, err = payment.Verify(t.Context(), compact)
		require.NoError(t, err, name)
	}
}
