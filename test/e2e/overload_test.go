package e2e_test

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workflows/contract"
)

const (
	// outstanding is how many orders are on their way while the rate is measured
	// that the system can sustain.
	outstanding = 50
	// overloadFactor is how many times that rate is offered.
	overloadFactor = 3
	// promptly is within what health has to answer in the long form.
	promptly = 100 * time.Millisecond
	// backlogSeconds is for how long the small backlog keeps the workers busy.
	backlogSeconds = 2
	// fillingTime is how long a small backlog is pressed at least. If nothing were
	// refused, three times the rate would fill it several times over.
	fillingTime = 8 * time.Second
)

// TestTheGatewayShedsWhatIsTooMuch offers three times the rate that the system
// can sustain, whether or not orders are answered: first with the limits as
// they are shipped, where most of it is above its customers' rates, then without
// those and with a small backlog, which alone refuses. What is refused is told
// when to come back, what is accepted ships, the backlog is bounded, and the
// gateway stays small and healthy. With SECONDS each part lasts that long, and
// times are held as well.
func TestTheGatewayShedsWhatIsTooMuch(t *testing.T) {
	o := openOverload(t)
	rate := o.sustainableRate()
	offered := overloadFactor * rate
	t.Logf("%.1f orders a second are finished with %d outstanding; %.1f are offered", rate, outstanding, offered)

	shipped := o.press(part{
		title: "limits as shipped", gateway: o.GatewayURL(),
		sellers: o.sellers[:fewSellers(offered)], perSecond: offered, lasting: o.lasting,
	})
	small := max(outstanding, int(backlogSeconds*rate))
	o.openGateway("small", "ORDERFLOW_RATE_LIMIT=100000", "ORDERFLOW_RATE_BURST=100000", "ORDERFLOW_MAX_BACKLOG="+strconv.Itoa(small))
	var backlogged []*pressure
	for refused := 0; refused == 0; offered *= 2 {
		// A machine that had other things to do may be faster now.
		require.Less(t, len(backlogged), 4, "the backlog refuses")
		p := o.press(part{
			title: "no limits of rates, and a backlog of " + strconv.Itoa(small), gateway: o.gateways["small"],
			sellers: o.sellers, perSecond: offered, lasting: max(o.lasting, fillingTime),
		})
		backlogged, refused = append(backlogged, p), p.refused[tooMany]
	}
	shipped.judge()
	shipped.judgeRates()
	for _, p := range backlogged {
		p.judge()
		p.judgeBacklog(small)
	}
	o.verify("--at-rest")
}

// overload is a shop with customers enough for the rates that each may have.
type overload struct {
	*shop
	sellers []*seller
	lasting time.Duration // of each part, at least
	long    bool
}

// seller is a partner who places orders for one customer and has the credential
// for it.
type seller struct{ name, token string }

// mostSellers have a rate together that one machine does not sustain.
const mostSellers = 8

// fewSellers is how many offer so much that each is well above the rate that
// one may have, where so much is offered.
func fewSellers(offered float64) int {
	const each = 2 * shippedRate
	return max(1, min(mostSellers, int(offered/each)))
}

func openOverload(t *testing.T) *overload {
	t.Helper()
	seconds := fromEnvironment(t, "SECONDS", 0)
	o := &overload{
		shop: &shop{system: start(t, settings(t)), random: rand.New(rand.NewPCG(seed, seed)), gateways: map[string]string{}},
		long: seconds > 0, lasting: 4 * time.Second,
	}
	if o.long {
		o.lasting = time.Duration(seconds) * time.Second
	}
	var err error
	o.workflows, err = temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: o.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(o.workflows.Close)
	for i := range mostSellers {
		one := &seller{name: "seller-" + strconv.Itoa(i)}
		o.stockUp(one.name)
		o.put("/v1/inventory/"+one.name, map[string]any{"productId": one.name, "onHand": 10_000_000})
		one.token = o.issue(one.name, "orders:read orders:write")
		o.sellers = append(o.sellers, one)
	}
	return o
}

// sustainableRate is how many orders a second come to their end while so many
// are outstanding: each customer orders again when the last order has ended.
func (o *overload) sustainableRate() float64 {
	o.t.Helper()
	warm, measured := time.Second, max(3*time.Second, o.lasting/4)
	began, buyers := time.Now(), o.customers(o.GatewayURL())
	var number, ended atomic.Int64
	var buying errgroup.Group
	for range outstanding {
		buying.Go(func() error {
			for time.Since(began) < warm+measured {
				i := int(number.Add(1))
				if err := buyers.buy(o.sellers[i%len(o.sellers)], "sustained-"+strconv.Itoa(i)); err != nil {
					return err
				}
				if at := time.Since(began); at > warm && at < warm+measured {
					ended.Add(1)
				}
			}
			return nil
		})
	}
	require.NoError(o.t, buying.Wait())
	return float64(ended.Load()) / measured.Seconds()
}
