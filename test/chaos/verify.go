package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// Verified is what "starter verify" says of a system.
type Verified struct {
	OK         bool
	Orders     int
	Invariants []struct {
		Number   int
		Name     string
		OK       bool
		Breaches []struct{ Subject, Detail string }
	}
}

// errNoVerdict says that the system did not answer well enough to be judged.
var errNoVerdict = errors.New("no verdict")

// noVerdict is the starter's exit code for it.
const noVerdict = 3

// Verify judges all rows with the program that operators judge with.
func (s *System) Verify(ctx context.Context, arguments ...string) (Verified, error) {
	command := exec.CommandContext(ctx, s.Program("starter"), append([]string{"verify", "--json"}, arguments...)...)
	command.Env = s.Environ()
	out, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == noVerdict {
		return Verified{}, fmt.Errorf("%w: %s", errNoVerdict, exit.Stderr)
	}
	if err != nil && !errors.As(err, &exit) {
		return Verified{}, fmt.Errorf("verifying: %w", err)
	}
	var verified Verified
	if err := json.Unmarshal(out, &verified); err != nil {
		if exit != nil {
			out = append(out, exit.Stderr...)
		}
		return Verified{}, fmt.Errorf("reading the verification: %w: %s", err, out)
	}
	return verified, nil
}

// always are the invariants that hold at every moment.
var always = []int{1, 2, 6}

// unwellPause is the pause after a verification that the faults have kept from a
// verdict.
const unwellPause = 2 * time.Second

// Watch verifies again and again until ctx ends, and adds what is broken of the
// invariants that hold at every moment. It returns how often there was a
// verdict, and why there was none at last: the faults see to that.
func (s *System) Watch(ctx context.Context, every time.Duration, breaches *Breaches) (verdicts int, unwell error) {
	pause := every
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return verdicts, unwell
		}
		verified, err := s.verifyToTheEnd(ctx)
		if err != nil {
			unwell, pause = err, unwellPause
			continue
		}
		verdicts++
		pause = every
		verified.addTo(breaches, func(number int) bool { return slices.Contains(always, number) })
	}
}

// verifyToTheEnd goes on after ctx has ended: what has begun among the faults may
// end after them.
func (s *System) verifyToTheEnd(ctx context.Context) (Verified, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restWithin)
	defer cancel()
	return s.Verify(ctx)
}

func (v Verified) addTo(breaches *Breaches, counts func(number int) bool) {
	for _, invariant := range v.Invariants {
		if !counts(invariant.Number) {
			continue
		}
		for _, breach := range invariant.Breaches {
			breaches.Add(invariant.Number, breach.Subject, "%s: %s", invariant.Name, breach.Detail)
		}
	}
}

// writeExpected writes the accepted orders in the form in which "starter verify"
// expects them.
func writeExpected(path string, said []Said) error {
	bodies := map[int]*Body{}
	var lines []byte
	written := map[int]bool{}
	for _, each := range said {
		if each.What == Sent {
			bodies[each.Number] = each.Body
		}
		body := bodies[each.Number]
		if each.What != Accepted || each.Key == "" || body == nil || written[each.Number] {
			continue
		}
		written[each.Number] = true
		line, err := json.Marshal(map[string]any{
			"reference": each.Key, "customerId": body.CustomerID, "items": body.Items,
			"payment": body.Payment, "shippingAddress": body.ShippingAddress,
		})
		if err != nil {
			return fmt.Errorf("writing the accepted orders: %w", err)
		}
		lines = append(append(lines, line...), '\n')
	}
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		return fmt.Errorf("writing the accepted orders: %w", err)
	}
	return nil
}
