package controls_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"galdecon/internal/browsertest"
)

// drag is the notebook whose figure costs little, and whose cell prints each value that it draws.
const drag = "drag.ipynb"

const (
	// slider is the slider's value.
	slider = `Number(document.querySelector(".jp-OutputArea-output input").value)`
	// box is where it is in the page.
	box = `document.querySelector(".jp-OutputArea-output input").getBoundingClientRect()`
	// drawn is what the cell has printed so far.
	drawn = `document.querySelector(".jp-Notebook").textContent`
)

// drawsLast waits until the last value that the cell has drawn is the slider's, at most a minute:
// each figure takes a moment, and where the machine is busy the last takes its time.
func (p page) drawsLast() {
	p.Helper()
	last := fmt.Sprintf(`Number([...%s.matchAll(/at (\d\.\d+)\./g)].at(-1)?.[1])`, drawn)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if at := p.Number(last); at == p.Number(slider) {
			return
		} else if time.Now().After(end) {
			p.Errorf("the slider is at %.3f, and drawn is %.3f", p.Number(slider), at)
			return
		}
	}
}

// TestLastValue drags a slider with the mouse, as fast as the page takes it: where it ends is
// drawn.
func TestLastValue(t *testing.T) {
	_, address := browsertest.Lab(t, drag, "http://%s/")
	p := open(t, address)
	left, width, y := p.Number(box+".left"), p.Number(box+".width"), p.Number(box+".top+8")
	at := func(part float64) float64 { return left + width*part }
	for i := range 12 {
		from, to := 0.1, 0.8-0.05*float64(i)
		p.Mouse("mousePressed", at(from), y)
		for j := range 40 {
			p.Mouse("mouseMoved", at(from+(to-from)*float64(j)/39), y)
		}
		p.Mouse("mouseReleased", at(to), y)
		p.drawsLast()
	}
}

// click clicks at the middle of the slider, which has the focus then.
func (p page) click() {
	p.Helper()
	x, y := p.Number(box+".left+"+box+".width/2"), p.Number(box+".top+8")
	p.Mouse("mousePressed", x, y)
	p.Mouse("mouseReleased", x, y)
}

// TestKeys moves a slider that was clicked at by the arrow keys.
func TestKeys(t *testing.T) {
	_, address := browsertest.Lab(t, drag, "http://%s/")
	p := open(t, address)
	p.click()
	before := p.Number(slider)
	for _, key := range []string{kb.ArrowRight, kb.ArrowUp, kb.ArrowLeft, kb.ArrowUp} {
		p.Press(key)
	}
	if after := p.Number(slider); math.Abs(after-before-0.002) > 1e-9 {
		t.Errorf("three steps up and one down lead from %.3f to %.3f", before, after)
	}
	p.drawsLast()
}

// TestInterruptWhileDrawing interrupts a cell whose figure takes a minute: it ends, and leaves the
// last figure's value in place of the controls.
func TestInterruptWhileDrawing(t *testing.T) {
	_, address := browsertest.Lab(t, drag, "http://%s/")
	p := open(t, address)
	p.click()
	p.drawsLast()
	p.Press(kb.End)
	p.Until(drawn + `.includes("at 1.000.")`)
	start := time.Now()
	p.Evaluate(`window.jupyterapp.commands.execute("notebook:interrupt-kernel")`)
	p.Until(`!document.querySelector(".jp-OutputArea-output input")`)
	p.Until(drawn + `.includes("signal: interrupt")`) // and not: killed
	t.Logf("interrupted after %.1f s", time.Since(start).Seconds())
	p.Until(drawn + `.includes("brightness: 0.5")`)
}
