package plotting

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	stddraw "image/draw"
	"iter"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"galdecon/internal/atomicfile"
	"galdecon/plotting/internal/apng"
)

const (
	// DefaultLimit is how large an [Animation] may be, in bytes, unless it says otherwise.
	DefaultLimit = 1_000_000
	defaultKeys  = 6
	minMoving    = 3 // candidates; halfway between two of two nothing is left of either
	perCandidate = 1200 * time.Millisecond
)

// SizeError is what a picture is refused with that can't be made small enough.
type SizeError struct {
	// What is the picture's kind, and Limit how many bytes it may have.
	What  string
	Limit int
	// Advice says what makes it smaller.
	Advice string
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("plotting: %s doesn't fit into its limit of %d bytes; %s", e.What, e.Limit,
		e.Advice)
}

// Animation shows a posterior in motion, as a hypothetical-outcome plot (Hullman, Resnick & Adar
// 2015, PLoS ONE 10, e0142444): what varies among the candidates is what moves, and what is certain
// stands still. It rests at each of some candidates, and leads from each to the next, and from the
// last to the first, on a path that keeps the posterior's mean and variance: of candidates y_i, y_j
// of n with the mean μ
//
//	y(θ) = μ + (cos θ (y_i − μ) + sin θ (y_j − μ)) / √(1 − sin 2θ / (n − 1)),  0 ≤ θ ≤ π/2
//
// Over all pairs the images at any θ have exactly the mean and the covariance of the candidates,
// so that no frame is smoother or rougher than a candidate, as it would be in a cross-fade. For a
// Gaussian posterior each frame is a sample (Hennig 2013, Animating Samples from Gaussian
// Distributions); for others those between candidates have the right variance, not each finer
// trait. Since blurring is linear, the residual moves along.
//
// It is an animated PNG, which plays in JupyterLab, in its exported page, on GitHub and in any
// browser, and is its first frame elsewhere, as in a PDF. A GIF would have 256 colors, too few for
// galaxies in color, and exported notebooks leave it out. Frames depend on nothing but the
// candidates.
type Animation struct {
	// Candidates are the posterior's, at least 3, see [Posterior]; Shown of them are rested at, the
	// first ones, at least 2. 0 stands for 6.
	Candidates Candidates
	// Limit is how many bytes the animation may have; 0 stands for [DefaultLimit]. To keep it there
	// are fewer frames, and then fewer dots, at last one for several pixels, which the figure says.
	Limit int
}

// quality is how smooth and sharp an animation is.
type quality struct {
	frames int // from a candidate to the next
	dpi    float64
	blocks int // of blocks x blocks pixels one square is made
}

// qualities are tried in turn until one is small enough.
var qualities = []quality{
	{18, sharp, 1}, {12, sharp, 1}, {12, cssDPI, 1}, {8, cssDPI, 1}, {6, cssDPI, 1},
	{8, cssDPI, 2}, {6, cssDPI, 2}, {6, cssDPI, 4}, {6, cssDPI, 8},
}

// Figure draws the first frame. It is an error if the candidates can't be drawn, or are fewer than
// 3.
func (a Animation) Figure() (*Figure, error) {
	m, err := a.motion()
	if err != nil {
		return nil, err
	}
	f, _ := m.figure(qualities[0])
	return f, nil
}

// APNG returns the animation as a PNG. If it can't be made small enough the error is [*SizeError].
func (a Animation) APNG() ([]byte, error) {
	data, _, err := a.encode()
	return data, err
}

// encode returns the animation, and its first frame as a figure, which has the size to show it at.
func (a Animation) encode() ([]byte, *Figure, error) {
	m, err := a.motion()
	if err != nil {
		return nil, nil, err
	}
	limit := a.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	for _, q := range qualities {
		film := m.film(q)
		data, err := apng.Encode(film.frames(q.frames), m.keys*q.frames,
			(perCandidate / time.Duration(q.frames)).Round(time.Millisecond), limit)
		if !errors.Is(err, apng.ErrTooLarge) {
			return data, film.figure, err
		}
	}
	return nil, nil, &SizeError{"the animation", limit, "show fewer candidates (Shown), a detail " +
		"(Candidates.Zoom), or allow more (Limit)"}
}

// Save writes the animation to a file whose name ends in .png or .apng, which appears complete or
// not at all.
func (a Animation) Save(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".png" && ext != ".apng" {
		return fmt.Errorf("plotting: cannot save %s: an animation's name must end in .png or "+
			".apng, not %q; Animation.Figure draws a frame in other formats", path, ext)
	}
	data, err := a.APNG()
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(path, data); err != nil {
		return fmt.Errorf("plotting: cannot save %s: %w", path, err)
	}
	return nil
}

func (a Animation) display(*Figure) (*protocol.DisplayData, error) {
	data, f, err := a.encode()
	if err != nil {
		return nil, err
	}
	return pngData(f, data, f.instead(), ""), nil
}

// motion is an animation that was checked, with what its frames share.
type motion struct {
	Candidates
	*layout
	keys           int
	sharp, blurred path
	residual       float64 // the limits of the colors
	deviation      float64
}

func (a Animation) motion() (*motion, error) {
	c := a.Candidates
	if c.Shown == 0 {
		c.Shown = defaultKeys
	}
	if a.Limit < 0 {
		return nil, fmt.Errorf("plotting: Animation.Limit is %d bytes; it must be positive, or 0 "+
			"for %d", a.Limit, DefaultLimit)
	}
	l, err := c.layout()
	if err != nil {
		return nil, err
	}
	c.Observation = withoutBad(c.Observation)
	if c.Samples.N < minMoving || c.Shown < 2 {
		return nil, fmt.Errorf("plotting: Animation needs at least %d candidates, and 2 that are "+
			"shown, got %d and %d; draw more", minMoving, c.Samples.N, c.Shown)
	}
	m := &motion{Candidates: c, layout: l, keys: min(c.Shown, c.Samples.N),
		sharp: newPath(c.Samples), blurred: newPath(c.Reblurred)}
	m.residual = c.residualLimit(l)
	m.deviation = roundUp(widest * robustTop(l.deviation))
	return m, nil
}

// widest is how many standard deviations from the mean the colors of a frame tell apart.
const widest = 2.5

// figure draws the first frame, whose last panels are those that move.
func (m *motion) figure(q quality, over ...overlay) (*Figure, *grid) {
	x := m.Observation
	var panels []panel
	if m.truth != nil {
		panels = append(panels, panel{caption: "truth", img: m.truth})
	}
	panels = append(panels, panel{
		caption: "observation x", img: m.observation,
		over: append(m.mask(x.Width), scaleBar(m.pixelScale(), x.Width), compass(m.World, x)),
	})
	for i, p := range m.moving(0, 0) {
		p.caption = []string{
			fmt.Sprintf("%d candidates, in motion", m.keys),
			"less the mean, ±" + number(m.deviation), "Π*y − x, ±" + number(m.residual),
		}[i]
		p.over = append(p.over, over...)
		panels = append(panels, p)
	}
	foot := m.stretch.String() + "; between candidates with the posterior's variance"
	if q.blocks > 1 {
		foot += fmt.Sprintf("; averaged over %d×%[1]d pixels", q.blocks)
	}
	g := newGrid(m.Title, foot, x)
	g.rows, g.dpi, g.blocks = []row{{panels: panels}}, q.dpi, q.blocks
	return g.figure(), g
}

// moving returns the panels at t, from 0 to 1, of the way from candidate i to the next: the image
// there, what it differs from the mean in, and its residual.
func (m *motion) moving(i int, t float64) []panel {
	x := m.Observation
	j := (i + 1) % m.keys
	t = ease(t)
	y, blurred := m.sharp.at(i, j, t), m.blurred.at(i, j, t)
	change, _ := compare(y, m.sharp.mean, x.Channels, nil)
	residual, _ := compare(blurred, x.At(0), x.Channels, m.bad)
	around := func(values []float64, limit float64, over ...overlay) panel {
		return panel{img: mapped(values, x.Width, divergingMap(limit), shades), over: over}
	}
	return []panel{
		{img: picture(y, x.Width, x.Channels, m.stretch), over: []overlay{m.marks(i, j, t)}},
		around(change, m.deviation), around(residual, m.residual, m.mask(x.Width)...),
	}
}

// film is what the frames are drawn on, one over the other.
type film struct {
	*motion
	figure *Figure
	grid   *grid
	canvas *vgimg.Canvas
	places []draw.Canvas // of the panels that move
}

func (m *motion) film(q quality) *film {
	f := &film{motion: m}
	f.figure, f.grid = m.figure(q, func(c draw.Canvas, _ vg.Length) {
		f.places = append(f.places, c)
	})
	w, h := vg.Length(f.figure.Width)*css, vg.Length(f.figure.Height)*css
	f.canvas = vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(f.figure.dpi))
	return f
}

// frames returns the frames, so many from a candidate to the next: the first whole, of the others
// what moves.
func (f *film) frames(each int) iter.Seq2[image.Image, error] {
	return func(yield func(image.Image, error) bool) {
		for n := range f.keys * each {
			var img image.Image
			err := f.drawn(func() {
				if n == 0 {
					size := f.canvas.Image().Bounds()
					f.figure.draw(draw.NewCanvas(crisp{f.canvas}, vg.Length(f.figure.Width)*css,
						vg.Length(f.figure.Height)*css))
					img = f.cut(size)
				} else {
					img = f.cut(f.next(n/each, float64(n%each)/float64(each)))
				}
			})
			if !yield(img, err) {
				return
			}
		}
	}
}

// drawn draws, and stops the panics of the drawing library here.
func (f *film) drawn(draw func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("plotting: drawing %q failed: %v", f.Title, r)
		}
	}()
	draw()
	return nil
}

// next draws what moves, and returns where that is, in dots.
func (f *film) next(i int, t float64) image.Rectangle {
	var moved image.Rectangle
	height := f.canvas.Image().Bounds().Max.Y
	for k, p := range f.moving(i, t) {
		at := f.places[k]
		p.draw(at, f.grid.k, f.grid.m, f.grid.width)
		dots := func(v vg.Length) float64 { return v.Dots(f.canvas.DPI()) }
		moved = moved.Union(image.Rect(
			int(math.Floor(dots(at.Min.X))), height-int(math.Ceil(dots(at.Max.Y))),
			int(math.Ceil(dots(at.Max.X))), height-int(math.Floor(dots(at.Min.Y)))))
	}
	return moved.Intersect(f.canvas.Image().Bounds())
}

// cut returns a copy of a part of what is drawn.
func (f *film) cut(part image.Rectangle) image.Image {
	img := dots(f.canvas).SubImage(part).(*image.RGBA)
	if f.figure.colors != nil {
		return paletted(img, f.figure.colors)
	}
	out := image.NewRGBA(part)
	stddraw.Draw(out, part, img, part.Min, stddraw.Src)
	return out
}

// marks draws a dot for each candidate, brighter the more of it is in the frame.
func (m *motion) marks(i, j int, t float64) overlay {
	const size, distance = 2.5 * css, 9 * css
	return func(c draw.Canvas, _ vg.Length) {
		for k := range m.keys {
			var part float64
			switch k {
			case i:
				part = math.Pow(math.Cos(t*math.Pi/2), 2)
			case j:
				part = math.Pow(math.Sin(t*math.Pi/2), 2)
			}
			at := vg.Point{X: c.Min.X + 2*panelPadding*css + vg.Length(k)*distance,
				Y: c.Min.Y + 2*panelPadding*css}
			disc := func(radius vg.Length, gray float64) {
				var p vg.Path
				p.Move(vg.Point{X: at.X + radius, Y: at.Y})
				p.Arc(at, radius, 0, 2*math.Pi)
				p.Close()
				c.SetColor(color.Gray{Y: uint8(255 * gray)})
				c.Fill(p)
			}
			disc(size+0.75*css, 0)
			disc(size, 0.4+0.6*part)
		}
	}
}
