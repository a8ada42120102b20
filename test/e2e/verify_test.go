package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// verify runs the starter's verification and requires that everything holds. It
// returns what the starter said.
func (s *system) verify(args ...string) string {
	s.t.Helper()
	out, err := s.starter(append([]string{"verify"}, args...)...).CombinedOutput()
	require.NoError(s.t, err, "%s", out)
	s.t.Logf("verify:\n%s", out)
	return string(out)
}

// The promises hold while orders are in flight and a service is killed, and
// when all have come to their end.
func TestThePromisesHoldDuringAnImportAndAfterIt(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, environ []string) {
		s := start(t, settings(t, environ...))
		d := generate(t, seed+7, 60)
		run := s.beginImport(d.products, d.customersFile, d.orders)
		s.killAmidProgress(run, d, "payment")
		s.verify()
		summary := s.await(run)
		require.Zero(t, summary.Orders.Unanswered)
		s.verify("--at-rest", "--orders", d.orders)
	})
}
