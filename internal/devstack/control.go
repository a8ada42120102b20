package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"orderflow/internal/atomicfile"
)

// A running system takes orders for itself over a Unix socket that only its
// user can open. The path of a socket may have little more than 100 bytes, so
// the socket of a deep data folder lies in the system's temporary folder. Where
// it is stands in a file of the data folder.
const (
	controlPathFile  = "control.path"
	controlSocket    = "control.sock"
	maxSocketPath    = 100
	controlURL       = "http://control"
	scaleTimeout     = 2 * time.Minute
	controlReadLimit = 64 << 10
)

// ErrNotRunning says that no system runs on the data folder.
var ErrNotRunning = errors.New("no system is running on this data folder (start it with make run)")

// control is the server side.
type control struct {
	server *http.Server
	done   chan error
	files  []string // to remove at the end
}

// scaled is the answer to a change of the number of workers.
type scaled struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// workerScaler is what control needs of a Stack.
type workerScaler interface {
	ScaleWorkers(ctx context.Context, count int) (before int, err error)
}

func listenForControl(dataDir string, workers workerScaler) (*control, error) {
	path, files, err := socketPath(dataDir)
	if err != nil {
		return nil, fmt.Errorf("choosing the control socket: %w", err)
	}
	// The data folder is locked: a socket that is there has nobody behind it.
	if err := removeIfThere(path); err != nil {
		return nil, fmt.Errorf("removing an old control socket: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening for control: %w", err)
	}
	record := filepath.Join(dataDir, controlPathFile)
	if err := errors.Join(os.Chmod(path, 0o600), atomicfile.Replace(record, []byte(path+"\n"), 0o600)); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for control: %w", err), listener.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /workers", func(w http.ResponseWriter, r *http.Request) { serveScale(w, r, workers) })
	c := &control{
		server: &http.Server{Handler: mux, ReadHeaderTimeout: time.Second},
		done:   make(chan error, 1),
		files:  append(files, record),
	}
	go func() { c.done <- c.server.Serve(listener) }()
	return c, nil
}

// socketPath returns where the socket goes, and what must be removed with it.
func socketPath(dataDir string) (path string, files []string, err error) {
	path = filepath.Join(dataDir, controlSocket)
	if len(path) <= maxSocketPath {
		return path, nil, nil
	}
	folder, err := os.MkdirTemp("", "orderflow-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(folder, controlSocket), []string{folder}, nil
}

// close ends the server and the calls in progress.
func (c *control) close() error {
	errs := []error{c.server.Close()}
	if err := <-c.done; !errors.Is(err, http.ErrServerClosed) {
		errs = append(errs, err)
	}
	for _, file := range c.files {
		errs = append(errs, removeIfThere(file))
	}
	return errors.Join(errs...)
}

func serveScale(w http.ResponseWriter, r *http.Request, workers workerScaler) {
	count, err := strconv.Atoi(r.URL.Query().Get("count"))
	if err != nil {
		http.Error(w, ErrWorkerCount.Error(), http.StatusBadRequest)
		return
	}
	before, err := workers.ScaleWorkers(r.Context(), count)
	switch {
	case errors.Is(err, ErrWorkerCount):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(scaled{Before: before, After: count}) // the caller may have gone
	}
}

// Scale asks the system that runs on the data folder for another number of
// workers, and returns how many there were. It fails with ErrNotRunning when
// there is none.
func Scale(ctx context.Context, dataDir string, count int) (before int, err error) {
	ctx, cancel := context.WithTimeout(ctx, scaleTimeout)
	defer cancel()
	path, err := os.ReadFile(filepath.Join(dataDir, controlPathFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrNotRunning
	}
	if err != nil {
		return 0, fmt.Errorf("finding the running system: %w", err)
	}
	socket := strings.TrimSpace(string(path))
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, controlURL+"/workers?count="+strconv.Itoa(count), nil)
	if err != nil {
		return 0, fmt.Errorf("asking for %d workers: %w", count, err)
	}
	response, err := client.Do(request)
	var dial *net.OpError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial":
		return 0, ErrNotRunning // it was killed, and has left the file
	case err != nil:
		return 0, fmt.Errorf("asking for %d workers: %w", count, err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, controlReadLimit))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return 0, fmt.Errorf("asking for %d workers: %w", count, err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, errors.New(strings.TrimSpace(string(body)))
	}
	var answer scaled
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, fmt.Errorf("asking for %d workers: %w", count, err)
	}
	return answer.Before, nil
}
