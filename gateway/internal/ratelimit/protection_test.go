package ratelimit

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/resilience"
	"orderflow/internal/sqlstore/sqlstoretest"
)

func rows(t *testing.T, s *Shared) (n int) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT count(*) FROM rate_limit").Scan(&n))
	return n
}

func TestStrangersAreCountedHereAndCostTheDatabaseNothing(t *testing.T) {
	counts := openShared(t, sqlstoretest.Postgres(t))
	l, err := NewShared(Config{Rate: 1, Burst: 3}, counts)
	require.NoError(t, err)
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/orders", nil)
	n := 0
	for err = l.Refused(c); err == nil; err = l.Refused(c) {
		n++
		require.Less(t, n, 10_000, "nothing is refused")
	}
	assert.GreaterOrEqual(t, n, 3)
	assert.Equal(t, problem.RateLimited, problem.CodeOf(err))
	assert.Zero(t, rows(t, counts))
	require.NoError(t, l.AllowPrincipal(as(t, "ada")))
	assert.Equal(t, 1, rows(t, counts), "customers are counted for all gateways")
}

func TestWhoIsOverTheLimitIsRefusedWithoutTheDatabase(t *testing.T) {
	s, clock := openShared(t, sqlstoretest.Postgres(t)), newClock()
	c := newSharedCounter(s, Budget{Rate: 1, Burst: 5})
	c.denied.now = clock.now
	_, refusal := taken(t, c, "ada")
	_, err := s.pool.Exec(t.Context(), "DROP TABLE rate_limit")
	require.NoError(t, err)

	clock.advance(refusal.retryAfter / 2)
	again, err := c.take(t.Context(), "ada")
	require.NoError(t, err)
	assert.False(t, again.allowed)
	assert.InDelta(t, refusal.retryAfter/2, again.retryAfter, 1)
	assert.InDelta(t, refusal.full-refusal.retryAfter/2, again.full, 1)
	_, err = c.take(t.Context(), "bob")
	require.Error(t, err, "others are counted")

	clock.advance(refusal.retryAfter)
	_, err = c.take(t.Context(), "ada")
	require.Error(t, err, "and so is the next request that could be allowed")
}

func TestRefusalsThatAreRememberedAreBounded(t *testing.T) {
	d := newDenials(newClock().now)
	for i := range maxKeys + 1 {
		d.put(strconv.Itoa(i), decision{retryAfter: time.Second})
		require.LessOrEqual(t, len(d.known), maxKeys)
	}
	_, found := d.find(strconv.Itoa(maxKeys))
	assert.True(t, found)
}

func TestWaitingForOtherRequestsIsNoFailureOfTheDatabase(t *testing.T) {
	s := openShared(t, sqlstoretest.Postgres(t))
	c := newSharedCounter(s, Budget{Rate: 100, Burst: 100})
	for range cap(s.places) {
		s.places <- struct{}{}
	}
	s.timeout = time.Millisecond
	for range 10 {
		_, err := c.take(t.Context(), "ada")
		require.ErrorIs(t, err, errBusy)
	}
	assert.Equal(t, resilience.Closed, s.breaker.State())

	for range cap(s.places) {
		s.leave()
	}
	s.timeout = time.Minute
	d, err := c.take(t.Context(), "ada")
	require.NoError(t, err)
	assert.True(t, d.allowed)
	assert.Empty(t, s.places)
}

func TestAClockThatIsSetBackLocksNobodyOut(t *testing.T) {
	s := openShared(t, sqlstoretest.Postgres(t))
	_, err := s.pool.Exec(t.Context(), `INSERT INTO rate_limit VALUES ('ada', 3600000000 + `+microseconds+`)`)
	require.NoError(t, err)
	c := newSharedCounter(s, Budget{Rate: 2, Burst: 5})
	began := time.Now()
	n, refusal := taken(t, c, "ada")
	assert.GreaterOrEqual(t, n, 1)
	assert.LessOrEqual(t, n, 1+int(time.Since(began).Seconds()*2), "nor is the burst given back")
	require.LessOrEqual(t, refusal.retryAfter, 500*time.Millisecond)

	<-time.After(refusal.retryAfter + time.Millisecond)
	d, err := c.take(t.Context(), "ada")
	require.NoError(t, err)
	assert.True(t, d.allowed)
}
