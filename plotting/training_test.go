package plotting

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeScreen counts what it is told to show.
type fakeScreen struct {
	lines            []progress
	curves, finishes int
}

func (s *fakeScreen) line(p progress)   { s.lines = append(s.lines, p) }
func (s *fakeScreen) curve(Loss)        { s.curves++ }
func (s *fakeScreen) finish(Loss) error { s.finishes++; return nil }
func clock(at *time.Duration) func() time.Time {
	return func() time.Time { return time.Unix(0, 0).Add(*at) }
}

func TestTrainingIsThrottled(t *testing.T) {
	var at time.Duration
	s := &fakeScreen{}
	live := newTraining(3000, nil, s, clock(&at))
	at = 20 * time.Second // Compilation doesn't count.
	for step := 1001; step <= 2000; step++ {
		live.Update(step, 0.5)
		at += 20 * time.Millisecond
	}
	if len(s.lines) > 41 || len(s.lines) < 38 {
		t.Errorf("%d lines in 20 s, want 2 a second", len(s.lines))
	}
	if s.curves != 3 {
		t.Errorf("%d curves in 20 s, want one every 5 s, 3", s.curves)
	}
	last := s.lines[len(s.lines)-1]
	if math.Abs(last.rate-50) > 0.1 || last.loss != 0.5 {
		t.Errorf("%+v, want 50 steps/s and loss 0.5", last)
	}
	if line := last.String(); !strings.HasPrefix(line, "step 19") ||
		!strings.Contains(line, "/3000 (6") ||
		!strings.HasSuffix(line, ", 50 steps/s, 20s left, loss 0.5") {
		t.Errorf("the line is %q", line)
	}
	for range 2 {
		if err := live.Close(); err != nil {
			t.Fatal(err)
		}
	}
	live.Update(3000, 1)
	if s.finishes != 1 || s.lines[len(s.lines)-1] != last {
		t.Errorf("%d ends shown, and lines after the end: want one end", s.finishes)
	}
}

func TestTrainingWithoutSteps(t *testing.T) {
	s := &fakeScreen{}
	if err := newTraining(0, nil, s, time.Now).Close(); err != nil || s.finishes != 0 {
		t.Errorf("Close = %v and %d ends shown, want none", err, s.finishes)
	}
}

func TestProgressWithLittleKnown(t *testing.T) {
	if got := (progress{step: 1, loss: math.NaN()}).String(); got != "step 1, loss NaN" {
		t.Errorf("first line %q", got)
	}
	endless := progress{step: 1, total: 1 << 60, rate: 1e-9, loss: 1}
	if got := endless.String(); !strings.Contains(got, "8760h0m0s left") {
		t.Errorf("an endless run: %q", got)
	}
}

func TestTerminal(t *testing.T) {
	var at time.Duration
	var out bytes.Buffer
	s := &terminal{out: &out, overwrite: true, now: clock(&at)}
	s.line(progress{step: 100, loss: 0.125})
	s.line(progress{step: 101, loss: 1})
	end := progress{step: 101, loss: 1, elapsed: time.Minute}
	if err := s.finish(Loss{Title: end.summary()}); err != nil {
		t.Fatal(err)
	}
	want := "\rstep 100, loss 0.125\rstep 101, loss 1    \rstep 101 in 1m0s, loss 1\n"
	if out.String() != want {
		t.Errorf("a terminal got %q, want %q", out.String(), want)
	}

	out.Reset()
	s = &terminal{out: &out, now: clock(&at)}
	at = time.Hour
	for step := range 25 {
		s.line(progress{step: step, loss: 1})
		at += time.Second
	}
	if got := out.String(); got != "step 0, loss 1\nstep 10, loss 1\nstep 20, loss 1\n" {
		t.Errorf("a log file got %q, want a line every 10 s", got)
	}
}

// A run that was finished before shows its curve; one that goes on counts its rate from where it
// went on.
func TestTrainingWithAPast(t *testing.T) {
	past := []Point{{Step: 1, Loss: 2}, {Step: 2, Loss: 1.5}, {Step: 100, Loss: 1}}
	var at time.Duration
	s := &fakeScreen{}
	if err := newTraining(100, past, s, clock(&at)).Close(); err != nil || s.finishes != 1 {
		t.Errorf("Close of a finished run: %v, shown %d times", err, s.finishes)
	}
	live := newTraining(300, past, &fakeScreen{}, clock(&at))
	live.Update(101, 1)
	at += 10 * time.Second
	live.Update(201, 1)
	if p := live.progress(live.now()); p.rate != 10 || p.step != 201 ||
		len(live.loss.Training) != len(past)+2 {
		t.Errorf("step %d at %g steps/s with %d points, want 201 at 10 with %d", p.step, p.rate,
			len(live.loss.Training), len(past)+2)
	}
}

// Validation losses may be told after every step; those that repeat, and NaN, are no points.
func TestValidate(t *testing.T) {
	live := newTraining(4, nil, &fakeScreen{}, time.Now)
	for step, loss := range []float64{math.NaN(), 0.5, 0.5, 0.4} {
		live.Validate(step+1, loss)
	}
	want := []Point{{Step: 2, Loss: 0.5}, {Step: 4, Loss: 0.4}}
	if !slices.Equal(live.loss.Validation, want) {
		t.Errorf("validation losses are %v, want %v", live.loss.Validation, want)
	}
}
