package catalogtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/catalog"
	"orderflow/services/catalog/catalogtest"
	"orderflow/services/money"
)

func TestTheAuditShowsIDsAndVersions(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := catalogtest.Start(t, catalogtest.WithDSN(dsn))
		var want []catalog.ProductRow
		for _, id := range []string{"a", "b", "c"} {
			stored, err := service.Put(t.Context(), catalog.Record{ProductID: id, Name: "Cup", UnitPrice: money.New(1, "USD")}, unconditionally)
			require.NoError(t, err)
			want = append(want, catalog.ProductRow{ProductID: id, Version: 1, UpdatedAt: stored.UpdatedAt})
		}
		assert.Equal(t, want, audittest.Walk(t, service.AuditProducts, ""))
	})
}
