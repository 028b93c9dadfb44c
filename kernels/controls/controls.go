// Package controls puts sliders and selects below a notebook cell that draw a figure anew while
// they are moved, by the mouse or, as they are focused, by the arrow keys.
//
//	panel := controls.New()
//	sigma := panel.Slider("σ of the PSF in pixels", 1, 2, 0.05, 1.5)
//	guide := panel.Select("guidance", "none", "weak", "strong")
//	err := panel.Run(ctx, func(ctx context.Context) (plotting.Drawable, error) {
//		return draw(ctx, sigma.Value(), guide.Index())
//	})
//
// Where nobody can move them the figure is drawn once, with the values that the controls begin
// with. In a headless run of "kernels run", and outside of a notebook, the cell goes on at once.
// Other programs that execute notebooks, as nbconvert and papermill do, don't tell: there the cell
// waits [AnswerTime] for a page, says that none has answered, and goes on.
//
// In VS Code nothing can be moved: its pages reach a kernel through ipywidgets alone, which
// are Python's. There the cell does the same. Change the values in it and run it again, or open the
// notebook in JupyterLab, as "kernels lab" and a JupyterHub do.
package controls

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"

	"galdecon/internal/home"
	"galdecon/plotting"
)

// AnswerTime is how long a page may take to answer, once the figure is drawn. JupyterLab takes 0.2
// to 0.8 s, on a machine whose cores are all busy.
const AnswerTime = 10 * time.Second

// patience is how long [Panel.Run] waits for a figure under way after an interrupt. The kernel
// kills a cell that hasn't ended 5 s after it.
const patience = 3 * time.Second

//go:embed controls.js
var script string

// Panel is a row of controls.
type Panel struct {
	controls []*control
	err      error // of the description

	mu      sync.Mutex
	changed chan struct{} // holds one thing to do, however many changes there were
	newest  float64       // when what the page has said last became so, by the page's clock, in ms
	alive   bool          // a page has answered
	alone   bool          // no page has answered in time
	done    bool          // the user has pressed the button
}

// New is an empty panel.
func New() *Panel { return &Panel{changed: make(chan struct{}, 1)} }

// control is one control; its value is a number, the index of a select.
type control struct {
	panel          *Panel
	label          string
	min, max, step float64
	options        []string
	value          float64 // that the figure is drawn with
	shown          float64 // that the figure which is shown was drawn with
	moved          float64 // that the user has moved it to since
}

// Slider is a number that the user turns.
type Slider struct{ control *control }

// Value is what it stands at.
func (s Slider) Value() float64 { return s.control.get() }

// Select is one of several options.
type Select struct{ control *control }

// Index is that of the option that is chosen, from 0, and Option is its name.
func (s Select) Index() int { return int(s.control.get()) }

// Option is the name of the one that is chosen.
func (s Select) Option() string { return s.control.options[s.Index()] }

// Slider adds a slider from min to max in steps, which begins with value. Its label says the unit.
func (p *Panel) Slider(label string, min, max, step, value float64) Slider {
	ordered := min < max && step > 0 && value >= min && value <= max
	if !ordered || math.IsInf(max-min, 0) {
		p.err = errors.Join(p.err, fmt.Errorf("controls: the slider %q needs min ≤ value ≤ max, "+
			"min < max and a step > 0, got %g, %g, %g and %g", label, min, value, max, step))
	}
	return Slider{p.add(control{label: label, min: min, max: max, step: step, value: value})}
}

// Select adds a choice of options, which begins with the first.
func (p *Panel) Select(label string, options ...string) Select {
	if len(options) == 0 {
		p.err = errors.Join(p.err, fmt.Errorf("controls: the select %q needs options", label))
	}
	return Select{p.add(control{label: label, options: options, max: float64(len(options) - 1)})}
}

func (p *Panel) add(c control) *control {
	c.panel, c.shown, c.moved = p, c.value, c.value
	p.controls = append(p.controls, &c)
	return &c
}

func (c *control) get() float64 {
	c.panel.mu.Lock()
	defer c.panel.mu.Unlock()
	return c.value
}

// Run draws the figure, and draws it anew with every change until the user presses the panel's
// button, interrupts the cell, or ctx ends; that isn't an error. What stays in the notebook is the
// last figure and a line with the values that it was drawn with, and where no page has answered
// within [AnswerTime] another line that says so. Changes that come while a figure is drawn are
// drawn together, after it: the controls' values stay the same meanwhile. The last change is always
// drawn.
//
// The draw function is called by one goroutine at a time. Its context ends with an interrupt; what
// it draws then isn't shown. Where it hasn't returned 3 s after an interrupt the cell's program
// ends.
func (p *Panel) Run(ctx context.Context,
	draw func(ctx context.Context) (plotting.Drawable, error)) (err error) {
	if p.err != nil {
		return p.err
	}
	figure := plotting.NewLive()
	show := func(ctx context.Context) error {
		d, err := draw(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		p.show()
		return figure.Show(d)
	}
	if !gonbui.IsNotebook || os.Getenv(home.HeadlessEnv) == "1" {
		return show(ctx)
	}

	id := "galdecon-controls-" + gonbui.UniqueId()
	comms.Subscribe(id, func(_ string, message string) { p.receive(message) })
	comms.Start()
	gonbui.UpdateHTML(id, p.html(id))
	leave := func() error {
		gonbui.UpdateHTML(id, p.text())
		return plotting.Flush()
	}
	defer func() { err = errors.Join(err, leave()) }()
	ctx, stop := interruptible(ctx, leave)
	defer stop()
	if err := show(ctx); err != nil {
		return err
	}
	waiting := time.After(AnswerTime)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-waiting:
			if waiting = nil; p.unanswered() {
				return nil
			}
		case <-p.changed:
			moved, done := p.take()
			if moved {
				if err := show(ctx); err != nil {
					return err
				}
			}
			if done {
				return nil
			}
		}
	}
}

// interruptible returns a context that ends with an interrupt, too. Unless it is stopped within
// [patience] of that, the program ends by the interrupt, after leave.
func interruptible(ctx context.Context, leave func() error) (
	interrupted context.Context, stop func()) {
	interrupted, ignore := signal.NotifyContext(ctx, os.Interrupt)
	stopped := make(chan struct{})
	context.AfterFunc(interrupted, func() {
		select {
		case <-stopped:
			return
		case <-ctx.Done():
			return
		case <-time.After(patience):
		}
		_ = leave() // the program ends in any case
		ignore()
		_ = syscall.Kill(os.Getpid(), syscall.SIGINT)
	})
	return interrupted, func() {
		close(stopped)
		ignore()
	}
}

// said is a message of the page: all that the user has done so far.
type said struct {
	Moved  float64 // when it became so, by the page's clock, in ms; 0 before anything was moved
	Done   bool    // the button was pressed
	Values []float64
}

// receive takes a message of the page. Messages come more than once, and in any order.
func (p *Panel) receive(message string) {
	var m said
	if err := json.Unmarshal([]byte(message), &m); err != nil || len(m.Values) != len(p.controls) {
		return // nothing that our script sends
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive = true
	if m.Moved <= p.newest {
		return
	}
	p.newest, p.done = m.Moved, p.done || m.Done
	for i, c := range p.controls {
		c.moved = min(max(m.Values[i], c.min), c.max)
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// show takes note that the figure with the controls' values is shown.
func (p *Panel) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.controls {
		c.shown = c.value
	}
}

// unanswered gives up waiting for a page, unless one has answered.
func (p *Panel) unanswered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alone = !p.alive
	return p.alone
}

// take takes over what the user has done since: whether a control was moved, and whether the button
// was pressed.
func (p *Panel) take() (moved, done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.controls {
		moved = moved || c.value != c.moved
		c.value = c.moved
	}
	return moved, p.done
}

// html is the panel, with the script that makes it alive.
func (p *Panel) html(id string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<div id="%s" style="display:grid;`+
		`grid-template-columns:max-content 16em max-content;gap:.3em 1em;align-items:center">`, id)
	for i, c := range p.controls {
		name := fmt.Sprintf("%s-%d", id, i)
		fmt.Fprintf(&b, `<label for="%s">%s</label>`, name, html.EscapeString(c.label))
		if c.options == nil {
			fmt.Fprintf(&b, `<input type="range" id="%s" min="%g" max="%g" step="%g" value="%g">`+
				`<output for="%s">%g</output>`, name, c.min, c.max, c.step, c.value, name, c.value)
			continue
		}
		fmt.Fprintf(&b, `<select id="%s">`, name)
		for i, option := range c.options {
			fmt.Fprintf(&b, `<option value="%d">%s</option>`, i, html.EscapeString(option))
		}
		b.WriteString(`</select><output></output>`)
	}
	fmt.Fprintf(&b,
		`<button>Done</button></div><script>(%s)(%s)</script>`, script, strconv.Quote(id))
	return b.String()
}

// text is what stays of the panel.
func (p *Panel) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var parts []string
	for _, c := range p.controls {
		value := strconv.FormatFloat(c.shown, 'g', -1, 64)
		if c.options != nil {
			value = c.options[int(c.shown)]
		}
		parts = append(parts, html.EscapeString(c.label+": "+value))
	}
	text := strings.Join(parts, "; ")
	if p.alone {
		text += fmt.Sprintf("<br>No page answered within %g s: the figure is drawn once. "+
			"Sliders need JupyterLab in a browser; elsewhere, as in VS Code, change the values "+
			"in the cell.", AnswerTime.Seconds())
	}
	return text
}
