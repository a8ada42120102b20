package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/problem"
	"orderflow/internal/token"
	"orderflow/services/money"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// terminal is what a command was given and what it wrote.
type terminal struct {
	t           *testing.T
	environment map[string]string
	stdin       string
	stdout      bytes.Buffer
	stderr      bytes.Buffer
}

// newTerminal uses the gateway, which may be nil, and a data folder of its own.
func newTerminal(t *testing.T, gateway *gatewaytest.Gateway) *terminal {
	t.Helper()
	term := &terminal{t: t, environment: map[string]string{"ORDERFLOW_DATA_DIR": t.TempDir()}}
	if gateway != nil {
		term.environment["ORDERFLOW_GATEWAY_ADDR"] = strings.TrimPrefix(gateway.URL(), "http://")
	}
	return term
}

func (term *terminal) run(args ...string) int { return term.runUntil(term.t.Context(), args...) }

// runUntil interrupts the command when the context ends.
func (term *terminal) runUntil(ctx context.Context, args ...string) int {
	term.stdout.Reset()
	term.stderr.Reset()
	return run(ctx, process{
		args: args,
		lookupEnv: func(name string) (string, bool) {
			value, found := term.environment[name]
			return value, found
		},
		stdin: strings.NewReader(term.stdin), stdout: &term.stdout, stderr: &term.stderr,
		backoff: gatewaytest.Backoff(), pause: time.Millisecond,
	})
}

// shop has a customer and a product of which ten can be had.
func shop(t *testing.T) *gatewaytest.Gateway {
	t.Helper()
	gateway := gatewaytest.New(t)
	client := gateway.Client(t)
	require.NoError(t, client.PutCustomer(t.Context(), gatewayclient.Customer{CustomerID: "cust-ada", Name: "Ada"}))
	require.NoError(t, client.PutProduct(t.Context(), gatewayclient.Product{ProductID: "prod-kettle", Name: "Kettle", UnitPrice: money.New(4999, "USD")}))
	_, err := client.SetFirstStock(t.Context(), "prod-kettle", 10)
	require.NoError(t, err)
	return gateway
}

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestTheTokenIsTheLastLineAndIsValidFor12Hours(t *testing.T) {
	term := newTerminal(t, nil)
	require.Equal(t, exitOK, term.run("token", "--subject", "cust-ada", "--scope", "orders:read  orders:write"))
	lines := strings.Split(strings.TrimSuffix(term.stdout.String(), "\n"), "\n")
	compact := lines[len(lines)-1]

	keySet := filepath.Join(term.environment["ORDERFLOW_DATA_DIR"], "keys", token.KeySetFile)
	verify := func(after time.Duration) (token.Principal, error) {
		verifier, err := token.OpenVerifier(keySet, token.DevelopmentIssuer, func() time.Time { return time.Now().Add(after) })
		require.NoError(t, err)
		return verifier.Verify(t.Context(), compact)
	}
	principal, err := verify(12*time.Hour - time.Minute)
	require.NoError(t, err)
	assert.Equal(t, "cust-ada", principal.Subject)
	assert.Equal(t, []string{"orders:read", "orders:write"}, principal.Scopes)
	_, err = verify(12*time.Hour + time.Minute)
	require.ErrorIs(t, err, token.ErrInvalid)
	assert.NotContains(t, term.stderr.String(), compact)
}

func TestTheKeysCanBeInAFolderOfTheirOwn(t *testing.T) {
	term := newTerminal(t, nil)
	dir := t.TempDir()
	require.Equal(t, exitOK, term.run("token", "--subject", "a", "--scope", "admin", "--keys-dir", dir))
	assert.FileExists(t, filepath.Join(dir, token.KeySetFile))
	assert.NoDirExists(t, filepath.Join(term.environment["ORDERFLOW_DATA_DIR"], "keys"))
}

func TestWrongUsageIsOneLineAndExitCode2(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		reason string
	}{
		{"no command", nil, "expected one of"},
		{"unknown command", []string{"plaice"}, "plaice"},
		{"unknown flag", []string{"place", "--nope"}, "--nope"},
		{"wrong address", []string{"watch", "x", "--gateway-addr", "localhost"}, "--gateway-addr (ORDERFLOW_GATEWAY_ADDR)"},
		{"token for nobody", []string{"token", "--subject", " ", "--scope", "admin"}, "--subject: it is empty"},
		{"token without a subject", []string{"token", "--scope", "admin"}, "--subject"},
		{"token for nothing", []string{"token", "--subject", "a", "--scope", " "}, "--scope: it is empty"},
		{"unknown scope", []string{"token", "--subject", "a", "--scope", "admin orders:reed"}, `"orders:reed" is none of orders:read`},
		{"nothing to order", []string{"place"}, "nothing is ordered"},
		{"no quantity", []string{"place", "--item", "prod-kettle=two"}, "the quantity is no whole number"},
		{"no product", []string{"place", "--item", "=2"}, "the product is missing"},
		{"file and item", []string{"place", "--item", "a=1", "--file", "-"}, "leave --item away"},
		{"missing order file", []string{"place", "--file", "no/such.json"}, "no/such.json"},
		{"malformed order", []string{"place", "--file", "-"}, "-: /itemz is unknown"},
		{"nothing to import", []string{"import"}, "file"},
		{"missing file", []string{"import", "no/such.jsonl"}, "no/such.jsonl"},
		{"unknown figure", []string{"import", "x", "--stock", "all"}, `"all" is none of on-hand, demand`},
		{"missing file to verify", []string{"verify", "--orders", "no/such.jsonl"}, "no/such.jsonl"},
		{"malformed file to verify", []string{"verify", "--orders", "run_test.go"}, "line 1 of run_test.go"},
		{"no patience", []string{"verify", "--patience", "0s"}, "--patience"},
		{"no concurrency", []string{"import", "x", "--concurrency", "0"}, "0 is less than 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			gateway := shop(t)
			term := newTerminal(t, gateway)
			term.stdin = `{"customerId":"cust-ada","itemz":[]}`
			before := gateway.Requests("")
			assert.Equal(t, exitUsage, term.run(test.args...))
			assert.Contains(t, term.stderr.String(), test.reason)
			assert.Equal(t, 1, strings.Count(term.stderr.String(), "\n"), term.stderr.String())
			assert.True(t, strings.HasPrefix(term.stderr.String(), "starter: "), term.stderr.String())
			assert.Empty(t, term.stdout.String())
			assert.Equal(t, before, gateway.Requests(""), "nothing was sent")
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	term := newTerminal(t, nil)
	for _, args := range [][]string{{"--help"}, {"place", "--help"}, {"import", "--help"}} {
		assert.Equal(t, exitOK, term.run(args...))
		assert.Contains(t, term.stdout.String(), "ORDERFLOW_GATEWAY_ADDR")
	}
}

func TestPlaceTellsTheOutcomeByTextAndExitCode(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"ships", []string{"--item", "prod-kettle=2"}, exitOK, []string{"Order order-0", "+ ShipOrder", "Total 99.98 USD", "shipped, after", "TRACK-1"}},
		{"one without a quantity", []string{"--item", "prod-kettle"}, exitOK, []string{"Total 49.99 USD"}},
		{"declined", []string{"--item", "prod-kettle=2", "--method", "pm_card_chargeDeclined"}, exitNotAsWished, []string{"x ChargePayment", "undone: RefundPayment", "cancelled and undone, because ChargePayment failed"}},
		{"carrier refuses", []string{"--item", "prod-kettle=2", "--ship-postal-code", "00000"}, exitNotAsWished, []string{"x ShipOrder"}},
		{"not waited for", []string{"--item", "prod-kettle=2", "--wait", "0"}, exitOK, []string{"accepted; follow it with: go run ./starter watch order-0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			term := newTerminal(t, shop(t))
			assert.Equal(t, test.code, term.run(append([]string{"place"}, test.args...)...), term.stderr.String())
			for _, part := range test.says {
				assert.Contains(t, term.stdout.String(), part)
			}
		})
	}
}

func TestPlaceSaysWhatAnOrderWaitsFor(t *testing.T) {
	gateway := shop(t)
	gateway.FixWindow = true
	term := newTerminal(t, gateway)
	assert.Equal(t, exitNotAsWished, term.run("place", "--item", "prod-kettle=2", "--method", "pm_card_chargeDeclined", "--wait", "1h"))
	assert.Contains(t, term.stdout.String(), "! ChargePayment")
	assert.Contains(t, term.stdout.String(), "waits for another payment method, and is undone without one")
	assert.Contains(t, term.stdout.String(), "fix it with POST /v1/orders/order-00000001/fix")
}

func TestPlaceTakesAnOrderFromStandardInput(t *testing.T) {
	gateway := shop(t)
	term := newTerminal(t, gateway)
	term.stdin = `{"reference":"nw-1","customerId":"cust-ada","items":[{"productId":"prod-kettle","quantity":1}]}`
	require.Equal(t, exitOK, term.run("place", "--file", "-"), term.stderr.String())
	require.Equal(t, exitOK, term.run("place", "--file", "-"), term.stderr.String())
	assert.Equal(t, 1, gateway.Orders(), "the reference is the key")
}

func TestPlaceSaysWhatIsRefused(t *testing.T) {
	term := newTerminal(t, shop(t))
	assert.Equal(t, exitNotAsWished, term.run("place", "--item", "prod-unknown=1"))
	assert.Contains(t, term.stderr.String(), "starter: the order is refused: invalid: unknown (/items/0/productId: is unknown)")
}

func TestPlaceDoesNotOrderTwiceWhenTheAnswerIsLost(t *testing.T) {
	gateway := shop(t)
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Times: 2, AfterEffect: true})
	require.Equal(t, exitOK, newTerminal(t, gateway).run("place", "--item", "prod-kettle=1"))
	assert.Equal(t, 1, gateway.Orders())
}

func TestPlaceThatDoesNotEndInTimeIsAccepted(t *testing.T) {
	gateway := shop(t)
	gateway.ReadsUntilEnd = 1 << 30
	term := newTerminal(t, gateway)
	assert.Equal(t, exitOK, term.run("place", "--item", "prod-kettle=1", "--wait", "50ms"), term.stderr.String())
	assert.Contains(t, term.stdout.String(), "accepted, not at its end after 50ms; follow it with: go run ./starter watch order-0")
}

func TestAnInterruptedPlaceNamesTheOrder(t *testing.T) {
	gateway := shop(t)
	gateway.ReadsUntilEnd = 1 << 30
	term := newTerminal(t, gateway)
	ctx, cancel := context.WithCancel(t.Context())
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/", Hang: true, Seen: cancel})
	assert.Equal(t, exitInterrupted, term.runUntil(ctx, "place", "--item", "prod-kettle=1"))
	assert.Contains(t, term.stdout.String(), "Order order-0")
	assert.Contains(t, term.stderr.String(), "was accepted and has not come to its end")
}

func TestAGatewayWithoutAnAnswerIsExitCode3(t *testing.T) {
	gateway := shop(t)
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Refusal: problem.New(problem.RateLimited, "slow down").WithRetryAfter(time.Hour)})
	term := newTerminal(t, gateway)
	assert.Equal(t, exitNoAnswer, term.run("place", "--item", "prod-kettle=1", "--key", "my-key"))
	assert.Contains(t, term.stderr.String(), "place it again with --key my-key")
}

func TestWatchFollowsAnOrderToItsEnd(t *testing.T) {
	gateway := shop(t)
	gateway.StreamLength = 1
	term := newTerminal(t, gateway)
	require.Equal(t, exitOK, term.run("place", "--item", "prod-kettle=1", "--wait", "0"))
	require.Equal(t, exitOK, term.run("watch", "order-00000001"), term.stderr.String())
	assert.True(t, strings.HasSuffix(term.stdout.String(), "\nshipped\n"), term.stdout.String())

	assert.Equal(t, exitNotAsWished, term.run("watch", "order-unknown"))
	assert.Equal(t, "starter: there is no order order-unknown\n", term.stderr.String())
}

const importLines = `{"productId":"prod-pot","name":"Pot","unitPrice":100,"currency":"USD","stock":3,"demand":5}
{"customerId":"cust-bob","name":"Bob"}
{"reference":"r-1","customerId":"cust-bob","items":[{"productId":"prod-pot","quantity":2}],"expectedTotal":200}
{"reference":"r-2","customerId":"cust-bob","items":[{"productId":"prod-pot","quantity":3}],"expectedTotal":300}
`

func TestImportPrintsASummaryForMachines(t *testing.T) {
	term := newTerminal(t, gatewaytest.New(t))
	require.Equal(t, exitOK, term.run("import", "--json", "--stock", "demand", writeFile(t, importLines)), term.stderr.String())
	var summary struct {
		Orders struct{ Total, Shipped, PlacedNow int }
		Totals []struct {
			Currency string
			Shipped  int64
		}
	}
	require.NoError(t, json.Unmarshal(term.stdout.Bytes(), &summary))
	assert.Equal(t, 2, summary.Orders.Shipped)
	assert.Equal(t, 2, summary.Orders.PlacedNow)
	assert.Equal(t, int64(500), summary.Totals[0].Shipped)
}

func TestImportPrintsASummaryForPeopleAndSaysThatNothingIsNew(t *testing.T) {
	term := newTerminal(t, gatewaytest.New(t))
	path := writeFile(t, importLines)
	require.Equal(t, exitOK, term.run("import", "--concurrency", "1", path), term.stderr.String())
	assert.Contains(t, term.stdout.String(), "cancelled   1 (ReserveInventory 1)")
	require.Equal(t, exitOK, term.run("import", path), term.stderr.String())
	assert.Contains(t, term.stdout.String(), "Orders        2: 0 placed now, 2 already there")
}

func TestImportFailsForLinesItCouldNotUse(t *testing.T) {
	term := newTerminal(t, gatewaytest.New(t))
	path := writeFile(t, importLines+"oops\n")
	assert.Equal(t, exitNotAsWished, term.run("import", path))
	assert.Contains(t, term.stderr.String(), path+":5: it is no JSON object\n")
	assert.Contains(t, term.stdout.String(), "1 malformed")
}

func TestAnInterruptedImportSaysHowToGoOn(t *testing.T) {
	gateway := gatewaytest.New(t)
	term := newTerminal(t, gateway)
	ctx, cancel := context.WithCancel(t.Context())
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Skip: 1, Hang: true, Seen: cancel})
	path := writeFile(t, importLines)
	assert.Equal(t, exitInterrupted, term.runUntil(ctx, "import", "--concurrency", "1", "--token", "hunter2", "--stock=demand", path))
	assert.Contains(t, term.stderr.String(), "go run ./starter import --concurrency 1 --stock=demand "+path+"\n")
	assert.NotContains(t, term.stderr.String(), "hunter2")
	assert.Contains(t, term.stdout.String(), "unanswered  1")
}

func TestImportWithoutAGatewayIsExitCode3(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/healthz", Refusal: problem.New(problem.Unavailable, "starting").WithRetryAfter(time.Hour)})
	assert.Equal(t, exitNoAnswer, newTerminal(t, gateway).run("import", writeFile(t, importLines)))
}

func TestDemoPrintsOutcomesAddressesAndAnOrderCommand(t *testing.T) {
	term := newTerminal(t, gatewaytest.New(t))
	term.environment["ORDERFLOW_TEMPORAL_UI_ADDR"] = "127.0.0.1:8233"
	term.environment["ORDERFLOW_CONSUL_ADDR"] = "127.0.0.1:8500"
	term.environment["LANG"] = "C.UTF-8"
	require.Equal(t, exitOK, term.run("demo"), term.stderr.String())
	text := term.stdout.String()
	assert.Equal(t, 1, strings.Count(text, "=> shipped"))
	assert.Equal(t, 2, strings.Count(text, "=> cancelled"))
	assert.Contains(t, text, "↩ undone: RefundPayment")
	assert.Contains(t, text, "http://127.0.0.1:8233/namespaces/default/workflows")
	assert.Contains(t, text, "http://127.0.0.1:8500/ui")
}

func TestDemoFailsWhenAnOrderEndsOtherwise(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.BlockedProduct = "prod-kettle"
	term := newTerminal(t, gateway)
	assert.Equal(t, exitNotAsWished, term.run("demo"))
	assert.NotContains(t, term.stdout.String(), "curl")
}

// pasted returns what curl would be run with. The command is run by a shell in
// which curl prints its arguments and go is this program.
func pasted(t *testing.T, command string) []string {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("skipped: needs a POSIX shell")
	}
	functions := "go() { printf 'explanation\n'; printf '<%s>' \"$@\"; }\ncurl() { printf '%s\n' \"$@\"; }\n"
	out, err := exec.CommandContext(t.Context(), shell, "-c", functions+command).CombinedOutput()
	require.NoError(t, err, string(out))
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestTheOrderCommandCanBePasted(t *testing.T) {
	term := newTerminal(t, gatewaytest.New(t))
	term.environment["ORDERFLOW_DATA_DIR"] = filepath.Join(t.TempDir(), "it's a folder")
	require.Equal(t, exitOK, term.run("demo"), term.stderr.String())
	_, command, found := strings.Cut(term.stdout.String(), "Place an order yourself:\n")
	require.True(t, found)
	arguments := pasted(t, command)

	require.Contains(t, arguments, "Authorization: Bearer <run><./starter><token><--data-dir><"+
		term.environment["ORDERFLOW_DATA_DIR"]+"><--subject><cust-ada><--scope><orders:read orders:write>")
	assert.Contains(t, arguments, "http://"+term.environment["ORDERFLOW_GATEWAY_ADDR"]+"/v1/orders")
	var body gatewayclient.Placement
	require.NoError(t, json.Unmarshal([]byte(arguments[len(arguments)-1]), &body))
	assert.Equal(t, "cust-ada", body.CustomerID)
}

func TestTheFixOfAWaitingDemonstrationOrderCanBePasted(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.FixWindow = true
	term := newTerminal(t, gateway)
	require.Equal(t, exitOK, term.run("demo"), term.stderr.String())
	_, rest, found := strings.Cut(term.stdout.String(), "Let it go on:\n")
	require.True(t, found)
	command, _, found := strings.Cut(rest, "\n\nOrder 3 of 3")
	require.True(t, found)
	arguments := pasted(t, command)
	assert.Contains(t, arguments, "http://"+term.environment["ORDERFLOW_GATEWAY_ADDR"]+"/v1/orders/order-00000002/fix")
	assert.JSONEq(t, `{"payment":{"method":"pm_card_visa"}}`, arguments[len(arguments)-1])
}

func TestAGivenTokenIsUsedAndNotPrinted(t *testing.T) {
	term := newTerminal(t, gatewaytest.New(t))
	term.environment["ORDERFLOW_TOKEN"] = "hunter2"
	require.Equal(t, exitOK, term.run("demo"), term.stderr.String())
	assert.NotContains(t, term.stdout.String()+term.stderr.String(), "hunter2")
	assert.Contains(t, term.stdout.String(), "Bearer $ORDERFLOW_TOKEN")
	assert.NoDirExists(t, filepath.Join(term.environment["ORDERFLOW_DATA_DIR"], "keys"))
}

func TestShellQuoteMakesOneWord(t *testing.T) {
	for text, want := range map[string]string{
		"plain/path-1.jsonl": "plain/path-1.jsonl",
		"":                   "''",
		"two words":          "'two words'",
		"it's":               `'it'\''s'`,
		"$(rm -rf /)":        "'$(rm -rf /)'",
		"~":                  "'~'",
	} {
		assert.Equal(t, want, shellQuote(text))
	}
}
