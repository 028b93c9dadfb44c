//go:build ignore

// Additions to gonb's package of this name, which gonb calls where home's gonbChanges say so.

package goexec

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/janpfeifer/gonb/internal/kernel"
	"github.com/pkg/errors"
)

// errInterrupted is the error of a cell that was interrupted before it ran.
var errInterrupted = errors.New("interrupted before the cell ran")

// interruptible runs a command, which an interrupt of the kernel interrupts, and returns what it
// says.
func interruptible(msg kernel.Message, cmd *exec.Cmd) ([]byte, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	id := msg.Kernel().SubscribeInterrupt(func(kernel.SubscriptionId) {
		_ = cmd.Process.Signal(os.Interrupt)
	})
	defer msg.Kernel().UnsubscribeInterrupt(id)
	if msg.Kernel().Interrupted.Load() {
		_ = cmd.Process.Signal(os.Interrupt)
	}
	err := cmd.Wait()
	return said.Bytes(), err
}

// blank stands for a name that isn't typed yet.
const blank = "_"

// withBlank returns the lines with a blank after a dot at the cursor that no name follows, without
// which they can't be parsed.
func withBlank(lines []string, cursor Cursor) []string {
	line := lines[cursor.Line]
	before, after := line[:cursor.Col], line[cursor.Col:]
	next, _ := utf8.DecodeRuneInString(after)
	if !strings.HasSuffix(before, ".") || next == '_' || unicode.IsLetter(next) {
		return lines
	}
	lines = slices.Clone(lines)
	lines[cursor.Line] = before + blank + after
	return lines
}

// withoutBlank removes the blank at the cursor, if there is one, from the cell's program.
func (s *State) withoutBlank(cursor Cursor) error {
	return s.rewrite(func(code string) string {
		lines := strings.Split(code, "\n")
		if cursor.HasCursor() && cursor.Line < len(lines) && cursor.Col <= len(lines[cursor.Line]) {
			line := lines[cursor.Line]
			before, after := line[:cursor.Col], line[cursor.Col:]
			if strings.HasSuffix(before, ".") {
				lines[cursor.Line] = before + strings.TrimPrefix(after, blank)
			}
		}
		return strings.Join(lines, "\n")
	})
}

// importDefinitions has the cell's program, which can't be parsed and holds nothing of other cells,
// import what these import. The lines stay where they are.
func (s *State) importDefinitions() error {
	return s.rewrite(func(code string) string {
		var imports strings.Builder
		for _, i := range s.Definitions.Imports {
			if path := fmt.Sprintf("%q", i.Path); !strings.Contains(code, path) {
				fmt.Fprintf(&imports, "; import %s %s", i.Alias, path)
			}
		}
		first, rest, _ := strings.Cut(code, "\n")
		return first + imports.String() + "\n" + rest
	})
}

// rewrite changes the cell's program.
func (s *State) rewrite(change func(code string) string) error {
	code, err := os.ReadFile(s.CodePath())
	if err != nil {
		return err
	}
	return os.WriteFile(s.CodePath(), []byte(change(string(code))), 0o644)
}

// tidy shows of the cells no more than the line that is wrong, and what is wrong in the cell that
// was executed, the newest, first. Only where no cell holds the line is the program around it
// shown.
func (nbErr *GonbError) tidy(codeLines []string, lines []CellIdAndLine) {
	newest := -1
	for _, at := range lines {
		newest = max(newest, at.Id)
	}
	executed := fmt.Sprintf("Cell[%d]:", newest)
	for i := range nbErr.Lines {
		e := &nbErr.Lines[i]
		if !e.HasCellInfo {
			e.RawContext = strings.TrimRight(e.RawContext, "\n")
			continue
		}
		place := strings.Split(strings.TrimSuffix(e.Location, " "), ":") // file:line:column:
		var line, column int
		if len(place) < 3 {
			continue
		}
		_, err := fmt.Sscan(place[1], &line)
		if err == nil {
			_, err = fmt.Sscan(place[2], &column)
		}
		if err != nil || line < 1 || line > len(codeLines) {
			continue
		}
		code := codeLines[line-1]
		// As wide as what is before it: a tab for a tab, a blank for another character.
		margin := strings.Map(func(r rune) rune {
			if r == '\t' {
				return r
			}
			return ' '
		}, code[:min(max(column-1, 0), len(code))])
		e.RawContext = code + "\n" + margin + "^"
	}
	nbErr.Lines = slices.DeleteFunc(nbErr.Lines, func(e errorLine) bool { return e == errorLine{} })
	slices.SortStableFunc(nbErr.Lines, func(a, b errorLine) int {
		return rank(a, executed) - rank(b, executed)
	})
}

// rank says how soon a line of an error is shown.
func rank(e errorLine, executed string) int {
	switch {
	case strings.HasPrefix(e.CellInfo, executed):
		return 0
	case e.HasCellInfo:
		return 1
	}
	return 2
}
