package sqlstore

import (
	"container/list"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// countedStmt only counts how often it was closed.
type countedStmt struct {
	driverStmt
	closed int
}

func (s *countedStmt) Close() error { s.closed++; return nil }

func TestTheLeastRecentlyUsedStatementsAreClosed(t *testing.T) {
	kept := statements{byText: map[string]*list.Element{}}
	text := func(i int) string { return fmt.Sprint("SELECT ", i) }
	for i := range statementsKept {
		require.Nil(t, kept.put(text(i), &countedStmt{}))
	}
	first := kept.take(text(0))
	require.NotNil(t, first)
	assert.Nil(t, kept.take(text(0)), "it is in use")
	require.Nil(t, kept.put(text(0), first))

	surplus := kept.put(text(statementsKept), &countedStmt{})
	require.NotNil(t, surplus)
	assert.Nil(t, kept.take(text(1)), "the least recently used")
	assert.Same(t, first, kept.take(text(0)))
}

func TestOneTextIsKeptOnce(t *testing.T) {
	kept := statements{byText: map[string]*list.Element{}}
	first, second := &countedStmt{}, &countedStmt{}
	require.Nil(t, kept.put("SELECT 1", first))
	assert.Same(t, second, kept.put("SELECT 1", second))
	assert.Same(t, first, kept.take("SELECT 1"))
}

// closableConn is a connection that has nothing but an end.
type closableConn struct{ driverConn }

func (closableConn) Close() error { return nil }

func TestClosingAConnectionClosesItsStatements(t *testing.T) {
	conn := sqliteConn{driverConn: closableConn{}, idle: statements{byText: map[string]*list.Element{}}}
	kept := []*countedStmt{{}, {}, {}}
	for i, statement := range kept {
		require.Nil(t, conn.idle.put(fmt.Sprint("SELECT ", i), statement))
	}
	require.NoError(t, conn.Close())
	for _, statement := range kept {
		assert.Equal(t, 1, statement.closed)
	}
}
