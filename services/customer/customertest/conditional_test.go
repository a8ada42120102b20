package customertest_test

import (
	"context"
	"strconv"
	"testing"

	"orderflow/internal/conditional"
	"orderflow/internal/conditional/conditionaltest"
	"orderflow/services/customer"
	"orderflow/services/customer/customertest"
)

var unconditionally conditional.Condition

func TestTheClientSendsItsCondition(t *testing.T) {
	service := customertest.Start(t)
	conditionaltest.Client(t, func(ctx context.Context, content int, condition conditional.Condition) (int64, error) {
		record := customer.Record{CustomerID: "cust-ada", Name: "Ada", Phone: strconv.Itoa(content)}
		stored, err := service.Put(ctx, record, condition)
		return stored.Version, err
	})
}

func TestTheRoutesObeyConditions(t *testing.T) {
	customers := customertest.Start(t).URL + "/v1/customers/"
	conditionaltest.Routes(t, conditionaltest.Resource{
		URL: customers + "cust-ada", Unknown: customers + "unknown",
		One:   `{"customerId": "cust-ada", "name": "Ada"}`,
		Other: `{"customerId": "cust-ada", "name": "Ada King"}`,
	})
}
