package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
)

func TestFaultOf(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	for name, test := range map[string]struct {
		err  error
		want error
	}{
		"the server's disk is full":      {&pgconn.PgError{Code: "53100"}, ErrFull},
		"a lock is held for too long":    {&pgconn.PgError{Code: "55P03"}, ErrLocked},
		"the server shuts down":          {&pgconn.PgError{Code: "57P01"}, ErrUnavailable},
		"the server starts up":           {&pgconn.PgError{Code: "57P03"}, ErrUnavailable},
		"too many connections":           {&pgconn.PgError{Code: "53300"}, ErrUnavailable},
		"hung in a transaction":          {&pgconn.PgError{Code: "25P03"}, ErrUnavailable},
		"the server's disk fails":        {&pgconn.PgError{Code: "58030"}, ErrUnavailable},
		"a connection exception":         {&pgconn.PgError{Code: "08006"}, ErrUnavailable},
		"reset":                          {reset, ErrUnavailable},
		"cut off":                        {io.ErrUnexpectedEOF, ErrUnavailable},
		"closed":                         {pgconn.ErrConnClosed, ErrUnavailable},
		"a serialization failure":        {&pgconn.PgError{Code: "40001"}, nil},
		"a duplicate":                    {&pgconn.PgError{Code: "23505"}, nil},
		"a wrong statement":              {&pgconn.PgError{Code: "42601"}, nil},
		"no row":                         {sql.ErrNoRows, nil},
		"the end of rows":                {io.EOF, nil},
		"the caller's end":               {fmt.Errorf("%w: %w", context.Canceled, reset), nil},
		"the caller's deadline":          {context.DeadlineExceeded, nil},
		"a business refusal":             {errors.New("refused"), nil},
		"no error":                       {nil, nil},
		"a fault that has its name":      {fmt.Errorf("again: %w", withFault(reset)), ErrUnavailable},
		"a fault in a service's wrapper": {fmt.Errorf("charging: %w", reset), ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, faultOf(test.err))
			got := withFault(test.err)
			if test.want == nil {
				assert.Equal(t, test.err, got, "it stays itself")
				return
			}
			assert.ErrorIs(t, got, test.want)
			assert.ErrorIs(t, got, test.err)
			assert.Equal(t, got, withFault(got), "it is named once")
		})
	}
}

func TestAFaultIsAnsweredAsUnavailableAndKeepsItsCause(t *testing.T) {
	cause := fmt.Errorf("reading: %w: %w", ErrFull, errors.New("disk of 10.0.0.1"))
	told := problem.From(cause)
	require.Equal(t, problem.Unavailable, told.Code)
	require.Positive(t, told.RetryAfter)
	require.ErrorIs(t, told, cause, "for the log")
	require.NotContains(t, told.Document().Detail, "10.0.0.1")
}
