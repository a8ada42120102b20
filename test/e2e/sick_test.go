package e2e_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/resilience"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workflows/contract"
)

// sickness is a part of the system that does not do its work for a while.
type sickness struct {
	name string
	// target is the service that is sick.
	target string
	// harmless says that calls to the target go on: another instance serves
	// them, or nobody has to be asked. No breaker opens, and no order may notice.
	harmless bool
	// begin makes it sick, and returns what ends that. It is well again when
	// that returns.
	begin func(s *shop) (end func())
	// throughout says that it stays sick until every order has come to its end.
	throughout bool
	// killed says that its process is gone. Another one joins when it is well
	// again, so that breakers are tried at once.
	killed bool
	// figures adds what is particular, at the end of the outage; nil adds
	// nothing.
	figures func(s *shop, f *figures)
}

// needed reports whether an order of the kind needs what is sick in order to
// come to its end.
func (o sickness) needed(k *orderKind) bool { return !o.harmless && slices.Contains(k.needs, o.target) }

func sicknesses() []sickness {
	return []sickness{
		{
			name: "payment answers 503", target: "payment",
			begin: func(s *shop) func() { return s.inject("payment", "error=1") },
		},
		{
			name: "payment hangs", target: "payment",
			begin: func(s *shop) func() { return s.inject("payment", "latency=1h") },
		},
		{
			name: "one of three inventory instances is slow", target: "inventory", harmless: true,
			begin: (*shop).slowInventory, figures: (*shop).inventoryFigures,
		},
		{
			name: "shipping is killed and comes back", target: "shipping", killed: true,
			begin: func(s *shop) func() { return s.keepDown("shipping") },
		},
		{
			name: "Consul is killed", harmless: true,
			begin: func(s *shop) func() { return s.keepDown("consul") },
		},
		{
			name: "notification is down for the whole run", target: "notification", killed: true, throughout: true,
			begin: func(s *shop) func() { return s.keepDown("notification") },
		},
	}
}

// course is how long things last.
type course struct {
	calm, outage time.Duration
	openFor      time.Duration // of breakers
	environ      []string
}

// outageTime is the variable that asks for outages of a length, with breakers
// as they are by default. Without it all is shorter.
const outageTime = "ORDERFLOW_TEST_OUTAGE"

func courseOf(t *testing.T) course {
	t.Helper()
	c := course{calm: 2 * time.Second, outage: 8 * time.Second, openFor: 2 * time.Second, environ: []string{
		"ORDERFLOW_PAYMENT_SWITCH_FAULTS=true",
	}}
	if text, set := os.LookupEnv(outageTime); set {
		outage, err := time.ParseDuration(text)
		require.NoError(t, err, outageTime)
		c.calm, c.outage = 10*time.Second, outage
		c.openFor = resilience.Defaults("").Breaker.OpenFor
		return c
	}
	for _, target := range []string{"order", "inventory", "payment", "shipping", "notification"} {
		c.environ = append(c.environ, "ORDERFLOW_"+strings.ToUpper(target)+"_BREAKER_OPEN_FOR="+c.openFor.String())
	}
	return c
}

// TestAnOutageHurtsOnlyWhatNeedsTheService makes one part of the system sick
// after the other, while customers order at a steady pace. Orders that need it
// wait and end right; the others do not notice; what is sick is left alone.
func TestAnOutageHurtsOnlyWhatNeedsTheService(t *testing.T) {
	c := courseOf(t)
	s := &shop{system: start(t, settings(t, c.environ...)), random: rand.New(rand.NewPCG(seed, seed)), ends: map[string]end{}}
	var err error
	s.workflows, err = temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: s.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(s.workflows.Close)
	for _, o := range sicknesses() {
		t.Run(o.name, func(t *testing.T) { s.on(t).suffer(o, c) })
	}
}

// suffer takes the shop through calm, outage and recovery, prints what has
// happened, and checks it.
func (s *shop) suffer(o sickness, c course) {
	w := s.watchBreakers()
	customers := s.beginTraffic(strings.ToLower(strings.ReplaceAll(o.name, " ", "-")))
	s.pass(c.calm)

	workers := s.instances("workers")
	require.Len(s.t, workers, 1)
	before, began := s.callsTo(o, workers[0]), time.Now()
	end := sync.OnceFunc(o.begin(s))
	defer end() // also when the test fails: the next one needs a healthy system
	s.pass(c.outage)
	during, lasted := s.callsTo(o, workers[0]).since(before), time.Since(began)
	particular := &figures{}
	if o.figures != nil {
		o.figures(s, particular)
	}
	if o.throughout {
		customers.stop()
		customers.awaitEnded()
	}
	ending := time.Now()
	end()
	sick := span{began, time.Now()}
	s.eventually(func() bool { return w.allClosedSince(sick.to) }, "all breakers close")
	if !o.throughout {
		s.pass(c.calm)
		customers.stop()
		customers.awaitEnded()
	}
	customers.awaitAllClosed()
	w.stop()

	f := &figures{title: o.name}
	f.add("sick", "for %v, and well within %v; breakers stay open for %v", round(ending.Sub(began)), round(sick.to.Sub(ending)), c.openFor)
	customers.judge(o, sick, f)
	w.judge(o, c, sick, f)
	during.judge(o, lasted, len(w.openings("workers", o.target, c.openFor)), f)
	f.rows = append(f.rows, particular.rows...)
	s.t.Log(f)
	s.requireBooksBalance(customers.dataset(), customers.views())
	s.verify("--at-rest")
}

// pass waits until the time is over, in which other things happen.
func (s *shop) pass(d time.Duration) {
	s.t.Helper()
	began := time.Now()
	s.eventually(func() bool { return time.Since(began) >= d }, "%v pass", d)
}

// span is a part of the run.
type span struct{ from, to time.Time }
