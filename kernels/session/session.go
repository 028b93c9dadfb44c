// Package session lets the cells of a notebook share what is dear to make. In GoNB every cell is a
// program of its own: whatever one has loaded and compiled ends with it. A session is a process
// behind the kernel that keeps the device, the models with what was compiled for them, and
// trainings that go on in the background; a cell's program attaches to it.
//
//	session, err := session.Open()
//	model, err := session.Load("checkpoints/tiny")           // read once
//	posteriors, err := model.Sample(ctx, observations, 8, 1) // compiled once
//	report, err := session.Evaluate(galaxies, posteriors)    // how good they are
//
//	training, err := session.Train(config, galaxies, "checkpoints/tiny") // in the background
//	training, err := session.Training("checkpoints/tiny")                // in a later cell
//	err = watch.Training(ctx, training, observations, 1)                 // its loss and candidates, live
//
// Each kernel has a session of its own, which starts with the first [Open] and ends with the
// kernel; trainings are saved then, but for one in the midst of a step that takes longer than 5 s,
// which has its last checkpoint. Outside of a kernel, Open starts one for the program.
//
// The two talk by DRPC, with messages in encoding/gob, over a Unix socket that only the user can
// open and a token that only the kernel's cells know. DRPC has the streams and the cancellation of
// gRPC and Connect, against which it was weighed, but costs nothing in a cell, which is linked anew
// each time it is run: either of those takes 0.3 s more.
//
// # What stays in the cell
//
// The session runs galdecon's own models. A cell with graph functions of its own, such as another
// loss or network, computes in the cell's process, with the packages [galdecon/galdecon],
// [galdecon/galdecon/fit] and the others. Both work on the same checkpoint folders: what
// galdecon.Train trains in a cell, [Session.Load] loads, and galdecon.Load loads in a cell what the
// session trains. What a cell trains by fit.Run with a loss of its own has weights but no
// config.json, which says of what model they are: Load, here and in galdecon, refuses it. Read it
// in a cell by fit.Load. While one trains in a folder, another training there is refused, and told
// whose the first is.
//
// # Quick cells
//
// This package is free of XLA. A cell that imports it, but not galdecon itself, takes half a second
// less to link. That holds for the notebook's declarations, too, since every cell is compiled with
// those of the cells before.
package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/internal/home"
	"galdecon/kernels/session/host"
	"galdecon/kernels/session/internal/wire"
)

// ErrEnded says that the session has ended unexpectedly: it was killed, or a bug in it showed. The
// message says what is known. It is told once, to all calls of the attachment that asks first; the
// next [Open] starts a new session, without the models of the old one and with its trainings at
// their last checkpoints.
var ErrEnded = wire.ErrEnded

// Session is the attachment to a session. Its methods may be called concurrently.
type Session struct {
	host    wire.Address
	address wire.Address
	own     *host.Host // nil in a kernel

	mu    sync.Mutex
	ended error // how it ended unexpectedly, once a call has been told
}

// Open attaches to the kernel's session, and starts it where there is none, which takes a second or
// two. In a program that no kernel runs it starts a session for this program, which ends with Close
// or with the program. It is an error, once, if the last session ended unexpectedly, see
// [ErrEnded].
func Open() (*Session, error) {
	s := &Session{host: wire.Address{Socket: os.Getenv(host.SocketEnv),
		Token: os.Getenv(host.TokenEnv)}}
	if s.host.Socket == "" {
		var err error
		if s.own, err = newHost(); err != nil {
			return nil, err
		}
		s.host = s.own.Address()
	}
	var err error
	if s.address, err = wire.Call[wire.Address](context.Background(), s.host, wire.Start,
		wire.Nothing{}); err != nil {
		if errors.Is(err, wire.ErrLost) {
			err = fmt.Errorf("session: the kernel can't be reached, restart it: %w", err)
		}
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// newHost makes this program the owner of a session.
func newHost() (*host.Host, error) {
	h, err := home.Open()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	repo, err := home.FindRepo()
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return host.New(h, repo,
		fmt.Sprintf("the program %s (process %d)", filepath.Base(os.Args[0]), os.Getpid()))
}

// Close detaches. A kernel's session goes on; a program's own session is ended, its trainings are
// saved.
func (s *Session) Close() error {
	if s.own == nil {
		return nil
	}
	if err := s.own.Close(); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return nil
}

// explain says how the session ended where a call has lost the connection.
func (s *Session) explain(err error) error {
	if !errors.Is(err, wire.ErrLost) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ended, e := wire.Call[wire.Failure](context.Background(), s.host, wire.Ended, wire.Nothing{})
	if e == nil {
		e = ended.Err()
	}
	if errors.Is(e, ErrEnded) {
		// for other calls that have lost the connection, as goroutines of one program do at once
		s.ended = e
	}
	if s.ended != nil {
		return s.ended
	}
	return fmt.Errorf("session: %w; open it again, or restart the kernel", errors.Join(err, e))
}

// call calls a function of the session.
func call[Answer any](ctx context.Context, s *Session, function string, request any) (Answer,
	error) {
	answer, err := wire.Call[Answer](ctx, s.address, function, request)
	return answer, s.explain(err)
}

// Observe returns what a telescope makes of clean galaxies y [n, height, width, channels],
// x = Π*y + n, as galdecon.Observe does: with a PSF for each galaxy or one for all, and white noise
// of the given standard deviation in units of y, drawn from the seed.
func (s *Session) Observe(
	galaxies *galaxy.Images, psfs []psf.PSF, noise float64, seed int64,
) (*Observations, error) {
	return call[*Observations](context.Background(), s, wire.Observe,
		wire.ObserveRequest{Galaxies: galaxies, PSFs: psfs, Noise: noise, Seed: seed})
}

// Standardize divides observations so that the peak of the galaxy without its blur is about 1, as
// models are trained; it does what galdecon.Standardize does.
func (s *Session) Standardize(observations *Observations) (*Observations, error) {
	return call[*Observations](context.Background(), s, wire.Standardize,
		wire.StandardizeRequest{Observations: observations})
}

// Wiener returns the classical deconvolution, as classical.Wiener does: prior is the standard
// deviation of y around x, in units of x.
func (s *Session) Wiener(observations *Observations, prior float64) (*galaxy.Images, error) {
	return call[*galaxy.Images](context.Background(), s, wire.Wiener,
		wire.WienerRequest{Observations: observations, Prior: prior})
}

// Report is a galdecon.Report, named here for cells that don't import galdecon itself.
type Report = posterior.Report

// Evaluate compares the truth [n, Size, Size, Channels] with posteriors of its galaxies, as
// galdecon.Evaluate does: by the Index of each.
func (s *Session) Evaluate(truth *galaxy.Images, posteriors []posterior.Posterior) (Report, error) {
	requests := []any{wire.EvaluateRequest{Truth: truth}}
	for i := range posteriors { // each in a message, since the candidates may be many
		requests = append(requests, wire.EvaluateRequest{Posteriors: posteriors[i : i+1]})
	}
	var report Report
	err := wire.Stream(context.Background(), s.address, wire.Evaluate, func(answer Report) error {
		report = answer
		return nil
	}, requests...)
	return report, s.explain(err)
}
