package plotting

import (
	"image"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/galaxy"
)

// The measures of a grid of images, in CSS pixels.
const (
	cellWidth    = 900 // what a JupyterLab cell offers
	maxPanel     = 200 // few panels are not blown up beyond this
	gap          = 5   // between panels
	captionSize  = 11
	captionSpace = 15
	titleSize    = 13
	titleSpace   = 21
	labelSpace   = 19
	footSpace    = 17
	footSize     = 10
	panelPadding = 4
)

// panel is one cell of a grid.
type panel struct {
	caption string
	// img has one pixel for each pixel of the galaxy; nil leaves the panel empty.
	img  image.Image
	over []overlay
}

// overlay draws on top of an image, within the canvas of the panel; pixel is the size of a pixel of
// the galaxy.
type overlay func(c draw.Canvas, pixel vg.Length)

// row is a row of panels, with a label of one line or several at its left.
type row struct {
	label  string
	panels []panel
}

// grid arranges images of one size, width x height pixels.
type grid struct {
	title, foot   string
	rows          []row
	width, height int
	colors        color.Palette // of all images, or nil for any
	dpi           float64       // the resolution is near it
	blocks        int           // of blocks x blocks pixels, at least, one square is made

	// figure chooses k x k dots for a block of m x m pixels.
	k, m int
}

// newGrid returns an empty grid for images like im.
func newGrid(title, foot string, im *galaxy.Images) *grid {
	g := &grid{title: title, foot: foot, width: im.Width, height: im.Height, dpi: sharp}
	if im.Channels == 1 {
		g.colors = mapPalette()
	}
	return g
}

// figure lays the grid out. The width of a panel follows from the number of columns. The resolution
// is then the one near g.dpi at which an image pixel is a whole number of dots, so that every pixel
// is the same crisp square.
func (g *grid) figure() *Figure {
	columns := 0
	var left float64
	for _, r := range g.rows {
		columns = max(columns, len(r.panels))
		if r.label != "" {
			left = max(left, labelSpace+float64(strings.Count(r.label, "\n"))*captionSpace)
		}
	}
	n := float64(columns)
	panelW := min((cellWidth-left-2-gap*(n-1))/n, maxPanel)
	// Images with more pixels than a screen shows are averaged down.
	m := max(1, g.blocks, int(math.Ceil(float64(g.width)/(3*panelW))))
	cols, lines := (g.width+m-1)/m, (g.height+m-1)/m
	k := max(1, int(math.Round(panelW*g.dpi/cssDPI/float64(cols))))
	dpi := int(math.Ceil(float64(k*cols) * cssDPI / panelW))
	panelW = float64(k*cols) * cssDPI / float64(dpi)
	panelH := panelW * float64(lines) / float64(cols)
	g.k, g.m = k, m

	width := left + n*panelW + gap*(n-1) + 2
	height := 2.0
	if g.title != "" {
		height += titleSpace
	}
	if g.foot != "" {
		height += footSpace
	}
	for i, r := range g.rows {
		height += r.captionSpace(i) + panelH
	}

	// A narrow grid has room at its right for the words above and beneath it.
	for _, words := range []struct {
		text string
		size float64
	}{{g.title, titleSize}, {g.foot, footSize}} {
		room := float64(textStyle(words.size, ink).Width(words.text) / css)
		width = max(width, min(left+2+room, cellWidth))
	}

	f := &Figure{
		Title: g.title,
		Width: math.Ceil(width), Height: math.Ceil(height),
		dpi: dpi, colors: g.colors,
	}
	f.draw = func(c draw.Canvas) {
		x := func(v float64) vg.Length { return c.Min.X + vg.Length(v)*css }
		y := func(v float64) vg.Length { return c.Max.Y - vg.Length(v)*css }
		full := c.Size().X - vg.Length(left+2)*css
		top := 1.0
		if g.title != "" {
			style := textStyle(titleSize, ink)
			c.FillText(style, vg.Point{X: x(left + 1), Y: y(top)}, fitted(g.title, style, full))
			top += titleSpace
		}
		for i, r := range g.rows {
			top += r.captionSpace(i)
			r.drawLabel(c, vg.Point{X: x(left - 4), Y: y(top + panelH/2)}, vg.Length(panelH)*css)
			for j, p := range r.panels {
				at := left + 1 + float64(j)*(panelW+gap)
				p.draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
					Min: vg.Point{X: x(at), Y: y(top + panelH)},
					Max: vg.Point{X: x(at + panelW), Y: y(top)},
				}}, k, m, g.width)
			}
			top += panelH
		}
		if g.foot != "" {
			style := textStyle(footSize, faint)
			c.FillText(style, vg.Point{X: x(left + 1), Y: y(top + 4)}, fitted(g.foot, style, full))
		}
	}
	return f
}

// captionSpace returns the room above the panels of the i-th row.
func (r row) captionSpace(i int) float64 {
	for _, p := range r.panels {
		if p.caption != "" {
			if i > 0 {
				return captionSpace + gap
			}
			return captionSpace
		}
	}
	if i > 0 {
		return gap
	}
	return 0
}

func (r row) drawLabel(c draw.Canvas, at vg.Point, room vg.Length) {
	style := textStyle(captionSize, ink)
	style.Rotation = math.Pi / 2
	style.XAlign, style.YAlign = text.XCenter, text.YBottom
	lines := strings.Split(r.label, "\n")
	for i, line := range lines {
		x := at.X - vg.Length(len(lines)-1-i)*captionSpace*css
		c.FillText(style, vg.Point{X: x, Y: at.Y}, fitted(line, style, room))
	}
}

// draw fills the canvas of the panel with its image, averaged over blocks of m x m of its width
// pixels, with k x k dots for each block, and sets the caption above.
func (p panel) draw(c draw.Canvas, k, m, width int) {
	if p.img != nil {
		c.DrawImage(c.Rectangle, enlarged(shrunk(p.img, m), k))
	}
	for _, over := range p.over {
		over(c, c.Size().X/vg.Length(width))
	}
	style := textStyle(captionSize, ink)
	style.XAlign, style.YAlign = text.XCenter, text.YBottom
	c.FillText(style, vg.Point{X: c.Center().X, Y: c.Max.Y + 1*css},
		fitted(p.caption, style, c.Size().X))
}
