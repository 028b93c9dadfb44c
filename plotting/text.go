package plotting

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/internal/numbers"
)

var (
	ink   color.Color = color.Gray{Y: 0x20}
	faint color.Color = color.Gray{Y: 0x66}

	handler = superscripts{text.Plain{Fonts: font.NewCache(liberation.Collection())}}
)

// textStyle is Liberation Sans (metrically Arial), size in CSS pixels, placed by its top left
// corner.
func textStyle(size float64, c color.Color) text.Style {
	return text.Style{
		Color: c,
		Font: font.Font{
			Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: vg.Length(size) * css,
		},
		XAlign:  text.XLeft,
		YAlign:  text.YTop,
		Handler: handler,
	}
}

// fitted cuts the end of a text that is wider than width.
func fitted(s string, style text.Style, width vg.Length) string {
	if style.Width(s) <= width {
		return s
	}
	runes := []rune(s)
	for n := len(runes) - 1; n > 0; n-- {
		if cut := strings.TrimSpace(string(runes[:n])) + "…"; style.Width(cut) <= width {
			return cut
		}
	}
	return ""
}

// number writes v with two significant digits, "0.012" or "3.1×10^{-6}".
func number(v float64) string { return significant(v, 2) }

// significant writes v with a number of significant digits, as [numbers.Significant] does, with a
// raised exponent.
func significant(v float64, digits int) string {
	mantissa, exponent, scaled := strings.Cut(numbers.Significant(v, digits), "e")
	if !scaled {
		return minus(mantissa)
	}
	power, err := strconv.Atoi(exponent)
	if err != nil {
		panic(err) // numbers writes integers there
	}
	return fmt.Sprintf("%s×10^{%s}", minus(mantissa), minus(strconv.Itoa(power)))
}

// minus sets a minus sign, which is wider than the hyphen of a keyboard.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// superscripts sets "10^{-3}" as 10 with a raised -3, because the fonts at hand lack some
// superscript characters.
type superscripts struct{ text.Plain }

const (
	superscriptSize = 0.72 // of the font
	superscriptRise = 0.36
)

// run is a piece of a line, set in one size.
type run struct {
	text   string
	raised bool
}

func runs(line string) []run {
	var out []run
	for line != "" {
		before, rest, found := strings.Cut(line, "^{")
		if before != "" {
			out = append(out, run{text: before})
		}
		if !found {
			break
		}
		raised, after, _ := strings.Cut(rest, "}")
		out = append(out, run{text: raised, raised: true})
		line = after
	}
	return out
}

// face returns the font that a piece of a line in the font f is set in.
func (s superscripts) face(r run, f font.Font) font.Face {
	if r.raised {
		f.Size *= superscriptSize
	}
	return s.Fonts.Lookup(f, f.Size)
}

func (s superscripts) Box(line string, f font.Font) (width, height, depth vg.Length) {
	for _, r := range runs(line) {
		face := s.face(r, f)
		width += face.Width(r.text)
	}
	extents := s.Extents(f)
	return width, extents.Ascent, extents.Descent
}

func (s superscripts) Draw(c vg.Canvas, txt string, style text.Style, at vg.Point) {
	c.SetColor(style.Color)
	c.Push()
	defer c.Pop()
	c.Translate(at)
	c.Rotate(style.Rotation)
	lines := s.Lines(txt)
	y := style.Height(txt)*(1+vg.Length(style.YAlign)) - s.Extents(style.Font).Ascent
	for _, line := range lines {
		width, height, depth := s.Box(line, style.Font)
		x := vg.Length(style.XAlign) * width
		for _, r := range runs(line) {
			face := s.face(r, style.Font)
			var rise vg.Length
			if r.raised {
				rise = superscriptRise * style.Font.Size
			}
			c.FillString(face, vg.Point{X: x, Y: y + rise}, r.text)
			x += face.Width(r.text)
		}
		y -= height + depth
	}
}

func titleHeight(title string) float64 {
	if title == "" {
		return 0
	}
	return titleSpace
}

func titleOr(title, otherwise string) string {
	if title == "" {
		return otherwise
	}
	return title
}

// drawTitle sets a title at the upper left, drawFoot a remark at the lower left.
func drawTitle(c draw.Canvas, title string) {
	s := textStyle(titleSize, ink)
	c.FillText(s, vg.Point{X: c.Min.X + 2*css, Y: c.Max.Y - 1*css},
		fitted(title, s, c.Size().X-4*css))
}

func drawFoot(c draw.Canvas, foot string) {
	s := textStyle(10, faint)
	c.FillText(s, vg.Point{X: c.Min.X + 2*css, Y: c.Min.Y + (footSpace-4)*css},
		fitted(foot, s, c.Size().X-4*css))
}
