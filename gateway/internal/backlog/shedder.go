package backlog

import (
	"math"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/problem"
)

const (
	// askEvery is how often the queue is asked, askTimeout how long it may take:
	// a server with too much to do is slow to say so.
	askEvery   = time.Second
	askTimeout = 5 * time.Second
	// repeatedFor is how long an equal answer counts as the same one. It is twice
	// what a server keeps its answer for by default.
	repeatedFor = 10 * time.Second
	// knownFor is how long an answer holds when no other comes. After that nobody
	// knows what waits, and nothing is refused.
	knownFor = 15 * time.Second
	// paceOver is what the workers' pace is the mean of, or of two answers if they
	// are further apart. A shorter time would show how tasks come in bursts.
	paceOver = 5 * time.Second
	// calm is how long nothing must have been refused for the shedding to be over.
	calm = 10 * time.Second
	// room is the share of the limit that should be free again for those who
	// come back.
	room = 0.25
	// What a refused client may be told to wait.
	minRetry, maxRetry = time.Second, 30 * time.Second
)

// Shedder refuses new orders at a limit. It is safe for concurrent use.
//
// Between two answers of the queue it reckons: what waited then, and what this
// gateway has started since, less what the workers begin in that time at the
// pace that was seen last. So an answer that is some seconds old neither lets a
// flood through nor keeps out what there is room for. Should the workers have
// died, too many are let in by what they would have begun until the next answer,
// once. What other gateways start shows with the next answer, too.
//
// It has no second, lower threshold at which it would begin to accept again. At
// its limit it lets in one order for each that is begun, which keeps the workers
// busy and takes as many orders as can be taken; there is nothing that could
// swing.
type Shedder struct {
	limit int64
	queue Queue
	log   *zap.Logger

	mu sync.Mutex
	// pending are starts under way, started all that have ended and may have
	// succeeded.
	pending, started int64
	// answers are those that the pace is taken of, the newest last; none when
	// there never was one. The queue was heard last at answered, which is later
	// than the newest of them when it said the same again.
	answers  []answer
	answered time.Time
	pace     float64 // orders begun in a second
	episode  episode
	refused  int64
}

// answer is what the queue said.
type answer struct {
	stats Stats
	at    time.Time
	// started is what had been started when it was asked.
	started int64
}

// episode is a time in which orders are refused. The zero value is none.
type episode struct {
	began, latest time.Time // of its refusals
	refused, most int64     // how many of them; how many orders waited
}

// New returns a shedder that refuses new orders while so many wait; with 0 it
// never does. Without Run it knows nothing, and refuses nothing.
func New(limit int, queue Queue, log *zap.Logger) *Shedder {
	return &Shedder{limit: int64(limit), queue: queue, log: log}
}

// Enter lets a new order in. Call leave exactly once: with true when it was
// started, or may have been. The error is problem.Unavailable, with a RetryAfter
// in which the workers make room at their present pace.
func (s *Shedder) Enter() (leave func(started bool), err error) {
	now := time.Now()
	s.mu.Lock()
	waiting, known := s.waiting(now)
	if !known || waiting < s.limit {
		s.pending++
		s.mu.Unlock()
		return s.leave, nil
	}
	retry, pace := s.retryAfter(waiting), s.pace
	begins := s.refuse(now, waiting)
	s.mu.Unlock()
	if begins {
		s.log.Warn("new orders are refused: too many wait for the workers",
			zap.Int64("backlog", waiting), zap.Int64("limit", s.limit), zap.Float64("begunPerSecond", math.Round(pace)))
	}
	return nil, problem.New(problem.Unavailable, "more orders wait than can be worked on soon").WithRetryAfter(retry)
}

func (s *Shedder) leave(started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	if started {
		s.started++
	}
}

// waiting reckons how many orders wait, if anybody knows.
func (s *Shedder) waiting(now time.Time) (orders int64, known bool) {
	if len(s.answers) == 0 || now.Sub(s.answered) > knownFor {
		return 0, false
	}
	last := s.answers[len(s.answers)-1]
	begun := s.pace * now.Sub(last.at).Seconds()
	return max(0, last.stats.Waiting+s.started-last.started+s.pending-int64(begun)), true
}

// retryAfter is the time in which the workers make room, in whole seconds. On a
// busy server tasks reach the queue some time after their start, which looks as
// if less were begun: then its own mean of the last half minute says more.
func (s *Shedder) retryAfter(waiting int64) time.Duration {
	pace := max(s.pace, float64(s.answers[len(s.answers)-1].stats.Dispatched))
	excess := float64(waiting-s.limit) + room*float64(s.limit)
	seconds := math.Ceil(excess / pace) // without a pace infinite
	if seconds >= maxRetry.Seconds() {
		return maxRetry
	}
	return max(minRetry, time.Duration(seconds)*time.Second)
}

// refuse counts a refusal, and reports whether it is the first of an episode.
func (s *Shedder) refuse(now time.Time, waiting int64) (begins bool) {
	begins = s.episode.refused == 0
	if begins {
		s.episode.began = now
	}
	s.episode.latest = now
	s.episode.refused++
	s.episode.most = max(s.episode.most, waiting)
	s.refused++
	return begins
}

// learn takes an answer to a question that was asked when so many orders had
// been started.
func (s *Shedder) learn(stats Stats, started int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = now
	if n := len(s.answers); n > 0 && stats == s.answers[n-1].stats && now.Sub(s.answers[n-1].at) < repeatedFor {
		return // the server has not counted again
	}
	s.answers = append(s.answers, answer{stats: stats, at: now, started: started})
	for len(s.answers) > 2 && now.Sub(s.answers[1].at) >= paceOver {
		s.answers = slices.Delete(s.answers, 0, 1)
	}
	s.pace = s.newPace()
}

// newPace is how many orders the workers have begun in a second. One answer
// alone does not tell.
func (s *Shedder) newPace() float64 {
	first, last := s.answers[0], s.answers[len(s.answers)-1]
	if len(s.answers) == 1 {
		return 0
	}
	begun := first.stats.Waiting + last.started - first.started - last.stats.Waiting
	pace := max(0, float64(begun)/last.at.Sub(first.at).Seconds())
	if s.atLeisure(first) || s.atLeisure(last) {
		// Workers that wait for orders show no more than what they were given.
		return max(pace, s.pace)
	}
	return pace
}

// atLeisure reports whether no more waited than the workers begin in a second.
func (s *Shedder) atLeisure(a answer) bool { return float64(a.stats.Waiting) <= s.pace }

// ended returns the episode that is over, if one is.
func (s *Shedder) ended(now time.Time) (over episode, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.episode.refused == 0 || now.Sub(s.episode.latest) < calm {
		return episode{}, false
	}
	over, s.episode = s.episode, episode{}
	return over, true
}
