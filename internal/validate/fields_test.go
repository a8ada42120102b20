package validate_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/problem"
	"orderflow/internal/validate"
)

// violations are the pointers and details that the checks recorded.
func violations(t require.TestingT, check func(*validate.Fields)) []problem.FieldError {
	fields := validate.New()
	check(fields)
	err := fields.Err()
	if err == nil {
		return nil
	}
	var refusal *problem.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, problem.Invalid, refusal.Code)
	return refusal.Fields
}

func TestFieldsAcceptsABodyWithoutViolations(t *testing.T) {
	assert.NoError(t, validate.New().Err())
}

func TestFieldsNamesEveryViolationInOrder(t *testing.T) {
	found := violations(t, func(f *validate.Fields) {
		f.ID("/id", "../secret")
		f.ID("/id", "")
		f.Text("/name", "", 1, 200)
		f.Integer("/quantity", 0, 1, 100)
		f.Count("/items", 101, 1, 100)
		f.PathID("/productId", "a", "b")
		f.Require(false, "/currency", "must be one of %d", 3)
	})
	assert.Equal(t, []problem.FieldError{
		{Pointer: "/id", Detail: "must match ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
		{Pointer: "/id", Detail: "is required"},
		{Pointer: "/name", Detail: "is required"},
		{Pointer: "/quantity", Detail: "must be from 1 to 100"},
		{Pointer: "/items", Detail: "must have 1 to 100 entries"},
		{Pointer: "/productId", Detail: "must be the ID in the path"},
		{Pointer: "/currency", Detail: "must be one of 3"},
	}, found)
}

func TestIsID(t *testing.T) {
	for text, want := range map[string]bool{
		"nw-1":                  true,
		"7":                     true,
		"A.b_c-9":               true,
		strings.Repeat("a", 64): true,
		strings.Repeat("a", 65): false,
		"":                      false,
		"-a":                    false,
		".a":                    false,
		"a b":                   false,
		"a/b":                   false,
		"..%2f":                 false,
		"a\n":                   false,
		"é":                     false,
	} {
		assert.Equal(t, want, validate.IsID(text), "%q", text)
	}
}

func TestTextRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		value  string
		detail string
	}{
		"nothing":           {"", "is required"},
		"only white space":  {" \u00a0 ", "must not be blank"},
		"201 characters":    {strings.Repeat("é", 201), "must have 1 to 200 characters"},
		"10 kB":             {strings.Repeat("x", 10<<10), "must have 1 to 200 characters"},
		"NUL":               {"a\x00b", "must not contain control characters"},
		"line breaks":       {"a\r\nb", "must not contain control characters"},
		"tab":               {"a\tb", "must not contain control characters"},
		"escape":            {"a\x1b[31mb", "must not contain control characters"},
		"a C1 control":      {"a\u0085b", "must not contain control characters"},
		"invalid UTF-8":     {"a\xff", "must be valid UTF-8"},
		"encoded surrogate": {"a\xed\xa0\x80", "must be valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			found := violations(t, func(f *validate.Fields) { f.Text("/name", test.value, 1, 200) })
			assert.Equal(t, []problem.FieldError{{Pointer: "/name", Detail: test.detail}}, found)
		})
	}
}

func TestTextAccepts(t *testing.T) {
	for name, value := range map[string]string{
		"200 characters of two bytes": strings.Repeat("é", 200),
		"direction controls":          "abc\u202edef\u2066",
		"markup":                      "<script>alert(1)</script>",
		"SQL":                         "'; DROP TABLE product; --",
		"emoji":                       "👩‍👩‍👧",
	} {
		t.Run(name, func(t *testing.T) {
			assert.Empty(t, violations(t, func(f *validate.Fields) { f.Text("/name", value, 1, 200) }))
		})
	}
}

func TestOptionalTextMayBeEmptyOrBlank(t *testing.T) {
	for _, value := range []string{"", " "} {
		assert.Empty(t, violations(t, func(f *validate.Fields) { f.Text("/line2", value, 0, 200) }))
	}
}

// What Text accepts can be stored, logged on one line and sent as JSON.
func TestAcceptedTextIsOneLineOfUTF8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		).Draw(t, "value")
		if violations(t, func(f *validate.Fields) { f.Text("/x", value, 1, 20) }) != nil {
			return
		}
		require.True(t, utf8.ValidString(value))
		require.LessOrEqual(t, utf8.RuneCountInString(value), 20)
		require.NotContains(t, value, "\n")
		require.Equal(t, -1, strings.IndexFunc(value, unicode.IsControl))
	})
}

func TestIntegerIncludesItsBounds(t *testing.T) {
	for value, ok := range map[int64]bool{0: false, 1: true, 5: true, 6: false} {
		found := violations(t, func(f *validate.Fields) { f.Integer("/n", value, 1, 5) })
		assert.Equal(t, ok, len(found) == 0, "%d", value)
	}
}
