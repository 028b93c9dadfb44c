package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"galdecon/galdecon/fit"
	"galdecon/kernels/session/internal/wire"
)

// A pause returns when the step that goes on has ended, which then is the last until it is resumed;
// or when the training has ended, when its context has, or when it is resumed before.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		one := &training{dir: "folder", cancel: cancel, changed: make(chan struct{}),
			state: wire.Running}
		// start does something in the background; returned has its error, once it has returned.
		start := func(do func() error) (returned <-chan error) {
			done := make(chan error, 1)
			go func() { done <- do() }()
			synctest.Wait()
			return done
		}
		pause := func(ctx context.Context) <-chan error { return start(func() error { return one.pause(ctx) }) }
		step := func(n int) <-chan error {
			return start(func() error { one.report(ctx, fit.Progress{Step: n}); return nil })
		}
		check := func(what string, call <-chan error, returns bool, want ...string) {
			t.Helper()
			select {
			case err := <-call:
				if !returns || len(want) == 0 && err != nil {
					t.Errorf("%s returns, error %v", what, err)
				}
				for _, part := range want {
					if err == nil || !strings.Contains(err.Error(), part) {
						t.Errorf("%s: error %v, want %q in it", what, err, part)
					}
				}
			default:
				if returns {
					t.Errorf("%s doesn't return", what)
				}
			}
		}
		check("a step of a running training", step(1), true)
		paused := pause(t.Context())
		check("a pause in the midst of a step", paused, false)
		second := step(2)
		check("a pause after the step", paused, true)
		check("the step that is held", second, false)
		check("another pause", pause(t.Context()), true)
		check("resuming", start(func() error { return one.resume(t.Context()) }), true)
		check("the step that was held", second, true)

		left, leave := context.WithCancel(t.Context())
		paused = pause(left)
		leave()
		synctest.Wait()
		check("a pause that is left", paused, true, context.Canceled.Error())
		paused = pause(t.Context())
		check("resuming in the midst of a step",
			start(func() error { return one.resume(t.Context()) }), true)
		check("a pause that is resumed before", paused, true)

		paused = pause(t.Context())
		third := step(3)
		check("a pause again", paused, true)
		stopped := start(func() error { return one.stop(t.Context()) })
		check("the held step of what is stopped", third, true)
		check("stopping while the training saves", stopped, false)
		paused = pause(t.Context())
		check("a pause while the training saves", paused, false)
		one.end(ctx, ctx.Err())
		synctest.Wait()
		check("stopping", stopped, true)
		check("a pause of what stops", paused, true, "folder was stopped", "Train goes on")
		check("resuming what has stopped", start(func() error { return one.resume(t.Context()) }),
			true, "folder was stopped", "Train goes on")
		check("stopping what has stopped", start(func() error { return one.stop(t.Context()) }),
			true)
	})
}

// What has ended otherwise can't be paused or resumed either, and says why.
func TestEnded(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{{nil, "folder has finished all of its 7 steps"},
		{fit.ErrDiverged, "folder has failed; Train goes on from its last checkpoint: "}} {
		one := &training{dir: "folder", cancel: func() {}, changed: make(chan struct{}),
			state: wire.Running}
		one.config.Fit.Steps = 7
		one.end(t.Context(), test.err)
		for what, err := range map[string]error{"pausing": one.pause(t.Context()),
			"resuming": one.resume(t.Context())} {
			if err == nil || !strings.Contains(err.Error(), test.want) ||
				test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("%s: error %v, want %q", what, err, test.want)
			}
		}
		if err := one.stop(t.Context()); !errors.Is(err, test.err) {
			t.Errorf("stopping: error %v, want %v", err, test.err)
		}
	}
}
