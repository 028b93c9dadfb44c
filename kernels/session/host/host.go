// Package host owns a session: it starts its process when the first program asks for it, knows how
// it ended, and ends it. The kernel's launcher is a host; outside of a kernel a program is its own.
package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"galdecon/galdecon/fit"
	"galdecon/internal/home"
	"galdecon/kernels/session/internal/wire"
)

// The environment variables by which the programs of a kernel find its host.
const (
	SocketEnv = "GALDECON_SESSION"
	TokenEnv  = "GALDECON_SESSION_TOKEN"
)

// What the host and the session's process agree upon: the names of files in the host's folder, and
// what the process says on standard output when it listens.
const (
	SessionSocket = "session"
	TrainingsFile = "trainings"
	Ready         = "ready"

	hostSocket = "host"
	logFile    = "log"
)

// SaveTime is how long a session that ends may take to save its trainings. One in the midst of a
// longer step has its last checkpoint.
const SaveTime = 5 * time.Second

// maxSocketPath is what every system takes; macOS has the shortest.
const maxSocketPath = 103

// Host is the owner of one session. It costs nothing until a program asks for the session.
type Host struct {
	home        home.Home
	repo, owner string
	dir         string
	address     wire.Address
	ctx         context.Context // ends with Close
	stop        context.CancelFunc
	served      chan struct{}

	mu      sync.Mutex
	process *process // the running one, or nil
	ended   error    // how the last one ended unexpectedly, until somebody was told
	closed  bool
}

// New returns a host whose sessions are built from the repository repo ([home.FindRepo]). owner
// says who it is to the users of other kernels. It is an error if no socket can be made for it.
// Close it after use.
func New(h home.Home, repo, owner string) (*Host, error) {
	dir, err := makeDir()
	if err != nil {
		return nil,
			fmt.Errorf("session: no folder for its socket: %w; set TMPDIR to a directory that "+
				"you can write to", err)
	}
	host := &Host{home: h, repo: repo, owner: owner, dir: dir, served: make(chan struct{}),
		address: wire.Address{Socket: filepath.Join(dir, hostSocket), Token: rand.Text()}}
	listener, err := wire.Listen(host.address.Socket)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("session: cannot listen: %w", err), os.RemoveAll(dir))
	}
	host.ctx, host.stop = context.WithCancel(context.Background())
	go func() {
		defer close(host.served)
		_ = wire.Serve(host.ctx, listener, host.address.Token, map[string]wire.Function{
			wire.Start: wire.Unary(func(context.Context, wire.Nothing) (wire.Address,
				error) {
				return host.start()
			}),
			wire.Ended: wire.Unary(func(context.Context, wire.Nothing) (wire.Failure, error) {
				return wire.NewFailure(host.exitCause()), nil
			}),
		})
	}()
	return host, nil
}

// makeDir makes a folder that nobody else can look into, with a path short enough for a socket.
func makeDir() (string, error) {
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dir, err := os.MkdirTemp(parent, "galdecon-")
		if err != nil {
			return "", err
		}
		if len(filepath.Join(dir, SessionSocket)) <= maxSocketPath {
			return dir, nil
		}
		if err := os.Remove(dir); err != nil {
			return "", err
		}
	}
	return "", errors.New("the paths of temporary files are too long for a socket")
}

// Address returns where the host listens.
func (h *Host) Address() wire.Address { return h.address }

// Env returns the variables that lead a program to this host, and say whose program it is.
func (h *Host) Env() []string {
	return []string{SocketEnv + "=" + h.address.Socket, TokenEnv + "=" + h.address.Token,
		fit.OwnerEnv + "=" + h.owner}
}

// start starts the session where there is none.
func (h *Host) start() (wire.Address, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at := wire.Address{Socket: filepath.Join(h.dir, SessionSocket), Token: h.address.Token}
	switch {
	case h.closed:
		return at, errors.New("session: the kernel is ending")
	case h.process != nil:
		return at, nil
	case h.ended != nil:
		return at, h.takeError()
	}
	p, err := h.launch()
	if err != nil {
		return at, err
	}
	h.process = p
	go func() {
		err := p.wait()
		h.mu.Lock()
		h.process = nil
		if err != nil {
			h.ended = h.exitError(err)
		}
		h.mu.Unlock()
		close(p.done)
	}()
	return at, nil
}

// noticeTime is how long the host waits for the end of a session that a program says it has lost.
const noticeTime = 2 * time.Second

// exitCause returns how the session ended, for a program that lost the connection, perhaps before
// the host has noticed. It does so once.
func (h *Host) exitCause() error {
	h.mu.Lock()
	p := h.process
	h.mu.Unlock()
	if p != nil {
		select {
		case <-p.done:
		case <-time.After(noticeTime):
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.takeError()
}

// takeError returns how the last session ended unexpectedly, once; h.mu is held.
func (h *Host) takeError() error {
	err := h.ended
	h.ended = nil
	return err
}

// Close ends the session, whose trainings are saved, and removes what it left.
func (h *Host) Close() error {
	h.stop() // also a start that is going on
	<-h.served
	h.mu.Lock()
	h.closed = true
	p := h.process
	h.mu.Unlock()
	err := os.RemoveAll(h.dir) // first, since this process may be killed while it waits
	if p != nil {
		p.end()
	}
	return err
}
