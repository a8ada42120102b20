package problem

import (
	"maps"
	"net/http"
	"slices"
)

// TypePrefix precedes the code in a problem's type URI.
const TypePrefix = "urn:orderflow:problem:"

// Code names a kind of failure. It is stable, kebab-case, and the last part
// of the type URI: urn:orderflow:problem:<code>. Clients branch on it, never
// on titles or details.
type Code string

// Failures of the request itself. Sending the same request again cannot help.
const (
	// Malformed is a request that cannot be read: no JSON, a duplicate or
	// unknown member, a page or key outside its range.
	Malformed Code = "malformed"
	// Invalid is a well-formed request with an unacceptable value. The fields
	// say where.
	Invalid Code = "invalid"
	// Unauthenticated is a request without a valid token.
	Unauthenticated Code = "unauthenticated"
	// Forbidden is a valid token that lacks the needed scope.
	Forbidden Code = "forbidden"
	// NotFound is a thing that does not exist, or that the caller may not see.
	NotFound Code = "not-found"
	// NoRoute is a path at which nothing is served. Between services it says that
	// a call went astray, not that the thing asked for does not exist.
	NoRoute Code = "no-route"
	// MethodNotAllowed is a known path with another method.
	MethodNotAllowed Code = "method-not-allowed"
	// RequestTimeout is a request whose body did not arrive in time.
	RequestTimeout Code = "request-timeout"
	// TooLarge is a body above the limit.
	TooLarge Code = "too-large"
	// HeadersTooLarge is a request whose headers are above the limit.
	HeadersTooLarge Code = "headers-too-large"
	// UnsupportedMediaType is a body that is not application/json.
	UnsupportedMediaType Code = "unsupported-media-type"
)

// Refusals by the state of the thing asked for.
const (
	// Conflict is a request that contradicts the current state.
	Conflict Code = "conflict"
	// PreconditionFailed is a request whose own condition, If-Match or
	// If-None-Match, does not hold. Whoever wants to write all the same reads
	// again first.
	PreconditionFailed Code = "precondition-failed"
	// KeyReused is an idempotency key seen before with another body.
	KeyReused Code = "key-reused"
	// TooLate is a request after the point of no return, such as a cancel of
	// a shipped order.
	TooLate Code = "too-late"
	// AlreadyCompensated is an action that met its own tombstone: its
	// compensation ran first, and the action must not take effect any more.
	AlreadyCompensated Code = "already-compensated"
)

// Business refusals. They are final answers, not faults: nobody retries them.
const (
	// OutOfStock is a reservation of more than is available.
	OutOfStock Code = "out-of-stock"
	// PaymentDeclined is a charge that the payment provider refused.
	PaymentDeclined Code = "payment-declined"
	// RefundRefused is a refund that the payment provider refused for good. The
	// shop still has the money.
	RefundRefused Code = "refund-refused"
	// ShipmentRefused is a parcel that the carrier will not take.
	ShipmentRefused Code = "shipment-refused"
)

// Failures that pass: the same request may succeed later.
const (
	// RateLimited is a caller above its rate. RetryAfter says when to return.
	RateLimited Code = "rate-limited"
	// Unavailable is a service, or something it needs, that is away.
	Unavailable Code = "unavailable"
	// InFlight is an equal request that is still being worked on.
	InFlight Code = "in-flight"
	// Timeout is an answer that did not come in time from something the
	// service needs. The effect may have happened.
	Timeout Code = "timeout"
	// Internal is a fault of the service. Its detail is never shown.
	Internal Code = "internal"
)

type codeEntry struct {
	status int
	title  string
}

// codes is the one table from code to HTTP status and title. It is read only.
var codes = map[Code]codeEntry{
	Malformed:            {http.StatusBadRequest, "The request is malformed"},
	Unauthenticated:      {http.StatusUnauthorized, "A valid token is required"},
	Forbidden:            {http.StatusForbidden, "The token does not allow this"},
	NotFound:             {http.StatusNotFound, "Not found"},
	NoRoute:              {http.StatusNotFound, "There is nothing at this path"},
	MethodNotAllowed:     {http.StatusMethodNotAllowed, "The method is not allowed here"},
	RequestTimeout:       {http.StatusRequestTimeout, "The request did not arrive in time"},
	Conflict:             {http.StatusConflict, "The request conflicts with the current state"},
	KeyReused:            {http.StatusConflict, "The key was used with another request"},
	TooLate:              {http.StatusConflict, "It is too late for this"},
	AlreadyCompensated:   {http.StatusConflict, "The step was already compensated"},
	OutOfStock:           {http.StatusConflict, "Not enough stock"},
	PaymentDeclined:      {http.StatusConflict, "The payment was declined"},
	RefundRefused:        {http.StatusConflict, "The payment provider refused the refund"},
	ShipmentRefused:      {http.StatusConflict, "The carrier refused the shipment"},
	PreconditionFailed:   {http.StatusPreconditionFailed, "The precondition does not hold"},
	TooLarge:             {http.StatusRequestEntityTooLarge, "The body is too large"},
	UnsupportedMediaType: {http.StatusUnsupportedMediaType, "The media type is not supported"},
	Invalid:              {http.StatusUnprocessableEntity, "The request is not acceptable"},
	RateLimited:          {http.StatusTooManyRequests, "Too many requests"},
	HeadersTooLarge:      {http.StatusRequestHeaderFieldsTooLarge, "The headers are too large"},
	Internal:             {http.StatusInternalServerError, "Internal error"},
	Unavailable:          {http.StatusServiceUnavailable, "Temporarily unavailable"},
	InFlight:             {http.StatusServiceUnavailable, "An equal request is in progress"},
	Timeout:              {http.StatusServiceUnavailable, "No answer in time"},
}

// Codes returns every code, in the order of their names.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// Status returns the code's HTTP status, 500 for a code that is not in the
// table.
func (c Code) Status() int {
	if entry, ok := codes[c]; ok {
		return entry.status
	}
	return http.StatusInternalServerError
}

// Title returns the code's short summary for people. It is the same for every
// occurrence of the code.
func (c Code) Title() string {
	if entry, ok := codes[c]; ok {
		return entry.title
	}
	return codes[Internal].title
}

// Type returns the code's type URI.
func (c Code) Type() string { return TypePrefix + string(c) }

// codeOfStatus is the plainest code for a status: what a client makes of a
// problem document whose type it does not know.
func codeOfStatus(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return Unauthenticated
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusMethodNotAllowed:
		return MethodNotAllowed
	case http.StatusRequestTimeout:
		return RequestTimeout
	case http.StatusConflict:
		return Conflict
	case http.StatusPreconditionFailed:
		return PreconditionFailed
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	case http.StatusUnsupportedMediaType:
		return UnsupportedMediaType
	case http.StatusUnprocessableEntity:
		return Invalid
	case http.StatusTooManyRequests:
		return RateLimited
	case http.StatusRequestHeaderFieldsTooLarge:
		return HeadersTooLarge
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return Unavailable
	case http.StatusGatewayTimeout:
		return Timeout
	}
	if status >= 400 && status < 500 {
		return Malformed
	}
	return Internal
}
