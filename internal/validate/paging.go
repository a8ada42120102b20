package validate

import (
	"math"
	"net/url"
	"strconv"

	"orderflow/internal/problem"
)

// DefaultLimit is how many items a page has when nobody says.
const DefaultLimit = 10

const (
	maxLimit = 100
	// maxPage keeps the offset of the page within 64 bits.
	maxPage = math.MaxInt64 / maxLimit
)

// Paging is which part of a list is asked for.
type Paging struct {
	// Page counts from 1.
	Page int
	// Limit is how many items a page has, 1 to 100.
	Limit int
}

// Offset is how many items come before the page.
func (p Paging) Offset() int64 { return int64(p.Page-1) * int64(p.Limit) }

// ReadPaging reads the parameters page (default 1) and limit (default 10) of a
// query. Unlike a body's values, one outside its range is problem.Malformed.
func ReadPaging(query url.Values) (Paging, error) {
	page, err := queryInteger(query, "page", 1, maxPage)
	if err != nil {
		return Paging{}, err
	}
	limit, err := queryInteger(query, "limit", DefaultLimit, maxLimit)
	if err != nil {
		return Paging{}, err
	}
	return Paging{Page: page, Limit: limit}, nil
}

func queryInteger(query url.Values, name string, fallback, maximum int) (int, error) {
	values, given := query[name]
	if !given {
		return fallback, nil
	}
	if len(values) > 1 {
		return 0, problem.Newf(problem.Malformed, "the parameter %s stands twice", name)
	}
	value, err := strconv.Atoi(values[0])
	if err != nil || value < 1 || value > maximum {
		return 0, problem.Newf(problem.Malformed, "the parameter %s must be an integer from 1 to %d", name, maximum)
	}
	return value, nil
}
