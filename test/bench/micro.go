package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// micro is a benchmark that stands beside the code that it measures.
type micro struct {
	what, pkg, name string
	// once is set where the benchmark compares in turn by itself, on a volume
	// that takes long to make.
	once bool
}

// micros are the parts of an order's way.
func micros() []micro {
	return []micro{
		{what: "fence", pkg: "./internal/fence", name: "BenchmarkFencedWrite"},
		{what: "rpc path", pkg: "./internal/rpc", name: "BenchmarkGuardAndResolve"},
		{what: "rpc path", pkg: "./internal/rpc", name: "BenchmarkCallOverLoopback"},
		{what: "rpc path", pkg: "./internal/servicetoken", name: "BenchmarkSignAndVerify"},
		{what: "event append", pkg: "./services/order/internal/eventstore", name: "BenchmarkAppend"},
		{what: "projection", pkg: "./services/order/internal/readmodel", name: "BenchmarkProjection"},
		{what: "page query", pkg: "./services/order/internal/readmodel", name: "BenchmarkPage", once: true},
		{what: "gateway read", pkg: "./gateway/internal/api", name: "BenchmarkOrderRead"},
	}
}

// measureMicro runs the micro benchmarks and returns what benchstat makes of
// them.
func measureMicro(ctx context.Context, settings Settings, ground Ground) (string, error) {
	chosen := micros()
	if settings.MicroFirst {
		chosen = chosen[:1]
	}
	var results bytes.Buffer
	for _, each := range chosen {
		fmt.Fprintf(ground.Out, "%s  micro: %s, %s\n", time.Now().Format(time.TimeOnly), each.what, each.name)
		count := settings.MicroCount
		if each.once {
			count = 1
		}
		output, err := goCommand(ctx, ground.Root, "test", "-run", "^$", "-bench", "^"+each.name+"$", "-benchmem",
			"-benchtime", settings.MicroTime, "-count", strconv.Itoa(count), each.pkg)
		if err != nil {
			return "", fmt.Errorf("measuring %s: %w", each.name, err)
		}
		if !bytes.Contains(output, []byte(each.name)) {
			return "", fmt.Errorf("measuring %s: %s has no such benchmark", each.name, each.pkg)
		}
		results.Write(output)
	}
	raw := filepath.Join(ground.Folder, "micro.txt")
	if err := os.WriteFile(raw, results.Bytes(), 0o600); err != nil {
		return "", fmt.Errorf("keeping the micro benchmarks: %w", err)
	}
	table, err := goCommand(ctx, ground.Root, "tool", "-modfile=tools/benchstat/go.mod", "benchstat", "median="+raw)
	if err != nil {
		return "", fmt.Errorf("summing up the micro benchmarks: %w", err)
	}
	return trimLines(string(table)), nil
}

func goCommand(ctx context.Context, root string, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = root
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(strings.TrimSpace(complaint.String()+string(output))))
	}
	return output, nil
}

func trimLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
