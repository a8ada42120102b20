package demo

import (
	"context"
	"errors"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
)

const (
	// enoughKettles is what is put on the shelf at first, and again when fewer
	// than fewKettles can be had.
	enoughKettles = 1000
	fewKettles    = 20
)

// prepare makes sure that customer, products and stock are there, and returns
// how many samovars can be had.
func (d demonstration) prepare(ctx context.Context) (scarce int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()

	steps := []func(context.Context) error{
		d.ensureCustomer,
		func(ctx context.Context) error { return d.ensureProduct(ctx, kettle, enoughKettles) },
		func(ctx context.Context) error { return d.ensureProduct(ctx, samovar, 0) },
		d.topUpKettles,
		func(ctx context.Context) error {
			stock, err := d.cfg.Admin.Stock(ctx, samovar.ProductID)
			scarce = stock.OnHand - stock.Reserved
			return err
		},
	}
	for _, step := range steps {
		if err := gatewayclient.Retry(ctx, d.cfg.Backoff, step); err != nil {
			return 0, err
		}
	}
	return scarce, nil
}

func (d demonstration) ensureCustomer(ctx context.Context) error {
	there, err := d.cfg.Admin.HasCustomer(ctx, CustomerID)
	if err != nil || there {
		return err
	}
	address := *ExampleOrder().ShippingAddress
	return d.cfg.Admin.PutCustomer(ctx, gatewayclient.Customer{
		CustomerID: CustomerID, Name: "Ada Lovelace", Address: &address,
	})
}

func (d demonstration) ensureProduct(ctx context.Context, product gatewayclient.Product, onHand int64) error {
	there, err := d.cfg.Admin.HasProduct(ctx, product.ProductID)
	if err == nil && !there {
		err = d.cfg.Admin.PutProduct(ctx, product)
	}
	if err != nil {
		return err
	}
	_, err = d.cfg.Admin.SetFirstStock(ctx, product.ProductID, onHand)
	return err
}

// topUpKettles keeps the demonstration going on data that has seen many of
// them.
func (d demonstration) topUpKettles(ctx context.Context) error {
	stock, err := d.cfg.Admin.Stock(ctx, kettle.ProductID)
	if err != nil || stock.OnHand-stock.Reserved >= fewKettles {
		return err
	}
	err = d.cfg.Admin.SetStock(ctx, kettle.ProductID, stock.Reserved+enoughKettles)
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Code == problem.Conflict {
		// Orders have reserved more since it was read. There is something on
		// the shelf, then.
		return nil
	}
	return err
}
