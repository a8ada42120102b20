package domain_test

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

func TestPlacementNamesWhatIsWrongWithIt(t *testing.T) {
	for name, test := range map[string]struct {
		change func(p *order.Placement)
		want   []string
	}{
		"nothing":                  {func(*order.Placement) {}, nil},
		"no order ID":              {func(p *order.Placement) { p.OrderID = "" }, []string{"/orderId"}},
		"path in the order ID":     {func(p *order.Placement) { p.OrderID = "../x" }, []string{"/orderId"}},
		"long customer ID":         {func(p *order.Placement) { p.CustomerID = strings.Repeat("c", 65) }, []string{"/customerId"}},
		"no customer name":         {func(p *order.Placement) { p.CustomerName = "" }, []string{"/customerName"}},
		"blank customer name":      {func(p *order.Placement) { p.CustomerName = "  " }, []string{"/customerName"}},
		"name of 201 characters":   {func(p *order.Placement) { p.CustomerName = strings.Repeat("é", 201) }, []string{"/customerName"}},
		"name of 200 characters":   {func(p *order.Placement) { p.CustomerName = strings.Repeat("é", 200) }, nil},
		"line break in a name":     {func(p *order.Placement) { p.CustomerName = "Ada\r\nX: y" }, []string{"/customerName"}},
		"NUL in a name":            {func(p *order.Placement) { p.Items[0].ProductName = "a\x00" }, []string{"/items/0/productName"}},
		"invalid UTF-8":            {func(p *order.Placement) { p.Items[1].ProductName = "\xff" }, []string{"/items/1/productName"}},
		"bidi controls are inert":  {func(p *order.Placement) { p.CustomerName = "\u202eAda" }, nil},
		"long request hash":        {func(p *order.Placement) { p.RequestHash = strings.Repeat("0", 201) }, []string{"/requestHash"}},
		"no time":                  {func(p *order.Placement) { p.AcceptedAt = time.Time{} }, []string{"/acceptedAt"}},
		"no items":                 {func(p *order.Placement) { p.Items = nil }, []string{"/items"}},
		"101 items":                {func(p *order.Placement) { p.Items = make([]order.Item, 101) }, []string{"/items"}},
		"quantity 0":               {func(p *order.Placement) { p.Items[1].Quantity = 0 }, []string{"/items/1/quantity"}},
		"negative quantity":        {func(p *order.Placement) { p.Items[0].Quantity = -1 }, []string{"/items/0/quantity"}},
		"negative price":           {func(p *order.Placement) { p.Items[0].UnitPrice.Amount = -1 }, []string{"/items/0/unitPrice/amount"}},
		"two currencies":           {func(p *order.Placement) { p.Items[1].UnitPrice.Currency = "EUR" }, []string{"/items/1/unitPrice/currency"}},
		"no such currency":         {func(p *order.Placement) { p.Total.Currency = "ZZZ" }, []string{"/total/currency", "/items/0/unitPrice/currency", "/items/1/unitPrice/currency"}},
		"total too small":          {func(p *order.Placement) { p.Total.Amount-- }, []string{"/total/amount"}},
		"a line that overflows":    {func(p *order.Placement) { p.Items[0].Quantity = math.MaxInt64 }, []string{"/items/0/quantity"}},
		"a sum that overflows":     {func(p *order.Placement) { p.Items[0].Quantity, p.Items[0].UnitPrice.Amount = 1, math.MaxInt64 }, []string{"/items/1/quantity"}},
		"every violation is named": {func(p *order.Placement) { p.OrderID, p.CustomerName = "", "" }, []string{"/orderId", "/customerName"}},
	} {
		t.Run(name, func(t *testing.T) {
			placement := validPlacement()
			test.change(&placement)
			_, err := domain.NewPlacement(placement)
			assert.Equal(t, test.want, pointers(t, err))
		})
	}
}

func TestShipmentNamesWhatIsWrongWithIt(t *testing.T) {
	for name, test := range map[string]struct {
		tracking, carrier string
		saga              order.Saga
		want              []string
	}{
		"nothing":            {"T-1", "Parcel", completed, nil},
		"no tracking number": {"", "Parcel", completed, []string{"/trackingNumber"}},
		"no carrier":         {"T-1", "", completed, []string{"/carrier"}},
		"a saga that runs":   {"T-1", "Parcel", order.Saga{State: order.SagaRunning}, []string{"/saga/state"}},
		"a saga that failed": {"T-1", "Parcel", compensated, []string{"/saga/state"}},
		"an unnamed step": {"T-1", "Parcel", order.Saga{State: order.SagaCompleted, Steps: []order.SagaStep{{State: "done"}}},
			[]string{"/saga/steps/0/name"}},
		"an unknown step state": {"T-1", "Parcel", order.Saga{State: order.SagaCompleted, Steps: []order.SagaStep{{Name: "a", State: "odd"}}},
			[]string{"/saga/steps/0/state"}},
		"65 steps": {"T-1", "Parcel", order.Saga{State: order.SagaCompleted, Steps: make([]order.SagaStep, 65)},
			[]string{"/saga/steps"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := domain.NewShipment(test.tracking, test.carrier, test.saga)
			assert.Equal(t, test.want, pointers(t, err))
		})
	}
}

func TestCancellationNamesWhatIsWrongWithIt(t *testing.T) {
	blocked := order.Saga{State: order.SagaBlocked}
	undoing := func(compensation order.Compensation) order.Saga {
		return order.Saga{State: order.SagaCompensated, Steps: []order.SagaStep{
			{Name: "a", State: "waiting", Compensation: &compensation},
		}}
	}
	for name, test := range map[string]struct {
		reason string
		saga   order.Saga
		want   []string
	}{
		"nothing":              {"changed my mind", compensated, nil},
		"a blocked saga":       {"changed my mind", blocked, nil},
		"a reason of 2 lines":  {"panic:\n\tat line 7", compensated, nil},
		"no reason":            {"", compensated, []string{"/reason"}},
		"an endless reason":    {strings.Repeat("x", 4001), compensated, []string{"/reason"}},
		"a saga that shipped":  {"changed my mind", completed, []string{"/saga/state"}},
		"no saga":              {"changed my mind", order.Saga{}, []string{"/saga/state"}},
		"an error of a step":   {"x", order.Saga{State: order.SagaBlocked, Steps: []order.SagaStep{{Name: "a", State: "failed", Error: "a\nb"}}}, nil},
		"an endless step text": {"x", order.Saga{State: order.SagaBlocked, Steps: []order.SagaStep{{Name: "a", State: "failed", Error: strings.Repeat("x", 4001)}}}, []string{"/saga/steps/0/error"}},
		"a compensation":       {"x", undoing(order.Compensation{Name: "b", State: "done"}), nil},
		"a skipped one":        {"x", undoing(order.Compensation{Name: "b", State: "skipped", Error: "away", Resolution: "skipped by ops-jane: away"}), nil},
		"a resolution in full": {"x", undoing(order.Compensation{Name: "b", State: "done", Resolution: strings.Repeat("é", 800)}), nil},
		"an endless one":       {"x", undoing(order.Compensation{Name: "b", State: "done", Resolution: strings.Repeat("é", 801)}), []string{"/saga/steps/0/compensation/resolution"}},
		"an unknown state":     {"x", undoing(order.Compensation{Name: "b", State: "compensated"}), []string{"/saga/steps/0/compensation/state"}},
		"an unnamed one":       {"x", undoing(order.Compensation{State: "running", Error: strings.Repeat("x", 4001)}), []string{"/saga/steps/0/compensation/name", "/saga/steps/0/compensation/error"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := domain.NewCancellation(test.reason, test.saga)
			assert.Equal(t, test.want, pointers(t, err))
		})
	}
}

func TestInterventionNamesWhatIsWrongWithIt(t *testing.T) {
	for name, test := range map[string]struct {
		change func(i *order.Intervention)
		want   []string
	}{
		"nothing":                 {func(*order.Intervention) {}, nil},
		"retry":                   {func(i *order.Intervention) { i.Action = order.InterventionRetry }, nil},
		"resolve":                 {func(i *order.Intervention) { i.Action = order.InterventionResolve }, nil},
		"fix":                     {func(i *order.Intervention) { i.Action = order.InterventionFix }, nil},
		"hold":                    {func(i *order.Intervention) { i.Action, i.Step = order.InterventionHold, "" }, nil},
		"release":                 {func(i *order.Intervention) { i.Action, i.Step = order.InterventionRelease, "" }, nil},
		"hold of a step":          {func(i *order.Intervention) { i.Action = order.InterventionHold }, []string{"/step"}},
		"release of a step":       {func(i *order.Intervention) { i.Action = order.InterventionRelease }, []string{"/step"}},
		"no action":               {func(i *order.Intervention) { i.Action = "" }, []string{"/action"}},
		"unknown action":          {func(i *order.Intervention) { i.Action = "forget" }, []string{"/action"}},
		"action in capitals":      {func(i *order.Intervention) { i.Action = "Skip" }, []string{"/action"}},
		"no step":                 {func(i *order.Intervention) { i.Step = "" }, []string{"/step"}},
		"step of 201 characters":  {func(i *order.Intervention) { i.Step = strings.Repeat("s", 201) }, []string{"/step"}},
		"no actor":                {func(i *order.Intervention) { i.Actor = "" }, []string{"/actor"}},
		"blank actor":             {func(i *order.Intervention) { i.Actor = " \u00a0" }, []string{"/actor"}},
		"actor of two lines":      {func(i *order.Intervention) { i.Actor = "ops\njane" }, []string{"/actor"}},
		"long actor":              {func(i *order.Intervention) { i.Actor = strings.Repeat("é", 200) }, nil},
		"endless actor":           {func(i *order.Intervention) { i.Actor = strings.Repeat("é", 201) }, []string{"/actor"}},
		"no reason":               {func(i *order.Intervention) { i.Reason = "" }, []string{"/reason"}},
		"blank reason":            {func(i *order.Intervention) { i.Reason = "  " }, []string{"/reason"}},
		"reason of 500":           {func(i *order.Intervention) { i.Reason = strings.Repeat("é", 500) }, nil},
		"reason of 501":           {func(i *order.Intervention) { i.Reason = strings.Repeat("é", 501) }, []string{"/reason"}},
		"NUL in the reason":       {func(i *order.Intervention) { i.Reason = "a\x00" }, []string{"/reason"}},
		"tab in the reason":       {func(i *order.Intervention) { i.Reason = "a\tb" }, []string{"/reason"}},
		"reason of invalid UTF-8": {func(i *order.Intervention) { i.Reason = "\xff" }, []string{"/reason"}},
		"no time":                 {func(i *order.Intervention) { i.At = time.Time{} }, []string{"/at"}},
		"everything":              {func(i *order.Intervention) { *i = order.Intervention{} }, []string{"/action", "/actor", "/reason", "/at"}},
	} {
		t.Run(name, func(t *testing.T) {
			intervention := validIntervention()
			test.change(&intervention)
			_, err := domain.NewIntervention(intervention)
			assert.Equal(t, test.want, pointers(t, err))
		})
	}
}

// The model is arbitrary-precision arithmetic: exactly the placements whose
// total is right and fits are accepted.
func TestTotalIsExactForEveryPlacement(t *testing.T) {
	quantity := rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, math.MaxInt64))
	price := rapid.OneOf(rapid.Int64Range(0, 1_000_000), rapid.Int64Range(0, math.MaxInt64))
	rapid.Check(t, func(t *rapid.T) {
		placement := validPlacement()
		placement.Items = nil
		want := new(big.Int)
		for range rapid.IntRange(1, 5).Draw(t, "items") {
			item := order.Item{
				ProductID: "p", ProductName: "P", Quantity: quantity.Draw(t, "quantity"),
				UnitPrice: money.New(price.Draw(t, "price"), "USD"),
			}
			placement.Items = append(placement.Items, item)
			line := new(big.Int).Mul(big.NewInt(item.Quantity), big.NewInt(item.UnitPrice.Amount))
			want.Add(want, line)
		}
		placement.Total = money.New(rapid.Int64().Draw(t, "wrong total"), "USD")
		if want.IsInt64() && rapid.Bool().Draw(t, "right") {
			placement.Total.Amount = want.Int64()
		}
		_, err := domain.NewPlacement(placement)
		right := want.IsInt64() && placement.Total.Amount == want.Int64()
		require.Equal(t, right, err == nil, "%v", err)
	})
}

func pointers(t *testing.T, err error) (found []string) {
	if err == nil {
		return nil
	}
	var invalid *domain.InvalidError
	require.ErrorAs(t, err, &invalid)
	for _, violation := range invalid.Violations {
		assert.NotEmpty(t, violation.Detail)
		found = append(found, violation.Pointer)
	}
	return found
}
