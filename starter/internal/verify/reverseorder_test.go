package verify_test

import (
	"testing"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/starter/internal/verify"
)

// outOfTurn makes the stock of an order come back before its money.
func (s *system) outOfTurn(story story) {
	s.t.Helper()
	s.plant("payment", `UPDATE fence SET compensated_at = compensated_at + 3600000000 WHERE order_id = $1`, story.orderID)
	s.plant("order", `UPDATE fence SET compensated_at = compensated_at + 7200000000 WHERE order_id = $1 AND step = 'CreateOrder'`, story.orderID)
}

func TestTheTurnOfCompensationsIsJudgedWhereItsReasonsAreKnown(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	s.outOfTurn(refused)
	requireBroken(t, s.verify(), []int{verify.Compensation}, refused.orderID)

	s.inHistory(refused, `"name":"ShipOrder","state":"compensated"`, `"name":"ShipOrder","state":"compensated","error":"Recovered: x"`)
	requireHolds(t, s.verify())
}
