package api_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/api"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// sound takes placements and forgets them, after a look at whether each is one
// that the saga could run. What a placement does beyond that is not asked.
type sound struct {
	api.Placements
	t *testing.T
}

func (s *sound) Start(_ context.Context, input contract.PlaceOrderInput) error {
	assert.True(s.t, contract.ValidOrderID(input.OrderID))
	assert.Equal(s.t, "cust-ada", input.CustomerID)
	assert.True(s.t, len(input.Items) >= 1 && len(input.Items) <= 100)
	total, products := new(big.Int), make(map[string]bool)
	for _, item := range input.Items {
		assert.Positive(s.t, item.Quantity)
		assert.True(s.t, validate.IsID(item.ProductID))
		assert.False(s.t, products[item.ProductID], "lines of one product are merged")
		products[item.ProductID] = true
		line := new(big.Int).Mul(big.NewInt(item.Quantity), big.NewInt(item.UnitPrice.Amount))
		total.Add(total, line)
		assert.Equal(s.t, input.Total.Currency, item.UnitPrice.Currency)
	}
	assert.True(s.t, total.IsInt64() && total.Int64() == input.Total.Amount, "the total is exact")
	address := input.ShippingAddress
	for _, text := range []string{
		input.PaymentMethod, address.Name, address.Line1, address.Line2, address.City, address.Region, address.PostalCode, address.Country,
	} {
		assert.True(s.t, utf8.ValidString(text) && utf8.RuneCountInString(text) <= 200 && !strings.ContainsFunc(text, unicode.IsControl), "%q", text)
	}
	for _, text := range []string{input.PaymentMethod, address.Name, address.Line1, address.City, address.Country} {
		assert.NotEmpty(s.t, text)
	}
	return nil
}

// newFuzzed is a gateway that keeps nothing between two inputs.
func newFuzzed(f *testing.F) (*gateway, *sound) {
	f.Helper()
	placements := &sound{}
	return newGateway(f, func(o *options) { o.placements = placements }), placements
}

// FuzzPlacement: whatever the body is, it is refused as a problem of the client,
// or an order that the saga can run.
func FuzzPlacement(f *testing.F) {
	f.Add([]byte(validBody))
	for _, bad := range badPlacements() {
		if len(bad.body) < 4096 {
			f.Add([]byte(bad.body))
		}
	}
	g, placements := newFuzzed(f)
	ada := g.ada()
	f.Fuzz(func(t *testing.T, body []byte) {
		g.t, placements.t = t, t
		answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: ada, body: string(body)})
		switch answer.Code {
		case http.StatusAccepted:
		case http.StatusBadRequest:
			answer.problem(problem.Malformed)
		case http.StatusRequestEntityTooLarge:
			answer.problem(problem.TooLarge)
		case http.StatusUnsupportedMediaType:
			require.Empty(t, body)
		default:
			answer.problem(problem.Invalid)
		}
	})
}

// FuzzToken: only what we have signed is believed, however it is written.
func FuzzToken(f *testing.F) {
	g := newGateway(f)
	good := g.ada()
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	none := encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	public := g.jwks
	forged := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(forged))
	expired, err := g.keys.Issue("cust-ada", "admin", time.Hour, time.Now().Add(-2*time.Hour))
	require.NoError(f, err)
	for _, seed := range []string{
		good, none, forged + "." + encode(mac.Sum(nil)), expired, "", ".", "..", "...", parts[0] + "." + parts[1], good + ".", good + "." + parts[2],
		parts[0] + "." + encode([]byte(`{"sub":"root","scope":"admin"}`)) + "." + parts[2], strings.Repeat("a", 9<<10), good + "=", " " + good,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		g.t = t
		answer := g.send(request{method: http.MethodGet, path: "/v1/products", header: http.Header{"Authorization": {"Bearer " + compact}}})
		if answer.Code != http.StatusOK {
			answer.problem(problem.Unauthenticated)
			return
		}
		// A signature can be written in more than one way; what is signed cannot.
		believed := strings.Split(strings.TrimSpace(compact), ".")
		require.Len(t, believed, 3)
		require.Equal(t, parts[:2], believed[:2])
	})
}

// FuzzIdempotencyKey: a key is refused, or it names one order.
func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"k", "", " ", "a b", strings.Repeat("k", 255), strings.Repeat("k", 256), "\x7f", "ü", "a\r\nb", "\x00", "~"} {
		f.Add(seed, "k")
	}
	g, placements := newFuzzed(f)
	ada := g.ada()
	place := func(key string) answer {
		return g.send(request{method: http.MethodPost, path: "/v1/orders", token: ada, body: validBody, header: keyed(key)})
	}
	f.Fuzz(func(t *testing.T, key, other string) {
		g.t, placements.t = t, t
		first := place(key)
		printable := !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
		if key == "" || len(key) > 255 || !printable {
			first.problem(problem.Malformed)
			return
		}
		require.Equal(t, http.StatusAccepted, first.Code)
		require.Equal(t, first.Header().Get("Location"), place(key).Header().Get("Location"))
		if second := place(other); second.Code == http.StatusAccepted {
			require.Equal(t, key == other, first.Header().Get("Location") == second.Header().Get("Location"))
		}
	})
}

// FuzzLastEventID: a stream is refused, or goes on exactly behind the version.
func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "1", "2", "3", "4", "-1", "+1", "01", "1.0", "1e0", " 1", "9223372036854775807", "9223372036854775808", "1\n2", "٣"} {
		f.Add(seed)
	}
	g := newGateway(f)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Confirmed, "")
	g.becomes(id, order.Shipped, order.SagaCompleted)
	ada := g.ada()
	f.Fuzz(func(t *testing.T, seen string) {
		g.t = t
		answer := g.send(request{method: http.MethodGet, path: "/v1/orders/" + id + "/stream", token: ada, header: http.Header{"Last-Event-Id": {seen}}})
		version, ok := new(big.Int).SetString("0"+seen, 10)
		if strings.Trim(seen, "0123456789") != "" || !ok || !version.IsInt64() {
			answer.problem(problem.Malformed)
			return
		}
		if version.Int64() >= 3 {
			require.Equal(t, http.StatusNoContent, answer.Code)
			return
		}
		require.Equal(t, http.StatusOK, answer.Code)
		var sent []string
		for line := range strings.SplitSeq(answer.Body.String(), "\n") {
			if eventID, isID := strings.CutPrefix(line, "id: "); isID {
				sent = append(sent, eventID)
			}
		}
		var want []string
		for next := version.Int64() + 1; next <= 3; next++ {
			want = append(want, strconv.FormatInt(next, 10))
		}
		require.Equal(t, want, sent)
	})
}

// FuzzRoute: without a token no path leads anywhere but to what is open to
// everybody, and none leads to another path or to a failure.
func FuzzRoute(f *testing.F) {
	for _, seed := range []string{
		"/", "/v1/orders", "/v1/orders/batch", "/v1//orders", "/v1/orders/..%2f..%2fhealthz", "/v1/%2e%2e/healthz", "/healthz/../v1/products", "/v1/products/%00",
		"/v1/products/a%2Fb", "/V1/orders", "/v1/orders/", "/docs/", "/docs/../v1/products", "//v1/products", "/v1/products;x=1", "/v1/products?a=%zz", "*", "/%2f/v1/products",
	} {
		f.Add(http.MethodGet, seed)
		f.Add(http.MethodPost, seed)
	}
	g := newGateway(f)
	var open []string
	for name, described := range documented(f) {
		if described.Security != nil && len(*described.Security) == 0 {
			open = append(open, name)
		}
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		g.t = t
		// What these refuse is refused by net/http as well.
		parsed, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip()
		}
		sent, err := http.NewRequestWithContext(t.Context(), method, "http://gateway/", nil)
		if err != nil {
			t.Skip()
		}
		sent.URL, sent.RequestURI = parsed, target
		recorder := httptest.NewRecorder()
		g.engine.ServeHTTP(recorder, sent)
		route := sent.Method + " " + parsed.Path
		if slices.Contains(open, route) {
			require.Less(t, recorder.Code, 500)
			return
		}
		require.Contains(t, []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusTooManyRequests,
			http.StatusRequestHeaderFieldsTooLarge}, recorder.Code, route)
		require.Equal(t, problem.MediaType, recorder.Header().Get("Content-Type"))
		require.Empty(t, recorder.Header().Get("Location"), "nobody is sent elsewhere")
	})
}
