package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"orderflow/internal/token"
	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

// opsScope is what the audit routes need.
const opsScope = token.Ops

type verifyCommand struct {
	JSON     bool          `name:"json" help:"Print the report as JSON."`
	Orders   []string      `placeholder:"FILE" help:"Files of orders, as for import, of which every line was accepted; may be given several times. Each must exist as an order."`
	AtRest   bool          `help:"Nothing is in flight any more: an order that is breaks its promise to end."`
	Patience time.Duration `default:"30s" min:"1s" max:"10m" help:"How long to try for one page of rows."`
}

// Run verifies the system and prints the report.
func (c *verifyCommand) Run(ctx context.Context, s *session) error {
	expected, err := c.expected()
	if err != nil {
		return err
	}
	gateway, err := s.gateway(adminSubject, opsScope, 0)
	if err != nil {
		return err
	}
	defer gateway.Close()

	report, err := verify.Run(ctx, verify.Config{
		Gateway: gateway, Backoff: s.backoff, Patience: c.Patience, Pause: s.pause,
		AtRest: c.AtRest, Expected: expected,
	})
	if err != nil && ctx.Err() == nil && verify.Undecided(err) {
		return &exitError{code: exitNoAnswer, message: fmt.Sprintf("no verdict: %v", err)}
	}
	if err != nil {
		return err
	}
	if err := c.print(s.stdout, report); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	if !report.OK {
		return silently(exitNotAsWished)
	}
	return nil
}

func (c *verifyCommand) print(w io.Writer, report *verify.Report) error {
	if !c.JSON {
		return report.WriteText(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

// expected reads the orders that must exist; nil when no file was given. Lines
// that are no orders are passed over.
func (c *verifyCommand) expected() (map[string]verify.Expectation, error) {
	if len(c.Orders) == 0 {
		return nil, nil
	}
	expected := make(map[string]verify.Expectation)
	for _, path := range c.Orders {
		if err := expectFrom(path, expected); err != nil {
			return nil, usage("%v", err)
		}
	}
	return expected, nil
}

func expectFrom(path string, expected map[string]verify.Expectation) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	lines := dataset.NewReader(file)
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
		label := fmt.Sprintf("line %d of %s", line.Number, path)
		if line.Err != nil {
			return fmt.Errorf("%s: %w", label, line.Err)
		}
		if placed, isOrder := line.Record.(*dataset.Order); isOrder {
			quantities := make(map[string]int64)
			for _, item := range placed.Items {
				quantities[item.ProductID] += item.Quantity
			}
			expected[contract.OrderIDForKey(placed.CustomerID, placed.Reference)] = verify.Expectation{
				Label: label, CustomerID: placed.CustomerID, Quantities: quantities,
			}
		}
	}
}
