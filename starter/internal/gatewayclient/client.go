package gatewayclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"orderflow/internal/problem"
)

const (
	// defaultTimeout bounds one attempt, without the time that the gateway was
	// asked to wait. It is longer than anything that the gateway waits for on
	// its own.
	defaultTimeout = 15 * time.Second
	// defaultConnections is how many idle connections are kept.
	defaultConnections = 64
	// maxAnswer bounds what is read of an answer: the order view of the
	// largest order is far below it.
	maxAnswer = 8 << 20
)

// Config says how to reach the gateway. Only Address is required.
type Config struct {
	// Address is host:port, or an http or https URL without a path.
	Address string
	// Token is the bearer token of every request; see [Client.WithToken].
	Token string
	// Timeout bounds one attempt, without the time that the gateway is asked
	// to wait; 0 means 15 seconds.
	Timeout time.Duration
	// Connections is how many idle connections are kept for reuse; 0 means 64.
	// It should not be less than the number of requests in flight.
	Connections int
}

// Client calls one gateway. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	token   string
	timeout time.Duration
}

// New returns a client. The error says what is wrong with the address; nothing
// is connected yet.
func New(cfg Config) (*Client, error) {
	base, err := BaseURL(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Connections == 0 {
		cfg.Connections = defaultConnections
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = cfg.Connections
	transport.MaxIdleConnsPerHost = cfg.Connections
	// A stream has no time of its own; a gateway that takes the connection and
	// says nothing must not hold it for ever.
	transport.ResponseHeaderTimeout = cfg.Timeout + MaxWait
	return &Client{
		base: base,
		http: &http.Client{
			Transport: transport,
			// The API never redirects. Following one would carry the token to
			// wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		token:   cfg.Token,
		timeout: cfg.Timeout,
	}, nil
}

// BaseURL turns host:port, or an http or https URL without path and query,
// into the URL that the API's paths are appended to.
func BaseURL(address string) (*url.URL, error) {
	text := address
	if !strings.Contains(text, "://") {
		if _, _, err := net.SplitHostPort(text); err != nil {
			return nil, fmt.Errorf("%q is neither host:port nor an http or https URL", address)
		}
		text = "http://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Hostname() == "" || (base.Scheme != "http" && base.Scheme != "https") {
		// The text is not quoted: a URL may carry a password.
		return nil, errors.New("it is neither host:port nor an http or https URL")
	}
	if base.User != nil || strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("the URL must have no more than scheme, host and port")
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host}, nil
}

// URL returns the gateway's base URL, such as http://127.0.0.1:8080.
func (c *Client) URL() string { return c.base.String() }

// WithToken returns a client with another token that shares the connections.
func (c *Client) WithToken(token string) *Client {
	other := *c
	other.token = token
	return &other
}

// Close closes the idle connections of this client and of all that share them.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request and what the caller wants to know of the answer.
type call struct {
	method string
	// path is absolute, with every part escaped.
	path    string
	header  http.Header
	body    any
	out     any
	allowed time.Duration
}

// answer is what is left of a response when its body was decoded. It is the
// zero value when there was none.
type answer struct {
	status int
	header http.Header
}

// do makes one attempt and decodes the answer's body into out. The error is a *problem.Error for an answer of 400 and
// above, an *UnreachableError when there was no whole answer, or the context's.
func (c *Client) do(ctx context.Context, asked call) (answer, error) {
	attempt, cancel := context.WithTimeout(ctx, c.timeout+asked.allowed)
	defer cancel()

	request, err := c.request(attempt, asked)
	if err != nil {
		return answer{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, c.noAnswer(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()

	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return answer{}, c.noAnswer(ctx, err)
	}
	got := answer{status: response.StatusCode, header: response.Header}
	if response.StatusCode >= http.StatusMultipleChoices {
		return got, c.refusal(response, body)
	}
	if asked.out == nil || len(body) == 0 {
		return got, nil
	}
	if err := json.Unmarshal(body, asked.out); err != nil {
		return answer{}, fmt.Errorf("reading the answer to %s %s: %w", asked.method, asked.path, err)
	}
	return got, nil
}

func (c *Client) request(ctx context.Context, asked call) (*http.Request, error) {
	var body io.Reader
	if asked.body != nil {
		encoded, err := json.Marshal(asked.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the body of %s %s: %w", asked.method, asked.path, err)
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, asked.method, c.base.String()+asked.path, body)
	if err != nil {
		return nil, fmt.Errorf("making the request %s %s: %w", asked.method, asked.path, err)
	}
	for name, values := range asked.header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	request.Header.Set("Accept", "application/json, "+problem.MediaType)
	request.Header.Set("User-Agent", "orderflow-starter")
	return request, nil
}

// noAnswer tells a caller who gave up from a gateway that did not answer.
func (c *Client) noAnswer(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The method and URL that url.Error adds are known already.
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &UnreachableError{Gateway: c.URL(), Err: err}
}
