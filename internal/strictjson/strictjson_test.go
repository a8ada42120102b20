package strictjson_test

import (
	stdjson "encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/problem"
	"orderflow/internal/strictjson"
)

type line struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

type body struct {
	Name     string     `json:"name"`
	Small    int8       `json:"small"`
	Count    uint32     `json:"count"`
	Share    float64    `json:"share"`
	Urgent   bool       `json:"urgent"`
	At       time.Time  `json:"at"`
	Optional *line      `json:"optional"`
	Items    []line     `json:"items"`
	Free     any        `json:"free"`
	Sizes    [2]int     `json:"sizes"`
	Wanted   *time.Time `json:"wanted"`
}

func TestWellFormedBodiesAreDecoded(t *testing.T) {
	var got body
	require.NoError(t, strictjson.Unmarshal([]byte(` {
		"name": "kettle \u00e9 \ud83d\ude00", "small": -128, "count": 4294967295, "share": 0.5, "urgent": true,
		"at": "2026-11-23T10:00:00Z", "optional": null,
		"items": [{"productId": "prod-kettle", "quantity": 9223372036854775807}]
	} `), &got))
	assert.Equal(t, "kettle é 😀", got.Name)
	assert.Equal(t, int8(-128), got.Small)
	assert.Nil(t, got.Optional)
	assert.Equal(t, []line{{ProductID: "prod-kettle", Quantity: 1<<63 - 1}}, got.Items)
	assert.Equal(t, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), got.At)
}

func TestUnreadableBodiesAreMalformed(t *testing.T) {
	tests := map[string]string{
		"empty":                              ``,
		"white space":                        " \n",
		"null":                               ` null `,
		"truncated":                          `{"name": "a`,
		"truncated after a wrong type":       `{"name": 7, "small"`,
		"array instead of object":            `[]`,
		"number instead of object":           `7`,
		"string instead of object":           `"a"`,
		"trailing value":                     `{"name": "a"} {}`,
		"trailing text":                      `{"name": "a"} x`,
		"trailing value after a wrong type":  `{"name": 7} {}`,
		"trailing comma":                     `{"name": "a",}`,
		"single quotes":                      `{'name': 'a'}`,
		"comment":                            `{"name": "a" /* b */}`,
		"not a number":                       `{"share": NaN}`,
		"leading zero":                       `{"small": 01}`,
		"byte order mark":                    "\ufeff{}",
		"duplicate member":                   `{"name": "a", "name": "a"}`,
		"duplicate member by escape":         `{"name": "a", "n\u0061me": "b"}`,
		"duplicate member in a free value":   `{"free": {"a": 1, "a": 2}}`,
		"unknown member":                     `{"price": 1}`,
		"member in another case":             `{"Name": "a"}`,
		"unknown member of an item":          `{"items": [{"unitPrice": 1}]}`,
		"invalid UTF-8":                      "{\"name\": \"\xff\"}",
		"overlong UTF-8":                     "{\"name\": \"\xc0\x80\"}",
		"lone surrogate":                     `{"name": "\ud83d"}`,
		"lone low surrogate":                 `{"name": "\ude00"}`,
		"raw control character":              "{\"name\": \"a\nb\"}",
		"10,000 deep array":                  `{"free": ` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
		"10,000 open objects":                strings.Repeat(`{"free":`, 10000),
		"one level too deep":                 `{"free": ` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		"duplicate member after wrong type":  `{"name": 7, "small": 1, "small": 1}`,
		"two values without a space between": `{}{}`,
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			var got body
			err := strictjson.Unmarshal([]byte(text), &got)
			require.Equal(t, problem.Malformed, problem.CodeOf(err), "%v", err)
			assertSaysNoGoType(t, err)
		})
	}
}

func TestUnacceptableValuesAreInvalidAndNamed(t *testing.T) {
	tests := map[string]struct{ text, pointer string }{
		"fraction":                 {`{"items": [{"quantity": 1.5}]}`, "/items/0/quantity"},
		"fraction that is whole":   {`{"items": [{"quantity": 1.0}]}`, "/items/0/quantity"},
		"exponent":                 {`{"items": [{"quantity": 1e2}]}`, "/items/0/quantity"},
		"text":                     {`{"items": [{"quantity": 1}, {"quantity": "2"}]}`, "/items/1/quantity"},
		"2^63":                     {`{"items": [{"quantity": 9223372036854775808}]}`, "/items/0/quantity"},
		"-2^63-1":                  {`{"items": [{"quantity": -9223372036854775809}]}`, "/items/0/quantity"},
		"1e308":                    {`{"items": [{"quantity": 1e308}]}`, "/items/0/quantity"},
		"above eight bits":         {`{"small": 128}`, "/small"},
		"negative unsigned":        {`{"count": -1}`, "/count"},
		"float beyond range":       {`{"share": 1e999}`, "/share"},
		"number for text":          {`{"name": 7}`, "/name"},
		"object for text":          {`{"name": {}}`, "/name"},
		"text for truth":           {`{"urgent": "true"}`, "/urgent"},
		"no time":                  {`{"at": "yesterday"}`, "/at"},
		"no time behind a pointer": {`{"wanted": 7}`, "/wanted"},
		"object for list":          {`{"items": {}}`, "/items"},
		"text for object":          {`{"optional": "x"}`, "/optional"},
		"too few":                  {`{"sizes": [1]}`, "/sizes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got body
			err := strictjson.Unmarshal([]byte(test.text), &got)

			var failure *problem.Error
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, problem.Invalid, failure.Code)
			require.Len(t, failure.Fields, 1)
			assert.Equal(t, test.pointer, failure.Fields[0].Pointer)
			assertSaysNoGoType(t, err)
		})
	}
}

func assertSaysNoGoType(t *testing.T, err error) {
	t.Helper()
	text, marshalErr := stdjson.Marshal(problem.From(err).Document())
	require.NoError(t, marshalErr)
	for _, internal := range []string{"strictjson", "Go ", "int64", "struct", "jsontext"} {
		assert.NotContains(t, string(text), internal)
	}
}

func TestDepthUpToTheLimitIsAccepted(t *testing.T) {
	var got body
	deepest := `{"free": ` + strings.Repeat("[", strictjson.MaxDepth-1) + strings.Repeat("]", strictjson.MaxDepth-1) + `}`
	assert.NoError(t, strictjson.Unmarshal([]byte(deepest), &got))
	brackets := `{"name": "` + strings.Repeat(`[{\"`, 100) + `"}`
	assert.NoError(t, strictjson.Unmarshal([]byte(brackets), &got), "brackets in text are no nesting")
}

func TestAnErrorOfTheReaderIsPassedOn(t *testing.T) {
	broken := errors.New("connection reset")
	var got body
	err := strictjson.Decode(iotest.ErrReader(broken), &got)
	require.ErrorIs(t, err, broken)
	assert.Equal(t, problem.Internal, problem.CodeOf(err), "it is no problem of the body")

	require.NoError(t, strictjson.Decode(strings.NewReader(`{"name":"a"}`), &got))
	assert.Equal(t, "a", got.Name)
}

func TestWhatWasEncodedIsDecoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sent := body{
			Name:  rapid.String().Draw(t, "name"),
			Small: rapid.Int8().Draw(t, "small"),
			Count: rapid.Uint32().Draw(t, "count"),
			Items: []line{{ProductID: rapid.String().Draw(t, "product"), Quantity: rapid.Int64().Draw(t, "quantity")}},
		}
		text, err := stdjson.Marshal(sent)
		require.NoError(t, err)
		var got body
		require.NoError(t, strictjson.Unmarshal(text, &got))
		assert.Equal(t, sent, got)
	})
}

func TestPointerEscapesItsParts(t *testing.T) {
	assert.Equal(t, "", strictjson.Pointer())
	assert.Equal(t, "/items/0/quantity", strictjson.Pointer("items", "0", "quantity"))
	assert.Equal(t, "/a~1b/~0c", strictjson.Pointer("a/b", "~c"))
}

func FuzzUnmarshalAcceptsOnlyWhatEveryReaderReadsAlike(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"a","items":[{"quantity":1}]}`, `{"name":"a","name":"b"}`, `[`, "\xff", `{"free":[[[]]]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var strict, lenient body
		err := strictjson.Unmarshal(text, &strict)
		if err != nil {
			code := problem.CodeOf(err)
			assert.Contains(t, []problem.Code{problem.Malformed, problem.Invalid}, code)
			return
		}
		require.NoError(t, stdjson.Unmarshal(text, &lenient))
		assert.Equal(t, lenient.Name, strict.Name)
		assert.Equal(t, lenient.Items, strict.Items)
		assert.Equal(t, lenient.Free, strict.Free)
	})
}
