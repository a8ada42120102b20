package gatewayclient_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/starter/internal/gatewayclient"
)

func TestAnAuditIsAskedForPageByPage(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.String())
		_, _ = w.Write([]byte(`{"table":"fence","items":[{"orderId":"o"}],"next":"c2"}`))
	}))
	defer server.Close()
	client, err := gatewayclient.New(gatewayclient.Config{Address: server.URL})
	require.NoError(t, err)
	defer client.Close()

	page, err := client.Audit(t.Context(), "pay/ment", "fence", gatewayclient.AuditQuery{})
	require.NoError(t, err)
	assert.Equal(t, "c2", page.Next)
	require.Len(t, page.Items, 1)
	_, err = client.Audit(t.Context(), "payment", "fence", gatewayclient.AuditQuery{After: page.Next, Limit: 5, OrderID: "order-1"})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"GET /v1/ops/audit/pay%2Fment?table=fence",
		"GET /v1/ops/audit/payment?after=c2&limit=5&order=order-1&table=fence",
	}, asked)
}
