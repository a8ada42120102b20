package e2e_test

import (
	"maps"
	"net/http"
	"slices"

	"github.com/stretchr/testify/assert"
)

// What a gateway as shipped lets one customer ask for: in a second, and at once.
const (
	shippedRate  = 100
	shippedBurst = 200
)

// judge prints what was measured and checks what holds with every limit.
func (p *pressure) judge() {
	t, w := p.o.t, p.watched
	t.Helper()
	t.Log(p.figures())
	assert.Empty(t, p.without, "every refusal says when to come back")
	assert.NotEmpty(t, p.accepted)
	assert.Empty(t, w.failures)
	assert.Less(t, w.memory.highest(), 4*p.before.highest()+64<<20, "the memory is bounded")
	assert.Less(t, w.memory.half(1), w.memory.half(0)*3/2+64<<20, "the memory does not go on growing")
	if p.o.long {
		assert.Empty(t, p.unanswered)
		assert.GreaterOrEqual(t, len(w.memory), int(p.lasting/figuresPause)/4, "memory and backlog were looked at all the time")
		assert.LessOrEqual(t, slices.Max(w.health), promptly)
		return
	}
	// A machine with other things to do may lose some.
	assert.Less(t, len(p.unanswered), max(1, p.offered/2), "most are answered")
}

// judgeRates checks that no more was let in than the rates as shipped allow. That
// says something only where more than that was offered, which a slow machine
// does not sustain.
func (p *pressure) judgeRates() {
	p.o.t.Helper()
	// What is left out was refused because of a rate, or perhaps before.
	letIn := p.offered - p.refused[http.StatusText(http.StatusTooManyRequests)] - p.refused[noPlace] - len(p.unanswered)
	p.o.t.Logf("%s: %d of %d orders were let in by rates that allow %.0f", p.title, letIn, p.offered, p.allowed())
	assert.LessOrEqual(p.o.t, float64(letIn), p.allowed(), "the customers' rates hold")
}

// allowed is how many requests the rates as shipped let in.
func (p *pressure) allowed() float64 {
	return float64(len(p.sellers)) * (shippedBurst + shippedRate*p.pressed.Seconds())
}

// judgeBacklog checks that no more waited than the limit explains. The server
// counts once a second, and starts on their way to its queue are in no count: on
// a busy machine the limit is let in once more before it shows, and again.
func (p *pressure) judgeBacklog(limit int) {
	p.o.t.Helper()
	times := 4
	if p.o.long {
		times = 2
	}
	assert.Less(p.o.t, p.watched.backlog, float64(times*limit)+p.perSecond, "the backlog is bounded")
}

// figures are what was measured.
func (p *pressure) figures() *figures {
	w, f := p.watched, &figures{title: p.title}
	f.add("orders offered", "%d of %d in %v by %d customers", p.offered, p.due(p.lasting), p.lasting, len(p.sellers))
	f.add("… accepted", "%d; answers %v", len(p.accepted), p.took)
	for _, said := range slices.Sorted(maps.Keys(p.refused)) {
		f.add("… refused", "%d: %s", p.refused[said], said)
	}
	f.add("… refusals", "%v", p.refusals)
	for _, seconds := range slices.Sorted(maps.Keys(p.advised)) {
		f.add("… told to come back", "%d after %d s", p.advised[seconds], seconds)
	}
	f.add("… refused without Retry-After", "%d", len(p.without))
	f.add("… not answered", "%d", len(p.unanswered))
	if len(p.unanswered) > 0 {
		f.add("… the first of them", "%s", p.unanswered[0].why)
	}
	f.add("… accepted and shipped", "%d, the last one %v after the end", len(p.accepted), round(p.drained))
	f.add("backlog", "%.0f at most", w.backlog)
	f.add("gateway's memory", "%v before, %v in the first half, %v in the second", p.before.highest(), w.memory.half(0), w.memory.half(1))
	f.add("health before", "%v", p.calmHealth)
	f.add("health", "%v", w.health)
	return f
}
