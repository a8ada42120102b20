package sqlstore

import (
	"container/list"
	"database/sql/driver"
)

// statementsKept bounds the statements that one connection keeps prepared. A
// service has a few dozen texts; the bound is for those that build texts.
const statementsKept = 128

// driverStmt is what the SQLite driver's statements offer.
type driverStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statements are prepared statements by their text, of which the least
// recently used goes first.
type statements struct {
	byText map[string]*list.Element
	// recent has the most recently used text in front.
	recent list.List
}

type statement struct {
	text     string
	prepared driverStmt
}

// take removes and returns the statement of a text, or nil.
func (s *statements) take(text string) driverStmt {
	element := s.byText[text]
	if element == nil {
		return nil
	}
	return s.remove(element)
}

// put keeps a statement and returns one that must be closed for it, or nil.
func (s *statements) put(text string, prepared driverStmt) (surplus driverStmt) {
	if s.byText[text] != nil {
		return prepared
	}
	s.byText[text] = s.recent.PushFront(statement{text, prepared})
	if s.recent.Len() > statementsKept {
		return s.remove(s.recent.Back())
	}
	return nil
}

// drain yields and removes every statement.
func (s *statements) drain(yield func(driverStmt) bool) {
	for s.recent.Len() > 0 {
		if !yield(s.remove(s.recent.Back())) {
			return
		}
	}
}

func (s *statements) remove(element *list.Element) driverStmt {
	removed := s.recent.Remove(element).(statement)
	delete(s.byText, removed.text)
	return removed.prepared
}
