package customertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/customer"
	"orderflow/services/customer/customertest"
)

func TestTheAuditShowsIDsAndVersions(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := customertest.Start(t, customertest.WithDSN(dsn))
		var want []customer.Row
		for _, id := range []string{"a", "b", "c"} {
			stored, err := service.Put(t.Context(), customer.Record{CustomerID: id, Name: "Ada"}, unconditionally)
			require.NoError(t, err)
			want = append(want, customer.Row{CustomerID: id, Version: 1, UpdatedAt: stored.UpdatedAt})
		}
		assert.Equal(t, want, audittest.Walk(t, service.AuditCustomers, ""))
	})
}
