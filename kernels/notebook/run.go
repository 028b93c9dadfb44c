// Package notebook executes notebooks headless in galdecon's kernel, by nbclient, and shows how
// they go on.
package notebook

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"galdecon/internal/console"
	"galdecon/internal/home"
)

// script is what Python runs. It tells what happens as events.
//
//go:embed execute.py
var script string

// stopTime is how long the Python side may take to stop; it needs less than 18 s.
const stopTime = 20 * time.Second

// Options say where a notebook is executed and where it goes.
type Options struct {
	Home    home.Home        // set up
	Repo    string           // what the notebook builds against
	Out     string           // the directory for the results
	Console *console.Console // where progress is shown
}

// Result is an executed notebook.
type Result struct {
	Notebook string // the executed notebook
	HTML     string // a page of it
	Cells    int    // how many code cells were run, one that failed included
	Total    int    // how many there are
	Elapsed  time.Duration
	Failed   *CellError // the cell that ended the execution early, if one did
}

// CellError is the failure of a cell.
type CellError struct {
	Number  int    `json:"number"`  // among the code cells, from 1
	Source  string `json:"source"`  // its first line
	Message string `json:"message"` // what the compiler or the program said
}

func (e *CellError) Error() string {
	return fmt.Sprintf("cell %d (%s) failed:\n%s", e.Number, e.Source, strings.TrimSpace(e.Message))
}

// event is what execute.py tells; the fields used depend on Event.
type event struct {
	Event string

	// cell: one starts
	Number, Total int // Total also in written
	Label         string
	// text: a cell shows something
	Text string
	// done: the cell ended
	Seconds float64
	OK      bool
	// written: all is done
	Notebook, HTML string
	Cells          int
	Failed         *CellError
	// invalid: it's no notebook; broken: something else than a cell failed
	Message string
}

// Run executes a notebook and writes it, and an HTML page of it, to o.Out, also where a cell
// failed: that is a Result with Failed set and not an error. When ctx is done, the running cell is
// interrupted, the kernel ended and nothing written, which is an error.
func Run(ctx context.Context, path string, o Options) (*Result, error) {
	start := time.Now()
	if err := Check(path); err != nil {
		return nil, err
	}
	out, err := outDir(o.Out)
	if err != nil {
		return nil, err
	}

	cmd := exec.Command(o.Home.Python(), "-I", "-c", script, "--out", out, path)
	cmd.Env = append(o.Home.Env(o.Repo), home.HeadlessEnv+"=1", home.NotebookEnv+"="+path)
	// Ctrl-C reaches us alone, and we stop it in order
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A file and not a pipe for what Jupyter and gonb log: writing to a pipe whose reader was
	// killed would end them at once, and they have the kernel's files to remove.
	log, err := os.CreateTemp("", "galdecon-*.log")
	if err != nil {
		return nil, fmt.Errorf("a file for the kernel's log: %w", err)
	}
	defer log.Close()
	if err := os.Remove(log.Name()); err != nil {
		return nil, fmt.Errorf("a file for the kernel's log: %w", err)
	}
	cmd.Stderr = log
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	events, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	o.Console.Printf("%s", path)
	o.Console.Status("starting the kernel")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", o.Home.Python(), err)
	}
	stop := context.AfterFunc(ctx, func() {
		_ = lifeline.Close()
		time.AfterFunc(stopTime, func() { _ = cmd.Process.Kill() })
	})
	defer stop()

	last, err := follow(events, o.Console)
	waitErr := cmd.Wait()
	switch {
	case last.Event == "written": // also where the interrupt came after the last cell
		return &Result{Notebook: last.Notebook, HTML: last.HTML, Cells: last.Cells,
			Total: last.Total, Elapsed: time.Since(start), Failed: last.Failed}, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: interrupted; nothing was written", path)
	case last.Event == "invalid":
		return nil, fmt.Errorf("%s is no valid notebook: %s", path, last.Message)
	case last.Event == "broken":
		return nil, fmt.Errorf("%s: %s\n%s", path, last.Message, tail(log))
	default:
		return nil, fmt.Errorf("%s: execution ended early: %w\n%s", path, errors.Join(err, waitErr),
			tail(log))
	}
}

// follow shows the events until there are no more, and returns the last one.
func follow(events io.Reader, c *console.Console) (event, error) {
	var cell, e event
	var started time.Time
	var text string
	show := func() {
		c.Status(strings.TrimSpace(fmt.Sprintf("  [%d/%d] %s  %.0f s  %s", cell.Number, cell.Total,
			cell.Label, time.Since(started).Seconds(), text)))
	}
	lines := make(chan string)
	failed := make(chan error, 1)
	go func() {
		defer close(lines)
		// Not a Scanner, which gives up on long lines.
		r := bufio.NewReader(events)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				failed <- err
				return
			}
			lines <- line
		}
	}()
	tick := time.NewTicker(time.Second) // so that the seconds go on where a cell is silent
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if cell.Number > 0 {
				show()
			}
		case line, ok := <-lines:
			if !ok {
				err := <-failed
				if err == io.EOF {
					err = nil
				}
				return e, err
			}
			e = event{}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return e, fmt.Errorf("event %q: %w", line, err)
			}
			switch e.Event {
			case "cell":
				cell, started, text = e, time.Now(), ""
				show()
			case "text":
				text = e.Text
				show()
			case "done":
				how := ""
				if !e.OK {
					how = ", failed"
				}
				c.Printf("  [%d/%d] %s  %.1f s%s", cell.Number, cell.Total, cell.Label, e.Seconds,
					how)
				cell = event{}
			}
		}
	}
}

// tail returns the end of a log.
func tail(log *os.File) string {
	const most = 4096
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	text := make([]byte, min(size, most))
	if _, err := log.ReadAt(text, size-int64(len(text))); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
