package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Report is what a run has found.
type Report struct {
	Settings Settings
	Breaches []Breach
	Outcomes []Outcome
	// Kept is the folder of what is left of a failed run; "" when it kept its
	// promises.
	Kept string
	// Figures of the run.
	Orders, Shipped, Undone int
	Verdicts                int   // during the faults
	Unwell                  error // why there was none at last
	Happened                int   // faults
	Cells, FirstCells       int   // that were reached, and that no run had reached before
	Coverage                Coverage
	Broken, Excused         int64
	Sustained               float64
	Called                  string // how often each step was
	Rested, Took            time.Duration
}

// run is one run at work.
type run struct {
	settings  Settings
	folder    string
	shop      Shop
	purchases []Purchase
	breaches  *Breaches
	promises  *Promises
	journal   *Journal
	driver    *Driver
	system    *System
	load      *Load
	report    Report
}

// Run does a run and judges it. An error means that there is no verdict. Out
// receives the schedule and what becomes of it.
func Run(ctx context.Context, settings Settings, ground Ground, tools Tools) (report Report, err error) {
	began := time.Now()
	if err := settings.Validate(); err != nil {
		return Report{}, err
	}
	r := &run{settings: settings, folder: ground.Folder, shop: NewShop(settings), breaches: &Breaches{}}
	r.report.Settings = settings
	if err := r.open(ground.Out, tools); err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, r.promises.Close(), r.journal.Close()) }()

	if r.system, err = Boot(ctx, ground, r.shop, r.driver.Meet); err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, r.system.Close()) }()
	if err := r.play(ctx); err != nil {
		return Report{}, errors.Join(err, r.keepEvidence(ctx))
	}
	if len(r.breaches.All()) > 0 {
		if err := r.keepEvidence(ctx); err != nil {
			return Report{}, err
		}
	}
	tokens, data := r.system.Tokens(), r.system.DataDir()
	if err := r.system.Stop(); err != nil {
		return Report{}, err
	}
	written := []string{data}
	if tools.Disk != nil {
		written = append(written, tools.Disk.Folder())
	}
	if err := errors.Join(judgeFiles(written, tokens, r.breaches), r.cover()); err != nil {
		return Report{}, err
	}
	r.report.Breaches, r.report.Took = r.breaches.All(), time.Since(began)
	if len(r.report.Breaches) == 0 {
		return r.report, nil
	}
	r.report.Kept = r.folder
	if tools.Disk != nil {
		err = os.CopyFS(filepath.Join(r.folder, "disk"), os.DirFS(tools.Disk.Folder()))
	}
	return r.report, err
}

// open draws the run and opens its logs.
func (r *run) open(out io.Writer, tools Tools) (err error) {
	r.purchases = r.shop.Purchases(r.settings)
	schedule, deck, err := r.deal(out, tools)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(schedule, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.folder, "schedule.json"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the schedule: %w", err)
	}
	if r.promises, err = OpenPromises(r.promisesFile()); err != nil {
		return err
	}
	if r.journal, err = OpenJournal(filepath.Join(r.folder, "faults.jsonl"), out); err != nil {
		return err
	}
	r.driver = NewDriver(r.settings, schedule, deck, tools, r.journal, r.breaches)
	return nil
}

// deal draws the schedule by the seed and by what was reached before, which it
// keeps so that the run can be repeated.
func (r *run) deal(out io.Writer, tools Tools) (schedule []Fault, deck *Deck, err error) {
	if r.settings.Defect != "" {
		return Draw(r.settings, nil), NewDeck(r.settings.Seed, nil, Coverage{}), nil
	}
	coverage, err := ReadCoverage(cmp.Or(r.settings.AimBy, r.settings.coverageFile()))
	if err != nil {
		return nil, nil, err
	}
	r.settings.AimBy = filepath.Join(r.settings.Folder, fmt.Sprintf("aimed-%s-%d.json", r.settings.Database, r.settings.Seed))
	if err := coverage.Write(r.settings.AimBy); err != nil {
		return nil, nil, err
	}
	r.report.Settings = r.settings
	cells := tools.Cells(r.settings.Database)
	fmt.Fprintf(out, "SEED=%d on %s, aimed at the %d of %d cells that no run has reached. The same again: %s\n",
		r.settings.Seed, r.settings.Database, len(coverage.Missing(cells)), len(cells), r.settings.Command())
	deck = NewDeck(r.settings.Seed, cells, coverage)
	return Draw(r.settings, deck), deck, nil
}

func (r *run) promisesFile() string { return filepath.Join(r.folder, "promises.jsonl") }

// play is the load, the faults, the rest and the verdict.
func (r *run) play(ctx context.Context) error {
	if err := r.system.Stock(ctx, r.shop); err != nil {
		return err
	}
	buying, goHome := context.WithCancel(ctx)
	defer goHome()
	r.load = NewLoad(r.shop, r.purchases, r.promises, r.breaches, r.system.Customer)
	r.load.WarmUp(buying, r.shop, r.settings)

	r.breakThings(ctx, buying)

	healed := time.Now()
	resting, tired := context.WithTimeout(ctx, r.settings.restWithin())
	defer tired()
	// A broken link may have taken the signal that goes on.
	if err := r.system.WaitHealthy(resting); err != nil {
		r.breaches.Add(endInvariant, "the system", "it is not healthy %v after the faults: %v", r.settings.restWithin(), err)
	}
	stop := context.AfterFunc(resting, goHome)
	defer stop()
	r.load.Wait()
	said, err := ReadPromises(r.promisesFile())
	if err != nil {
		return err
	}
	claimed := claims(said)
	views := r.system.AwaitRest(resting, claimed, r.breaches)
	r.report.Rested = time.Since(healed)
	return r.judge(ctx, said, claimed, views)
}

// breakThings returns when the orders are placed, the faults have healed and the
// last verification in between is done.
func (r *run) breakThings(ctx, buying context.Context) {
	var driving, watching sync.WaitGroup
	watched, enough := context.WithCancel(ctx)
	r.journal.Start()
	watching.Go(func() {
		r.report.Verdicts, r.report.Unwell = r.system.Watch(watched, r.settings.Lasts/8, r.breaches)
	})
	driving.Go(func() { r.driver.Drive(ctx, r.system, r.load, NewPointLog(filepath.Join(r.system.DataDir(), "logs"))) })
	r.load.Run(buying, r.settings.Lasts)
	driving.Wait()
	enough()
	watching.Wait()
}

// judge asks all invariants of a system at rest.
func (r *run) judge(ctx context.Context, said []Said, claimed []*claim, views map[string]View) error {
	judgeEnds(claimed, views, r.breaches)
	expected := filepath.Join(r.folder, "accepted.jsonl")
	if err := writeExpected(expected, said); err != nil {
		return err
	}
	verified, err := r.system.Verify(ctx, "--at-rest", "--orders", expected)
	if err != nil {
		return err
	}
	verified.addTo(r.breaches, func(int) bool { return true })
	if err := errors.Join(
		r.system.judgeReplays(ctx, claimed, r.breaches),
		r.system.judgeStrangers(ctx, claimed, r.breaches),
		r.system.judgeRows(ctx, r.breaches),
	); err != nil {
		return err
	}
	for _, c := range claimed {
		if c.Key != "" && !c.accepted && !c.turnedDown {
			r.breaches.Add(acceptanceInvariant, c.Key, "its client had no answer, though it asked again and again")
		}
	}
	for _, view := range views {
		switch {
		case view.Shipped():
			r.report.Shipped++
		case view.Ended():
			r.report.Undone++
		}
	}
	r.report.Orders = verified.Orders
	r.report.Broken, r.report.Excused, r.report.Sustained = r.load.Broken.Load(), r.load.Excused.Load(), r.load.Sustained
	r.report.Called = r.driver.Called()
	return nil
}

// cover adds what has happened to the matrix of all runs.
func (r *run) cover() error {
	r.report.Outcomes = r.journal.Outcomes()
	r.report.Happened = r.journal.Happened()
	if r.settings.Defect != "" {
		return nil // what a broken product goes through counts for nothing
	}
	coverage, err := ReadCoverage(r.settings.coverageFile())
	if err != nil {
		return err
	}
	r.report.Cells, r.report.FirstCells = coverage.Count(r.report.Outcomes)
	r.report.Coverage = coverage
	return coverage.Write(r.settings.coverageFile())
}

// printedBreaches is how many breaches a report shows; all are in a file.
const printedBreaches = 40

// String is the report for people: what became of the faults, the figures, and
// what is broken.
func (r Report) String() string {
	var text strings.Builder
	for _, outcome := range r.Outcomes {
		fmt.Fprintln(&text, outcome)
	}
	fmt.Fprintf(&text, "%d orders: %d shipped, %d undone; %d of %d faults happened, %.1f a minute; they reached %d cells, %d for the first time\n",
		r.Orders, r.Shipped, r.Undone, r.Happened, len(r.Outcomes), float64(r.Happened)/(r.Settings.Lasts.Minutes()*faulty), r.Cells, r.FirstCells)
	fmt.Fprintf(&text, "calls: %s\n", r.Called)
	fmt.Fprintf(&text, "clients met %d broken connections and %d excuses; %d verdicts during the faults; %.0f orders a second when nothing was broken\n",
		r.Broken, r.Excused, r.Verdicts, r.Sustained)
	if r.Unwell != nil {
		fmt.Fprintf(&text, "a verification during the faults came to none: %v\n", r.Unwell)
	}
	fmt.Fprintf(&text, "at rest %.1fs after the faults; %.0fs in all\n", r.Rested.Seconds(), r.Took.Seconds())
	if len(r.Breaches) == 0 {
		text.WriteString("every promise was kept\n")
		return text.String()
	}
	breaches := slices.Clone(r.Breaches)
	slices.SortStableFunc(breaches, func(a, b Breach) int { return a.Invariant - b.Invariant })
	for i, breach := range breaches {
		if i == printedBreaches {
			fmt.Fprintf(&text, "and %d more\n", len(breaches)-i)
			break
		}
		fmt.Fprintln(&text, breach)
	}
	fmt.Fprintf(&text, "%d promises are broken. What is left of the run is in %s.\nThe same again: %s\n", len(breaches), r.Kept, r.Settings.Command())
	return text.String()
}
