package discovery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

// answerWith is a handler in the form of Consul's health endpoint.
func answerWith(index, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Consul-Index", index)
		w.Header().Set("X-Consul-LastContact", "0")
		w.Header().Set("X-Consul-KnownLeader", "true")
		_, _ = w.Write([]byte(body))
	}
}

func TestWrongConsulSettingsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  ConsulConfig
		want string
	}{
		"short TTL":               {ConsulConfig{CheckTTL: time.Millisecond}, "TTL"},
		"early reaping":           {ConsulConfig{ReapAfter: time.Second}, "reap"},
		"certificate without key": {ConsulConfig{TLS: TLSConfig{Enabled: true, CertFile: "x"}}, "key"},
		"key without certificate": {ConsulConfig{TLS: TLSConfig{Enabled: true, KeyFile: "x"}}, "certificate"},
		"address without port":    {ConsulConfig{Addr: "consul"}, `"consul"`},
		"address with a scheme":   {ConsulConfig{Addr: "https://consul:8501"}, "HOST:PORT"},
		"TLS that is off":         {ConsulConfig{TLS: TLSConfig{CAFile: "x"}}, "off"},
		"missing certificate":     {ConsulConfig{TLS: TLSConfig{Enabled: true, CertFile: "missing.pem", KeyFile: "key.pem"}}, "missing.pem"},
		"missing authority":       {ConsulConfig{TLS: TLSConfig{Enabled: true, CAFile: "missing.pem"}}, "missing.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewConsul(test.cfg, zaptest.NewLogger(t))
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n", "one clear line")
		})
	}
}

func TestBlockingQueryAsksForPassingInstancesSinceTheIndex(t *testing.T) {
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		answerWith("42", `[
			{"Node": {"Address": "10.0.0.2"}, "Service": {"ID": "b", "Service": "payment", "Address": "", "Port": 2}},
			{"Node": {"Address": "10.0.0.9"}, "Service": {"ID": "a", "Service": "payment", "Address": "10.0.0.1", "Port": 1,
				"Meta": {"version": "v9", "zone": "x"}, "Tags": ["t"]}}]`)(w, r)
	}))
	defer server.Close()
	consul, err := NewConsul(ConsulConfig{Addr: server.Listener.Addr().String(), Token: "acl-token"}, zaptest.NewLogger(t))
	require.NoError(t, err)
	defer consul.Close()

	instances, index, err := consul.waitHealthy(t.Context(), "payment", 41, 30*time.Second)
	require.NoError(t, err)
	assert.Equal(t, uint64(42), index)
	assert.Equal(t, []Instance{
		{ID: "a", Name: "payment", Host: "10.0.0.1", Port: 1, Version: "v9", Tags: []string{"t"}, Metadata: map[string]string{"zone": "x"}},
		{ID: "b", Name: "payment", Host: "10.0.0.2", Port: 2},
	}, instances, "ordered by ID; without an address, the node's")

	assert.Equal(t, "/v1/health/service/payment", asked.URL.Path)
	query := asked.URL.Query()
	assert.Equal(t, "1", query.Get("passing"))
	assert.Equal(t, "41", query.Get("index"))
	assert.Equal(t, "30000ms", query.Get("wait"))
	assert.Equal(t, "acl-token", asked.Header.Get("X-Consul-Token"))
}

func TestConsulIsReachedByTLS(t *testing.T) {
	server := httptest.NewTLSServer(answerWith("1", `[]`))
	defer server.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(authority, certificate, 0o600))
	cfg := ConsulConfig{
		Addr: server.Listener.Addr().String(),
		TLS:  TLSConfig{Enabled: true, CAFile: authority, ServerName: "example.com"},
	}
	consul, err := NewConsul(cfg, zaptest.NewLogger(t))
	require.NoError(t, err)
	defer consul.Close()

	_, err = consul.HealthyInstances(t.Context(), "payment")
	assert.NoError(t, err)
}

func TestConsulIsShownTheClientsCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(answerWith("1", `[]`))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	server.StartTLS()
	defer server.Close()
	files := writeCertificate(t, server.TLS.Certificates[0])
	cfg := ConsulConfig{
		Addr: server.Listener.Addr().String(),
		TLS:  TLSConfig{Enabled: true, CAFile: files.certificate, ServerName: "example.com"},
	}
	for name, test := range map[string]struct{ certificate, key, wrong string }{
		"with it":    {files.certificate, files.key, ""},
		"without it": {"", "", "certificate required"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.TLS.CertFile, cfg.TLS.KeyFile = test.certificate, test.key
			consul, err := NewConsul(cfg, zaptest.NewLogger(t))
			require.NoError(t, err)
			defer consul.Close()
			_, err = consul.HealthyInstances(t.Context(), "payment")
			if test.wrong == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, test.wrong)
			}
		})
	}
}

type certificateFiles struct{ certificate, key string }

func writeCertificate(t *testing.T, certificate tls.Certificate) certificateFiles {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	files := certificateFiles{filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")}
	for file, block := range map[string]*pem.Block{
		files.certificate: {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]},
		files.key:         {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return files
}

func TestEmptyAnswerThatTheTokenMayNotSeeIsUnknown(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Consul-Results-Filtered-By-Acls", "true")
		answerWith("9", "[]")(w, r)
	}))
	defer server.Close()
	watched := newTestWatched(t, newTestConsul(t, server.Listener.Addr().String()))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := watched.Next(ctx, "payment")
	require.ErrorIs(t, err, ErrInstancesUnknown)
	assert.ErrorIs(t, err, errNotAllowed)
}

func TestUnreachableAgentIsNamed(t *testing.T) {
	server := httptest.NewServer(nil)
	addr := server.Listener.Addr().String()
	server.Close()
	consul := newTestConsul(t, addr)

	_, err := consul.HealthyInstances(t.Context(), "payment")
	require.ErrorContains(t, err, "payment")
	require.ErrorContains(t, consul.Ping(t.Context()), addr)
	_, err = consul.Register(t.Context(), testInstance("payment-1", 7001))
	require.ErrorContains(t, err, "payment-1")
}

func TestClusterWithoutALeaderIsNotReady(t *testing.T) {
	server := httptest.NewServer(answerWith("1", `""`))
	defer server.Close()
	assert.ErrorIs(t, newTestConsul(t, server.Listener.Addr().String()).Ping(t.Context()), errNoLeader)
}

func TestAnswersThatMeanTheAgentHasForgotten(t *testing.T) {
	for name, test := range map[string]struct {
		status    int
		body      string
		forgotten bool
	}{
		"not found":         {http.StatusNotFound, `Unknown check ID "heartbeat:payment-1"`, true},
		"older agents":      {http.StatusInternalServerError, `CheckID "heartbeat:payment-1" does not have associated TTL`, true},
		"no leader":         {http.StatusInternalServerError, "No cluster leader", false},
		"permission denied": {http.StatusForbidden, "Permission denied", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, test.body, test.status)
			}))
			defer server.Close()
			consul := newTestConsul(t, server.Listener.Addr().String())

			err := consul.beat(t.Context(), testInstance("payment-1", 7001))
			require.Error(t, err)
			assert.Equal(t, test.forgotten, errors.Is(err, errForgotten))
			err = consul.withdraw(t.Context(), testInstance("payment-1", 7001))
			assert.Equal(t, test.forgotten, err == nil, "what is not there need not be withdrawn")
		})
	}
}

// A watch over HTTP against an agent whose index goes backwards and becomes 0.
func TestWatchBeginsAnewWhenTheIndexGoesBackwards(t *testing.T) {
	answers := []struct{ wantIndex, index, ids string }{
		{"", "100", "a"},   // the first question does not block
		{"100", "7", "ab"}, // another history: the index is reset
		{"", "0", "a"},     // a defect in the agent: the next must block all the same
		{"1", "9", "abc"},
	}
	type question struct{ index string }
	questions := make(chan question, len(answers)+1)
	turn := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		questions <- question{r.URL.Query().Get("index")}
		if turn == len(answers) {
			<-r.Context().Done()
			return
		}
		answer := answers[turn]
		turn++
		var entries []string
		for _, id := range strings.Split(answer.ids, "") {
			entries = append(entries, `{"Service": {"ID": "`+id+`", "Service": "payment", "Address": "h", "Port": 1}}`)
		}
		answerWith(answer.index, "["+strings.Join(entries, ",")+"]")(w, r)
	}))
	t.Cleanup(server.Close)
	watched := newTestWatched(t, newTestConsul(t, server.Listener.Addr().String()))

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	_, err := watched.Next(ctx, "payment")
	require.NoError(t, err)
	for _, answer := range answers {
		select {
		case asked := <-questions:
			assert.Equal(t, answer.wantIndex, asked.index)
		case <-ctx.Done():
			require.Fail(t, "the watch stopped asking")
		}
	}
	assert.Equal(t, "9", (<-questions).index)
	assert.Len(t, watched.watches["payment"].rotation.current.Load().members, 3)
}
