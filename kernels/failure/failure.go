// Package failure is linked into the program of each cell, and says why the program failed: in a
// sentence, followed by the lines of the notebook that were under way, the innermost first. The
// kernel's "go" puts it there ([galdecon/kernels/launch.Go]).
//
// The rest of the stack, which leads through the inside of libraries, is shown where GOTRACEBACK is
// set (in a notebook: %env GOTRACEBACK=single): then this package does nothing.
package failure

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/janpfeifer/must"
	pkgerrors "github.com/pkg/errors"
)

// exitStatus is that of Go's own panics.
const exitStatus = 2

func init() {
	if !active() {
		return
	}
	// must prints each error with its stack, and a panic would print it again.
	must.M = func(err error) {
		if err == nil {
			return
		}
		// Nobody can recover from a panic in the initialisation of the cells' variables.
		if calls := callers(); slices.ContainsFunc(calls, initialises) {
			exit(err, calls)
		}
		panic(err)
	}
}

// active tells whether the user has asked for Go's own stacks.
func active() bool { return os.Getenv("GOTRACEBACK") == "" }

// Explain ends the program if it panics, with a message that explains the panic. It is deferred by
// the main function.
func Explain() {
	if !active() {
		return
	}
	if why := recover(); why != nil {
		exit(why, callers())
	}
}

// exit ends the program.
func exit(why any, calls []runtime.Frame) {
	// One write, since the kernel looks for places in the notebook write by write.
	_, _ = os.Stderr.WriteString(message(why, calls))
	os.Exit(exitStatus)
}

// message explains a panic with the value why, from the calls that were under way, the innermost
// first.
func message(why any, calls []runtime.Frame) string {
	var b strings.Builder
	err, isError := why.(error)
	var bug runtime.Error
	if isError && !errors.As(err, &bug) {
		fmt.Fprintln(&b, err)
		calls = append(origin(err), calls...)
	} else {
		fmt.Fprintf(&b, "panic: %v\n", why)
		// Where in which library tells whose mistake it is.
		if i := slices.IndexFunc(calls, panics); i >= 0 && !inNotebook(calls[i]) {
			fmt.Fprintf(&b,
				"in %s (%s:%d); %%env GOTRACEBACK=single in the cell shows how it came there\n",
				calls[i].Function, filepath.Base(calls[i].File), calls[i].Line)
		}
	}
	var seen []string
	for _, c := range calls {
		place := fmt.Sprintf("%s:%d", c.File, c.Line)
		if !inNotebook(c) || slices.Contains(seen, place) {
			continue
		}
		seen = append(seen, place)
		fmt.Fprintf(&b, "%s:  %s\n", place, source(c))
	}
	return b.String()
}

// here is a type of this package, whose path begins the names of its functions.
type here struct{}

var own = reflect.TypeFor[here]().PkgPath() + "."

// panics tells whether a call may be the one that panicked, and isn't what followed from it.
func panics(c runtime.Frame) bool {
	return !strings.HasPrefix(c.Function, "runtime.") && !strings.HasPrefix(c.Function, own)
}

// inNotebook tells whether a call was made by a line of the notebook, all of whose code is in the
// main package.
func inNotebook(c runtime.Frame) bool {
	return strings.HasPrefix(c.Function, "main.") && filepath.Base(c.File) == "main.go"
}

// initialises tells whether a call initialises the notebook's variables.
func initialises(c runtime.Frame) bool {
	return c.Function == "main.init" || strings.HasPrefix(c.Function, "main.init.")
}

// source is the line of code of a call, or nothing where it can't be read.
func source(c runtime.Frame) string {
	code, err := os.ReadFile(c.File)
	if err != nil {
		return ""
	}
	lines := bytes.Split(code, []byte("\n"))
	if c.Line < 1 || c.Line > len(lines) {
		return ""
	}
	return string(bytes.TrimSpace(lines[c.Line-1]))
}

// callers are the calls under way.
func callers() []runtime.Frame {
	pcs := make([]uintptr, 1000)
	return frames(pcs[:runtime.Callers(0, pcs)])
}

// origin are the calls that were under way when an error, such as GoMLX's, was made that has kept
// them.
func origin(err error) []runtime.Frame {
	var deepest pkgerrors.StackTrace
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := err.(interface{ StackTrace() pkgerrors.StackTrace }); ok {
			deepest = e.StackTrace()
		}
	}
	pcs := make([]uintptr, len(deepest))
	for i, f := range deepest {
		pcs[i] = uintptr(f)
	}
	return frames(pcs)
}

// frames resolves program counters.
func frames(pcs []uintptr) []runtime.Frame {
	var all []runtime.Frame
	if len(pcs) == 0 {
		return nil
	}
	for next := runtime.CallersFrames(pcs); ; {
		f, more := next.Next()
		all = append(all, f)
		if !more {
			return all
		}
	}
}
