package controls_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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

// number is the value of an expression in the page.
func (p page) number(expression string) float64 {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[float64](expression))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// mouse moves the mouse, with the left button held or let go of.
func (p page) mouse(kind input.DispatchMouseEventType, x, y float64) {
	p.Helper()
	event := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: x, Y: y, Button: "left", Buttons: 1, ClickCount: 1})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(p.ctx, event); err != nil {
		p.Fatal(err)
	}
}

// drawsLast waits until the last value that the cell has drawn is the slider's.
func (p page) drawsLast() {
	p.Helper()
	last := fmt.Sprintf(`Number([...%s.matchAll(/at (\d\.\d+)\./g)].at(-1)?.[1])`, drawn)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if at := p.number(last); at == p.number(slider) {
			return
		} else if time.Now().After(end) {
			p.Errorf("the slider is at %.3f, and drawn is %.3f", p.number(slider), at)
			return
		}
	}
}

// TestLastValue drags a slider with the mouse, as fast as the page takes it: where it ends is
// drawn.
func TestLastValue(t *testing.T) {
	_, address := lab(t, drag, "http://%s/")
	p := open(t, address)
	left, width, y := p.number(box+".left"), p.number(box+".width"), p.number(box+".top+8")
	at := func(part float64) float64 { return left + width*part }
	for i := range 12 {
		from, to := 0.1, 0.8-0.05*float64(i)
		p.mouse("mousePressed", at(from), y)
		for j := range 40 {
			p.mouse("mouseMoved", at(from+(to-from)*float64(j)/39), y)
		}
		p.mouse("mouseReleased", at(to), y)
		p.drawsLast()
	}
}

// click clicks at the middle of the slider, which has the focus then.
func (p page) click() {
	p.Helper()
	x, y := p.number(box+".left+"+box+".width/2"), p.number(box+".top+8")
	p.mouse("mousePressed", x, y)
	p.mouse("mouseReleased", x, y)
}

// press presses a key.
func (p page) press(key string) {
	p.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(key)); err != nil {
		p.Fatal(err)
	}
}

// TestKeys moves a slider that was clicked at by the arrow keys.
func TestKeys(t *testing.T) {
	_, address := lab(t, drag, "http://%s/")
	p := open(t, address)
	p.click()
	before := p.number(slider)
	for _, key := range []string{kb.ArrowRight, kb.ArrowUp, kb.ArrowLeft, kb.ArrowUp} {
		p.press(key)
	}
	if after := p.number(slider); math.Abs(after-before-0.002) > 1e-9 {
		t.Errorf("three steps up and one down lead from %.3f to %.3f", before, after)
	}
	p.drawsLast()
}

// TestInterruptWhileDrawing interrupts a cell whose figure takes a minute: it ends, and leaves the
// last figure's value in place of the controls.
func TestInterruptWhileDrawing(t *testing.T) {
	_, address := lab(t, drag, "http://%s/")
	p := open(t, address)
	p.click()
	p.drawsLast()
	p.press(kb.End)
	p.until(drawn + `.includes("at 1.000.")`)
	start := time.Now()
	p.evaluate(`window.jupyterapp.commands.execute("notebook:interrupt-kernel")`)
	p.until(`!document.querySelector(".jp-OutputArea-output input")`)
	p.until(drawn + `.includes("signal: interrupt")`) // and not: killed
	t.Logf("interrupted after %.1f s", time.Since(start).Seconds())
	p.until(drawn + `.includes("brightness: 0.5")`)
}
