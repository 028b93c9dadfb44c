package plotting

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// terminal shows a run as text, without a curve: one line that is overwritten on a terminal, and a
// new line now and then in a log file, where overwriting only leaves a mess.
type terminal struct {
	out       io.Writer
	overwrite bool
	now       func() time.Time

	width  int       // of the text that stands there
	logged time.Time // when the last line was written, if not overwriting
}

// logPeriod is how often a log file gets a line.
const logPeriod = 10 * time.Second

func newTerminal(f *os.File) *terminal {
	info, err := f.Stat()
	tty := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &terminal{out: f, overwrite: tty, now: time.Now}
}

func (t *terminal) line(p progress) {
	if t.overwrite {
		t.write(p.String())
		return
	}
	if now := t.now(); now.Sub(t.logged) >= logPeriod {
		t.logged = now
		_, _ = fmt.Fprintln(t.out, p) // A full disk must not stop a training run.
	}
}

func (t *terminal) curve(Loss) {}

func (t *terminal) finish(l Loss) error {
	if t.overwrite {
		t.write(l.Title)
		_, err := fmt.Fprintln(t.out)
		return err
	}
	_, err := fmt.Fprintln(t.out, l.Title)
	return err
}

// write replaces the text of the line, and blanks what a longer one left.
func (t *terminal) write(s string) {
	_, _ = fmt.Fprint(t.out, "\r", s, strings.Repeat(" ", max(0, t.width-len(s))))
	t.width = len(s)
}
