package sqlstore_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
)

func TestCheckDSNAccepts(t *testing.T) {
	for _, dsn := range []string{
		"sqlite:x.db",
		"sqlite:./.orderflow/order.db",
		"sqlite:/var/lib/order flow/order.db",
		"sqlite:///var/lib/order.db",
		"postgres://ada@localhost/shop",
		"postgresql://ada:secret@db.internal:5433/shop?sslmode=disable",
		"postgres:///shop?host=/run/postgresql&user=ada",
		"postgres://ada@localhost/shop?pool_max_conns=4&lock_timeout=20s",
	} {
		assert.NoError(t, sqlstore.CheckDSN(dsn), dsn)
	}
}

func TestCheckDSNRefuses(t *testing.T) {
	for _, dsn := range []string{
		"",
		"order.db",
		"sqlite",
		"sqlite:",
		"sqlite://",
		"sqlite::memory:",
		"sqlite:x.db?mode=ro",
		"sqlite:a\x00b",
		"SQLITE:x.db",
		"mysql://ada@localhost/shop",
		"postgres:ada@localhost",
		"postgres://ada:secret@localhost:port/shop",
		"postgres://ada:secret@localhost/shop?sslmode=secret",
		"postgres://%zz:secret@localhost/shop",
		"postgres://ada:secret@localhost/shop?pool_max_conns=0",
		"postgres://ada:secret@localhost/shop?pool_max_conns=1001",
		"postgres://ada:secret@localhost/shop?pool_max_conns=many",
	} {
		err := sqlstore.CheckDSN(dsn)
		require.ErrorIs(t, err, sqlstore.ErrBadDSN, dsn)
		assert.NotContains(t, err.Error(), "secret")
	}
}
