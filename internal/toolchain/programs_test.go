package toolchain_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/toolchain"
)

func TestProgramsAreBuiltAgainOnlyWhenTheirSourcesChange(t *testing.T) {
	root := t.TempDir()
	shared := filepath.Join(root, "greeting", "greeting.go")
	write(t, filepath.Join(root, "go.mod"), "module orderflow\n\ngo 1.26\n")
	write(t, shared, "package greeting\n\nconst Word = \"hello\"\n")
	for _, name := range []string{"payment", "order"} {
		write(t, filepath.Join(root, "services", name, "server", "main.go"),
			"package main\n\nimport \"orderflow/greeting\"\n\nfunc main() { println(greeting.Word, \""+name+"\") }\n")
	}
	programs := []toolchain.Program{
		{Name: "payment", Package: "./services/payment/server"},
		{Name: "order", Package: "./services/order/server"},
	}
	build := func() (string, []toolchain.Phase) {
		var seen progress
		folder, err := toolchain.BuildPrograms(t.Context(), root, programs, seen.report)
		require.NoError(t, err)
		return folder, seen.phases()
	}

	folder, phases := build()
	assert.Equal(t, "hello payment\n", runProgram(t, filepath.Join(folder, "payment")))
	assert.Equal(t, "hello order\n", runProgram(t, filepath.Join(folder, "order")))
	assert.Contains(t, phases, toolchain.Finished)

	_, phases = build()
	assert.Empty(t, phases, "nothing has changed")

	write(t, filepath.Join(root, "greeting", "greeting_test.go"), "package greeting\n")
	_, phases = build()
	assert.Empty(t, phases, "a test is no part of a program")

	write(t, shared, "package greeting\n\nconst Word = \"good evening\"\n")
	folder, _ = build()
	assert.Equal(t, "good evening order\n", runProgram(t, filepath.Join(folder, "order")))
}

func TestProgramThatDoesNotCompileSaysWhy(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module orderflow\n\ngo 1.26\n")
	write(t, filepath.Join(root, "gateway", "main.go"), "package main\n\nfunc main() { undefined() }\n")
	programs := []toolchain.Program{{Name: "gateway", Package: "./gateway"}}
	for range 2 { // a failed build is not remembered as one that was done
		_, err := toolchain.BuildPrograms(t.Context(), root, programs, nil)
		require.ErrorContains(t, err, "undefined: undefined")
	}
}
