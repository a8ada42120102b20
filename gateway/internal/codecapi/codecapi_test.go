package codecapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"orderflow/gateway/internal/codecapi"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/httpserver"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/payloadcodec/keyring"
	"orderflow/internal/problem"
	"orderflow/internal/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const uiOrigin = "http://127.0.0.1:8233"

// gateway is the real engine with the codec's routes.
type gateway struct {
	t      *testing.T
	engine *gin.Engine
	keys   *token.Keys
	codec  payloadcodec.Codec
}

func codecOf(t *testing.T, id string) payloadcodec.Codec {
	t.Helper()
	ring, err := keyring.New(id, map[string][]byte{id: []byte(strings.Repeat("k", keyring.KeySize))})
	require.NoError(t, err)
	return payloadcodec.New(ring)
}

func newGateway(t *testing.T, limits ratelimit.Config) *gateway {
	t.Helper()
	dir := t.TempDir()
	keys, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	verifier, err := token.OpenVerifier(filepath.Join(dir, token.KeySetFile), token.DevelopmentIssuer, nil)
	require.NoError(t, err)
	limiter, err := ratelimit.New(limits, nil)
	require.NoError(t, err)
	g := &gateway{t: t, keys: keys, codec: codecOf(t, "k1"), engine: httpserver.NewEngine(httpserver.Options{Name: "gateway", Public: true})}
	codecapi.Register(g.engine, codecapi.Dependencies{
		Codec: g.codec, Verifier: verifier, Limiter: limiter, Origins: []string{uiOrigin, "https://temporal.shop.test"}, Log: zap.NewNop(),
	})
	return g
}

func many() ratelimit.Config { return ratelimit.Config{Rate: 100_000, Burst: 100_000} }

func (g *gateway) token(scope string) string {
	g.t.Helper()
	signed, err := g.keys.Issue("olga", scope, time.Hour, time.Now())
	require.NoError(g.t, err)
	return signed
}

func (g *gateway) ops() http.Header {
	return http.Header{"Authorization": {"Bearer " + g.token("ops")}, "Content-Type": {"application/json"}}
}

func (g *gateway) send(method, path, body string, header http.Header) *httptest.ResponseRecorder {
	g.t.Helper()
	request := httptest.NewRequestWithContext(g.t.Context(), method, path, strings.NewReader(body))
	if header != nil {
		request.Header = header.Clone()
	}
	recorder := httptest.NewRecorder()
	g.engine.ServeHTTP(recorder, request)
	return recorder
}

// with returns the header with one more line.
func with(header http.Header, name, value string) http.Header {
	more := header.Clone()
	if more == nil {
		more = http.Header{}
	}
	more.Set(name, value)
	return more
}

// encrypted is a request's body with one encrypted payload.
func (g *gateway) encrypted(codec payloadcodec.Codec) string {
	g.t.Helper()
	encoded, err := codec.Encode([]*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`"Ada Lovelace"`),
	}})
	require.NoError(g.t, err)
	text, err := json.Marshal(map[string]any{"payloads": encoded})
	require.NoError(g.t, err)
	return string(text)
}

type payloads struct {
	Payloads []struct {
		Metadata map[string][]byte
		Data     []byte
	}
}

func read(t *testing.T, recorder *httptest.ResponseRecorder) payloads {
	t.Helper()
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
	assert.Equal(t, "no-store", recorder.Header().Get("Cache-Control"))
	var answer payloads
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &answer))
	return answer
}

func document(t *testing.T, recorder *httptest.ResponseRecorder, code problem.Code) problem.Document {
	t.Helper()
	require.Equal(t, code.Status(), recorder.Code, recorder.Body.String())
	require.Equal(t, problem.MediaType, recorder.Header().Get("Content-Type"))
	var refused problem.Document
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &refused))
	assert.Equal(t, code.Type(), refused.Type)
	return refused
}

func TestAnOperatorReadsAPayload(t *testing.T) {
	g := newGateway(t, many())
	answer := read(t, g.send(http.MethodPost, "/codec/decode", g.encrypted(g.codec), g.ops()))
	require.Len(t, answer.Payloads, 1)
	assert.Equal(t, `"Ada Lovelace"`, string(answer.Payloads[0].Data))
	assert.Equal(t, "json/plain", string(answer.Payloads[0].Metadata["encoding"]))

	plain := `{"payloads":[{"metadata":{"encoding":"anNvbi9wbGFpbg=="},"data":"InRlYSI="},{}]}`
	answer = read(t, g.send(http.MethodPost, "/codec/decode", plain, g.ops()))
	assert.Equal(t, `"tea"`, string(answer.Payloads[0].Data), "what is not encrypted comes back as it is")
	assert.Len(t, answer.Payloads, 2)
	assert.JSONEq(t, `{"payloads":[]}`, g.send(http.MethodPost, "/codec/decode", `{}`, g.ops()).Body.String())
}

// What the UI and the CLI speak is the SDK's remote codec.
func TestTheSDKsRemoteCodecIsServed(t *testing.T) {
	g := newGateway(t, many())
	server := httptest.NewServer(g.engine)
	defer server.Close()
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: server.URL + codecapi.Path,
		Client:   *server.Client(),
		ModifyRequest: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+g.token("ops"))
			return nil
		},
	})
	data := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), remote)
	stored, err := data.ToPayloads(map[string]string{"name": "Ada"}, nil, []byte{0, 255})
	require.NoError(t, err)
	for _, payload := range stored.GetPayloads() {
		assert.Equal(t, payloadcodec.Encoding, string(payload.GetMetadata()["encoding"]))
	}
	var name map[string]string
	var nothing *string
	var raw []byte
	require.NoError(t, data.FromPayloads(stored, &name, &nothing, &raw))
	assert.Equal(t, map[string]string{"name": "Ada"}, name)
	assert.Nil(t, nothing)
	assert.Equal(t, []byte{0, 255}, raw)
}

func TestOnlyOperatorsRead(t *testing.T) {
	g := newGateway(t, many())
	body := g.encrypted(g.codec)
	for _, path := range []string{"/codec/decode", "/codec/encode"} {
		for name, test := range map[string]struct {
			authorization string
			code          problem.Code
		}{
			"nobody":     {"", problem.Unauthenticated},
			"no token":   {"Bearer abc", problem.Unauthenticated},
			"a customer": {"Bearer " + g.token("orders:read orders:write"), problem.Forbidden},
			"an admin":   {"Bearer " + g.token("admin"), problem.Forbidden},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				header := http.Header{"Content-Type": {"application/json"}}
				if test.authorization != "" {
					header.Set("Authorization", test.authorization)
				}
				recorder := g.send(http.MethodPost, path, body, header)
				document(t, recorder, test.code)
				assert.NotEmpty(t, recorder.Header().Get("WWW-Authenticate"))
			})
		}
	}
}

func TestEachOperatorHasARate(t *testing.T) {
	g := newGateway(t, ratelimit.Config{Rate: 1, Burst: 1})
	read(t, g.send(http.MethodPost, "/codec/decode", `{}`, g.ops()))
	refused := g.send(http.MethodPost, "/codec/decode", `{}`, g.ops())
	document(t, refused, problem.RateLimited)
	assert.NotEmpty(t, refused.Header().Get("Retry-After"))
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	g := newGateway(t, many())
	damaged := strings.Replace(g.encrypted(g.codec), `"data":"`, `"data":"AAAA`, 1)
	for name, test := range map[string]struct {
		body   string
		detail string
	}{
		"another key": {g.encrypted(codecOf(t, "k2")), "is encrypted with the key k2, which the gateway does not have"},
		"damaged":     {damaged, "is damaged, or of another codec"},
	} {
		t.Run(name, func(t *testing.T) {
			body := strings.Replace(test.body, `{"payloads":[`, `{"payloads":[{"data":"eA=="},`, 1)
			refused := document(t, g.send(http.MethodPost, "/codec/decode", body, g.ops()), problem.Invalid)
			require.Len(t, refused.Errors, 1)
			assert.Equal(t, "/payloads/1", refused.Errors[0].Pointer)
			assert.Equal(t, test.detail, refused.Errors[0].Detail)
		})
	}
}

func TestBodiesAreChecked(t *testing.T) {
	g := newGateway(t, many())
	for name, test := range map[string]struct {
		body string
		code problem.Code
	}{
		"empty":          {"", problem.Malformed},
		"no JSON":        {"payloads", problem.Malformed},
		"unknown member": {`{"payload":[]}`, problem.Malformed},
		"no base64":      {`{"payloads":[{"data":"*"}]}`, problem.Invalid},
		"no list":        {`{"payloads":{}}`, problem.Invalid},
		"too large":      {`{"payloads":[{"data":"` + strings.Repeat("A", httpserver.DefaultBodyLimit) + `"}]}`, problem.TooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			document(t, g.send(http.MethodPost, "/codec/decode", test.body, g.ops()), test.code)
		})
	}
	document(t, g.send(http.MethodPost, "/codec/decode", `{}`, with(g.ops(), "Content-Type", "text/plain")), problem.UnsupportedMediaType)
}

func TestOnlyPagesOfTheTemporalUIReadAnswers(t *testing.T) {
	g := newGateway(t, many())
	ask := http.Header{"Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"content-type,x-namespace"}}
	for _, path := range []string{"/codec/decode", "/codec/encode"} {
		for _, origin := range []string{uiOrigin, "https://temporal.shop.test"} {
			allowed := g.send(http.MethodOptions, path, "", with(ask, "Origin", origin))
			require.Equal(t, http.StatusNoContent, allowed.Code)
			assert.Equal(t, origin, allowed.Header().Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "true", allowed.Header().Get("Access-Control-Allow-Credentials"))
			assert.Equal(t, "POST", allowed.Header().Get("Access-Control-Allow-Methods"))
			for _, name := range []string{"Authorization", "Content-Type", "X-Namespace"} {
				assert.Contains(t, allowed.Header().Get("Access-Control-Allow-Headers"), name)
			}
			assert.Equal(t, "Origin", allowed.Header().Get("Vary"))
		}
		for _, origin := range []string{"", "null", "http://127.0.0.1:8080", "http://127.0.0.1:8233.evil.test", "https://127.0.0.1:8233"} {
			header := ask.Clone()
			if origin != "" {
				header.Set("Origin", origin)
			}
			refused := g.send(http.MethodOptions, path, "", header)
			document(t, refused, problem.Forbidden)
			assert.Empty(t, refused.Header().Get("Access-Control-Allow-Origin"), origin)

			answer := g.send(http.MethodPost, path, `{}`, with(g.ops(), "Origin", origin))
			assert.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"), origin)
		}
	}
	refused := g.send(http.MethodPost, "/codec/decode", `{}`, http.Header{"Origin": {uiOrigin}})
	document(t, refused, problem.Unauthenticated)
	assert.Equal(t, uiOrigin, refused.Header().Get("Access-Control-Allow-Origin"), "so that the UI can say why")
}

// signIn enters a token and returns the browser's cookie.
func (g *gateway) signIn(token string) (*httptest.ResponseRecorder, *http.Cookie) {
	g.t.Helper()
	form := url.Values{"token": {token}}.Encode()
	recorder := g.send(http.MethodPost, "/codec/session", form, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	response := recorder.Result()
	defer func() { _, _ = io.Copy(io.Discard, response.Body) }()
	cookies := response.Cookies()
	if len(cookies) == 0 {
		return recorder, nil
	}
	require.Len(g.t, cookies, 1)
	return recorder, cookies[0]
}

func TestABrowserThatSignedInReadsPayloads(t *testing.T) {
	g := newGateway(t, many())
	form := g.send(http.MethodGet, "/codec/session", "", nil)
	require.Equal(t, http.StatusOK, form.Code)
	assert.Contains(t, form.Body.String(), `<form method="post" action="/codec/session">`)
	assert.Contains(t, form.Header().Get("Content-Security-Policy"), "default-src 'none'")

	page, cookie := g.signIn(" " + g.token("ops") + "\n")
	require.Equal(t, http.StatusOK, page.Code, page.Body.String())
	require.NotNil(t, cookie)
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	assert.Equal(t, "/codec", cookie.Path)
	assert.Zero(t, cookie.MaxAge, "until the browser is closed")
	assert.NotContains(t, page.Body.String(), cookie.Value)

	browser := http.Header{"Content-Type": {"application/json"}, "Cookie": {cookie.Name + "=" + cookie.Value}, "Origin": {uiOrigin}}
	answer := read(t, g.send(http.MethodPost, "/codec/decode", g.encrypted(g.codec), browser))
	assert.Equal(t, `"Ada Lovelace"`, string(answer.Payloads[0].Data))

	for name, header := range map[string]http.Header{
		"a page of another port": with(browser, "Origin", "http://127.0.0.1:9999"),
		"no page":                {"Content-Type": browser["Content-Type"], "Cookie": browser["Cookie"]},
		"a cookie without token": with(browser, "Cookie", cookie.Name+"="),
		"a token that is wrong":  with(browser, "Authorization", "Bearer abc"),
	} {
		t.Run(name, func(t *testing.T) {
			document(t, g.send(http.MethodPost, "/codec/decode", g.encrypted(g.codec), header), problem.Unauthenticated)
		})
	}
}

func TestASignInNeedsAnOperatorsToken(t *testing.T) {
	g := newGateway(t, many())
	for name, test := range map[string]struct {
		token string
		code  problem.Code
	}{
		"none":       {"", problem.Unauthenticated},
		"wrong":      {"abc", problem.Unauthenticated},
		"a customer": {g.token("orders:read"), problem.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			page, cookie := g.signIn(test.token)
			document(t, page, test.code)
			assert.Nil(t, cookie)
		})
	}
	bare := g.send(http.MethodPost, "/codec/session", "", g.ops())
	document(t, bare, problem.Unauthenticated)
	assert.Empty(t, bare.Header().Get("Set-Cookie"), "only the form counts")
}
