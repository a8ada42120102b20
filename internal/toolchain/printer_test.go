package toolchain_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/toolchain"
)

func TestProgressIsPlainLinesNowAndThenWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	printer := toolchain.NewPrinter(&out, false)
	for second := range 30 {
		printer.Show(toolchain.Progress{
			Task: "temporal v1.5.1", Phase: toolchain.Compiling,
			Done: second * 10, Total: 300, Elapsed: time.Duration(second) * time.Second,
		})
	}
	printer.Show(toolchain.Progress{Task: "temporal v1.5.1", Phase: toolchain.Linking, Elapsed: 30 * time.Second})
	printer.Show(toolchain.Progress{Task: "temporal v1.5.1", Phase: toolchain.Finished, Elapsed: 31 * time.Second})
	printer.Show(toolchain.Progress{Task: "orderflow", Phase: toolchain.Compiling, Total: 20})

	assert.Equal(t, `building temporal v1.5.1: compiling packages 0/300
building temporal v1.5.1: compiling packages 100/300
building temporal v1.5.1: compiling packages 200/300
building temporal v1.5.1: linking
built temporal v1.5.1 in 31 s
building orderflow: compiling packages 0/20
`, out.String())
}

func TestProgressIsABarOnATerminal(t *testing.T) {
	var out bytes.Buffer
	printer := toolchain.NewPrinter(&out, true)
	printer.Show(toolchain.Progress{Task: "consul v1.13.9", Phase: toolchain.Downloading, Total: 10})
	assert.Contains(t, out.String(), "building consul v1.13.9: downloading modules")
	assert.Contains(t, out.String(), "0/10")
	printer.Interrupted()
}
