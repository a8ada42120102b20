package catalogtest_test

import (
	"context"
	"strings"
	"testing"

	"orderflow/internal/conditional"
	"orderflow/internal/conditional/conditionaltest"
	"orderflow/services/catalog/catalogtest"
)

var unconditionally conditional.Condition

func TestTheClientSendsItsCondition(t *testing.T) {
	service := catalogtest.Start(t)
	conditionaltest.Client(t, func(ctx context.Context, content int, condition conditional.Condition) (int64, error) {
		record := kettle()
		record.UnitPrice.Amount = int64(content)
		stored, err := service.Put(ctx, record, condition)
		return stored.Version, err
	})
}

func TestTheRoutesObeyConditions(t *testing.T) {
	products := catalogtest.Start(t).URL + "/v1/products/"
	conditionaltest.Routes(t, conditionaltest.Resource{
		URL: products + "prod-kettle", Unknown: products + "unknown",
		One: kettleBody, Other: strings.Replace(kettleBody, "2999", "3999", 1),
	})
}
