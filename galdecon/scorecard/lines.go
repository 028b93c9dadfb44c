package scorecard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const (
	resultsFile = "results.jsonl"
	lockFile    = ".lock"
)

// lines is a file of JSON lines: a header, which says what all results in it have in common, then
// one line for each result. Lines are appended; a last one that an end of the program has cut off
// is dropped when the file is opened.
type lines struct {
	file *os.File
	lock *flock.Flock
}

// openLines opens the file in a folder, which it makes, and hands on the results that are there
// with the file's path. differs says what another header has that isn't wanted.
func openLines[Header, Result any](
	dir string, want Header, differs func(have, want Header) string,
	take func(r *Result, path string) error,
) (*lines, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("scorecard: cannot make the folder for the results: %w", err)
	}
	l := &lines{lock: flock.New(filepath.Join(dir, lockFile))}
	locked, err := l.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("scorecard: cannot lock %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("scorecard: another run keeps its results in %s; wait for it, or "+
			"choose another folder", dir)
	}
	path := filepath.Join(dir, resultsFile)
	complete, err := l.open(path)
	if err == nil && len(complete) == 0 {
		err = l.write(want)
	} else if err == nil {
		err = readLines(path, complete, want, differs, take)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// open opens the file and returns its complete lines.
func (l *lines) open(path string) (complete []byte, err error) {
	if l.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, fmt.Errorf("scorecard: cannot open the results: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("scorecard: cannot read the results: %w", err)
	}
	complete = content[:bytes.LastIndexByte(content, '\n')+1]
	if err := l.file.Truncate(int64(len(complete))); err != nil {
		return nil, fmt.Errorf("scorecard: cannot drop the half-written end of %s: %w", path, err)
	}
	if _, err := l.file.Seek(int64(len(complete)), 0); err != nil {
		return nil, fmt.Errorf("scorecard: cannot go to the end of %s: %w", path, err)
	}
	return complete, nil
}

func readLines[Header, Result any](
	path string, complete []byte, want Header, differs func(have, want Header) string,
	take func(r *Result, path string) error,
) error {
	for number, line := range bytes.Split(bytes.TrimSuffix(complete, []byte("\n")), []byte("\n")) {
		var have Header
		var r Result
		var target any = &r
		if number == 0 {
			target = &have
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(target); err != nil {
			return fmt.Errorf("scorecard: line %d of %s is damaged or of another version; delete "+
				"the file to start anew: %w", number+1, path, err)
		}
		if number == 0 {
			if different := differs(have, want); different != "" {
				return fmt.Errorf("scorecard: %s holds results %s; choose another folder, or "+
					"delete the file to start anew", path, different)
			}
			continue
		}
		if err := take(&r, path); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) write(all ...any) error {
	var text bytes.Buffer
	for _, line := range all {
		if err := json.NewEncoder(&text).Encode(line); err != nil {
			return fmt.Errorf("scorecard: cannot encode a result: %w", err)
		}
	}
	_, err := l.file.Write(text.Bytes())
	if err := errors.Join(err, l.file.Sync()); err != nil {
		return fmt.Errorf("scorecard: cannot store results: %w", err)
	}
	return nil
}

func (l *lines) close() {
	if l.file != nil {
		l.file.Close()
	}
	l.lock.Close()
}
