package httpapi

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/order"
)

const maxWaitSeconds = 60

// parseParameters reads a request's query. Every name must be one that the
// route knows and stand once, so that a misspelt filter is refused and not
// ignored.
func parseParameters(rawQuery string, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, problem.New(problem.Malformed, "the query cannot be read").WithCause(err)
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			return nil, problem.Newf(problem.Malformed, "the query knows only the parameters %v", known)
		}
		if len(given) > 1 {
			return nil, problem.Newf(problem.Malformed, "the parameter %s stands twice", name)
		}
	}
	return values, nil
}

func parseAsOf(parameters url.Values) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, parameters.Get("asOf"))
	if err != nil {
		return time.Time{}, problem.New(problem.Malformed, "the parameter asOf must be a time of RFC 3339").WithCause(err)
	}
	return at, nil
}

// parseWaiting reads after and wait; each is 0 when it is not there.
func parseWaiting(parameters url.Values) (version int64, wait time.Duration, err error) {
	if parameters.Has("after") {
		version, err = strconv.ParseInt(parameters.Get("after"), 10, 64)
		if err != nil || version < 0 {
			return 0, 0, problem.Newf(problem.Malformed, "the parameter after must be an integer from 0 to %d", math.MaxInt64)
		}
	}
	if parameters.Has("wait") {
		seconds, err := strconv.ParseFloat(parameters.Get("wait"), 64)
		inRange := seconds >= 0 && seconds <= maxWaitSeconds // false for NaN
		if err != nil || !inRange {
			return 0, 0, problem.Newf(problem.Malformed, "the parameter wait must be a number of seconds from 0 to %d", maxWaitSeconds)
		}
		wait = time.Duration(seconds * float64(time.Second))
	}
	return version, wait, nil
}

func parseListQuery(customerID, rawQuery string) (order.ListQuery, error) {
	parameters, err := parseParameters(rawQuery, "status", "page", "limit", "upTo", "seenOrder", "seenVersion")
	if err != nil {
		return order.ListQuery{}, err
	}
	paging, err := validate.ReadPaging(parameters)
	if err != nil {
		return order.ListQuery{}, err
	}
	status, err := parseStatus(parameters.Get("status"))
	if err != nil {
		return order.ListQuery{}, err
	}
	query := order.ListQuery{CustomerID: customerID, Status: status, Page: paging.Page, Limit: paging.Limit}
	if parameters.Has("upTo") {
		if query.UpTo, err = parsePositive(parameters, "upTo"); err != nil {
			return order.ListQuery{}, err
		}
	}
	if parameters.Has("seenOrder") != parameters.Has("seenVersion") {
		return order.ListQuery{}, problem.New(problem.Malformed, "the parameters seenOrder and seenVersion belong together")
	}
	if parameters.Has("seenOrder") {
		query.SeenOrder = parameters.Get("seenOrder")
		if query.SeenVersion, err = parsePositive(parameters, "seenVersion"); err != nil {
			return order.ListQuery{}, err
		}
	}
	return query, nil
}

func parsePositive(parameters url.Values, name string) (int64, error) {
	value, err := strconv.ParseInt(parameters.Get(name), 10, 64)
	if err != nil || value < 1 {
		return 0, problem.Newf(problem.Malformed, "the parameter %s must be an integer from 1 to %d", name, math.MaxInt64)
	}
	return value, nil
}

// parseStatus takes an empty status for every status, as the contract writes
// its routes.
func parseStatus(text string) (order.Status, error) {
	switch status := order.Status(text); status {
	case "", order.Draft, order.Confirmed, order.Shipped, order.Cancelled:
		return status, nil
	default:
		return "", problem.Newf(problem.Malformed, "the parameter status must be one of %s, %s, %s, %s",
			order.Draft, order.Confirmed, order.Shipped, order.Cancelled)
	}
}
