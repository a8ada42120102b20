package gatewayclient_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
)

func clientOf(t *testing.T, address string) *gatewayclient.Client {
	t.Helper()
	client, err := gatewayclient.New(gatewayclient.Config{Address: address, Token: "secret"})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// answering serves every request with handle.
func answering(t *testing.T, handle http.HandlerFunc) *gatewayclient.Client {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return clientOf(t, server.URL)
}

func TestAnAddressIsHostAndPortOrAURL(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080":         "http://127.0.0.1:8080",
		"[::1]:8080":             "http://[::1]:8080",
		"http://shop.example":    "http://shop.example",
		"https://shop.example/":  "https://shop.example",
		"https://localhost:8443": "https://localhost:8443",
	} {
		base, err := gatewayclient.BaseURL(address)
		require.NoError(t, err, address)
		assert.Equal(t, want, base.String())
	}
	for _, address := range []string{
		"", "localhost", "ftp://x:1", "http://", ":8080", "http://x/v1", "http://x?a=b", "http://user:hunter2@x", "http://a b",
	} {
		_, err := gatewayclient.New(gatewayclient.Config{Address: address})
		require.Error(t, err, address)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestAPlacementCarriesKeyWaitAndToken(t *testing.T) {
	var got *http.Request
	var body []byte
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"orderId":"order-1","status":"draft","links":{}}`)
	})
	placed, err := client.PlaceOrder(t.Context(), gatewayclient.Placement{
		CustomerID: "cust-ada",
		Items:      []gatewayclient.PlacementItem{{ProductID: "prod-kettle", Quantity: 2}},
		Payment:    gatewayclient.PlacementPayment{Method: "pm_card_visa"},
	}, gatewayclient.PlaceOptions{IdempotencyKey: "nw-1", Wait: time.Minute})
	require.NoError(t, err)
	assert.Equal(t, gatewayclient.Placed{OrderID: "order-1"}, placed)
	assert.Equal(t, "nw-1", got.Header.Get("Idempotency-Key"))
	assert.Equal(t, "wait=30", got.Header.Get("Prefer"), "30 s is the longest wait")
	assert.Equal(t, "Bearer secret", got.Header.Get("Authorization"))
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	assert.JSONEq(t, `{"customerId":"cust-ada","items":[{"productId":"prod-kettle","quantity":2}],"payment":{"method":"pm_card_visa"}}`, string(body))
}

func TestAPlacementThatReachedItsEndHasTheOrder(t *testing.T) {
	client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"orderId":"order-1","status":"shipped","totalAmount":{"amount":9998,"currency":"USD"},
			"createdAt":"2026-11-23T12:00:00Z","saga":{"state":"completed","steps":[]},"payment":{"status":"captured"}}`)
	})
	placed, err := client.PlaceOrder(t.Context(), gatewayclient.Placement{}, gatewayclient.PlaceOptions{Wait: time.Second})
	require.NoError(t, err)
	require.NotNil(t, placed.Order)
	assert.True(t, placed.Order.Ended())
	assert.Equal(t, "99.98 USD", placed.Order.TotalAmount.String())
}

func TestARefusalIsTheProblemThatTheGatewayNamed(t *testing.T) {
	sent := problem.New(problem.Invalid, "no").WithField("/items/0/quantity", "must be at least 1")
	client := answering(t, func(w http.ResponseWriter, r *http.Request) { sent.Write(w, r.URL.Path, "") })
	_, err := client.Order(t.Context(), "order-1")
	require.Equal(t, sent, err)
	assert.True(t, gatewayclient.Refused(err))
	assert.False(t, gatewayclient.Temporary(err))
}

func TestAnswersAreTemporaryByTheirStatus(t *testing.T) {
	for status, temporary := range map[int]bool{
		400: false, 401: false, 403: false, 404: false, 409: false, 422: false,
		408: true, 429: true, 500: true, 502: true, 503: true, 504: true,
	} {
		client := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			http.Error(w, "<html>proxy</html>", status)
		})
		_, err := client.Order(t.Context(), "order-1")
		var refused *problem.Error
		require.ErrorAs(t, err, &refused, status)
		assert.Equal(t, 7*time.Second, refused.RetryAfter)
		assert.NotContains(t, err.Error(), "<html>")
		assert.Equal(t, temporary, gatewayclient.Temporary(err), status)
	}
}

func TestARedirectIsNotFollowedWithTheToken(t *testing.T) {
	requests := 0
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	_, err := client.Order(t.Context(), "order-1")
	require.ErrorContains(t, err, "no gateway")
	assert.False(t, gatewayclient.Temporary(err))
	assert.False(t, gatewayclient.Refused(err))
	assert.Equal(t, 1, requests)
}

func TestNoWholeAnswerIsUnreachable(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())

	for name, client := range map[string]*gatewayclient.Client{
		"nobody listens": clientOf(t, address),
		"connection cut": answering(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"answer cut": answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"orderId"`)
		}),
	} {
		_, err := client.Order(t.Context(), "order-1")
		var unreachable *gatewayclient.UnreachableError
		require.ErrorAs(t, err, &unreachable, name)
		assert.True(t, gatewayclient.Temporary(err), name)
		assert.False(t, gatewayclient.Refused(err), name)
	}
}

func TestAGatewayThatSaysNothingIsGivenUp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	client, err := gatewayclient.New(gatewayclient.Config{Address: server.URL, Timeout: 20 * time.Millisecond})
	require.NoError(t, err)
	defer client.Close()
	began := time.Now()
	_, err = client.Order(t.Context(), "order-1")
	require.True(t, gatewayclient.Temporary(err), "%v", err)
	assert.Less(t, time.Since(began), 10*time.Second)
}

func TestACallerWhoGivesUpIsNoFaultOfTheGateway(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	client := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := client.Order(ctx, "order-1")
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, gatewayclient.Temporary(err))
}

func TestIDsCannotLeaveTheirPath(t *testing.T) {
	var path string
	client := answering(t, func(_ http.ResponseWriter, r *http.Request) { path = r.URL.EscapedPath() })
	_, err := client.Order(t.Context(), "../products?x")
	require.NoError(t, err)
	assert.Equal(t, "/v1/orders/..%2Fproducts%3Fx", path)
}

func TestConnectionsAreReused(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.New(problem.NotFound, "none").Write(w, "", "")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := clientOf(t, server.URL)
	for range 10 {
		_, err := client.Order(t.Context(), "order-1")
		require.Error(t, err)
	}
	assert.Equal(t, int32(1), connections.Load())
}

func TestAFirstStockThatIsThereStays(t *testing.T) {
	var condition string
	status := http.StatusCreated
	client := answering(t, func(w http.ResponseWriter, r *http.Request) {
		condition = r.Header.Get("If-None-Match")
		w.WriteHeader(status)
	})
	set, err := client.SetFirstStock(t.Context(), "prod-kettle", 5)
	require.NoError(t, err)
	assert.True(t, set)
	assert.Equal(t, "*", condition)

	status = http.StatusPreconditionFailed
	set, err = client.SetFirstStock(t.Context(), "prod-kettle", 5)
	require.NoError(t, err)
	assert.False(t, set)
}
