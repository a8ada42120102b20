package endpoint

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/conditional"
	"orderflow/internal/httpserver"
	"orderflow/internal/validate"
)

// Read handles reads of what the path's parameter names: 200 with what read
// returns. See PathID for unknown.
func Read[Row any](parameter string, unknown error, read func(ctx context.Context, id string) (Row, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := PathID(c, parameter, unknown)
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		row, err := read(c.Request.Context(), id)
		Answer(c, http.StatusOK, row, err)
	}
}

// PathID returns the ID in the path. A text that cannot be one names nothing
// that exists: the error is unknown then, which says so.
func PathID(c *gin.Context, parameter string, unknown error) (string, error) {
	id := c.Param(parameter)
	if !validate.IsID(id) {
		return "", unknown
	}
	return id, nil
}

// ReadVersioned is Read of a row with a version: the answer has its entity tag,
// and obeys the request's conditions; see httpserver.RespondVersioned.
func ReadVersioned[Row any](parameter string, unknown error, version func(Row) int64,
	read func(ctx context.Context, id string) (Row, error),
) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := PathID(c, parameter, unknown)
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		row, err := read(c.Request.Context(), id)
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		httpserver.RespondVersioned(c, version(row), row)
	}
}

// PutVersioned handles writes of a row with a version, as the request's
// conditions allow; see conditional.FromRequest. The answer is that of Stored,
// with the row's entity tag. The record is checked against the path's
// parameter before its conditions are read (RFC 9110, section 13.2.1).
func PutVersioned[Record, Row any](parameter string, version func(Row) int64,
	check func(record Record, idInPath string) error,
	put func(context.Context, Record, conditional.Condition) (stored Row, created bool, err error),
) gin.HandlerFunc {
	return func(c *gin.Context) {
		record, err := bind(c, func(record Record) error { return check(record, c.Param(parameter)) })
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		condition, err := conditional.FromRequest(c.Request)
		if err != nil {
			httpserver.Fail(c, err)
			return
		}
		stored, created, err := put(c.Request.Context(), record, condition)
		if err == nil {
			c.Header("ETag", conditional.ETag(version(stored)))
		}
		Stored(c, stored, created, err)
	}
}

// Stored answers a PUT: 201 with a row that it has created, 200 with one that
// was there before, or the error.
func Stored(c *gin.Context, row any, created bool, err error) {
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	Answer(c, status, row, err)
}
