// Command kernels is galdecon's command: it sets up the kernel with all that it needs, says what
// state it is in, executes notebooks, and opens JupyterLab.
//
//	go run ./kernels quickstart
//	go run ./kernels setup | doctor | run NOTEBOOK… | run -all | export NOTEBOOK…
//	go run ./kernels score | bench | deconvolve IMAGE… | adapt STAMP… | models | lab
//
// [galdecon/internal/home.Home.Setup] also installs it as galdecon in the per-user directory, where
// Jupyter calls it to start the kernel, and where, under the names go and gopls, it stands in front
// of these programs ([galdecon/kernels/launch]).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"galdecon/kernels/launch"
	"galdecon/kernels/lifeline"
)

func main() {
	var err error
	switch filepath.Base(os.Args[0]) {
	case "go":
		err = launch.Go(os.Args[1:])
	case "gopls":
		err = launch.Gopls(os.Args[1:])
	default:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if lifeline.GoRun() {
			gone := lifeline.ParentGone()
			go func() {
				<-gone
				stop()
			}()
		}
		err = command().ExecuteContext(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "galdecon:", err)
		os.Exit(1)
	}
}
