package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The numbers of the invariants.
const (
	Money        = 1
	Stock        = 2
	End          = 3
	Streams      = 4
	Projection   = 5
	AtMostOne    = 6
	Compensation = 7
	Idempotency  = 8
	Acceptance   = 9
)

var names = map[int]string{
	Money:        "Money",
	Stock:        "Stock",
	End:          "End",
	Streams:      "Streams",
	Projection:   "Projection",
	AtMostOne:    "At most one",
	Compensation: "Compensation",
	Idempotency:  "Idempotency",
	Acceptance:   "No lost acceptance",
}

// namedBreaches is how many breaches of one invariant, and how many settlements,
// are kept with their names; the others are counted.
const namedBreaches = 1000

// Report is the outcome of a verification.
type Report struct {
	OK         bool         `json:"ok"`
	Orders     int          `json:"orders"`
	Invariants []*Invariant `json:"invariants"`
	// Settlements are the first of the compensations that operators have ended by
	// hand; they break nothing.
	Settlements []Settlement `json:"settlements,omitempty"`
	// Reread is how many orders looked wrong at first and were read again.
	Reread int           `json:"reread"`
	Took   time.Duration `json:"tookNanoseconds"`
}

// Invariant is one promise and whether it holds.
type Invariant struct {
	Number  int     `json:"number"`
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Figures Figures `json:"figures"`
	// Breaches are the first of them, BreachCount says how many there are.
	Breaches    []Breach `json:"breaches"`
	BreachCount int      `json:"breachCount"`
}

// Breach is one order, product or customer of which an invariant does not
// hold.
type Breach struct {
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

// Figures are named figures in an order of their own.
type Figures []Figure

// Figure is one of them. Value is an integer, a text or an amount of money.
type Figure struct {
	Name  string
	Value any
}

// MarshalJSON writes an object with a member for each figure.
func (f Figures) MarshalJSON() ([]byte, error) {
	var object bytes.Buffer
	object.WriteByte('{')
	for i, figure := range f {
		if i > 0 {
			object.WriteByte(',')
		}
		member, err := json.Marshal(figure.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(figure.Value)
		if err != nil {
			return nil, err
		}
		object.Write(member)
		object.WriteByte(':')
		object.Write(value)
	}
	object.WriteByte('}')
	return object.Bytes(), nil
}

// String writes the figures on one line.
func (f Figures) String() string {
	parts := make([]string, len(f))
	for i, figure := range f {
		parts[i] = fmt.Sprintf("%s %v", figure.Name, figure.Value)
	}
	return strings.Join(parts, ", ")
}

// Get returns a figure's value, nil where there is none of that name.
func (f Figures) Get(name string) any {
	for _, figure := range f {
		if figure.Name == name {
			return figure.Value
		}
	}
	return nil
}

func newReport(withAcceptance bool) *Report {
	last := Idempotency
	if withAcceptance {
		last = Acceptance
	}
	report := &Report{}
	for number := Money; number <= last; number++ {
		report.Invariants = append(report.Invariants, &Invariant{
			Number: number, Name: names[number], OK: true, Breaches: []Breach{},
		})
	}
	return report
}

// Invariant returns the invariant of that number, nil when it was not checked.
func (r *Report) Invariant(number int) *Invariant {
	for _, invariant := range r.Invariants {
		if invariant.Number == number {
			return invariant
		}
	}
	return nil
}

func (r *Report) breach(number int, subject, format string, args ...any) {
	invariant := r.Invariant(number)
	invariant.OK = false
	invariant.BreachCount++
	if len(invariant.Breaches) < namedBreaches {
		invariant.Breaches = append(invariant.Breaches, Breach{Subject: subject, Detail: fmt.Sprintf(format, args...)})
	}
}

// settle names what operators have settled of an order.
func (r *Report) settle(orderID string, settled []sagaCompensation) {
	for _, compensation := range settled {
		if len(r.Settlements) < namedBreaches {
			r.Settlements = append(r.Settlements, Settlement{orderID, compensation.Name, compensation.Resolution})
		}
	}
}

func (r *Report) broken() (numbers []int) {
	for _, invariant := range r.Invariants {
		if !invariant.OK {
			numbers = append(numbers, invariant.Number)
		}
	}
	return numbers
}

// printedBreaches is how many breaches of one invariant, and how many
// settlements, WriteText names.
const printedBreaches = 20

// WriteText writes a line for each invariant, and below it what breaks it.
func (r *Report) WriteText(w io.Writer) error {
	var text strings.Builder
	for _, invariant := range r.Invariants {
		state := "ok"
		if !invariant.OK {
			state = "BROKEN"
		}
		fmt.Fprintf(&text, "%d %-18s %-6s  %s\n", invariant.Number, invariant.Name, state, invariant.Figures)
		for i, breach := range invariant.Breaches {
			if i == printedBreaches {
				fmt.Fprintf(&text, "    and %d more\n", invariant.BreachCount-i)
				break
			}
			fmt.Fprintf(&text, "    %s: %s\n", breach.Subject, breach.Detail)
		}
	}
	for i, settlement := range r.Settlements {
		if i == printedBreaches {
			fmt.Fprintf(&text, "and more that operators have settled\n")
			break
		}
		fmt.Fprintf(&text, "settled by an operator: %s, %s: %q\n", settlement.OrderID, settlement.Compensation, settlement.Resolution)
	}
	fmt.Fprintf(&text, "%d orders in %s", r.Orders, r.Took.Round(time.Millisecond))
	if r.Reread > 0 {
		fmt.Fprintf(&text, ", %d of them read twice", r.Reread)
	}
	if broken := r.broken(); len(broken) > 0 {
		fmt.Fprintf(&text, "; broken: %s\n", strings.Trim(fmt.Sprint(broken), "[]"))
	} else {
		text.WriteString("; everything holds\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}
