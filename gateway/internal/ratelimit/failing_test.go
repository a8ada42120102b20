package ratelimit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/internal/token"
)

// door is an engine behind the limiter.
func door(l *Limiter) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(func(c *gin.Context) {
		c.Request = c.Request.WithContext(auth.WithPrincipal(c.Request.Context(), token.Principal{Subject: "cust-ada"}))
	}, l.Middleware())
	engine.Any("/v1/orders", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	return engine
}

func ask(t *testing.T, engine *gin.Engine, method string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, "/v1/orders", nil))
	return recorder
}

func TestAFailingStoreNeverOpensTheDoorForWrites(t *testing.T) {
	for name, dsn := range map[string]func(t *testing.T) string{
		"not there": func(*testing.T) string { return "postgres://nobody@127.0.0.1:1/none" },
		"stuck": func(t *testing.T) string {
			dsn := sqlstoretest.Postgres(t)
			other := openShared(t, dsn)
			tx, err := other.pool.Begin(t.Context())
			require.NoError(t, err)
			_, err = tx.Exec(t.Context(), "LOCK TABLE rate_limit")
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, tx.Rollback(context.Background())) })
			return dsn
		},
	} {
		t.Run(name, func(t *testing.T) {
			logs, lines := observer.New(zap.WarnLevel)
			counts, err := OpenShared(dsn(t), zap.New(logs))
			require.NoError(t, err, "the gateway starts all the same")
			defer func() { assert.NoError(t, counts.Close()) }()
			l, err := NewShared(Config{Rate: 1, Burst: 3}, counts)
			require.NoError(t, err)
			engine := door(l)

			for range 20 {
				for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, "MADE-UP"} {
					began := time.Now()
					answer := ask(t, engine, method)
					assert.Equal(t, http.StatusServiceUnavailable, answer.Code, method)
					assert.Equal(t, "1", answer.Header().Get("Retry-After"))
					assert.Less(t, time.Since(began), 5*time.Second)
				}
			}
			err = l.AllowPrincipal(t.Context())
			assert.Equal(t, problem.Unavailable, problem.CodeOf(err), "nor for the lines of a batch")

			var statuses []int
			for range 4 {
				statuses = append(statuses, ask(t, engine, http.MethodGet).Code)
			}
			assert.Equal(t, []int{204, 204, 204, 429}, statuses, "reads are counted here")
			assert.NotEmpty(t, lines.FilterMessageSnippet("writes are refused").All())
		})
	}
}

func TestAnswersHaveTheStandardFields(t *testing.T) {
	l, err := New(Config{Rate: 2, Burst: 5}, func() time.Time { return time.Unix(1_000, 0) })
	require.NoError(t, err)
	engine := door(l)
	for i, want := range []string{`"default";r=4;t=1`, `"default";r=3;t=1`, `"default";r=2;t=2`, `"default";r=1;t=2`, `"default";r=0;t=3`, `"default";r=0;t=3`} {
		answer := ask(t, engine, http.MethodGet)
		assert.Equal(t, want, answer.Header().Get("RateLimit"), i)
		assert.Equal(t, `"default";q=5;w=3`, answer.Header().Get("RateLimit-Policy"))
		assert.Equal(t, i == 5, answer.Code == http.StatusTooManyRequests)
	}
}

// Reads are not held up by writes, but they count for both.
func TestWritesHaveABudgetOfTheirOwnBesides(t *testing.T) {
	l, err := New(Config{Rate: 1, Burst: 5, Writes: Budget{Rate: 1, Burst: 2}}, func() time.Time { return time.Unix(1_000, 0) })
	require.NoError(t, err)
	engine := door(l)
	var statuses []int
	for _, method := range []string{"POST", "PUT", "DELETE", "GET", "GET", "GET"} {
		answer := ask(t, engine, method)
		statuses = append(statuses, answer.Code)
		assert.Equal(t, []string{`"default";q=5;w=5`, `"writes";q=2;w=2`}, answer.Header().Values("RateLimit-Policy"))
		if method == "PUT" {
			assert.Equal(t, []string{`"default";r=3;t=2`, `"writes";r=0;t=2`}, answer.Header().Values("RateLimit"))
		}
	}
	assert.Equal(t, []int{204, 204, 429, 204, 204, 429}, statuses)
	_, err = New(Config{Rate: 1, Burst: 5, Writes: Budget{Rate: 1}}, nil)
	require.Error(t, err)
}

func TestADSNThatIsNoneIsNotQuoted(t *testing.T) {
	for _, dsn := range []string{"", "secret", "sqlite:limits.db", "postgres://user:secret@host:port/db", "host=secret"} {
		err := CheckDSN(dsn)
		require.Error(t, err, dsn)
		assert.NotContains(t, err.Error(), "secret")
		_, err = OpenShared(dsn, zap.NewNop())
		require.Error(t, err)
	}
}
