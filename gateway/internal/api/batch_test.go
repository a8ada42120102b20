package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/api"
	"orderflow/gateway/internal/edge"
	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
)

// lineOutcome is a line of the answer to a batch.
type lineOutcome struct {
	Index      int               `json:"index"`
	Status     int               `json:"status"`
	Reference  string            `json:"reference"`
	OrderID    string            `json:"orderId"`
	Links      *orderview.Links  `json:"links"`
	Problem    *problem.Document `json:"problem"`
	RetryAfter int               `json:"retryAfter"`
	Stopped    bool              `json:"stopped"`
}

var jsonl = http.Header{"Content-Type": {"application/jsonl"}}

// batchOf joins lines to a body; each is a whole order on one line.
func batchOf(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

// lineOf is a valid line with the reference; "" is none.
func lineOf(reference string) string {
	line := strings.ReplaceAll(validBody, "\n", "")
	if reference == "" {
		return line
	}
	return `{"reference":"` + reference + `",` + strings.TrimPrefix(line, "{")
}

func (g *gateway) batch(lines ...string) []lineOutcome {
	g.t.Helper()
	answer := g.send(request{method: http.MethodPost, path: "/v1/orders/batch", token: g.ada(), body: batchOf(lines...), header: jsonl})
	require.Equal(g.t, http.StatusOK, answer.Code, answer.Body.String())
	require.Equal(g.t, "application/jsonl", answer.Header().Get("Content-Type"))
	return outcomes(g.t, answer.Body)
}

func outcomes(t testing.TB, body io.Reader) []lineOutcome {
	t.Helper()
	var all []lineOutcome
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	for decoder.More() {
		var one lineOutcome
		require.NoError(t, decoder.Decode(&one))
		all = append(all, one)
	}
	return all
}

// nextIsPlaced reads the next outcome, which is that a line was placed.
func nextIsPlaced(t *testing.T, outcomes *json.Decoder, index int) {
	t.Helper()
	var one lineOutcome
	require.NoError(t, outcomes.Decode(&one))
	assert.Equal(t, index, one.Index)
	assert.Equal(t, http.StatusAccepted, one.Status)
}

func TestEachLineOfABatchHasItsOwnOutcome(t *testing.T) {
	g := newGateway(t)
	// Lines are placed side by side: which of two under one key would be the
	// first is open, so the key is used before.
	g.batch(lineOf("shop-1"))
	all := g.batch(
		lineOf("shop-1"),
		`{"customerId":`,
		lineOf(""),
		strings.Replace(lineOf("shop-2"), "prod-kettle", "prod-none", 1),
		"",
		lineOf(strings.Repeat("r", 256)),
		strings.Replace(lineOf("shop-3"), "cust-ada", "cust-bob", 1),
		strings.Replace(lineOf("shop-4"), "Ada Lovelace", strings.Repeat("x", 70<<10), 1),
		strings.Replace(lineOf("shop-1"), `"quantity":2`, `"quantity":5`, 1),
		lineOf("shop-5")+"\r",
		strings.Replace(lineOf(""), "{", `{"reference":null,`, 1),
	)
	var statuses []int
	for i, one := range all {
		assert.Equal(t, i, one.Index)
		statuses = append(statuses, one.Status)
		assert.False(t, one.Stopped)
		if one.Status == http.StatusAccepted {
			assert.Nil(t, one.Problem)
			assert.Equal(t, orderview.LinksOf(one.OrderID), *one.Links)
			continue
		}
		assert.Empty(t, one.OrderID)
		assert.Equal(t, one.Status, one.Problem.Status)
		assert.Equal(t, "/v1/orders/batch", one.Problem.Instance)
		assert.NotEmpty(t, one.Problem.TraceID)
	}
	assert.Equal(t, []int{202, 400, 202, 422, 400, 422, 422, 413, 409, 202, 202}, statuses)
	assert.Equal(t, "/items/0/productId", all[3].Problem.Errors[0].Pointer)
	assert.Equal(t, "/reference", all[5].Problem.Errors[0].Pointer)
	assert.Equal(t, problem.KeyReused.Type(), all[8].Problem.Type)
	assert.Equal(t, "shop-1", all[0].Reference)
	assert.Equal(t, "shop-2", all[3].Reference)
	assert.Empty(t, all[5].Reference, "what is no key is not sent back")
	assert.Len(t, g.temporal.Started(), 4)
}

func TestALinesReferenceIsTheKeyOfASinglePlacement(t *testing.T) {
	g := newGateway(t)
	var single accepted
	g.place(keyed("shop-1")).into(&single)
	all := g.batch(lineOf("shop-1"), lineOf("shop-1"))
	require.Len(t, all, 2)
	for _, one := range all {
		assert.Equal(t, http.StatusAccepted, one.Status)
		assert.Equal(t, single.OrderID, one.OrderID)
	}
	assert.Len(t, g.temporal.Started(), 1)
}

// A line is what a single placement is, also when it is bad.
func TestABadLineIsRefusedAsABadPlacement(t *testing.T) {
	g := newGateway(t)
	for name, bad := range badPlacements() {
		if strings.Contains(name, "deep") || strings.Contains(name, "over 1 MiB") {
			continue // longer than a line may be
		}
		g.t = t
		all := g.batch(strings.ReplaceAll(bad.body, "\n", ""))
		require.Len(t, all, 1, name)
		require.NotNil(t, all[0].Problem, name)
		assert.Equal(t, bad.code.Status(), all[0].Status, name)
		assert.Equal(t, bad.code.Type(), all[0].Problem.Type, name)
		if bad.pointer != "" {
			assert.Contains(t, pointers(*all[0].Problem), bad.pointer, name)
		}
	}
	assert.Zero(t, g.temporal.StartCalls())
}

func TestABatchThatCannotBeReadIsRefusedAsAWhole(t *testing.T) {
	g := newGateway(t)
	for name, test := range map[string]struct {
		header http.Header
		body   string
		code   problem.Code
	}{
		"JSON":       {http.Header{"Content-Type": {"application/json"}}, lineOf(""), problem.UnsupportedMediaType},
		"compressed": {http.Header{"Content-Type": {"application/jsonl"}, "Content-Encoding": {"gzip"}}, lineOf(""), problem.UnsupportedMediaType},
		"empty":      {jsonl, "", problem.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			g.t = t
			g.send(request{method: http.MethodPost, path: "/v1/orders/batch", token: g.ada(), body: test.body, header: test.header}).problem(test.code)
		})
	}
	ndjson := g.send(request{method: http.MethodPost, path: "/v1/orders/batch", token: g.ada(), body: lineOf(""), header: http.Header{"Content-Type": {"application/x-ndjson; charset=utf-8"}}})
	assert.Len(t, outcomes(t, ndjson.Body), 1, "the last line needs no end")
}

func TestABatchHasAtMostSoManyLines(t *testing.T) {
	g := newGateway(t)
	lines := make([]string, 300)
	for i := range lines {
		lines[i] = lineOf(fmt.Sprintf("shop-%d", i))
	}
	all := g.batch(lines...)
	require.Len(t, all, 201)
	last := all[200]
	assert.True(t, last.Stopped)
	assert.Equal(t, http.StatusRequestEntityTooLarge, last.Status)
	assert.Equal(t, "a batch may have 200 lines", last.Problem.Detail)
	assert.Len(t, g.temporal.Started(), 200)
}

// The rate of a principal holds for lines as for requests; the batch waits.
func TestABatchGoesAtThePrincipalsRate(t *testing.T) {
	g := newGateway(t, limited(50, 5))
	began := time.Now()
	all := g.batch(lineOf("a"), lineOf("b"), lineOf("c"), lineOf("d"), lineOf("e"), lineOf("f"), lineOf("g"), lineOf("h"))
	for _, one := range all {
		assert.Equal(t, http.StatusAccepted, one.Status)
	}
	// One of the five went with the request itself, four with the first lines.
	assert.GreaterOrEqual(t, time.Since(began), 4*20*time.Millisecond-10*time.Millisecond)
}

func TestABatchWaitsForAPlaceUnderLoad(t *testing.T) {
	g := newGateway(t)
	var leaves []func()
	for range 100 {
		leave, err := g.requests.Enter()
		require.NoError(t, err)
		leaves = append(leaves, leave)
	}
	done := make(chan []lineOutcome, 1)
	go func() { done <- g.batch(lineOf("a")) }()
	select {
	case <-done:
		t.Fatal("a line was placed though all places were taken")
	case <-time.After(50 * time.Millisecond):
	}
	for _, leave := range leaves {
		leave()
	}
	all := <-done
	require.Len(t, all, 1)
	assert.Equal(t, http.StatusAccepted, all[0].Status)
}

func TestAFailureOfOneLineIsNotTheNextOnes(t *testing.T) {
	g := newGateway(t)
	g.people.err = away("customer")
	all := g.batch(lineOf("a"), lineOf("b"))
	for _, one := range all {
		assert.Equal(t, http.StatusServiceUnavailable, one.Status)
		assert.Positive(t, one.RetryAfter)
		assert.False(t, one.Stopped)
	}
	g.people.err = nil
	for _, one := range g.batch(lineOf("a"), lineOf("b")) {
		assert.Equal(t, http.StatusAccepted, one.Status)
	}
}

// openBatch begins a batch over a real connection; lines are written to the pipe.
func (g *gateway) openBatch(base string) (lines *io.PipeWriter, answer <-chan *http.Response) {
	g.t.Helper()
	body, lines := io.Pipe()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, base+"/v1/orders/batch", body)
	require.NoError(g.t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + g.ada()}, "Content-Type": {"application/jsonl"}}
	answers := make(chan *http.Response, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		assert.NoError(g.t, err)
		answers <- response
	}()
	g.t.Cleanup(func() { _ = lines.Close() })
	return lines, answers
}

func TestOutcomesComeWhileLinesAreStillSent(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	lines, answers := g.openBatch(base)
	var decoder *json.Decoder
	for i := range 3 {
		_, err := io.WriteString(lines, batchOf(lineOf(fmt.Sprint("shop-", i))))
		require.NoError(t, err)
		if decoder == nil {
			response := <-answers
			defer func() { _ = response.Body.Close() }()
			decoder = json.NewDecoder(response.Body)
		}
		nextIsPlaced(t, decoder, i)
	}
	require.NoError(t, lines.Close())
	assert.False(t, decoder.More())
}

func TestABatchStopsWhenTheGatewayDrains(t *testing.T) {
	g := newGateway(t)
	base, server := g.serve()
	lines, answers := g.openBatch(base)
	_, err := io.WriteString(lines, batchOf(lineOf("a")))
	require.NoError(t, err)
	response := <-answers
	defer func() { _ = response.Body.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, server.Shutdown(ctx))
	all := outcomes(t, response.Body)
	require.Len(t, all, 2)
	assert.Equal(t, http.StatusAccepted, all[0].Status)
	assert.True(t, all[1].Stopped)
	assert.Equal(t, http.StatusServiceUnavailable, all[1].Status)
}

// free counts the places of a gate.
func free(gate *edge.Gate) int {
	for places := 0; ; places++ {
		leave, err := gate.Enter()
		if err != nil {
			return places
		}
		defer leave()
	}
}

// batchConnection sends the header of a batch and returns the connection.
func (g *gateway) batchConnection(base string) net.Conn {
	g.t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprintf(connection, "POST /v1/orders/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\n\r\n", g.ada())
	require.NoError(g.t, err)
	return connection
}

func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

func TestABatchEndsWithTheClientThatGoesAway(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	connection := g.batchConnection(base)
	_, err := io.WriteString(connection, chunk(batchOf(lineOf("a"), lineOf("b"))))
	require.NoError(t, err)
	_, err = bufio.NewReader(connection).ReadString('}')
	require.NoError(t, err)
	require.NoError(t, connection.Close())
	assert.Eventually(t, func() bool { return free(g.batches) == 2 }, 5*time.Second, time.Millisecond, "the batch's place is free again")
}

// The client sends without reading: when no buffer on the way takes an outcome
// any more, its lines are left where they are, and then it is given up.
func TestABatchEndsWithTheClientThatDoesNotRead(t *testing.T) {
	g := newGateway(t, func(o *options) {
		o.batch = api.BatchLimits{Lines: 1 << 20, Time: time.Minute, Send: 50 * time.Millisecond}
	})
	base, _ := g.serve()
	connection := g.batchConnection(base)
	lines := chunk(strings.Repeat("{}\n", 1000))
	require.NoError(t, connection.SetWriteDeadline(time.Now().Add(30*time.Second)))
	var err error
	for err == nil {
		_, err = io.WriteString(connection, lines)
	}
	assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the gateway closes the connection")
	assert.Eventually(t, func() bool { return free(g.batches) == 2 }, 5*time.Second, time.Millisecond)
	assert.Zero(t, g.temporal.StartCalls())
}

func TestABatchOfASilentClientStops(t *testing.T) {
	g := newGateway(t, func(o *options) { o.batch.Time = 500 * time.Millisecond })
	base, _ := g.serve()
	connection := g.batchConnection(base)
	began := time.Now()
	_, err := io.WriteString(connection, chunk(batchOf(lineOf("a"))+`{"customerId"`))
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	all := outcomes(t, response.Body)
	assert.Less(t, time.Since(began), 10*time.Second, "the read that waits is interrupted")
	require.Len(t, all, 2)
	assert.Equal(t, http.StatusAccepted, all[0].Status)
	assert.True(t, all[1].Stopped)
	assert.Equal(t, http.StatusRequestTimeout, all[1].Status)
	assert.Equal(t, "the lines of a batch may take 500ms", all[1].Problem.Detail)
}
