package dataset_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/starter/internal/dataset"
)

func readAll(t *testing.T, content string) []dataset.Line {
	t.Helper()
	var lines []dataset.Line
	reader := dataset.NewReader(strings.NewReader(content))
	for {
		line, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		require.NoError(t, err)
		lines = append(lines, line)
	}
}

func TestOddButHarmlessFilesAreRead(t *testing.T) {
	const a, b = `{"customerId":"a"}`, `{"customerId":"b"}`
	tests := []struct {
		name, content string
		numbers       []int
	}{
		{"empty file", "", nil},
		{"only blank lines", "\n \r\n\t\n", nil},
		{"plain", a + "\n" + b + "\n", []int{1, 2}},
		{"last line without an end", a + "\n" + b, []int{1, 2}},
		{"CR LF", a + "\r\n" + b + "\r\n", []int{1, 2}},
		{"byte order mark", "\ufeff" + a + "\n" + b, []int{1, 2}},
		{"byte order mark alone", "\ufeff", nil},
		{"blank lines keep the count", "\n" + a + "\n\n\n" + b, []int{2, 5}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var numbers []int
			for _, line := range readAll(t, test.content) {
				require.NoError(t, line.Err)
				numbers = append(numbers, line.Number)
			}
			assert.Equal(t, test.numbers, numbers)

			count, err := dataset.Count(strings.NewReader(test.content))
			require.NoError(t, err)
			assert.Equal(t, len(test.numbers), count)
		})
	}
}

func TestALineOfOneMebibyteIsReadAndALongerOneSkipped(t *testing.T) {
	line := func(size int) string {
		const frame = `{"customerId":"a","name":""}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	lines := readAll(t, line(dataset.MaxLine)+"\r\n"+line(dataset.MaxLine+1)+"\n"+line(100)+"\n"+line(3*dataset.MaxLine))
	require.Len(t, lines, 4)
	assert.NoError(t, lines[0].Err)
	assert.ErrorContains(t, lines[1].Err, "longer than 1048576 bytes")
	assert.NoError(t, lines[2].Err, "reading goes on behind a line that is too long")
	assert.Equal(t, 3, lines[2].Number)
	assert.Error(t, lines[3].Err)
}

func TestAMalformedLineDoesNotEndTheFile(t *testing.T) {
	lines := readAll(t, "{}\n{\"customerId\":\"a\"}\noops\n")
	require.Len(t, lines, 3)
	assert.Error(t, lines[0].Err)
	assert.Equal(t, "customer a", lines[1].Record.Label())
	assert.Error(t, lines[2].Err)
	assert.Equal(t, 3, lines[2].Number)
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	broken := errors.New("disk gone")
	file := io.MultiReader(strings.NewReader("{\"customerId\":\"a\"}\n"), iotest.ErrReader(broken))
	reader := dataset.NewReader(file)
	_, err := reader.Next()
	require.NoError(t, err)
	_, err = reader.Next()
	require.ErrorIs(t, err, broken)
}
