package internal

import (
	"context"

	"orderflow/services/payment/internal/provider"
)

// Provider is the port to the company that moves the money. Its methods bound
// their own time. An error other than the named ones means that the outcome is
// unknown: the money may have moved. The service asks again by the same key.
type Provider interface {
	// Capture takes an amount at most once a key. That it was declined, or
	// undone before, is an answer and no error: see provider.Charge.State.
	// provider.ErrKeyReused when the key came before with another request.
	Capture(ctx context.Context, request provider.Request) (provider.Charge, error)
	// Lookup returns the charge of the key, or provider.ErrUnknownKey.
	Lookup(ctx context.Context, key string) (provider.Charge, error)
	// Void makes a capture under the key impossible unless it has happened,
	// and returns the charge as it stands. It moves no money, and may be
	// repeated.
	Void(ctx context.Context, key string) (provider.Charge, error)

	// Refund gives an amount of a charge back at most once a key. That it was
	// refused for good, or takes its time, is an answer and no error: see
	// provider.Refund.State. provider.ErrUnknownKey when there is no such
	// charge, provider.ErrKeyReused when the key came before with another
	// request.
	Refund(ctx context.Context, request provider.RefundRequest) (provider.Refund, error)
	// LookupRefund returns the refund of the key, or provider.ErrUnknownKey.
	LookupRefund(ctx context.Context, key string) (provider.Refund, error)
}
