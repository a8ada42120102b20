package backlog

import (
	"math"
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
// pace that the server has seen. So an answer that is some seconds old neither
// lets a flood through nor keeps out what there is room for. Should the workers
// have died, too many are let in by what they would have begun until the next
// answer. What other gateways start shows with the next answer, too.
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
	// last is what the queue said when it last counted, at counted; it was heard
	// last at answered, which is later when it said the same again. Both are zero
	// when it never said anything.
	last              Stats
	counted, answered time.Time
	// level is how many orders wait, without those that are pending, reckoned up
	// to levelAt.
	level   float64
	levelAt time.Time
	episode episode
	refused int64
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

// Enter lets an order in that is about to be started, and reports whether there
// is room. If so, call leave exactly once: with true when the order was started,
// or may have been. One that had been started before counts as one more until
// the queue's next answer.
func (s *Shedder) Enter() (leave func(started bool), there bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting, known := s.waiting(time.Now()); known && waiting >= s.limit {
		return nil, false
	}
	s.pending++
	return s.leave, true
}

func (s *Shedder) leave(started bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending--
	if started {
		s.drain(time.Now())
		s.started++
		s.level++
	}
}

// Refuse is the answer to a new order that did not get in: problem.Unavailable
// with a RetryAfter in which the workers make room at their present pace. It is
// counted.
func (s *Shedder) Refuse() error {
	now := time.Now()
	s.mu.Lock()
	waiting, _ := s.waiting(now)
	retry, pace := s.retryAfter(waiting), s.last.Dispatched
	begins := s.count(now, waiting)
	s.mu.Unlock()
	if begins {
		s.log.Warn("new orders are refused: too many wait for the workers",
			zap.Int64("backlog", waiting), zap.Int64("limit", s.limit), zap.Float32("begunPerSecond", pace))
	}
	return problem.New(problem.Unavailable, "more orders wait than can be worked on soon").WithRetryAfter(retry)
}

// waiting reckons how many orders wait, if anybody knows.
func (s *Shedder) waiting(now time.Time) (orders int64, known bool) {
	if s.answered.IsZero() || now.Sub(s.answered) > knownFor {
		return 0, false
	}
	s.drain(now)
	return int64(math.Round(s.level)) + s.pending, true
}

// drain takes off the level what the workers have begun. Where nothing waits
// they begin nothing: time that they were idle is no credit for later.
func (s *Shedder) drain(now time.Time) {
	s.level = max(0, s.level-float64(s.last.Dispatched)*now.Sub(s.levelAt).Seconds())
	s.levelAt = now
}

// retryAfter is the time in which the workers make room, in whole seconds.
func (s *Shedder) retryAfter(waiting int64) time.Duration {
	excess := float64(waiting-s.limit) + room*float64(s.limit)
	seconds := math.Ceil(excess / float64(s.last.Dispatched)) // without a pace infinite
	if seconds >= maxRetry.Seconds() {
		return maxRetry
	}
	return max(minRetry, time.Duration(seconds)*time.Second)
}

// count counts a refusal, and reports whether it is the first of an episode.
func (s *Shedder) count(now time.Time, waiting int64) (begins bool) {
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
	repeated := !s.answered.IsZero() && stats == s.last && now.Sub(s.counted) < repeatedFor
	s.answered = now
	if repeated {
		return // the server has not counted again
	}
	s.last, s.counted = stats, now
	s.level, s.levelAt = float64(stats.Waiting+s.started-started), now
}

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
