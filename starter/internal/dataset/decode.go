package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"orderflow/internal/problem"
	"orderflow/internal/strictjson"
)

// identifier is the form of product, customer and reference IDs in the public
// contract. They become parts of paths and headers, so the form is checked
// here.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Decode reads one line. The error is one sentence that says what is wrong
// with it, for the author of the file.
func Decode(line []byte) (Record, error) {
	record, err := recordFor(line)
	if err != nil {
		return nil, err
	}
	if err := strictjson.Unmarshal(line, record); err != nil {
		return nil, lineError(err)
	}
	if err := check(record); err != nil {
		return nil, err
	}
	return record, nil
}

// DecodeOrder reads an order as Decode does, but lets the reference be absent.
func DecodeOrder(text []byte) (*Order, error) {
	var order Order
	if err := strictjson.Unmarshal(text, &order); err != nil {
		return nil, lineError(err)
	}
	if order.Reference != "" && !identifier.MatchString(order.Reference) {
		return nil, badID("reference", order.Reference)
	}
	return &order, nil
}

// recordFor returns an empty record of the kind that the line's fields show.
func recordFor(line []byte) (Record, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, errors.New("it is no JSON object")
	}
	has := func(name string) bool { _, found := fields[name]; return found }
	switch {
	case has("items") || has("reference"):
		return &Order{}, nil
	case has("productId"):
		return &Product{}, nil
	case has("customerId"):
		return &Customer{}, nil
	default:
		return nil, errors.New("it is neither a product nor a customer nor an order")
	}
}

func check(record Record) error {
	switch record := record.(type) {
	case *Product:
		switch {
		case !identifier.MatchString(record.ProductID):
			return badID("productId", record.ProductID)
		case record.UnitPrice == nil:
			// A price that is merely absent must not become a gift.
			return errors.New("/unitPrice is required")
		case record.Currency == "":
			return errors.New("/currency is required")
		}
	case *Customer:
		if !identifier.MatchString(record.CustomerID) {
			return badID("customerId", record.CustomerID)
		}
	case *Order:
		// Without it, a second run would place the order again.
		if !identifier.MatchString(record.Reference) {
			return badID("reference", record.Reference)
		}
	}
	return nil
}

func badID(field, value string) error {
	if value == "" {
		return fmt.Errorf("/%s is required", field)
	}
	return fmt.Errorf("/%s must be 1 to 64 letters, digits, dots, hyphens and underscores, and begin with a letter or digit", field)
}

// lineError says the same as err, of a line instead of a request's body.
func lineError(err error) error {
	var found *problem.Error
	if !errors.As(err, &found) {
		return err
	}
	if len(found.Fields) == 0 {
		return errors.New(strings.Replace(found.Detail, "the body", "the line", 1))
	}
	said := make([]string, 0, len(found.Fields))
	for _, field := range found.Fields {
		said = append(said, field.Pointer+" "+field.Detail)
	}
	return errors.New(strings.Join(said, "; "))
}
