package e2e_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/payloadcodec/keyring"
	"orderflow/internal/toolchain"
)

// private is what of an order only its shop may know. Nothing else in the
// product has these texts.
var private = []string{"Augusta Byron", "17 Ockham Mews", "Quendon", "pm_card_visa", "Brass Astrolabe"}

// TestOnlyTheKeyShowsPersonalData places orders in a system that encrypts, and
// looks at them as an operator does, without and with a token for the codec.
func TestOnlyTheKeyShowsPersonalData(t *testing.T) {
	cfg := settings(t)
	cfg.PayloadKeys = filepath.Join(t.TempDir(), "payload-keys.json")
	_, err := keyring.Create(cfg.PayloadKeys, time.Now())
	require.NoError(t, err)
	s := start(t, cfg)

	s.put("/v1/products/prod-astrolabe", map[string]any{
		"productId": "prod-astrolabe", "name": "Brass Astrolabe", "unitPrice": map[string]any{"amount": 9900, "currency": "GBP"},
	})
	s.put("/v1/customers/cust-augusta", map[string]any{"customerId": "cust-augusta", "name": "Augusta Byron"})
	s.put("/v1/inventory/prod-astrolabe", map[string]any{"productId": "prod-astrolabe", "onHand": 10})
	place := func(postalCode string) (view struct {
		OrderID, CustomerName string
		Saga                  struct {
			Steps []struct{ Error string }
		}
	}) {
		placed, err := s.call(t.Context(), http.MethodPost, "/v1/orders", map[string]any{
			"customerId": "cust-augusta",
			"items":      []any{map[string]any{"productId": "prod-astrolabe", "quantity": 1}},
			"payment":    map[string]any{"method": "pm_card_visa"},
			"shippingAddress": map[string]any{
				"name": "Augusta Byron", "line1": "17 Ockham Mews", "city": "Quendon", "postalCode": postalCode, "country": "GB",
			},
		}, "Prefer", "wait=30")
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, placed.status, "%s", placed.body)
		placed.into(t, &view)
		return view
	}
	shipped, refused := place("CM22 6AB"), place("00000")
	assert.Equal(t, "Augusta Byron", shipped.CustomerName)
	var failure string
	for _, step := range refused.Saga.Steps {
		failure += step.Error
	}
	require.NotEmpty(t, failure, "why the carrier refused")

	for _, orderID := range []string{shipped.OrderID, refused.OrderID} {
		for _, command := range []string{"show", "describe"} {
			without := s.temporal("workflow", command, "--workflow-id", orderID)
			for _, text := range append(private, failure) {
				assert.False(t, strings.Contains(without, text), "temporal workflow %s without the codec shows %q", command, text)
			}
			require.Contains(t, without, "binary/encrypted")
		}
		with := s.temporal("workflow", "show", "--workflow-id", orderID,
			"--codec-endpoint", s.GatewayURL()+"/codec", "--codec-auth", "Bearer "+s.issue("olga", "ops"))
		for _, text := range private {
			assert.True(t, strings.Contains(with, text), "temporal workflow show with the codec does not show %q", text)
		}
		if orderID == refused.OrderID {
			assert.True(t, strings.Contains(with, failure), "temporal workflow show with the codec does not show %q", failure)
		}
	}

	for _, file := range []string{"temporal.db", "temporal.db-wal"} {
		content, err := os.ReadFile(filepath.Join(s.DataDir(), file))
		require.NoError(t, err)
		for _, text := range append(private, failure) {
			assert.False(t, strings.Contains(string(content), text), "%s has %q in the clear", file, text)
		}
	}
	var settings struct{ Codec struct{ Endpoint string } }
	fetch(t, "http://"+s.cfg.TemporalUIAddr+"/api/v1/settings", &settings)
	assert.Equal(t, s.GatewayURL()+"/codec", settings.Codec.Endpoint, "the Temporal UI knows where to ask")
}

// put writes a row as an admin.
func (s *system) put(path string, row any) {
	s.t.Helper()
	answer, err := s.call(s.t.Context(), http.MethodPut, path, row)
	require.NoError(s.t, err)
	require.Less(s.t, answer.status, http.StatusMultipleChoices, "%s", answer.body)
}

// temporal runs the temporal CLI on this system's server and returns what it
// printed, with what is in its base64: payloads are shown so.
func (s *system) temporal(args ...string) string {
	s.t.Helper()
	root, err := toolchain.ProjectRoot(".")
	require.NoError(s.t, err)
	program, err := toolchain.Finder{Root: root}.Find(s.t.Context(), toolchain.Temporal, "")
	require.NoError(s.t, err)
	args = append(args, "--address", s.TemporalAddr(), "--output", "json", "--disable-config-env", "--disable-config-file")
	out, err := exec.CommandContext(s.t.Context(), program, args...).Output()
	require.NoError(s.t, err, "temporal %s", strings.Join(args, " "))
	shown := string(out)
	for _, quoted := range regexp.MustCompile(`"[A-Za-z0-9+/]{4,}={0,2}"`).FindAllString(shown, -1) {
		if inside, err := base64.StdEncoding.DecodeString(strings.Trim(quoted, `"`)); err == nil {
			shown += "\n" + string(inside)
		}
	}
	return shown
}
