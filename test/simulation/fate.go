package simulation

// Fate is what becomes of one call to a service.
type Fate string

// The fates of a call.
const (
	// Arrives: request and answer come through.
	Arrives Fate = "arrives"
	// Refused: a final answer without effect, whatever the service would say.
	Refused Fate = "refused"
	// Lost: no connection, which the sender notices at once.
	Lost Fate = "lost"
	// HeldBack: the sender's own breaker is open.
	HeldBack Fate = "held back"
	// Unheard: the request disappears; its sender waits until it gives up.
	Unheard Fate = "unheard"
	// Unanswered: the effect is committed, the answer disappears; the sender
	// waits until it gives up.
	Unanswered Fate = "unanswered"
	// Broken: the effect is committed, then the connection breaks.
	Broken Fate = "broken"
	// Late: the sender gives up, then the request arrives.
	Late Fate = "late"
	// Twice: request and answer come through, and a copy arrives later.
	Twice Fate = "twice"
	// OnHold: an operator had the service put on hold, and this process has not
	// heard of the release yet.
	OnHold Fate = "on hold"
	// Orphaned: the effect is committed and the sender's process dies, so that
	// the attempt ends by its start-to-close timeout. A local activity is not
	// retried by a server: there, it is Unanswered.
	Orphaned Fate = "orphaned"
)

// faulty are the fates that the sender sees as a failure which may pass.
var faulty = []Fate{Lost, HeldBack, Unheard, Unanswered, Broken, Late, Orphaned}
