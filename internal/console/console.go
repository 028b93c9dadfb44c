// Package console prints what a long command does: lines that stay, and beneath them one status
// line that tells what is going on now. On a terminal the status line is overwritten in place;
// elsewhere (a log, a pipe) it is printed as an ordinary line, but only now and then, so that a log
// stays short.
package console

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// logEvery is how often a status is printed where it can't be overwritten.
const logEvery = 10 * time.Second

// Console prints lines and a status. Its methods may be called concurrently.
type Console struct {
	mu     sync.Mutex
	w      io.Writer
	width  func() int // columns of the terminal; nil: w is none
	status string     // the last one printed
	at     time.Time  // when it was printed
}

// New returns a console on f.
func New(f *os.File) *Console {
	c := &Console{w: f, at: time.Now()}
	if fd := int(f.Fd()); term.IsTerminal(fd) {
		c.width = func() int {
			w, _, err := term.GetSize(fd)
			if err != nil || w < 20 {
				return 80
			}
			return w
		}
	}
	return c
}

// NewLog returns a console on a writer that is no terminal.
func NewLog(w io.Writer) *Console { return &Console{w: w, at: time.Now()} }

// Printf prints a line that stays, in the place of the status line.
func (c *Console) Printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := strings.TrimSuffix(fmt.Sprintf(format, args...), "\n")
	if c.width != nil && c.status != "" {
		text = "\r\x1b[K" + text
	}
	c.status, c.at = "", time.Now()
	fmt.Fprintln(c.w, text)
}

// Status shows what is going on now. Only the first line of text is shown, as far as it fits.
func (c *Console) Status(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, _, _ = strings.Cut(text, "\n")
	if text == c.status {
		return
	}
	if c.width != nil {
		c.status = text
		fmt.Fprintf(c.w, "\r\x1b[K%s", clip(text, c.width()-1))
		return
	}
	if time.Since(c.at) < logEvery {
		return
	}
	c.status, c.at = text, time.Now()
	fmt.Fprintln(c.w, clip(text, 200))
}

// clip cuts text to n characters, the last of which tells that it was cut.
func clip(text string, n int) string {
	r := []rune(text)
	if len(r) <= n {
		return text
	}
	return string(r[:n-1]) + "…"
}
