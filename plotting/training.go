package plotting

import (
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
)

// How often a live display changes: often enough to look alive, rarely enough to cost nothing.
const (
	linePeriod  = 500 * time.Millisecond
	curvePeriod = 5 * time.Second
	// recentLosses is how many of the latest losses are averaged for the progress line.
	recentLosses = 50
)

// Training follows a training run as it goes: a line with the step, the rate, the time that is left
// and the loss, and, in a notebook cell, the loss curve beneath. It updates one display in place,
// at most twice a second, the curve every 5 seconds, and at once where there is a past; at the end
// the curve, with the line as its title, is all that stays in the notebook. Outside a notebook the
// line goes to standard error.
//
//	live := plotting.NewTraining(steps)
//	defer live.Close()
//	for step := 1; step <= steps; step++ {
//		live.Update(step, loss)
//	}
//
// Its methods may be called from several goroutines. Drawing the curve takes some 50 ms of the
// caller's time.
type Training struct {
	mu     sync.Mutex
	total  int
	loss   Loss
	screen screen
	now    func() time.Time

	started, lineShown, curveShown time.Time
	startStep                      int
	closed                         bool
}

// screen is where a training run is shown.
type screen interface {
	// line shows how far the run is.
	line(p progress)
	// curve redraws the loss curve.
	curve(l Loss)
	// finish shows the end of the run, of which the title of the loss says how far it came.
	finish(l Loss) error
}

// NewTraining follows a run of total steps; 0 if their number isn't known. A run that goes on from
// a checkpoint is given the losses of its past, for the curve.
func NewTraining(total int, past ...Point) *Training {
	var s screen = newTerminal(os.Stderr)
	if gonbui.IsNotebook {
		s = newCell()
	}
	return newTraining(total, past, s, time.Now)
}

func newTraining(total int, past []Point, s screen, now func() time.Time) *Training {
	loss := Loss{Training: slices.Clone(past)}
	return &Training{total: max(total, 0), loss: loss, screen: s, now: now}
}

// Update tells the training loss of a step. A loss that isn't finite is shown in the line and left
// out of the curve.
func (t *Training) Update(step int, loss float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	now := t.now()
	if t.started.IsZero() {
		// The rate counts from here, so that compiling the model and resuming at a later step don't
		// distort it.
		t.started, t.startStep = now, step
		if len(t.loss.Training) == 0 {
			t.curveShown = now // a curve wants some points
		}
	}
	t.loss.Training = append(t.loss.Training, Point{Step: step, Loss: loss})
	if now.Sub(t.lineShown) < linePeriod {
		return
	}
	t.lineShown = now
	if now.Sub(t.curveShown) >= curvePeriod {
		t.curveShown = now
		t.screen.curve(t.loss)
	}
	t.screen.line(t.progress(now))
}

// Validate tells the last validation loss, which the curve shows as a point. It may be told after
// every step, as fit.Progress has it: NaN, before the first, and the one that was told last, are
// left out.
func (t *Training) Validate(step int, loss float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.loss.Validation)
	if math.IsNaN(loss) || n > 0 && t.loss.Validation[n-1].Loss == loss {
		return
	}
	t.loss.Validation = append(t.loss.Validation, Point{Step: step, Loss: loss})
}

// Close shows the end of the run, however it ended. Only the first call does something, and only if
// there was a step, now or in the past. It is an error if the notebook can't be reached.
func (t *Training) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.loss.Training) == 0 {
		t.closed = true
		return nil
	}
	t.closed = true
	l := t.loss
	l.Title = t.progress(t.now()).summary()
	return t.screen.finish(l)
}

// progress is how far a run is.
type progress struct {
	step, total int
	elapsed     time.Duration
	rate        float64 // steps per second; 0 if not known yet
	loss        float64 // mean of the latest ones
}

func (t *Training) progress(now time.Time) progress {
	points := t.loss.Training
	p := progress{step: points[len(points)-1].Step, total: t.total}
	if !t.started.IsZero() {
		p.elapsed = now.Sub(t.started)
	}
	if s := p.elapsed.Seconds(); s > 0 {
		p.rate = float64(p.step-t.startStep) / s
	}
	recent := points[max(0, len(points)-recentLosses):]
	for _, r := range recent {
		p.loss += r.Loss
	}
	p.loss /= float64(len(recent))
	return p
}

// String returns the line while the run goes on: "step 120/3000 (4 %), 22.9 steps/s, 2m6s left,
// loss 0.0123".
func (p progress) String() string {
	s := fmt.Sprintf("step %d", p.step)
	if p.total > 0 {
		s += fmt.Sprintf("/%d (%d %%)", p.total, 100*p.step/p.total)
	}
	if p.rate > 0 {
		s += fmt.Sprintf(", %.3g steps/s", p.rate)
		if left := p.total - p.step; left > 0 {
			s += fmt.Sprintf(", %v left", seconds(float64(left)/p.rate))
		}
	}
	return s + fmt.Sprintf(", loss %.4g", p.loss)
}

// summary returns the line after the run.
func (p progress) summary() string {
	s := fmt.Sprintf("step %d", p.step)
	if p.total > 0 {
		s += fmt.Sprintf("/%d", p.total)
	}
	if p.elapsed > 0 {
		s += fmt.Sprintf(" in %v", seconds(p.elapsed.Seconds()))
	}
	if p.rate > 0 {
		s += fmt.Sprintf(", %.3g steps/s", p.rate)
	}
	return s + fmt.Sprintf(", loss %.4g", p.loss)
}

func seconds(s float64) time.Duration {
	// What would take longer isn't worth a number, and a Duration must not overflow.
	const year = 365 * 24 * 3600
	return time.Duration(math.Round(min(s, year))) * time.Second
}
