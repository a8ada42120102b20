package sqlstoretest

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

//go:embed cluster.sh
var clusterScript string

// cluster is a running PostgreSQL.
type cluster struct {
	dsn string
	// programs is the folder of PostgreSQL's programs, data that of its data.
	programs, data string
	// lifeline keeps it running: when the test binary ends, however it ends,
	// the kernel closes it and the script cleans up. It is held here because
	// a pipe that nothing refers to is closed when its memory is collected.
	lifeline io.Closer
}

// throwawayCluster starts the test binary's own cluster at the first call.
var throwawayCluster = sync.OnceValues(startCluster)

func startCluster() (cluster, error) {
	programs, err := findPrograms()
	if err != nil {
		return cluster{}, err
	}
	// No context ends it: it lives as long as the process.
	script := exec.CommandContext(context.Background(), "sh", "-c", clusterScript, "cluster.sh", programs)
	// The user that runs PostgreSQL may not read the test's folder.
	script.Dir = "/"
	if script.SysProcAttr, err = unprivileged(); err != nil {
		return cluster{}, err
	}
	held, err := script.StdinPipe()
	if err != nil {
		return cluster{}, fmt.Errorf("starting a cluster: %w", err)
	}
	said, err := script.StdoutPipe()
	if err != nil {
		return cluster{}, fmt.Errorf("starting a cluster: %w", err)
	}
	script.Stderr = script.Stdout
	if err := script.Start(); err != nil {
		return cluster{}, fmt.Errorf("starting a cluster: %w", err)
	}
	var output []string
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if folder, ready := strings.CutPrefix(lines.Text(), "ready "); ready {
			return cluster{dsn: dsnOf(folder), programs: programs, data: filepath.Join(folder, "data"), lifeline: held}, nil
		}
		output = append(output, lines.Text())
	}
	_ = held.Close()
	return cluster{}, fmt.Errorf("the cluster did not start: %w: %s", script.Wait(), strings.Join(output, "; "))
}

// restart ends the server at once, as a crash of its machine would, and waits
// until it has recovered and answers again.
func (c cluster) restart(ctx context.Context) error {
	restart := exec.CommandContext(ctx, filepath.Join(c.programs, "pg_ctl"),
		"restart", "-D", c.data, "-m", "immediate", "-w", "-l", filepath.Join(filepath.Dir(c.data), "log"))
	restart.Dir = "/"
	var err error
	if restart.SysProcAttr, err = unprivileged(); err != nil {
		return err
	}
	// Without pipes: the server would inherit them and keep them open.
	if err := restart.Run(); err != nil {
		return fmt.Errorf("restarting the cluster: %w", err)
	}
	return nil
}

func dsnOf(socketFolder string) string {
	dsn := url.URL{
		Scheme:   "postgres",
		Path:     "/postgres",
		RawQuery: url.Values{"host": {socketFolder}, "user": {"postgres"}}.Encode(),
	}
	return dsn.String()
}

// findPrograms returns the folder with PostgreSQL's server programs. Debian
// keeps them out of the PATH, one folder a version; the newest wins.
func findPrograms() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if resolved, err := filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(resolved), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("no server programs are installed and %s is not set", serverVariable)
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return majorVersion(a) - majorVersion(b) })
	return filepath.Dir(newest), nil
}

func majorVersion(initdb string) int {
	version, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return version
}

// unprivileged makes the script run apart from the terminal's Ctrl-C, and not
// as root, which PostgreSQL refuses.
func unprivileged() (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(account.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("reading the account %s: %w", name, err)
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attributes, nil
	}
	return nil, errors.New("it refuses to run as root, and there is neither an account postgres nor nobody")
}
