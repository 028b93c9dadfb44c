package plotting

import (
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"

	"galdecon/internal/browsertest"
)

// root is what the viewer has put into its block.
const root = `document.querySelector(".galdecon-viewer").shadowRoot`

// opened is a viewer's page in a browser.
type opened struct {
	browsertest.Page
	viewer Viewer
}

func openViewer(t *testing.T, v Viewer) opened {
	t.Helper()
	path := filepath.Join(t.TempDir(), "viewer.html")
	if err := v.Save(path); err != nil {
		t.Fatal(err)
	}
	p := opened{browsertest.Open(t, "file://"+path), v}
	p.Until(root)
	p.drawn()
	return p
}

// drawn waits until what was asked for is drawn.
func (p opened) drawn() {
	p.Helper()
	p.Evaluate(`window.drawn = false;
		requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; }))`)
	p.Until("window.drawn")
}

// Panels, in their order.
const (
	truthPanel = iota
	observationPanel
	candidatePanel
	meanPanel
	deviationPanel
	residualPanel
	panelCount
)

// box returns where the canvas of a panel is, and its width.
func (p opened) box(panel int) (left, top, width float64) {
	p.Helper()
	b := browsertest.Value[[]float64](p.Page, fmt.Sprintf(
		`(() => { const b = %s.querySelectorAll("canvas")[%d].getBoundingClientRect();
		return [b.left, b.top, b.width]; })()`, root, panel))
	return b[0], b[1], b[2]
}

// at returns where the middle of a pixel is in the page, when all is shown.
func (p opened) at(panel, x, y int) (float64, float64) {
	p.Helper()
	left, top, width := p.box(panel)
	scale := width / float64(p.viewer.Candidates.Observation.Width)
	return left + (float64(x)+0.5)*scale, top + (float64(y)+0.5)*scale
}

// color returns the color at a part of a panel's width and height.
func (p opened) color(panel int, x, y float64) color.NRGBA {
	p.Helper()
	v := browsertest.Value[[]float64](p.Page, fmt.Sprintf(
		`(() => { const c = %s.querySelectorAll("canvas")[%d];
		return [...c.getContext("2d").getImageData(c.width * %g, c.height * %g, 1, 1).data]; })()`,
		root, panel, x, y))
	return color.NRGBA{uint8(v[0]), uint8(v[1]), uint8(v[2]), uint8(v[3])}
}

// pixel returns the color of a pixel, when all is shown.
func (p opened) pixel(panel, x, y int) color.NRGBA {
	p.Helper()
	im := p.viewer.Candidates.Observation
	return p.color(panel, (float64(x)+0.5)/float64(im.Width), (float64(y)+0.5)/float64(im.Height))
}

func (p opened) hover(panel, x, y int) {
	p.Helper()
	px, py := p.at(panel, x, y)
	p.Mouse("mouseMoved", px, py)
	p.drawn()
}

func (p opened) text(selector string) string {
	p.Helper()
	return browsertest.Value[string](p.Page,
		fmt.Sprintf(`%s.querySelector(%q).textContent`, root, selector))
}

// values returns what is read in each panel.
func (p opened) values() []string {
	p.Helper()
	return browsertest.Value[[]string](p.Page,
		`[...`+root+`.querySelectorAll("figcaption output")].map((o) => o.textContent)`)
}

// set sets a control, as a user does.
func (p opened) set(name, value string) {
	p.Helper()
	p.Evaluate(fmt.Sprintf(`(() => { const c = %s.querySelector("[name=%s]"); c.value = %q;
		c.dispatchEvent(new Event("input", { bubbles: true })); })()`, root, name, value))
	p.drawn()
}

func (p opened) key(keys ...string) {
	p.Helper()
	for _, k := range keys {
		p.Press(k)
	}
	p.drawn()
}

func (p opened) focus() {
	p.Helper()
	p.Evaluate(root + `.querySelector(".panels").focus()`)
}

func near(a, b color.NRGBA, by int) bool {
	off := func(x, y uint8) bool { return int(x)-int(y) > by || int(y)-int(x) > by }
	return !off(a.R, b.R) && !off(a.G, b.G) && !off(a.B, b.B)
}

// Pixels have the colors of the figure, gray and in color, and with each stretch.
func TestViewerColors(t *testing.T) {
	for _, channels := range []int{1, 3} {
		p := openViewer(t, viewer(t, 16, channels, 5))
		c := p.viewer.Candidates
		l, err := c.layout()
		if err != nil {
			t.Fatal(err)
		}
		want := func(panel, x, y int) color.NRGBA {
			im := map[int]interface{ At(x, y int) color.Color }{
				truthPanel: l.truth, observationPanel: l.observation,
				candidatePanel: l.estimates[0].sharp,
				meanPanel:      l.estimates[len(l.estimates)-1].sharp,
				residualPanel: mapped(l.estimates[0].residual, 16, divergingMap(c.residualLimit(l)),
					shades),
				deviationPanel: mapped(l.deviation, 16, heatMap(c.deviationLimit(l)), shades),
			}[panel]
			return color.NRGBAModel.Convert(im.At(x, y)).(color.NRGBA)
		}
		for panel := range panelCount {
			// The figure has 63 shades of a map, the viewer 256; a standard deviation of color is
			// the mean of the channels' here, and that of their variances there.
			by := map[bool]int{true: 8, false: 3}[panel >= deviationPanel]
			if panel == deviationPanel && channels == 3 {
				by = 24
			}
			for _, at := range [][2]int{{8, 8}, {7, 9}, {2, 3}, {12, 6}} {
				got := p.pixel(panel, at[0], at[1])
				if w := want(panel, at[0], at[1]); !near(got, w, by) {
					t.Errorf("%d channels: pixel %v of panel %d is %v, the figure has %v", channels,
						at, panel, got, w)
				}
			}
		}
		p.Screenshot(fmt.Sprintf("viewer_%d.png", channels))
		if channels == 3 {
			continue
		}
		// Linear, from 0 to 0.5.
		p.set("stretch", "linear")
		p.set("low", "0")
		p.set("high", "0.5")
		v := float64(c.Truth.At(0)[7*16+6])
		gray := mapped([]float64{min(max(v/0.5, 0), 1)}, 1, grayMap(), 256).At(0, 0)
		if got := p.pixel(truthPanel, 6, 7); !near(got, color.NRGBAModel.Convert(gray).(color.NRGBA), 2) {
			t.Errorf("linearly stretched, %g is %v, want %v", v, got, gray)
		}
		p.set("stretch", "log")
		t1 := math.Log1p(1000*min(max(v/0.5, 0), 1)) / math.Log1p(1000)
		gray = mapped([]float64{t1}, 1, grayMap(), 256).At(0, 0)
		if got := p.pixel(truthPanel, 6, 7); !near(got, color.NRGBAModel.Convert(gray).(color.NRGBA), 2) {
			t.Errorf("logarithmically stretched, %g is %v, want %v", v, got, gray)
		}
		before := p.pixel(truthPanel, 6, 7)
		p.set("map", "gray inverted")
		if got := p.pixel(truthPanel, 6, 7); got == before {
			t.Errorf("inverted it is %v as before", got)
		}
		// A limit that isn't one is marked, and changes nothing.
		before = p.pixel(truthPanel, 6, 7)
		p.set("high", "-1")
		if got := p.pixel(truthPanel, 6, 7); got != before ||
			!browsertest.Value[bool](p.Page, root+`.querySelector("[name=high]").ariaInvalid === "true"`) {
			t.Error("a white below black is taken")
		}
	}
}

// The pixel under the pointer is read in all panels, with its place in the sky.
func TestViewerReads(t *testing.T) {
	p := openViewer(t, viewer(t, 16, 1, 5))
	c := p.viewer.Candidates
	p.hover(candidatePanel, 11, 4)
	k := 4*16 + 11
	want := []float64{
		float64(c.Truth.Pixels[k]), float64(c.Observation.Pixels[k]), float64(c.Samples.Pixels[k]),
		float64(mean(c.Samples)[k]), deviation(c.Samples)[k],
		float64(c.Reblurred.Pixels[k]) - float64(c.Observation.Pixels[k]),
	}
	for i, text := range p.values() {
		v, err := strconv.ParseFloat(strings.ReplaceAll(text, "−", "-"), 64)
		if err != nil || math.Abs(v-want[i]) > 1e-3*math.Abs(want[i])+1e-4 {
			t.Errorf("panel %d reads %q, the value is %g", i, text, want[i])
		}
	}
	var h, m, d, am int
	var s, as float64
	place := p.text(".place")
	if _, err := fmt.Sscanf(place, "column 11, row 4 · %dh%dm%fs −%d°%d′%f″", &h, &m, &s, &d, &am,
		&as); err != nil {
		t.Fatalf("the place is %q: %v", place, err)
	}
	ra, dec := c.World.Sky(11, 4)
	if off := math.Abs(15*(float64(h)+float64(m)/60+s/3600) - ra); off*3600 > 0.005 {
		t.Errorf("%q is %g″ off the right ascension %.8f", place, off*3600, ra)
	}
	if off := math.Abs(-(float64(d) + float64(am)/60 + as/3600) - dec); off*3600 > 0.005 {
		t.Errorf("%q is %g″ off the declination %.8f", place, off*3600, dec)
	}

	p.hover(observationPanel, deadColumn, 9)
	if got := p.values(); !strings.HasPrefix(got[observationPanel], "no data") ||
		!strings.HasPrefix(got[residualPanel], "no data") || strings.Contains(got[meanPanel], "no") {
		t.Errorf("of a pixel without data is read %q", got)
	}
	v := p.viewer
	v.Candidates.World = world(t, "GLON/GLAT", 120, -30, 11, 4, 1e-4, 0)
	galactic := openViewer(t, v)
	galactic.hover(truthPanel, 11, 4)
	if got := galactic.text(".place"); got != "column 11, row 4 · GLON 120.00000° GLAT −30.00000°" {
		t.Errorf("in the plane of the Milky Way is read %q", got)
	}
	p.Mouse("mouseMoved", 5, 5)
	p.drawn()
	if place := p.text(".place"); place != "" {
		t.Errorf("beside the pictures is read %q", place)
	}
}

// Pixels without data are hatched, unless that is switched off.
func TestViewerHatches(t *testing.T) {
	p := openViewer(t, viewer(t, 16, 1, 5))
	colors := func() int {
		return int(p.Number(fmt.Sprintf(`(() => { const c = %s.querySelectorAll("canvas")[%d];
			const u = c.width / 16;
			const d = c.getContext("2d").getImageData(%d * u, 2 * u, u, 3 * u).data;
			return new Set(new Uint32Array(d.buffer)).size; })()`, root, observationPanel, deadColumn)))
	}
	with := colors()
	p.Evaluate(root + `.querySelector("[name=mask]").click()`)
	p.drawn()
	if without := colors(); with <= without || without > 6 {
		t.Errorf("of the dead column there are %d colors hatched, %d without", with, without)
	}
}

// All panels are panned and zoomed together: by the wheel where they have the focus, by dragging,
// by two fingers.
func TestViewerMoves(t *testing.T) {
	p := openViewer(t, viewer(t, 16, 1, 5))
	left, top, width := p.box(truthPanel)
	x, y := left+0.7*width, top+0.3*width // the pixel (11, 4)
	wheel := func(by float64) {
		browsertest.Call(p.Page, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: "mouseWheel", X: x, Y: y, DeltaY: by, DeltaX: 1e-9}) // 0 would be left out
		p.drawn()
	}
	reads := func() string { return strings.Split(p.text(".place"), " ·")[0] }
	p.Mouse("mouseMoved", x, y)
	p.drawn()
	before := reads()
	scale := func() float64 { // CSS pixels to a pixel, by how far apart pixels are that are read
		p.Mouse("mouseMoved", x, y)
		p.drawn()
		var x0, x1, row int
		fmt.Sscanf(reads(), "column %d, row %d", &x0, &row)
		p.Mouse("mouseMoved", x-0.5*width, y)
		p.drawn()
		fmt.Sscanf(reads(), "column %d, row %d", &x1, &row)
		p.Mouse("mouseMoved", x, y)
		p.drawn()
		return 0.5 * width / float64(x0-x1)
	}
	whole := scale()
	wheel(-400)
	if got := scale(); got != whole {
		t.Errorf("without the focus the wheel zooms from %g to %g", whole, got)
	}
	p.Mouse("mousePressed", x, y)
	p.Mouse("mouseReleased", x, y)
	wheel(-400)
	if got := scale(); got < 1.7*whole {
		t.Errorf("with the focus the wheel leads from %g to %g CSS pixels a pixel", whole, got)
	}
	if got := reads(); got != before {
		t.Errorf("zoomed at %q, the pixel there is %q", before, got)
	}
	p.Screenshot("viewer_zoomed.png")
	// What is dragged goes along, in another panel, too.
	p.Mouse("mousePressed", x, y)
	p.Mouse("mouseMoved", x-0.2*width, y+0.1*width)
	p.drawn()
	if got := reads(); got != before {
		t.Errorf("%q was dragged, and %q went along", before, got)
	}
	p.Mouse("mouseReleased", x-0.2*width, y+0.1*width)
	cleft, ctop, _ := p.box(meanPanel)
	p.Mouse("mouseMoved", cleft+(x-left)-0.2*width, ctop+(y-top)+0.1*width)
	p.drawn()
	if got := reads(); got != before {
		t.Errorf("in the panel of the mean there is %q, not %q", got, before)
	}

	p.focus()
	p.key("0")
	if got := scale(); got != whole {
		t.Errorf("after 0 there are %g CSS pixels a pixel, not %g", got, whole)
	}
	touch := func(kind string, apart ...float64) {
		points := []*input.TouchPoint{}
		for i, d := range apart {
			id := float64(i)
			points = append(points, &input.TouchPoint{X: x + d, Y: y, ID: &id})
		}
		browsertest.Call(p.Page, input.DispatchTouchEvent, input.DispatchTouchEventParams{
			Type: input.DispatchTouchEventType(kind), TouchPoints: points})
	}
	browsertest.Call(p.Page, emulation.SetTouchEmulationEnabled,
		emulation.SetTouchEmulationEnabledParams{Enabled: true, MaxTouchPoints: 2})
	touch("touchStart", -20, 20)
	for d := 20.0; d <= 60; d += 4 {
		touch("touchMove", -d, d)
	}
	touch("touchEnd")
	p.drawn()
	browsertest.Call(p.Page, emulation.SetTouchEmulationEnabled,
		emulation.SetTouchEmulationEnabledParams{})
	if got := scale() / whole; got < 2.2 || got > 4 {
		t.Errorf("two fingers that go three times as far apart zoom by %g", got)
	}
	p.Evaluate(root + `.querySelector("[name=all]").click()`)
	p.drawn()
	if got := scale(); got != whole {
		t.Errorf("reset leaves %g CSS pixels a pixel, not %g", got, whole)
	}
}
