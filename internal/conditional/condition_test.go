package conditional_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
)

// outcome is what a condition makes of a request.
type outcome string

const (
	proceeds  outcome = "proceeds"
	unchanged outcome = "unchanged"
	fails     outcome = "fails"
)

func write(t assert.TestingT, condition conditional.Condition, version int64) outcome {
	err := condition.CheckWrite(version)
	if err == nil {
		return proceeds
	}
	assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
	return fails
}

func read(t assert.TestingT, condition conditional.Condition, version int64) outcome {
	same, err := condition.CheckRead(version)
	switch {
	case err != nil:
		assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
		assert.False(t, same)
		return fails
	case same:
		return unchanged
	default:
		return proceeds
	}
}

func header(name string, lines ...string) http.Header { return http.Header{name: lines} }

func TestAConditionDecidesOnWriteAndRead(t *testing.T) {
	tests := map[string]struct {
		header http.Header
		// create is a write of what does not exist; write and read meet
		// version 3.
		create, write, read outcome
	}{
		"none":                               {nil, proceeds, proceeds, proceeds},
		"match *":                            {header("If-Match", "*"), fails, proceeds, proceeds},
		"match * in white space":             {header("If-Match", " \t* "), fails, proceeds, proceeds},
		"match the version":                  {header("If-Match", `"3"`), fails, proceeds, proceeds},
		"match an earlier version":           {header("If-Match", `"2"`), fails, fails, fails},
		"match a later version":              {header("If-Match", `"4"`), fails, fails, fails},
		"match the version weakly":           {header("If-Match", `W/"3"`), fails, fails, fails},
		"match a list that has it":           {header("If-Match", `"1", "3" ,"7"`), fails, proceeds, proceeds},
		"match a list that lacks it":         {header("If-Match", `"1","2"`), fails, fails, fails},
		"match a list that has it weakly":    {header("If-Match", `"1", W/"3"`), fails, fails, fails},
		"match two lines":                    {header("If-Match", `"1"`, `"3"`), fails, proceeds, proceeds},
		"match with empty elements":          {header("If-Match", ` ,, "3",	,`), fails, proceeds, proceeds},
		"match a foreign tag":                {header("If-Match", `"xyzzy"`), fails, fails, fails},
		"match a tag with commas":            {header("If-Match", `"1,3,", "r2d2,c3po"`), fails, fails, fails},
		"match the empty tag":                {header("If-Match", `""`), fails, fails, fails},
		"match a tag above ASCII":            {header("If-Match", "\"3\xff\""), fails, fails, fails},
		"match version 0":                    {header("If-Match", `"0"`), fails, fails, fails},
		"match another number's form":        {header("If-Match", `"03", "+3", "3.0", "0x3", "３"`), fails, fails, fails},
		"match more than 64 bits":            {header("If-Match", `"18446744073709551619"`), fails, fails, fails},
		"match a negative version":           {header("If-Match", `"-3"`), fails, fails, fails},
		"none match *":                       {header("If-None-Match", "*"), proceeds, fails, unchanged},
		"none match the version":             {header("If-None-Match", `"3"`), proceeds, fails, unchanged},
		"none match the version weakly":      {header("If-None-Match", `W/"3"`), proceeds, fails, unchanged},
		"none match another version":         {header("If-None-Match", `"2"`), proceeds, proceeds, proceeds},
		"none match a list that has it":      {header("If-None-Match", `"x", W/"3"`), proceeds, fails, unchanged},
		"none match a list that lacks it":    {header("If-None-Match", `"1", "2"`), proceeds, proceeds, proceeds},
		"none match version 0":               {header("If-None-Match", `"0"`), proceeds, proceeds, proceeds},
		"times are not read":                 {header("If-Unmodified-Since", "Mon, 23 Nov 2026 10:00:00 GMT"), proceeds, proceeds, proceeds},
		"the parameter is nothing in fields": {header("ifMatch", `"2"`), proceeds, proceeds, proceeds},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			condition, err := conditional.FromHeader(test.header)
			require.NoError(t, err)
			assert.Equal(t, test.create, write(t, condition, 0), "create")
			assert.Equal(t, test.write, write(t, condition, 3), "write")
			assert.Equal(t, test.read, read(t, condition, 3), "read")
		})
	}
}

func TestAFieldOutsideTheGrammarIsMalformed(t *testing.T) {
	values := map[string][]string{
		"empty":                      {""},
		"white space":                {" \t"},
		"commas only":                {",, ,"},
		"no quotes":                  {"3"},
		"no closing quote":           {`"3`},
		"no opening quote":           {`3"`},
		"single quotes":              {"'3'"},
		"a small w":                  {`w/"3"`},
		"white space after W/":       {`W/ "3"`},
		"W without slash":            {`W"3"`},
		"white space in the tag":     {`"3 4"`},
		"a tab in the tag":           {"\"3\t4\""},
		"DEL in the tag":             {"\"3\x7f\""},
		"no comma between":           {`"3" "4"`},
		"nothing at all between":     {`"3""4"`},
		"a semicolon between":        {`"3";"4"`},
		"* and a tag":                {`*, "3"`},
		"a tag and *":                {`"3", *`},
		"* on a line of two":         {"*", `"3"`},
		"* twice":                    {"*", "*"},
		"* in quotes without a mate": {`"*`},
		"more tags than 100":         {strings.Repeat(`"3",`, 101)},
	}
	for name, lines := range values {
		for _, field := range []string{"If-Match", "If-None-Match"} {
			t.Run(field+" "+name, func(t *testing.T) {
				_, err := conditional.FromHeader(header(field, lines...))
				require.Equal(t, problem.Malformed, problem.CodeOf(err))
				assert.Contains(t, problem.From(err).Detail, field)
			})
		}
	}
}

func TestAHundredTagsAreRead(t *testing.T) {
	condition, err := conditional.FromHeader(header("If-Match", strings.Repeat(`"2",`, 99)+`"3"`))
	require.NoError(t, err)
	assert.NoError(t, condition.CheckWrite(3))
}

func TestBothFieldsAtOnceAreMalformed(t *testing.T) {
	_, err := conditional.FromHeader(http.Header{"If-Match": {`"3"`}, "If-None-Match": {"*"}})
	assert.Equal(t, problem.Malformed, problem.CodeOf(err))

	request := httptest.NewRequest(http.MethodPut, `/?ifNoneMatch=*`, nil)
	request.Header.Set("If-Match", `"3"`)
	_, err = conditional.FromRequest(request)
	assert.Equal(t, problem.Malformed, problem.CodeOf(err))
}

func TestAFieldAndItsParameterAreOneList(t *testing.T) {
	request := httptest.NewRequest(http.MethodPut, `/?ifMatch=%221%22`, nil)
	request.Header.Set("If-Match", `"2"`)
	condition, err := conditional.FromRequest(request)
	require.NoError(t, err)
	for version, want := range []outcome{fails, proceeds, proceeds, fails} {
		assert.Equal(t, want, write(t, condition, int64(version)), version)
	}
}

func TestConditionsOfACaller(t *testing.T) {
	assert.Equal(t, proceeds, write(t, conditional.IfVersion(3), 3))
	assert.Equal(t, fails, write(t, conditional.IfVersion(3), 4))
	assert.Equal(t, fails, write(t, conditional.IfVersion(3), 0))
	assert.Equal(t, fails, write(t, conditional.IfVersion(0), 0), "a row that was never read was never matched")
	assert.Equal(t, proceeds, write(t, conditional.IfAbsent(), 0))
	assert.Equal(t, fails, write(t, conditional.IfAbsent(), 1))
}

func TestTheTagIsTheVersionInQuotes(t *testing.T) {
	assert.Equal(t, `"1"`, conditional.ETag(1))
	assert.Equal(t, `"9223372036854775807"`, conditional.ETag(math.MaxInt64))
}

// tags draws the tags of a field; each with what it names, if anything.
func tags(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		opaque := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(0, 5).Draw(t, "version")) }),
			rapid.StringMatching(`[!#-~]{0,4}`),
		).Draw(t, "opaque")
		return rapid.SampledFrom([]string{"", "W/"}).Draw(t, "strength") + `"` + opaque + `"`
	}), 1, 6).Draw(t, "tags")
}

// Section 13.1 in one line each: If-Match compares strongly, If-None-Match
// weakly. What the query carries decides as the header does.
func TestAListMatchesByItsComparison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		listed := tags(t)
		separator := rapid.SampledFrom([]string{",", ", ", " ,\t", ",,"}).Draw(t, "separator")
		version := rapid.Int64Range(0, 6).Draw(t, "version")
		strongly := version > 0 && slices.Contains(listed, conditional.ETag(version))
		weakly := strongly || version > 0 && slices.Contains(listed, "W/"+conditional.ETag(version))
		for field, want := range map[string]bool{"If-Match": strongly, "If-None-Match": !weakly} {
			condition, err := conditional.FromHeader(header(field, strings.Join(listed, separator)))
			require.NoError(t, err)
			require.Equal(t, want, condition.CheckWrite(version) == nil, field)

			again, err := conditional.FromRequest(httptest.NewRequest(http.MethodPut, "/v1/rows/x"+condition.Query(), nil))
			require.NoError(t, err)
			require.Equal(t, condition, again)
		}
	})
}

func TestTheQueryOfEachConditionIsReadBack(t *testing.T) {
	assert.Empty(t, conditional.Condition{}.Query())
	for _, fields := range []http.Header{nil, header("If-Match", "*"), header("If-None-Match", "*"), header("If-Match", `"x"`)} {
		condition, err := conditional.FromHeader(fields)
		require.NoError(t, err)
		again, err := conditional.FromRequest(httptest.NewRequest(http.MethodPut, "/"+condition.Query(), nil))
		require.NoError(t, err)
		assert.Equal(t, condition, again)
	}
}

// Whatever is sent is read or refused, never worse.
func FuzzFromHeader(f *testing.F) {
	for _, seed := range []string{"*", `"3"`, `W/"3", "x,y"`, `"`, `W/`, ",", `"3" 4`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, field := range []string{"If-Match", "If-None-Match"} {
			condition, err := conditional.FromHeader(header(field, value))
			if err != nil {
				require.Equal(t, problem.Malformed, problem.CodeOf(err))
				continue
			}
			again, err := conditional.FromRequest(httptest.NewRequest(http.MethodPut, "/"+condition.Query(), nil))
			require.NoError(t, err)
			require.Equal(t, condition, again)
		}
	})
}
