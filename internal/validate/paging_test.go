package validate_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/validate"
)

func TestReadPaging(t *testing.T) {
	for query, want := range map[string]validate.Paging{
		"":                      {Page: 1, Limit: 10},
		"page=3":                {Page: 3, Limit: 10},
		"page=2&limit=100":      {Page: 2, Limit: 100},
		"limit=1&status=drafts": {Page: 1, Limit: 1},
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		paging, err := validate.ReadPaging(values)
		require.NoError(t, err, query)
		assert.Equal(t, want, paging, query)
	}
}

func TestReadPagingRefusesWhatIsOutOfRange(t *testing.T) {
	for _, query := range []string{
		"page=0", "page=-1", "page=", "page=one", "page=1.5", "page=1&page=2", "page=9223372036854775807", "page=1e3",
		"limit=0", "limit=-1", "limit=101", "limit=1000000000", "limit=x", "limit=99999999999999999999",
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = validate.ReadPaging(values)
		assert.Equal(t, problem.Malformed, problem.CodeOf(err), query)
	}
}

func TestOffsetCountsTheItemsBeforeThePage(t *testing.T) {
	assert.Equal(t, int64(0), validate.Paging{Page: 1, Limit: 10}.Offset())
	assert.Equal(t, int64(50), validate.Paging{Page: 3, Limit: 25}.Offset())
	furthest, err := validate.ReadPaging(url.Values{"page": {"92233720368547758"}, "limit": {"100"}})
	require.NoError(t, err)
	assert.Positive(t, furthest.Offset())
}
