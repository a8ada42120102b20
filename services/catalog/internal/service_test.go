package internal_test

import (
	"fmt"
	"maps"
	"slices"
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
	"orderflow/internal/validate"
	"orderflow/services/catalog"
	"orderflow/services/catalog/internal"
	"orderflow/services/money"
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

func kettle() catalog.Record {
	return catalog.Record{ProductID: "prod-kettle", Name: "Kettle", Description: "1.7 l", UnitPrice: money.New(2999, "USD")}
}

func TestPutCreatesThenReplaces(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		stored, created, err := s.Put(t.Context(), kettle(), unconditionally)
		require.NoError(t, err)
		assert.True(t, created)
		assert.Equal(t, catalog.Product{
			ProductID: "prod-kettle", Name: "Kettle", Description: "1.7 l", UnitPrice: money.New(2999, "USD"),
			Version: 1, UpdatedAt: start.Add(time.Microsecond),
		}, stored)

		dearer := catalog.Record{ProductID: "prod-kettle", Name: "Big kettle", UnitPrice: money.New(3999, "EUR"), Discontinued: true}
		stored, created, err = s.Put(t.Context(), dearer, unconditionally)
		require.NoError(t, err)
		assert.False(t, created)
		assert.Equal(t, catalog.Product{
			ProductID: "prod-kettle", Name: "Big kettle", UnitPrice: money.New(3999, "EUR"), Discontinued: true,
			Version: 2, UpdatedAt: start.Add(2 * time.Microsecond),
		}, stored)

		found, err := s.Product(t.Context(), "prod-kettle")
		require.NoError(t, err)
		assert.Equal(t, stored, found)
	})
}

func TestLookupFindsThoseThatExist(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		var all []string
		for i := range 100 {
			record := kettle()
			record.ProductID = fmt.Sprintf("prod-%d", i)
			all = append(all, record.ProductID)
			if i%2 == 0 {
				_, _, err := s.Put(t.Context(), record, unconditionally)
				require.NoError(t, err)
			}
		}
		found, err := s.Lookup(t.Context(), all)
		require.NoError(t, err)
		assert.Len(t, found, 50)

		found, err = s.Lookup(t.Context(), []string{"prod-2", "prod-3", "prod-2"})
		require.NoError(t, err)
		require.Len(t, found, 1)
		assert.Equal(t, "prod-2", found[0].ProductID)

		found, err = s.Lookup(t.Context(), []string{"prod-3"})
		require.NoError(t, err)
		assert.Equal(t, []catalog.Product{}, found)
	})
}

// Both databases sort by bytes, whatever the locale of PostgreSQL's is.
func TestListPagesInTheOrderOfTheIDs(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		ids := []string{"B", "a", "A-2", "A.1", "b_1", "a1", "0", "Z", "a-b", "aB"}
		for _, id := range ids {
			record := kettle()
			record.ProductID = id
			_, _, err := s.Put(t.Context(), record, unconditionally)
			require.NoError(t, err)
		}
		slices.Sort(ids)

		var listed []string
		for number := 1; number <= 4; number++ {
			page, err := s.List(t.Context(), validate.Paging{Page: number, Limit: 3})
			require.NoError(t, err)
			assert.Equal(t, int64(10), page.Total)
			assert.Equal(t, number, page.Page)
			assert.Equal(t, 3, page.Limit)
			for _, product := range page.Items {
				listed = append(listed, product.ProductID)
			}
		}
		assert.Equal(t, ids, listed)

		beyond, err := s.List(t.Context(), validate.Paging{Page: 5, Limit: 3})
		require.NoError(t, err)
		assert.Equal(t, catalog.Page{Items: []catalog.Product{}, Page: 5, Limit: 3, Total: 10}, beyond)
	})
}

// The service is a map from ID to product, with a version.
func TestServiceAgreesWithItsModel(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		model := map[string]catalog.Product{}
		rapid.Check(t, func(t *rapid.T) {
			record := catalog.Record{
				ProductID:    rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "id"),
				Name:         rapid.StringN(1, 5, -1).Filter(storable).Draw(t, "name"),
				Description:  rapid.StringN(0, 5, -1).Filter(storable).Draw(t, "description"),
				UnitPrice:    money.New(rapid.Int64Min(0).Draw(t, "amount"), rapid.SampledFrom([]string{"USD", "EUR"}).Draw(t, "currency")),
				Discontinued: rapid.Bool().Draw(t, "discontinued"),
			}
			if again, known := model[record.ProductID]; known && rapid.Bool().Draw(t, "again") {
				record = catalog.Record{
					ProductID: again.ProductID, Name: again.Name, Description: again.Description,
					UnitPrice: again.UnitPrice, Discontinued: again.Discontinued,
				}
			}
			before, known := model[record.ProductID]
			condition, holds := conditionaltest.Draw(t, before.Version)
			stored, created, err := s.Put(t.Context(), record, condition)
			if !holds {
				require.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
				return
			}
			require.NoError(t, err)
			require.Equal(t, !known, created)

			want := catalog.Product{
				ProductID: record.ProductID, Name: record.Name, Description: record.Description,
				UnitPrice: record.UnitPrice, Discontinued: record.Discontinued,
				Version: before.Version, UpdatedAt: before.UpdatedAt,
			}
			if want != before {
				want.Version, want.UpdatedAt = before.Version+1, stored.UpdatedAt
				require.True(t, stored.UpdatedAt.After(before.UpdatedAt))
			}
			require.Equal(t, want, stored)
			model[record.ProductID] = stored

			page, err := s.List(t.Context(), validate.Paging{Page: 1, Limit: 10})
			require.NoError(t, err)
			ids := slices.Sorted(maps.Keys(model))
			require.Len(t, page.Items, len(ids))
			for i, id := range ids {
				require.Equal(t, model[id], page.Items[i])
			}
		})
	})
}

// storable is what validation lets through, roughly: NUL is no text for
// PostgreSQL.
func storable(text string) bool { return !slices.Contains([]byte(text), 0) }
