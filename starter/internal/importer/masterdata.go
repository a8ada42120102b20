package importer

import (
	"context"

	"orderflow/services/money"
	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
)

// product writes a product, then its first stock.
func (r *run) product(ctx context.Context, at Place, product *dataset.Product) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Deadline)
	defer cancel()

	err := r.attempt(ctx, func(ctx context.Context) error {
		return r.cfg.Gateway.PutProduct(ctx, gatewayclient.Product{
			ProductID:    product.ProductID,
			Name:         product.Name,
			Description:  product.Description,
			UnitPrice:    money.New(*product.UnitPrice, product.Currency),
			Discontinued: product.Discontinued,
		})
	})
	if err == nil {
		err = r.firstStock(ctx, product)
	}
	r.written(at, product, err)
}

func (r *run) firstStock(ctx context.Context, product *dataset.Product) error {
	figure := product.Stock
	if r.cfg.Stock == StockDemand {
		figure = product.Demand
	}
	if figure == nil {
		return nil
	}
	var set bool
	err := r.attempt(ctx, func(ctx context.Context) (err error) {
		set, err = r.cfg.Gateway.SetFirstStock(ctx, product.ProductID, *figure)
		return err
	})
	if err == nil {
		r.tally.firstStock(set)
	}
	return err
}

func (r *run) customer(ctx context.Context, at Place, customer *dataset.Customer) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Deadline)
	defer cancel()

	err := r.attempt(ctx, func(ctx context.Context) error {
		return r.cfg.Gateway.PutCustomer(ctx, gatewayclient.Customer{
			CustomerID: customer.CustomerID,
			Name:       customer.Name,
			Contact:    customer.Contact,
			Phone:      customer.Phone,
			Address:    customer.Address,
		})
	})
	r.written(at, customer, err)
}

// written records what became of a product or a customer.
func (r *run) written(at Place, record dataset.Record, err error) {
	r.tally.written(record, err)
	if err != nil {
		r.reportFailure(at, record, err)
		return
	}
	r.advance()
}

// reportFailure says nothing of lines that had no answer because the import
// was stopped: they are counted, and nothing is wrong with them.
func (r *run) reportFailure(at Place, record dataset.Record, err error) {
	switch {
	case stopped(err):
		r.advance()
	case gatewayclient.Refused(err):
		r.report(at, "%s is refused: %v", record.Label(), err)
	default:
		r.report(at, "%s has no answer: %v", record.Label(), err)
	}
}
