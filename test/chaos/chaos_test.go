package chaos

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
	"orderflow/internal/filesystemtest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/internal/toolchain"
)

// TestThePromisesSurviveEveryFault is `make chaos`.
func TestThePromisesSurviveEveryFault(t *testing.T) {
	if os.Getenv("SEED") == "" {
		t.Skip("skipped: takes minutes, run it with make chaos")
	}
	for _, database := range databases() {
		t.Run(database, func(t *testing.T) {
			settings := settingsFor(t, database)
			settings.AtLeast = settings.Faults * 2 / 3
			requireKept(t, settings)
		})
	}
}

// shortSeed gives the short form the same orders and faults each time.
const shortSeed = 1

// TestThePromisesSurviveSomeFaults is `make chaos-short`: 500 orders and at least
// 20 faults on each database, about a minute each. It is not among the other
// tests, because orders must be placed at a pace that the machine bears.
func TestThePromisesSurviveSomeFaults(t *testing.T) {
	if os.Getenv("SHORT") == "" {
		t.Skip("skipped: needs the machine for itself, run it with make chaos-short")
	}
	for _, database := range []string{SQLite, Postgres} {
		t.Run(database, func(t *testing.T) {
			settings := Brief(shortSeed, database)
			// A folder of its own, so that it aims as if it were the first run.
			settings.Folder = filepath.Join(chaosFolder(t), "short", database)
			require.NoError(t, os.RemoveAll(settings.Folder))
			require.NoError(t, os.MkdirAll(settings.Folder, 0o700))
			requireKept(t, settings)
		})
	}
}

// requireKept does a run, in which enough faults must happen and every promise
// must be kept.
func requireKept(t *testing.T, settings Settings) {
	t.Helper()
	report, tools := play(t, settings)
	t.Logf("\n%s\n%s", report, report.Coverage.Table(settings.Database, tools))
	require.Zero(t, len(report.Breaches), "promises are broken, see above")
	require.GreaterOrEqual(t, report.Happened, settings.AtLeast, "too few faults have happened to prove anything")
	require.Positive(t, report.Verdicts, "no verdict was reached during the faults")
	require.Positive(t, report.Shipped)
	require.Positive(t, report.Undone)
}

// chaosFolder is where runs leave what they have in common, and failed ones
// everything.
func chaosFolder(t *testing.T) string {
	t.Helper()
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	return filepath.Join(root, ".chaos")
}

// databases are those that DB names, or both.
func databases() []string {
	if database := os.Getenv("DB"); database != "" {
		return []string{database}
	}
	return []string{SQLite, Postgres}
}

// settingsFor reads the settings of `make chaos`.
func settingsFor(t *testing.T, database string) Settings {
	t.Helper()
	var err error
	settings := Brief(number(t, "SEED", 1), database)
	settings.AtLeast = 0
	settings.Orders = int(number(t, "ORDERS", uint64(settings.Orders)))
	settings.Faults = int(number(t, "FAULTS", uint64(settings.Faults)))
	if minutes := os.Getenv("MINUTES"); minutes != "" {
		parsed, err := strconv.ParseFloat(minutes, 64)
		require.NoError(t, err, "MINUTES")
		settings.Lasts = time.Duration(parsed * float64(time.Minute))
	} else if os.Getenv("ORDERS") != "" {
		// About eight orders a second, which two busy processors bear.
		settings.Lasts = max(time.Minute, time.Duration(settings.Orders)*time.Second/8)
	}
	if rest := os.Getenv("REST"); rest != "" {
		settings.Rest, err = time.ParseDuration(rest)
		require.NoError(t, err, "REST")
	}
	settings.Folder, settings.AimBy = cmp.Or(os.Getenv("FOLDER"), chaosFolder(t)), os.Getenv("AIM_BY")
	require.NoError(t, os.MkdirAll(settings.Folder, 0o700))
	return settings
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	parsed, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, name)
	return parsed
}

// play does a run in a folder of its own, which stays when promises are broken.
func play(t *testing.T, settings Settings) (Report, Tools) {
	t.Helper()
	root, err := toolchain.ProjectRoot(".")
	require.NoError(t, err)
	folder := filepath.Join(settings.Folder, strings.ReplaceAll(fmt.Sprintf("%s-%d-%s", settings.Database, settings.Seed, settings.Defect), " ", "-"))
	require.NoError(t, os.RemoveAll(folder))
	programs := filepath.Join(folder, "programs")
	require.NoError(t, os.MkdirAll(programs, 0o700))
	require.NoError(t, CopyPrograms(t.Context(), root, programs))
	if defect, found := DefectOf(settings.Defect); found {
		require.NoError(t, defect.Build(t.Context(), root, programs))
	}

	ground := Ground{Folder: folder, Programs: programs, DSNs: map[string]string{}, Out: t.Output()}
	tools := toolsFor(t, settings, ground)
	report, err := Run(t.Context(), settings, ground, tools)
	require.NoError(t, err, "no verdict; what is left is in %s", folder)
	if report.Kept == "" {
		require.NoError(t, os.RemoveAll(folder))
	} else {
		require.NoError(t, os.RemoveAll(programs))
	}
	return report, tools
}

// toolsFor finds what the machine has, and names what it lacks.
func toolsFor(t *testing.T, settings Settings, ground Ground) Tools {
	t.Helper()
	var tools Tools
	if settings.Database == Postgres {
		for _, service := range devstack.Services() {
			ground.DSNs[service] = sqlstoretest.Postgres(t)
		}
		tools.NoDisk = "the disk is the server's"
		if tools.RestartDatabase = sqlstoretest.RestartPostgres(t); tools.RestartDatabase == nil {
			tools.NoRestart = "needs a PostgreSQL server of its own"
		}
		return tools
	}
	folder, err := filesystemtest.TrySmall(t, smallDiskSize)
	if err != nil {
		tools.NoDisk = err.Error()
		return tools
	}
	tools.Disk = NewDisk(folder)
	for _, service := range devstack.Services() {
		ground.DSNs[service] = databaseFile(folder, service)
	}
	return tools
}
