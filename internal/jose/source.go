package jose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Source is where the public keys of an issuer are: File, URL or Discovery
// makes one.
type Source struct {
	// name is for messages.
	name string
	// fetch returns a JWK set, and how long it may be used without asking
	// again; 0 when the source does not say.
	fetch func(ctx context.Context) (content []byte, fresh time.Duration, err error)
	// pause is the least time between two fetches, whatever asks for them.
	pause time.Duration
	// usual is how often to ask when neither source nor settings say.
	usual time.Duration
}

// String names the source.
func (s Source) String() string { return s.name }

const (
	// A file costs nothing to read, so that a new key in it is known at once.
	filePause = time.Second
	fileUsual = 10 * time.Second
	// A stranger can make up a new kid for each request; the issuer shall not
	// hear of that more often than this.
	remotePause = 10 * time.Second
	remoteUsual = 15 * time.Minute

	// documentLimit bounds what an issuer can make us read, in bytes. Real
	// sets have a few kilobytes.
	documentLimit = 1 << 20

	leastFresh = time.Minute
	mostFresh  = 24 * time.Hour
)

// File is a JWK set in a file. It is read again when it may have changed.
func File(path string) Source {
	return Source{
		name: path, pause: filePause, usual: fileUsual,
		fetch: func(context.Context) ([]byte, time.Duration, error) {
			content, err := os.ReadFile(path)
			return content, 0, err
		},
	}
}

// URL is a JWK set at an address. Client makes the requests; see NewHTTPClient.
func URL(address string, client *http.Client) Source {
	return Source{
		name: address, pause: remotePause, usual: remoteUsual,
		fetch: func(ctx context.Context) ([]byte, time.Duration, error) { return get(ctx, client, address) },
	}
}

// Discovery is the JWK set that an OpenID provider names in its configuration
// (OpenID Connect Discovery 1.0, section 4). The configuration is read anew
// with each refresh, and must name exactly this issuer.
func Discovery(issuer string, client *http.Client) Source {
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	return Source{
		name: address, pause: remotePause, usual: remoteUsual,
		fetch: func(ctx context.Context) ([]byte, time.Duration, error) {
			content, _, err := get(ctx, client, address)
			if err != nil {
				return nil, 0, err
			}
			keys, err := jwksURI(content, issuer)
			if err != nil {
				return nil, 0, err
			}
			return get(ctx, client, keys)
		},
	}
}

// jwksURI returns where the provider's keys are.
func jwksURI(configuration []byte, issuer string) (string, error) {
	var provider struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(configuration, &provider); err != nil {
		return "", errors.New("the configuration is no JSON object")
	}
	switch {
	case provider.Issuer != issuer:
		return "", fmt.Errorf("the configuration is of the issuer %q, not of %q", provider.Issuer, issuer)
	case strings.HasPrefix(provider.JWKSURI, "https://"):
	case strings.HasPrefix(provider.JWKSURI, "http://") && strings.HasPrefix(issuer, "http://"):
	default:
		return "", errors.New("the configuration names no https jwks_uri")
	}
	return provider.JWKSURI, nil
}

// NewHTTPClient returns the client for URL and Discovery. It follows no
// redirect: whoever could make one would choose the keys.
func NewHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
			// The next request is minutes away.
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func get(ctx context.Context, client *http.Client, address string) (content []byte, fresh time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is of no use
	if response.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("%s answers with status %d", address, response.StatusCode)
	}
	content, err = io.ReadAll(io.LimitReader(response.Body, documentLimit+1))
	switch {
	case err != nil:
		return nil, 0, fmt.Errorf("reading the answer of %s: %w", address, err)
	case len(content) > documentLimit:
		return nil, 0, fmt.Errorf("the answer of %s is larger than %d bytes", address, documentLimit)
	}
	return content, freshness(response.Header), nil
}

// freshness is how long the answer may be used by its Cache-Control (RFC 9111,
// section 4.2.1), within bounds that protect the issuer and us; 0 when the
// header does not say.
func freshness(header http.Header) time.Duration {
	said := false
	var fresh time.Duration
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return leastFresh
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				said, fresh = true, time.Duration(seconds)*time.Second
			}
		}
	}
	if !said {
		return 0
	}
	if age, err := strconv.ParseUint(header.Get("Age"), 10, 31); err == nil {
		fresh -= time.Duration(age) * time.Second
	}
	return min(max(fresh, leastFresh), mostFresh)
}
