package activities

import (
	"context"

	"orderflow/services/inventory"
)

// Inventory are the steps at the inventory service.
type Inventory struct {
	Client *inventory.Client
}

// ReserveInventory holds the order's stock, all of it or none.
func (a *Inventory) ReserveInventory(ctx context.Context, request inventory.ReserveRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Reserve(ctx, request)
		return err
	})
}

// CommitInventory takes the held stock off the shelf.
func (a *Inventory) CommitInventory(ctx context.Context, request inventory.CommitRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Commit(ctx, request)
	})
}

// ReleaseInventory undoes ReserveInventory.
func (a *Inventory) ReleaseInventory(ctx context.Context, request inventory.ReleaseRequest) error {
	return undo(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Release(ctx, request)
	})
}
