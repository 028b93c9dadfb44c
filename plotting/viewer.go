package plotting

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"path/filepath"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"galdecon/internal/atomicfile"
)

const (
	// DefaultViewerLimit is how large a [Viewer] may be, in bytes, unless it says otherwise.
	DefaultViewerLimit = 2_000_000
	defaultChoice      = 16
)

// Viewer shows a posterior so that it can be looked at closely: the truth where it is known, the
// observation, the candidates one at a time or in motion, their mean and standard deviation, and
// the residual. All are panned and zoomed together, by the mouse, by fingers or by keys; stretch,
// limits and color map can be changed, and the pixel under the pointer is read: its value in each
// panel and, with Candidates.World, where it is in the sky. Pixels that Images.Bad of the
// observation or of the truth marks are hatched.
//
// In a notebook cell it is one block of HTML with its data and its script, which needs no network
// and no kernel. It works in JupyterLab and in the exported page; where scripts are taken out, as
// on GitHub or in a notebook that isn't trusted, it is the figure of the Candidates. Values have 16
// bits between the lowest and the highest of an image.
type Viewer struct {
	// Candidates are the posterior's, see [Posterior]. Shown of them can be chosen, the first ones;
	// 0 stands for 16, or as many as fit into the limit.
	Candidates Candidates
	// Limit is how many bytes the block may have; 0 stands for [DefaultViewerLimit].
	Limit int
}

// Figure draws the candidates as [Candidates] does.
func (v Viewer) Figure() (*Figure, error) {
	c := v.Candidates
	c.Shown = min(c.Shown, defaultShown)
	return c.Figure()
}

// HTML returns the block. If it can't be made small enough the error is [*SizeError].
func (v Viewer) HTML() (string, error) {
	f, err := v.Figure()
	if err != nil {
		return "", err
	}
	png, err := f.PNG()
	if err != nil {
		return "", err
	}
	return v.block(f, png)
}

var (
	//go:embed viewer/page.html
	viewerPage string
	//go:embed viewer/viewer.css
	viewerStyle string
	//go:embed viewer/data.js
	viewerData string
	//go:embed viewer/panel.js
	viewerPanel string
	//go:embed viewer/view.js
	viewerView string
	//go:embed viewer/move.js
	viewerMove string
)

// block returns the HTML with the picture for where its script doesn't run.
func (v Viewer) block(f *Figure, png []byte) (string, error) {
	if v.Limit < 0 {
		return "", fmt.Errorf("plotting: Viewer.Limit is %d bytes; it must be positive, or 0 for %d",
			v.Limit, DefaultViewerLimit)
	}
	limit := v.Limit
	if limit == 0 {
		limit = DefaultViewerLimit
	}
	shown := v.Candidates.Shown
	if shown == 0 {
		shown = defaultChoice
	}
	for shown = min(shown, v.Candidates.Samples.N); shown > 0; {
		data, err := v.data(shown)
		if err != nil {
			return "", err
		}
		block := assemble(v.instead(f), f, png, data)
		above := len(block) - limit
		if above <= 0 {
			return block, nil
		}
		if v.Candidates.Shown > 0 {
			break // as many were asked for
		}
		// A candidate is two planes of 16 bits, in base64.
		each := base64.StdEncoding.EncodedLen(2 * 2 * len(v.Candidates.Observation.Pixels))
		shown -= max(1, (above+each-1)/each)
	}
	return "", &SizeError{"the viewer", limit, "show fewer candidates (Shown), a detail " +
		"(Candidates.Zoom), or allow more (Limit)"}
}

// assemble joins the block: the picture, which is all that is left without a script, and the script
// that puts the viewer in its place. A block that stands in a page twice is found by its data.
func assemble(alt string, f *Figure, png, data []byte) string {
	id := fmt.Sprintf("galdecon-viewer-%x", sha256.Sum256(data))[:32]
	var b strings.Builder
	fmt.Fprintf(&b, `<div class="galdecon-viewer" data-viewer="%s"><img alt="%s" width="%.0f" `+
		`height="%.0f" style="max-width:100%%;height:auto" src="data:image/png;base64,%s"></div>`,
		id, html.EscapeString(alt), f.Width, f.Height, base64.StdEncoding.EncodeToString(png))
	fmt.Fprintf(&b, "\n<script>\n(() => {\n\"use strict\";\n%s\n%s\n%s\n%s\n", viewerData,
		viewerPanel, viewerView, viewerMove)
	fmt.Fprintf(&b, `for (const host of document.querySelectorAll('[data-viewer="%s"]')) {
	if (!host.shadowRoot) {
		new View(host, %s);
	}
}
})();
</script>
`, id, data)
	return b.String()
}

// instead says what the picture shows, to whom doesn't see it.
func (v Viewer) instead(f *Figure) string {
	c := v.Candidates
	var parts []string
	if c.Truth != nil {
		parts = append(parts, "the truth")
	}
	parts = append(parts, "the observation",
		fmt.Sprintf("%d of %d candidates with their residuals",
			min(defaultShown, c.Samples.N), c.Samples.N))
	if c.Samples.N >= 2 {
		parts = append(parts, "their mean and standard deviation")
	}
	return titleOr(f.Title, "a posterior") + ": " + strings.Join(parts, ", ")
}

// Save writes a page with the viewer to a file whose name ends in .html; it appears complete or not
// at all.
func (v Viewer) Save(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".html" {
		return fmt.Errorf("plotting: cannot save %s: a viewer's name must end in .html, not %q; "+
			"Viewer.Figure draws a picture", path, ext)
	}
	block, err := v.HTML()
	if err != nil {
		return err
	}
	page := fmt.Sprintf("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n"+
		"<body style=\"margin:16px\">\n%s</body>\n</html>\n",
		html.EscapeString(titleOr(v.Candidates.Title, "Viewer")), block)
	if err := atomicfile.WriteFile(path, []byte(page)); err != nil {
		return fmt.Errorf("plotting: cannot save %s: %w", path, err)
	}
	return nil
}

func (v Viewer) display(f *Figure) (*protocol.DisplayData, error) {
	png, err := f.PNG()
	if err != nil {
		return nil, err
	}
	block, err := v.block(f, png)
	if err != nil {
		return nil, err
	}
	// The picture is also there for those who take no HTML, as LaTeX.
	data := pngData(f, png, f.instead(), "")
	data.Data[protocol.MIMETextHTML] = block
	return data, nil
}

// page returns what the viewer's page is made of.
func page() string { return "<style>" + viewerStyle + "</style>" + viewerPage }

// data returns the data of the block, as a JavaScript literal, with so many candidates.
func (v Viewer) data(shown int) ([]byte, error) {
	c := v.Candidates
	l, err := c.layout()
	if err != nil {
		return nil, err
	}
	x := withoutBad(c.Observation)
	d := &viewerJSON{
		Title: c.Title, Page: page(), Width: x.Width, Height: x.Height, Channels: x.Channels,
		Drawn: c.Samples.N, Shown: shown, Stretch: l.stretch, PixelScale: c.pixelScale(),
		Residual: c.residualLimit(l), Maps: viewerMaps(), Masks: []string{},
	}
	if l.deviation != nil {
		d.Deviation = c.deviationLimit(l)
	}
	if c.Title == "" {
		d.Title = x.ID(0)
	}
	d.locate(c)
	observed := d.mask(x)
	if c.Truth != nil {
		d.add(viewerPanelJSON{Name: "truth", Kind: "light", Mask: d.mask(c.Truth)},
			c.Truth.At(0))
	}
	d.add(viewerPanelJSON{Name: "observation x", Kind: "light", Mask: observed, Scale: true},
		x.At(0))
	var candidates, residuals [][]float32
	for i := range shown {
		candidates = append(candidates, c.Samples.At(i))
		residuals = append(residuals, minusObservation(c.Reblurred.At(i), x))
	}
	candidate, residual := viewerPanelJSON{Name: "candidate 1", Kind: "light"},
		viewerPanelJSON{Name: "residual, candidate 1", Kind: "residual", Mask: observed}
	if shown > 1 {
		// What the path between candidates leads around.
		candidate.Mean = d.plane(mean(c.Samples))
		residual.Mean = d.plane(minusObservation(mean(c.Reblurred), x))
	}
	d.add(candidate, candidates...)
	if c.Samples.N > 1 {
		d.add(viewerPanelJSON{Name: fmt.Sprintf("mean of %d", c.Samples.N), Kind: "light"},
			mean(c.Samples))
		d.add(viewerPanelJSON{Name: "std. dev.", Kind: "deviation"}, deviations(c.Samples))
	}
	d.add(residual, residuals...)
	d.Values = base64.StdEncoding.EncodeToString(d.values)
	return json.Marshal(d)
}
