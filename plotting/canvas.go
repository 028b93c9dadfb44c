package plotting

import (
	"image"
	stddraw "image/draw"
	"math"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	plotfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// crisp is a raster canvas that copies an image whose size on the canvas is its own, give or take
// rounding, dot by dot. The canvas beneath would interpolate, and blur the edges of the pixels.
type crisp struct{ *vgimg.Canvas }

func (c crisp) DrawImage(rect vg.Rectangle, img image.Image) {
	dst := c.Image()
	left := int(math.Round(rect.Min.X.Dots(c.DPI())))
	top := dst.Bounds().Max.Y - int(math.Round(rect.Max.Y.Dots(c.DPI())))
	size := img.Bounds().Size()
	width := int(math.Round(rect.Size().X.Dots(c.DPI())))
	height := int(math.Round(rect.Size().Y.Dots(c.DPI())))
	if width != size.X || height != size.Y {
		c.Canvas.DrawImage(rect, img) // A color bar, which may be smooth.
		return
	}
	stddraw.Draw(dst, image.Rect(left, top, left+width, top+height), img, img.Bounds().Min,
		stddraw.Over)
}

// upright is a PDF canvas that sets images upright. vgpdf mirrors the y axis, and with it the
// images, upside down (seen in gonum/plot v0.17.0 with MuPDF).
type upright struct{ vg.Canvas }

func (c upright) DrawImage(rect vg.Rectangle, img image.Image) {
	c.Canvas.DrawImage(rect, upsideDown(img))
}

func upsideDown(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		row := image.Rect(0, b.Dy()-1-y, b.Dx(), b.Dy()-y)
		stddraw.Draw(out, row, img, image.Pt(b.Min.X, b.Min.Y+y), stddraw.Src)
	}
	return out
}

// outlined is a vector canvas that draws letters as outlines. SVG text would depend on the fonts of
// whoever looks at it, and the PDF writer knows Western European letters only, neither Π nor σ.
type outlined struct{ vg.Canvas }

func (c outlined) FillString(face plotfont.Face, at vg.Point, text string) {
	var (
		buf  sfnt.Buffer
		path vg.Path
		x    = at.X
		// One unit of the font's own grid, so the outlines are exact.
		grid = fixed.Int26_6(face.Face.UnitsPerEm())
		unit = face.Font.Size / vg.Length(grid)
		prev sfnt.GlyphIndex
	)
	for i, r := range text {
		glyph, err := face.Face.GlyphIndex(&buf, r)
		if err != nil {
			panic(err)
		}
		if i > 0 {
			if kern, err := face.Face.Kern(&buf, prev, glyph, grid, font.HintingNone); err == nil {
				x += vg.Length(kern) * unit
			}
		}
		prev = glyph
		segments, err := face.Face.LoadGlyph(&buf, glyph, grid, nil)
		if err != nil {
			panic(err)
		}
		path = append(path, glyphPath(segments, vg.Point{X: x, Y: at.Y}, unit)...)
		advance, err := face.Face.GlyphAdvance(&buf, glyph, grid, font.HintingNone)
		if err != nil {
			panic(err)
		}
		x += vg.Length(advance) * unit
	}
	if len(path) > 0 {
		c.Fill(path)
	}
}

// glyphPath places an outline, whose y axis points down, at a point of the canvas, whose y axis
// points up.
func glyphPath(segments sfnt.Segments, at vg.Point, unit vg.Length) vg.Path {
	var path vg.Path
	point := func(p fixed.Point26_6) vg.Point {
		return vg.Point{X: at.X + vg.Length(p.X)*unit, Y: at.Y - vg.Length(p.Y)*unit}
	}
	for i, s := range segments {
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if i > 0 {
				path.Close()
			}
			path.Move(point(s.Args[0]))
		case sfnt.SegmentOpLineTo:
			path.Line(point(s.Args[0]))
		case sfnt.SegmentOpQuadTo:
			path.QuadTo(point(s.Args[0]), point(s.Args[1]))
		case sfnt.SegmentOpCubeTo:
			path.CubeTo(point(s.Args[0]), point(s.Args[1]), point(s.Args[2]))
		}
	}
	if len(path) > 0 {
		path.Close()
	}
	return path
}
