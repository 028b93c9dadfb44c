package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/observe"
)

// record is what was found for one object in one setting.
type record struct {
	// Model is a hash of its weights, Candidates how many were drawn.
	Model      string `json:"model"`
	Candidates int    `json:"candidates"`

	Part    string `json:"part"`
	Setting string `json:"setting"`
	Object  string `json:"object"`
	// Refused says for what reason the object was refused, and What in words.
	Refused string             `json:"refused,omitempty"`
	What    string             `json:"what,omitempty"`
	Values  map[string]float64 `json:"values,omitempty"`
	// Ranks are how many pixels of the truth have which rank among the candidates.
	Ranks   []int   `json:"ranks,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

func (r record) key() string {
	return fmt.Sprint(r.Model, r.Candidates, r.Part, "|", r.Setting, "|", r.Object)
}

// lab is where the parts are measured. Records are kept in a file, a line each: what is there
// isn't measured again.
type lab struct {
	ctx        context.Context
	data       string
	model      *galdecon.Model
	name       string // hash of the weights
	candidates int
	n          int // objects of each part, 0 for all
	seed       int64
	size       int  // of pictures
	whiteOnly  bool // the model isn't told of the grain of the truth
	path       string
	records    map[string]record
	order      []string
}

// open reads the records of a folder.
func (l *lab) open(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	l.path, l.records = filepath.Join(dir, "records.jsonl"), map[string]record{}
	f, err := os.Open(l.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if json.Unmarshal(lines.Bytes(), &r) == nil { // the last may be cut short
			l.take(r)
		}
	}
	return lines.Err()
}

func (l *lab) take(r record) {
	if _, ok := l.records[r.key()]; !ok {
		l.order = append(l.order, r.key())
	}
	l.records[r.key()] = r
}

// part returns the records of a part of this model with as many candidates, as they were measured.
func (l *lab) part(name string) []record {
	var out []record
	for _, k := range l.order {
		r := l.records[k]
		if r.Part == name && r.Model == l.name && r.Candidates == l.candidates {
			out = append(out, r)
		}
	}
	return out
}

// do measures an object in a setting, unless that was done, and keeps the record. A refusal is a
// record too; another error ends the program.
func (l *lab) do(part, setting, object string, measure func(*record) error) error {
	if l.whiteOnly {
		setting += ", white"
	}
	r := record{Model: l.name, Candidates: l.candidates, Part: part, Setting: setting,
		Object: object, Values: map[string]float64{}}
	if _, ok := l.records[r.key()]; ok {
		return nil
	}
	if err := l.ctx.Err(); err != nil {
		return err
	}
	start := time.Now()
	var refusal *galdecon.Refusal
	switch err := measure(&r); {
	case errors.As(err, &refusal):
		r.Refused, r.What = string(refusal.Reason), refusal.What
	case err != nil:
		return fmt.Errorf("%s, %s, %s: %w", part, setting, object, err)
	}
	r.Seconds = time.Since(start).Seconds()
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("%s, %s, %s: %w", part, setting, object, err)
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(err, f.Close())
	}
	l.take(r)
	fmt.Fprintf(os.Stderr, "%s, %s, %s: %.1f s %s\n", part, setting, object, r.Seconds, r.What)
	return f.Close()
}

// sample draws the candidates of an observation.
func (l *lab) sample(r *record, o observe.Observation) (*galdecon.Posterior, error) {
	h := fnv.New32()
	io.WriteString(h, r.Part+r.Setting+r.Object)
	p, err := l.model.SampleLooks(l.ctx, []observe.Observation{o}, l.candidates,
		l.seed+int64(h.Sum32()))
	if err != nil {
		return nil, err
	}
	return &p[0], nil
}

// few returns how many of n objects are measured.
func (l *lab) few(n int) int {
	if l.n > 0 {
		return min(l.n, n)
	}
	return n
}

func (l *lab) real(name string) string { return filepath.Join(l.data, "real", name) }

// hash returns that of the files of a model in a folder.
func hash(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.[bj]*")) // .bin, .json
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}
