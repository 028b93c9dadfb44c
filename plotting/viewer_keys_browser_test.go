package plotting

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"

	"galdecon/galdecon/galaxy"
	"galdecon/internal/browsertest"
)

// Everything can be done by keys, and is said.
func TestViewerKeys(t *testing.T) {
	p := openViewer(t, viewer(t, 16, 1, 5))
	p.key(kb.Tab)
	if !browsertest.Value[bool](p.Page, root+`.activeElement.matches(".panels:focus-visible")`) {
		t.Error("Tab doesn't lead to the pictures")
	}
	const outline = `(() => { const s = getComputedStyle(` + root + `.activeElement);
		return s.outlineStyle + " " + s.outlineWidth + " " + s.outlineColor; })()`
	if got := browsertest.Value[string](p.Page, outline); !strings.HasPrefix(got, "solid 2px rgb(") {
		t.Errorf("the focus is seen as %q", got)
	}
	p.key("]", "]")
	c := p.viewer.Candidates
	if got := p.text(".chosen"); got != "candidate 3 of 5" {
		t.Errorf("after ]] it is %q", got)
	}
	p.hover(candidatePanel, 8, 8)
	v, err := strconv.ParseFloat(strings.ReplaceAll(p.values()[candidatePanel], "−", "-"), 64)
	if want := float64(c.Samples.At(2)[8*16+8]); err != nil || math.Abs(v-want) > 1e-3 {
		t.Errorf("the third candidate reads %g, it is %g (%v)", v, want, err)
	}
	p.key("[", "[", "[")
	if got := p.text(".chosen"); got != "candidate 5 of 5" {
		t.Errorf("three back it is %q", got)
	}
	p.Mouse("mouseMoved", 5, 5)
	p.drawn()
	p.key(kb.ArrowRight, kb.ArrowDown, kb.ArrowDown)
	if got := p.text(".place"); !strings.HasPrefix(got, "column 9, row 10 ·") {
		t.Errorf("a step to the right and two down lead to %q", got)
	}
	p.Until(root + `.querySelector(".spoken").textContent.includes("observation x ")`)
	p.key("+", "+")
	before := p.text(".place")
	p.key(kb.ArrowLeft)
	if got := p.text(".place"); got == before || !strings.Contains(got, "row ") {
		t.Errorf("a step to the left doesn't lead on from %q", before)
	}
	p.key("0", kb.Tab)
	for _, name := range []string{"play", "candidate", "mask", "all", "stretch", "low", "high", "map",
		"deviation", "residual"} {
		if got := browsertest.Value[string](p.Page, root+`.activeElement.name`); got != name {
			t.Errorf("Tab leads to %q, want %q", got, name)
		}
		if got := browsertest.Value[string](p.Page, outline); !strings.HasPrefix(got, "solid 2px ") {
			t.Errorf("the focus on %s is seen as %q", name, got)
		}
		p.key(kb.Tab)
	}
	// Each control and each picture has a name.
	nameless := browsertest.Value[int](p.Page, `[...`+root+`.querySelectorAll(
		"canvas, input, select, button, [role]:not([role=status])")].filter((e) =>
		!(e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.textContent.trim())).length`)
	if nameless != 0 {
		t.Errorf("%d controls or pictures have no name", nameless)
	}
}

// The posterior plays, in motion, and stops at a candidate.
func TestViewerPlays(t *testing.T) {
	p := openViewer(t, viewer(t, 16, 1, 5))
	p.focus()
	before := p.pixel(candidatePanel, 3, 12)
	p.key(" ")
	p.Until(root + `.querySelector(".chosen").textContent.includes("candidate 2 to 3")`)
	if got := p.text("[name=play]"); got != "❚❚" {
		t.Errorf("while it plays the button is %q", got)
	}
	p.Evaluate(root + `.querySelector("[name=play]").click()`)
	p.drawn()
	if got := p.text(".chosen"); !slices.Contains([]string{"candidate 2 of 5", "candidate 3 of 5"}, got) {
		t.Errorf("it stops at %q", got)
	}
	if after := p.pixel(candidatePanel, 3, 12); after == before {
		t.Error("the candidate hasn't changed")
	}
	p.set("candidate", "1")
	if after := p.pixel(candidatePanel, 3, 12); after != before {
		t.Errorf("the first candidate is %v, was %v", after, before)
	}
}

// Without a truth, a place in the sky, gaps or several candidates there is less to see and to set.
func TestViewerOfLittle(t *testing.T) {
	for name, want := range map[string]struct {
		change func(*Candidates)
		panels []string
		hidden []string
	}{
		"an observation": {func(c *Candidates) {
			c.Observation = withoutBad(c.Observation)
			c.Truth, c.World, c.Observation.Bad = nil, nil, nil
		},
			[]string{"observation x", "candidate 1", "mean of 5", "std. dev.", "residual, candidate 1"},
			[]string{"mask"}},
		"one candidate": {func(c *Candidates) {
			c.Samples, c.Reblurred = c.Samples.Select(0), c.Reblurred.Select(0)
		}, []string{"truth", "observation x", "candidate 1", "residual, candidate 1"},
			[]string{"play", "candidate", "deviation"}},
		"two candidates": {func(c *Candidates) {
			c.Samples, c.Reblurred = c.Samples.Select(0, 1), c.Reblurred.Select(0, 1)
		}, []string{"truth", "observation x", "candidate 1", "mean of 2", "std. dev.",
			"residual, candidate 1"}, nil},
	} {
		v := viewer(t, 16, 1, 5)
		want.change(&v.Candidates)
		p := openViewer(t, v)
		p.hover(0, 11, 4)
		if got := p.values(); slices.Contains(got, "") {
			t.Errorf("%s: in a panel nothing is read: %q", name, got)
		}
		if got := browsertest.Value[[]string](p.Page, `[...`+root+
			`.querySelectorAll("figcaption span")].map((s) => s.textContent)`); !slices.Equal(got,
			want.panels) {
			t.Errorf("%s: the panels are %q", name, got)
		}
		hidden := browsertest.Value[[]string](p.Page, `[...`+root+
			`.querySelectorAll("[name]")].filter((e) => !e.offsetParent).map((e) => e.name)`)
		if !slices.Equal(hidden, append([]string{}, want.hidden...)) {
			t.Errorf("%s: hidden are %q, want %q", name, hidden, want.hidden)
		}
	}
}

// Where scripts aren't run there is the picture, with its text.
func TestViewerWithoutScripts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "viewer.html")
	if err := viewer(t, 16, 1, 5).Save(path); err != nil {
		t.Fatal(err)
	}
	p := browsertest.Open(t, "about:blank")
	browsertest.Call(p, emulation.SetScriptExecutionDisabled,
		emulation.SetScriptExecutionDisabledParams{Value: true})
	p.Go("file://" + path)
	p.Until(`document.querySelector("img")?.complete`)
	if !browsertest.Value[bool](p, `document.querySelector(".galdecon-viewer").shadowRoot === null &&
		document.querySelector("img").getBoundingClientRect().width > 500 &&
		document.querySelector("img").naturalWidth > 1000`) {
		t.Error("the picture isn't seen")
	}
}

// An animation has all its frames in a browser.
func TestAnimationInABrowser(t *testing.T) {
	a := moving(t, 16, 1)
	a.Candidates.Shown = 3
	data, err := a.APNG()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "empty.html")
	if err := os.WriteFile(path, []byte("<!doctype html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	p := browsertest.Open(t, "file://"+path)
	p.Evaluate(fmt.Sprintf(`window.seen = null;
		(async () => {
			const data = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
			const decoder = new ImageDecoder({ data, type: "image/png" });
			await decoder.tracks.ready;
			const { frameCount, repetitionCount, animated } = decoder.tracks.selectedTrack;
			const last = (await decoder.decode({ frameIndex: frameCount - 1 })).image;
			window.seen = [frameCount, repetitionCount === Infinity ? 1 : 0, animated ? 1 : 0,
				last.duration, last.displayWidth];
		})()`, base64.StdEncoding.EncodeToString(data)))
	p.Until("window.seen")
	img, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	q := qualities[0]
	want := []float64{float64(3 * q.frames), 1, 1, 67_000, float64(img.Width)}
	if seen := browsertest.Value[[]float64](p, "window.seen"); !slices.Equal(seen, want) {
		t.Errorf("the browser sees frames, endless, animated, µs, width %v, want %v", seen, want)
	}
}

// The viewer plays on the path of the animation.
func TestViewerPath(t *testing.T) {
	im := noisy(galaxy.NewImages(5, 2, 2, 1), 1, 4)
	path := newPath(im)
	literal, err := json.Marshal([]any{im.At(1), im.At(3), path.mean})
	if err != nil {
		t.Fatal(err)
	}
	p := browsertest.Open(t, "about:blank")
	for _, at := range []float64{0, 0.2, 0.5, 0.9} {
		got := browsertest.Value[[]float64](p, fmt.Sprintf(`(() => { %s
			const p = Object.create(Planes.prototype), images = %s.map((v) => Float64Array.from(v));
			p.at = (i) => images[i];
			return [...p.between(0, 1, 2, %g, 5)]; })()`, viewerData, literal, at))
		for k, want := range path.at(1, 3, ease(at)) {
			if math.Abs(got[k]-float64(want)) > 1e-5 {
				t.Errorf("at %g pixel %d is %g, on the animation's path it is %g", at, k, got[k], want)
			}
		}
	}
}
