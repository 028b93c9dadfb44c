package galdecon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Interruptible is a context that ends when the notebook's cell, or the program, is interrupted: a training that is given it
// saves and stops.
func Interruptible() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program
	return ctx
}
