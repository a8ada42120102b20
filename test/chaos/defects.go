package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"orderflow/workflows/contract"
)

// Defect is a version of the product that breaks a promise, made by changing its
// sources on the way to the compiler.
type Defect struct {
	Name string
	// Breaks says what the product does then.
	Breaks string
	// Invariants are those of which at least one must turn red.
	Invariants []int
	// Changes are made to the sources. A text that is not there any more is an
	// error: the defect must be planted anew.
	Changes []Change
	// Programs are those that are built from them.
	Programs []string
	// Provoked are faults in which the defect shows; many show without any.
	Provoked []Fault
}

// Change replaces a text of a file.
type Change struct{ File, Old, New string }

// Defects are ten mistakes that teams have made. Each must turn a run red.
func Defects() []Defect {
	return []Defect{
		{
			Name: "dropped-refund", Breaks: "the activity that refunds says that it has, and does nothing",
			Invariants: []int{1, 7}, Programs: []string{"workers"},
			Changes: []Change{{"activities/payment.go", "return a.Client.Refund(ctx, request)", "return nil"}},
		},
		{
			Name: "skipped-fence", Breaks: "inventory reserves without its fence: nobody knows the key again",
			Invariants: []int{2, 7, 8}, Programs: []string{"inventory"},
			Changes: []Change{
				{
					"services/inventory/internal/service.go",
					"reservation, err = fence.Act(ctx, tx, request.Key, lines, now, func() (inventory.Reservation, error) {",
					"reservation, err = unfenced(func() (inventory.Reservation, error) {",
				},
				{
					"services/inventory/internal/service.go",
					"// Release undoes Reserve:",
					"func unfenced(effect func() (inventory.Reservation, error)) (inventory.Reservation, error) { return effect() }\n\n// Release undoes Reserve:",
				},
			},
		},
		{
			Name: "late-compensation", Breaks: "the refund is registered after the charge, not before it: a charge without an answer is kept",
			Invariants: []int{1, 7}, Programs: []string{"workers"},
			Changes: []Change{{
				"workflows/placeorder.go",
				`	defer saga.compensate(&err, contract.StepChargePayment, payments.RefundPayment, refundPayment)
	if err = saga.do(contract.StepChargePayment, payments.ChargePayment, chargePayment, nil); err != nil {
		return result, err
	}
`,
				`	if err = saga.do(contract.StepChargePayment, payments.ChargePayment, chargePayment, nil); err != nil {
		return result, err
	}
	defer saga.compensate(&err, contract.StepChargePayment, payments.RefundPayment, refundPayment)
`,
			}},
			Provoked: late(contract.StepChargePayment),
		},
		{
			Name: "cursor-apart", Breaks: "the projector moves its cursor in a transaction of its own: a crash between the two loses events",
			Invariants: []int{5, 3}, Programs: []string{orderService},
			Changes: []Change{{
				"services/order/internal/readmodel/projector.go",
				`	err := p.db.InTxAsyncCommit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := moveCheckpoint(ctx, tx, from, folded.position); err != nil {
			return err
		}
`,
				`	err := p.db.InTxAsyncCommit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return moveCheckpoint(ctx, tx, from, folded.position)
	})
	if err != nil {
		return err
	}
	err = p.db.InTxAsyncCommit(ctx, func(ctx context.Context, tx *sql.Tx) error {
`,
			}},
			Provoked: []Fault{
				{Way: DeadProjector, Target: orderService, Transaction: 2}, {Way: DeadProjector, Target: orderService, Transaction: 3},
			},
		},
		{
			Name: "forgotten-key", Breaks: "the gateway gives every request an order ID of its own, also those with one idempotency key",
			Invariants: []int{8, 9}, Programs: []string{"gateway"},
			Changes: []Change{{
				"gateway/internal/api/place.go",
				"return contract.OrderIDForKey(body.CustomerID, key), hash, err",
				"orderID, err = contract.NewOrderID()\n\treturn orderID, hash, err",
			}},
		},
		{
			Name: "counted-twice", Breaks: "the projector counts an order where it stands, and still where it stood",
			Invariants: []int{5}, Programs: []string{orderService},
			Changes: []Change{{"services/order/internal/readmodel/counts.go", "change[i]--", "change[i] -= 0"}},
		},
		{
			Name: "oversold", Breaks: "inventory reserves without asking whether there is enough, and its database lets it",
			Invariants: []int{2}, Programs: []string{"inventory"},
			Changes: []Change{
				{"services/inventory/internal/store.go", "AND reserved + $3 >= 0 AND on_hand + $2 >= reserved + $3", "AND reserved + $3 >= 0"},
				{"services/inventory/internal/migrations/001_inventory.sql", "    CHECK (on_hand >= reserved),\n", ""},
			},
		},
		{
			Name: "no-tombstone", Breaks: "undoing what has not happened leaves no tombstone: it may happen afterwards",
			Invariants: []int{1, 2, 3, 6, 7}, Programs: []string{orderService, "inventory", "payment", "shipping"},
			Changes: []Change{{
				"internal/fence/fence.go",
				"return row.Seen, insert(ctx, tx, key, newRow{state: Compensated, compensatedAt: now.UnixMicro()})",
				"return row.Seen, nil",
			}},
			Provoked: slices.Concat(
				late(contract.StepReserveInventory),
				late(contract.StepChargePayment),
				late(contract.StepShipOrder),
			),
		},
		{
			Name: "hasty-acceptance", Breaks: "the gateway answers 202 before it knows that the workflow has started",
			Invariants: []int{3, 8, 9}, Programs: []string{"gateway"},
			Changes: []Change{{
				"gateway/internal/placement/start.go",
				"	return p.workflows.Start(ctx, startOptions(input), contract.PlaceOrder, input)\n",
				"	go func() { _ = p.workflows.Start(context.WithoutCancel(ctx), startOptions(input), contract.PlaceOrder, input) }()\n	return nil\n",
			}},
			Provoked: []Fault{{Way: Killed, Target: "temporal"}, {Way: Killed, Target: gateway}},
		},
		{
			Name: "kept-shipment", Breaks: "the saga forgets to cancel the shipment of an order that it undoes",
			Invariants: []int{6, 7}, Programs: []string{"workers"},
			Changes: []Change{{
				"workflows/placeorder.go",
				"	defer saga.compensate(&err, contract.StepShipOrder, carrier.CancelShipment, cancelShipment)\n",
				"	_, _ = carrier.CancelShipment, cancelShipment\n",
			}},
			Provoked: late(contract.StepShipOrder),
		},
	}
}

// late delivers a step after its undoing.
func late(step string) []Fault {
	return []Fault{{Way: Aimed, Cells: []Cell{{Late, step, Before}}}}
}

// DefectOf finds a defect by its name.
func DefectOf(name string) (Defect, bool) {
	all := Defects()
	at := slices.IndexFunc(all, func(d Defect) bool { return d.Name == name })
	if at < 0 {
		return Defect{}, false
	}
	return all[at], true
}

// provocations is how often each fault that shows a defect happens.
const provocations = 3

// schedule has what provokes the defect, again and again.
func (d Defect) schedule(settings Settings) []Fault {
	var schedule []Fault
	for turn := range provocations {
		for i, fault := range d.Provoked {
			share := (float64(turn) + float64(i)/float64(len(d.Provoked))) / provocations
			fault.At = time.Duration(share * faulty * 0.9 * float64(settings.Lasts))
			schedule = append(schedule, fault)
		}
	}
	return numbered(schedule)
}

// Build builds the defect's programs into a folder, in place of the product's.
// It fails when a text to replace is not in the sources exactly once.
func (d Defect) Build(ctx context.Context, root, folder string) error {
	overlay, err := d.overlay(root, folder)
	if err != nil {
		return fmt.Errorf("planting %s: %w", d.Name, err)
	}
	for _, program := range d.Programs {
		pkg := "./" + program
		if program != "workers" && program != "gateway" {
			pkg = "./services/" + program + "/server"
		}
		build := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", filepath.Join(folder, program), pkg)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s with %s: %w: %s", program, d.Name, err, out)
		}
	}
	return nil
}

// overlay writes the changed sources beside the programs' folder, and the file
// that names them; see `go help build`.
func (d Defect) overlay(root, folder string) (file string, err error) {
	sources := filepath.Join(filepath.Dir(folder), "defect")
	if err := os.MkdirAll(sources, 0o700); err != nil {
		return "", err
	}
	changed := map[string]string{} // the new texts by file
	for _, change := range d.Changes {
		text, seen := changed[change.File]
		if !seen {
			original, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(change.File)))
			if err != nil {
				return "", err
			}
			text = string(original)
		}
		if count := strings.Count(text, change.Old); count != 1 {
			return "", fmt.Errorf("%s has the text to be replaced %d times: %q", change.File, count, change.Old)
		}
		changed[change.File] = strings.Replace(text, change.Old, change.New, 1)
	}
	replace := map[string]string{}
	for name, text := range changed {
		path := filepath.Join(sources, strings.ReplaceAll(name, "/", "-"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(name))] = path
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file = filepath.Join(sources, "overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}
