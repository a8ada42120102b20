package importer

import (
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/bojanz/currency"
	"github.com/dustin/go-humanize"
)

// shownMismatches bounds the list of mismatches for people; the JSON summary
// has them all.
const shownMismatches = 20

// WriteText writes the summary for people.
func (s Summary) WriteText(w io.Writer) error {
	var text strings.Builder
	row := func(label, format string, args ...any) {
		fmt.Fprintf(&text, "%-14s%s\n", label, fmt.Sprintf(format, args...))
	}
	lines := fmt.Sprint(s.Lines)
	if s.TotalLines != UnknownTotal && s.TotalLines != s.Lines {
		lines += fmt.Sprintf(" of %d", s.TotalLines)
	}
	row("Lines", "%s in %s%s", lines, rounded(time.Duration(s.Elapsed)), also(s.Malformed, "malformed"))
	if s.Products != (WriteCounts{}) {
		row("Products", "%s; first stock: %d set, %d kept", s.Products, s.FirstStock.Set, s.FirstStock.Kept)
	}
	if s.Customers != (WriteCounts{}) {
		row("Customers", "%s", s.Customers)
	}
	s.writeOrders(row)
	text.WriteString(s.mismatchText())
	_, err := io.WriteString(w, text.String())
	return err
}

func (s Summary) writeOrders(row func(label, format string, args ...any)) {
	orders := s.Orders
	if orders.Total == 0 {
		return
	}
	row("Orders", "%d: %d placed now, %d already there", orders.Total, orders.PlacedNow, orders.AlreadyThere)
	row("  shipped", "%d", orders.Shipped)
	row("  cancelled", "%d%s", orders.Cancelled, byReason(orders.CancelledBy))
	if orders.Blocked > 0 {
		row("  blocked", "%d (waiting for an operator)", orders.Blocked)
	}
	if orders.Waiting > 0 {
		row("  waiting", "%d (for their customers)", orders.Waiting)
	}
	if orders.Refused > 0 {
		row("  refused", "%d%s", orders.Refused, byReason(orders.RefusedBy))
	}
	if orders.Unanswered > 0 {
		row("  unanswered", "%d", orders.Unanswered)
	}
	if s.Latency.Count > 0 {
		row("Submit to end", "p50 %s, p95 %s, over the %d placed now",
			rounded(time.Duration(s.Latency.P50)), rounded(time.Duration(s.Latency.P95)), s.Latency.Count)
	}
	for _, totals := range s.Totals {
		row("Sum of totals", "%s", amount(totals.Orders, totals.Currency))
		row("  shipped", "%s", amount(totals.Shipped, totals.Currency))
		row("  cancelled", "%s", amount(totals.Cancelled, totals.Currency))
	}
}

func (s Summary) mismatchText() string {
	if len(s.Mismatches) == 0 {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Totals that are not as expected: %d\n", len(s.Mismatches))
	for _, mismatch := range s.Mismatches[:min(len(s.Mismatches), shownMismatches)] {
		fmt.Fprintf(&text, "  %s: order %s (%s): %s\n", mismatch.Place, mismatch.Reference, mismatch.OrderID, mismatch)
	}
	if more := len(s.Mismatches) - shownMismatches; more > 0 {
		fmt.Fprintf(&text, "  and %d more\n", more)
	}
	return text.String()
}

// String is for the summary: "77 written, 1 refused".
func (w WriteCounts) String() string {
	return fmt.Sprintf("%d written", w.Written) + also(w.Refused, "refused") + also(w.Unanswered, "unanswered")
}

// also is nothing when there is nothing to tell.
func also(count int, what string) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf(", %d %s", count, what)
}

// byReason lists the most frequent reason first.
func byReason(counts map[string]int) string {
	if len(counts) == 0 {
		return ""
	}
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%s %d", reason, counts[reason])
	}
	return " (" + strings.Join(reasons, ", ") + ")"
}

// amount gives minor units and, when the currency is known, the usual form.
func amount(minor *big.Int, code string) string {
	text := fmt.Sprintf("%s minor units of %s", humanize.BigComma(new(big.Int).Set(minor)), code)
	usual, err := currency.NewAmountFromBigInt(minor, code)
	if err != nil {
		return text
	}
	formatter := currency.NewFormatter(currency.NewLocale("en"))
	formatter.CurrencyDisplay = currency.DisplayCode
	// The formatter separates the code by a space that does not break.
	return fmt.Sprintf("%s (%s)", text, strings.ReplaceAll(formatter.Format(usual), "\u00a0", " "))
}

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}
