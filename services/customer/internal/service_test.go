package internal_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/conditional/conditionaltest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/customer"
	"orderflow/services/customer/internal"
)

// clock moves a microsecond, the finest time that both databases keep, with
// each look at it.
type clock struct{ ticks atomic.Int64 }

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func (c *clock) now() time.Time { return start.Add(time.Duration(c.ticks.Add(1)) * time.Microsecond) }

func each(t *testing.T, suite func(t *testing.T, s *internal.Service)) {
	t.Helper()
	sqlstoretest.Each(t, internal.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		suite(t, internal.NewService(db, new(clock).now))
	})
}

func ada() customer.Record {
	return customer.Record{
		CustomerID: "cust-ada", Name: "Ada Lovelace", Contact: "Ada", Phone: "020 7946 0000",
		Address: &customer.Address{Line1: "12 St James's Square", City: "London", PostalCode: "SW1Y 4JH", Country: "UK"},
	}
}

func TestPutCreatesThenReplaces(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		stored, created, err := s.Put(t.Context(), ada(), unconditionally)
		require.NoError(t, err)
		assert.True(t, created)
		assert.Equal(t, customer.Customer{
			CustomerID: "cust-ada", Name: "Ada Lovelace", Contact: "Ada", Phone: "020 7946 0000",
			Address: ada().Address, Version: 1, UpdatedAt: start.Add(time.Microsecond),
		}, stored)

		stored, created, err = s.Put(t.Context(), customer.Record{CustomerID: "cust-ada", Name: "Ada King"}, unconditionally)
		require.NoError(t, err)
		assert.False(t, created)
		assert.Equal(t, customer.Customer{
			CustomerID: "cust-ada", Name: "Ada King", Version: 2, UpdatedAt: start.Add(2 * time.Microsecond),
		}, stored, "what the record does not have is gone")

		found, err := s.Customer(t.Context(), "cust-ada")
		require.NoError(t, err)
		assert.Equal(t, stored, found)
	})
}

func TestPutOfWhatIsStoredChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		for _, record := range []customer.Record{ada(), {CustomerID: "cust-bob", Name: "Bob"}} {
			first, _, err := s.Put(t.Context(), record, unconditionally)
			require.NoError(t, err)
			second, created, err := s.Put(t.Context(), record, unconditionally)
			require.NoError(t, err)
			assert.False(t, created)
			assert.Equal(t, first, second)
		}
	})
}

func TestEveryFieldIsAChange(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		record := ada()
		_, _, err := s.Put(t.Context(), record, unconditionally)
		require.NoError(t, err)
		for i, change := range []func(*customer.Record){
			func(r *customer.Record) { r.Name = "Ada King" },
			func(r *customer.Record) { r.Contact = "" },
			func(r *customer.Record) { r.Phone = "1" },
			func(r *customer.Record) { r.Address.Line2 = "2nd floor" },
			func(r *customer.Record) { r.Address = nil },
			func(r *customer.Record) { r.Address = &customer.Address{Line1: "a", City: "b", Country: "UK"} },
		} {
			change(&record)
			stored, _, err := s.Put(t.Context(), record, unconditionally)
			require.NoError(t, err)
			assert.Equal(t, int64(i+2), stored.Version)
			found, err := s.Customer(t.Context(), "cust-ada")
			require.NoError(t, err)
			assert.Equal(t, stored, found)
		}
	})
}

// What was put is what is found, whatever the text, and nobody else's.
func TestServiceAgreesWithItsModel(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		model := map[string]customer.Customer{}
		text := rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 }), 0, 5, -1)
		addresses := rapid.Ptr(rapid.Custom(func(t *rapid.T) customer.Address {
			return customer.Address{
				Name: text.Draw(t, "name"), Line1: text.Draw(t, "line1"), Line2: text.Draw(t, "line2"), City: text.Draw(t, "city"),
				Region: text.Draw(t, "region"), PostalCode: text.Draw(t, "postalCode"), Country: text.Draw(t, "country"),
			}
		}), true)
		rapid.Check(t, func(t *rapid.T) {
			record := customer.Record{
				CustomerID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"),
				Name:       text.Draw(t, "name"),
				Contact:    text.Draw(t, "contact"),
				Phone:      text.Draw(t, "phone"),
				Address:    addresses.Draw(t, "address"),
			}
			before, known := model[record.CustomerID]
			condition, holds := conditionaltest.Draw(t, before.Version)
			stored, created, err := s.Put(t.Context(), record, condition)
			if !holds {
				require.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, !known, created)
			if stored.Version != before.Version {
				require.Equal(t, before.Version+1, stored.Version)
				require.True(t, stored.UpdatedAt.After(before.UpdatedAt))
			}
			require.Equal(t, record, customer.Record{
				CustomerID: stored.CustomerID, Name: stored.Name, Contact: stored.Contact, Phone: stored.Phone, Address: stored.Address,
			})
			model[record.CustomerID] = stored
			for id, want := range model {
				found, err := s.Customer(t.Context(), id)
				require.NoError(t, err)
				require.Equal(t, want, found)
			}
		})
	})
}
