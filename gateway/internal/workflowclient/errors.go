package workflowclient

import (
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"orderflow/internal/problem"
)

// retryAfter is what a client is told to wait when Temporal does not answer.
const retryAfter = 2 * time.Second

// Unavailable is the problem of a client whose question was not answered.
func Unavailable(detail string, cause error) *problem.Error {
	return problem.New(problem.Unavailable, detail).WithRetryAfter(retryAfter).WithCause(cause)
}

// Unavailable is the problem in the client's own words.
func (c *Client) Unavailable(cause error) *problem.Error { return Unavailable(c.wording.Away, cause) }

// failed gives an error of the server the form of a problem.
func (c *Client) failed(err error) error {
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return problem.New(problem.NotFound, c.wording.Missing).WithCause(err)
	}
	return c.Unavailable(err)
}

// IsAlreadyStarted reports whether a workflow of the ID is, or was, there
// already.
func IsAlreadyStarted(err error) bool {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &started)
}

// IsRejected reports an answer of the server to a start that a repetition does
// not change.
func IsRejected(err error) bool {
	var invalid *serviceerror.InvalidArgument
	var missing *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &invalid) || errors.As(err, &missing) || errors.As(err, &denied)
}

// Refusal returns the type of the application error with which a workflow has
// refused an update.
func Refusal(err error) (kind string, refused bool) {
	var refusal *temporal.ApplicationError
	if !errors.As(err, &refusal) {
		return "", false
	}
	return refusal.Type(), true
}
