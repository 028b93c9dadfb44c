// Package browsertest lets tests use pages as people do, in Chromium. They are skipped where there
// is none.
package browsertest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// startTime is how long Chromium may take to start, which is seconds where the machine isn't busy.
const startTime = 5 * time.Minute

// Page is a page in Chromium, 1200 x 1200 CSS pixels.
type Page struct {
	*testing.T
	ctx context.Context
}

// Open opens the page at an address, in which scripts are run first.
func Open(t *testing.T, address string, scripts ...string) Page {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on the PATH to test a page in")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.WindowSize(1200, 1200),
		chromedp.WSURLReadTimeout(startTime),
		chromedp.Flag("ignore-certificate-errors", true))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	ctx, end = context.WithTimeout(ctx, 30*time.Minute)
	t.Cleanup(end)
	p := Page{t, ctx}
	for _, script := range scripts {
		Call(p, cdppage.AddScriptToEvaluateOnNewDocument,
			cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
	}
	// As if someone sat before it: JupyterLab runs the notebook that has the focus.
	Call(p, emulation.SetFocusEmulationEnabled,
		emulation.SetFocusEmulationEnabledParams{Enabled: true})
	p.Go(address)
	return p
}

// Go opens the page at another address.
func (p Page) Go(address string) {
	p.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(address)); err != nil {
		p.Fatal(err)
	}
}

// Call gives a command of Chromium's protocol and returns its result.
func Call[P, R any](p Page, command cdp.Command[P, R], params P) R {
	p.Helper()
	do := func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	}
	result, err := chromedp.Run(p.ctx, do)
	if err != nil {
		p.Fatal(err)
	}
	return result
}

// Screenshot writes what is seen of the page to the test's artifacts.
func (p Page) Screenshot(name string) {
	p.Helper()
	data, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.ArtifactDir(), name), data, 0o644); err != nil {
		p.Fatal(err)
	}
}

// Value is the value of an expression in the page.
func Value[V any](p Page, expression string) V {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[V](expression))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// Number is the value of an expression in the page, a number.
func (p Page) Number(expression string) float64 {
	p.Helper()
	return Value[float64](p, expression)
}

// Evaluate evaluates an expression in the page.
func (p Page) Evaluate(expression string) {
	p.Helper()
	Value[int](p, expression+"; 0")
}

// Until waits for an expression to be true.
func (p Page) Until(condition string) {
	p.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		// Not by chromedp's Poll, which sees nothing of the page's variables.
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if err != nil || time.Now().After(end) {
			p.Fatalf("until %s: %v", condition, err)
		}
		if holds {
			return
		}
	}
}

// Arrive waits for an expression to be true as Until does, in a page that may lead to others
// meanwhile.
func (p Page) Arrive(condition string) {
	p.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if err == nil && holds {
			return
		}
		if time.Now().After(end) {
			p.Fatalf("until %s: %v", condition, err)
		}
	}
}

// Press presses a key.
func (p Page) Press(key string) {
	p.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(key)); err != nil {
		p.Fatal(err)
	}
}

// Mouse moves the mouse, with the left button held or let go of.
func (p Page) Mouse(kind input.DispatchMouseEventType, x, y float64) {
	p.Helper()
	Call(p, input.DispatchMouseEvent, input.DispatchMouseEventParams{
		Type: kind, X: x, Y: y, Button: "left", Buttons: 1, ClickCount: 1})
}
