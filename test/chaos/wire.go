package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Wire stands before a service, or before the gateway: a proxy for faults of
// the network, then one that knows the steps of the saga. Callers are given
// Addr, by Consul.
type Wire struct {
	Service string
	// Addr is where callers connect.
	Addr string

	upstream string
	network  *toxiproxy.Proxy
	server   *http.Server
	served   chan error
	pass     *httputil.ReverseProxy
	meet     func(Call) (handled bool)
}

// Call is a request that a wire has received and not sent on.
type Call struct {
	Service string
	Effect  Effect
	Request *http.Request
	Writer  http.ResponseWriter
	Body    []byte
	wire    *Wire
}

// StrungBefore makes the wire before a service that listens at upstream. Meet is
// told about every call of a step, and handles it or leaves it to the wire.
func StrungBefore(ctx context.Context, service, upstream string, network *toxiproxy.ApiServer, meet func(Call) (handled bool)) (*Wire, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("stringing a wire before %s: %w", service, err)
	}
	w := &Wire{Service: service, upstream: upstream, meet: meet, served: make(chan error, 1)}
	w.pass = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: upstream})
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1, // a client may wait for a stream
		Transport:     &http.Transport{MaxIdleConnsPerHost: 100, DisableCompression: true, IdleConnTimeout: 10 * time.Second},
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { breakOff() },
		ErrorLog:      discard(),
	}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: time.Minute, ErrorLog: discard()}
	go func() { w.served <- w.server.Serve(listener) }()

	w.network = toxiproxy.NewProxy(network, service, "127.0.0.1:0", listener.Addr().String())
	if err := w.network.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("stringing a wire before %s: %w", service, err), w.server.Close())
	}
	w.Addr = w.network.Listen
	return w, nil
}

// newNetwork is what proxies for faults of the network belong to. It serves
// nothing itself.
func newNetwork() *toxiproxy.ApiServer {
	return toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
}

// Close cuts the wire.
func (w *Wire) Close() error {
	w.network.Stop()
	err := w.server.Close()
	if served := <-w.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP sends a request on, unless a fault was aimed at it.
func (w *Wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	effect, found := EffectOf(w.Service, r)
	if !found {
		w.pass.ServeHTTP(out, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		breakOff() // the caller has gone
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !w.meet(Call{Service: w.Service, Effect: effect, Request: r, Writer: out, Body: body, wire: w}) {
		w.pass.ServeHTTP(out, r)
	}
}

// breakOff closes the connection to the caller without an answer.
func breakOff() { panic(http.ErrAbortHandler) }

// Pass sends the call on and its answer back.
func (c Call) Pass() { c.wire.pass.ServeHTTP(c.Writer, c.Request) }

// Send sends a copy of the call, with a header if it is not "", and returns the
// answer. It goes on when the caller has gone.
func (c Call) Send(ctx context.Context, header, value string) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), copyTimeout)
	defer cancel()
	request := c.copied(ctx)
	if header != "" {
		request.Header.Set(header, value)
	}
	response, err := c.wire.pass.Transport.RoundTrip(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return Answer{Path: c.Request.URL.Path, Status: response.StatusCode, Header: response.Header, Body: body}, err
}

// SendHalf sends the first half of the call's body, and then hangs up.
func (c Call) SendHalf(ctx context.Context) {
	request := c.copied(ctx)
	request.Body = io.NopCloser(bytes.NewReader(c.Body[:len(c.Body)/2])) // shorter than its length says
	if response, err := c.wire.pass.Transport.RoundTrip(request); err == nil {
		_ = response.Body.Close()
	}
}

// ReplyHalf gives the caller the first half of an answer, and hangs up.
func (c Call) ReplyHalf(answer Answer) error {
	var whole bytes.Buffer
	response := http.Response{
		StatusCode: answer.Status, ProtoMajor: 1, ProtoMinor: 1, Header: answer.Header,
		Body: io.NopCloser(bytes.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)),
	}
	if err := response.Write(&whole); err != nil {
		return fmt.Errorf("cutting an answer: %w", err)
	}
	connection, _, err := http.NewResponseController(c.Writer).Hijack()
	if err != nil {
		return fmt.Errorf("cutting an answer: %w", err)
	}
	_, err = connection.Write(whole.Bytes()[:whole.Len()/2])
	return errors.Join(err, connection.Close())
}

// copied is the call's request to the service itself.
func (c Call) copied(ctx context.Context) *http.Request {
	request := c.Request.Clone(ctx)
	request.RequestURI = ""
	request.URL.Scheme, request.URL.Host = "http", c.wire.upstream
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(c.Body)), int64(len(c.Body))
	return request
}

// copyTimeout bounds a call that no caller waits for.
const copyTimeout = 15 * time.Second

// Reply gives the caller an answer.
func (c Call) Reply(answer Answer) {
	for name, values := range answer.Header {
		c.Writer.Header()[name] = values
	}
	c.Writer.WriteHeader(answer.Status)
	_, _ = c.Writer.Write(answer.Body) // the caller may have gone
}

// toxics are the faults of the network, in toxiproxy's own words.
var toxics = map[Way]string{
	Latency:    `"type":"latency","attributes":{"latency":700,"jitter":600}`,
	Reset:      `"type":"reset_peer","attributes":{"timeout":20}`,
	HalfClosed: `"type":"limit_data","attributes":{"bytes":60}`,
	Silent:     `"type":"timeout","attributes":{"timeout":0}`,
	Narrow:     `"type":"bandwidth","attributes":{"rate":1}`,
}

// Poison begins a fault of the network on the way of the answers. It fails when
// the wire has it already.
func (w *Wire) Poison(way Way) error {
	toxic := fmt.Sprintf(`{"name":%q,"stream":"downstream",%s}`, way, toxics[way])
	if _, err := w.network.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		return fmt.Errorf("%s before %s: %w", way, w.Service, err)
	}
	return nil
}

// Heal ends a fault of the network, on connections that are open too.
func (w *Wire) Heal(ctx context.Context, way Way) error {
	if err := w.network.Toxics.RemoveToxic(ctx, string(way)); err != nil {
		return fmt.Errorf("ending %s before %s: %w", way, w.Service, err)
	}
	return nil
}

// discard is for servers whose clients break off on purpose.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }
