package galdecon

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Interruptible returns the context of the process, which ends when the notebook's cell, or the
// program, is interrupted: a training that is given it saves and stops. A second interrupt ends the
// program.
func Interruptible() context.Context { return interruptible() }

var interruptible = sync.OnceValue(func() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
})
