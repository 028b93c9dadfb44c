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
	formatName  = "galdecon scores 2"
	resultsFile = "results.jsonl"
	lockFile    = ".lock"
)

// header is the first line of the file: what all results in it have in common.
type header struct {
	Format     string  `json:"format"`
	Galaxies   string  `json:"galaxies_sha256"`
	Prior      string  `json:"prior_sha256"`
	PSFSize    int     `json:"psf_size"`
	Candidates int     `json:"candidates"`
	Epsilon    float64 `json:"epsilon"`
	Features   string  `json:"features"`
	Seed       int64   `json:"seed"`
}

// differs says what two headers differ in.
func (h header) differs(want header) string {
	switch {
	case h.Format != want.Format:
		return fmt.Sprintf("of the format %q instead of %q", h.Format, want.Format)
	case h.Galaxies != want.Galaxies:
		return "of other galaxies"
	case h.Prior != want.Prior:
		return "with other galaxies for the prior"
	case h.PSFSize != want.PSFSize:
		return fmt.Sprintf("with PSFs of %d instead of %d pixels", h.PSFSize, want.PSFSize)
	case h.Candidates != want.Candidates:
		return fmt.Sprintf("of %d instead of %d candidates", h.Candidates, want.Candidates)
	case h.Epsilon != want.Epsilon:
		return fmt.Sprintf("with ε = %g instead of %g", h.Epsilon, want.Epsilon)
	case h.Features != want.Features:
		return fmt.Sprintf("with the features %q instead of %q", h.Features, want.Features)
	case h.Seed != want.Seed:
		return fmt.Sprintf("with the seed %d instead of %d", h.Seed, want.Seed)
	}
	return ""
}

// store keeps results in a file of JSON lines: the header, then one line for each result. Lines are
// appended; a last one that an end of the program has cut off is dropped when the file is opened.
type store struct {
	file    *os.File
	lock    *flock.Flock
	results map[key]*Result
}

type key struct {
	method  string
	setting Setting
	galaxy  int
}

// open opens the store in a folder, which it makes. What is there must have the same header, and
// come from these methods as far as they have the same names.
func open(dir string, want header, methods []Method) (*store, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("scorecard: cannot make the folder for the results: %w", err)
	}
	s := &store{lock: flock.New(filepath.Join(dir, lockFile)), results: map[key]*Result{}}
	locked, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("scorecard: cannot lock %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("scorecard: another run keeps its results in %s; wait for it, or "+
			"choose another folder", dir)
	}
	if err := s.read(dir, want, methods); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *store) read(dir string, want header, methods []Method) error {
	path := filepath.Join(dir, resultsFile)
	var err error
	if s.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return fmt.Errorf("scorecard: cannot open the results: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("scorecard: cannot read the results: %w", err)
	}
	complete := content[:bytes.LastIndexByte(content, '\n')+1]
	if err := s.file.Truncate(int64(len(complete))); err != nil {
		return fmt.Errorf("scorecard: cannot drop the half-written end of %s: %w", path, err)
	}
	if _, err := s.file.Seek(int64(len(complete)), 0); err != nil {
		return fmt.Errorf("scorecard: cannot go to the end of %s: %w", path, err)
	}
	if len(complete) == 0 {
		return s.write(want)
	}
	identities := map[string]string{}
	for _, m := range methods {
		identities[m.Name] = m.Identity
	}
	for number, line := range bytes.Split(bytes.TrimSuffix(complete, []byte("\n")), []byte("\n")) {
		var target any = new(Result)
		if number == 0 {
			target = new(header)
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(target); err != nil {
			return fmt.Errorf("scorecard: line %d of %s is damaged or of another version; delete "+
				"the file to start anew: %w", number+1, path, err)
		}
		switch v := target.(type) {
		case *header:
			if different := v.differs(want); different != "" {
				return fmt.Errorf("scorecard: %s holds results %s; choose another folder, or "+
					"delete the file to start anew", path, different)
			}
		case *Result:
			if identity, ok := identities[v.Method]; ok && identity != v.Identity {
				return fmt.Errorf("scorecard: %s holds results of another %s (%s there, %s "+
					"here); give it another name or choose another folder",
					path, v.Method, v.Identity, identity)
			}
			s.results[key{v.Method, v.Setting, v.Galaxy}] = v
		}
	}
	return nil
}

// get returns the result of a method on a galaxy, nil if there is none yet.
func (s *store) get(method string, setting Setting, galaxy int) *Result {
	return s.results[key{method, setting, galaxy}]
}

// add stores results, all of them or, where the program ends meanwhile, some.
func (s *store) add(results []Result) error {
	lines := make([]any, len(results))
	for i := range results {
		lines[i] = results[i]
	}
	if err := s.write(lines...); err != nil {
		return err
	}
	for i, r := range results {
		s.results[key{r.Method, r.Setting, r.Galaxy}] = &results[i]
	}
	return nil
}

func (s *store) write(lines ...any) error {
	var text bytes.Buffer
	for _, line := range lines {
		if err := json.NewEncoder(&text).Encode(line); err != nil {
			return fmt.Errorf("scorecard: cannot encode a result: %w", err)
		}
	}
	_, err := s.file.Write(text.Bytes())
	if err := errors.Join(err, s.file.Sync()); err != nil {
		return fmt.Errorf("scorecard: cannot store results: %w", err)
	}
	return nil
}

func (s *store) close() {
	if s.file != nil {
		s.file.Close()
	}
	s.lock.Close()
}
