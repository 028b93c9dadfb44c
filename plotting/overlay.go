package plotting

import (
	"image"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/wcs"
)

// scaleBar draws a bar of a round length, at most 40 % of the panel, in its lower left corner: in
// arcseconds if the pixel scale (arcsec per pixel) is known, in pixels where it is 0.
func scaleBar(pixelScale float64, width int) overlay {
	return func(c draw.Canvas, pixel vg.Length) {
		unit, name := pixelScale, "″"
		if pixelScale == 0 {
			unit, name = 1, " px"
		}
		length := roundBelow(0.4 * float64(width) * unit)
		at := vg.Point{X: c.Min.X + panelPadding*css, Y: c.Min.Y + panelPadding*css}
		end := at.X + vg.Length(length/unit)*pixel
		onImage(c, vg.Point{X: at.X, Y: at.Y + 2*css}, strconv.FormatFloat(length, 'g', 4, 64)+name)
		for _, line := range []draw.LineStyle{
			// A dark edge keeps the bar visible on a bright galaxy.
			{Color: color.Black, Width: 3 * css},
			{Color: color.White, Width: 1.5 * css},
		} {
			c.StrokeLine2(line, at.X, at.Y, end, at.Y)
		}
	}
}

// compass draws arrows to the north and to the east, as they are in the middle of images, in the
// lower right corner; nothing without world coordinates in right ascension and declination.
func compass(w *wcs.WCS, im *galaxy.Images) overlay {
	return func(c draw.Canvas, _ vg.Length) {
		if !equatorial(w) {
			return
		}
		const margin, longest = 9 * css, 22 * css
		length := min(longest, 0.15*c.Size().X)
		north, east := w.Compass(middlePixel(im))
		// Up is positive on the canvas. Arrows and letters stay inside.
		n := vg.Point{X: vg.Length(north[0]), Y: vg.Length(-north[1])}
		e := vg.Point{X: vg.Length(east[0]), Y: vg.Length(-east[1])}
		letter := length + 8*css
		at := vg.Point{
			X: c.Max.X - margin - letter*max(0, n.X, e.X),
			Y: c.Min.Y + margin - letter*min(0, n.Y, e.Y),
		}
		for _, line := range []draw.LineStyle{
			{Color: color.Black, Width: 3 * css}, {Color: color.White, Width: 1.25 * css},
		} {
			for _, to := range []vg.Point{n, e} {
				tip, across := at.Add(to.Scale(length)), vg.Point{X: -to.Y, Y: to.X}
				back := tip.Sub(to.Scale(5 * css))
				c.StrokeLines(line, []vg.Point{at, tip}, []vg.Point{
					back.Add(across.Scale(3 * css)), tip, back.Sub(across.Scale(3 * css)),
				})
			}
		}
		onImageCentered(c, at.Add(n.Scale(letter)), "N")
		onImageCentered(c, at.Add(e.Scale(letter)), "E")
	}
}

// equatorial tells whether there are world coordinates of which north is that of the sky.
func equatorial(w *wcs.WCS) bool { return w != nil && strings.HasPrefix(w.Frame, "RA/DEC") }

// hatched marks the pixels of an image without data, [h, w] with the given width: gray, under lines
// that run on from pixel to pixel.
func hatched(bad []bool, width int) overlay {
	return func(c draw.Canvas, pixel vg.Length) {
		const every = 3 // diagonals of pixels
		line := draw.LineStyle{Color: color.Gray{215}, Width: 0.75 * css}
		for i, none := range bad {
			if !none {
				continue
			}
			row, column := i/width, i%width
			x, y := c.Min.X+vg.Length(column)*pixel, c.Max.Y-vg.Length(row+1)*pixel
			c.FillPolygon(color.Gray{110}, []vg.Point{{X: x, Y: y}, {X: x + pixel, Y: y},
				{X: x + pixel, Y: y + pixel}, {X: x, Y: y + pixel}})
			if (row+column)%every == 0 {
				c.StrokeLine2(line, x, y, x+pixel, y+pixel)
			}
		}
	}
}

// roundBelow returns the largest of 1, 2, 5 times a power of ten that is at most v > 0.
func roundBelow(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{5, 2} {
		if m*power <= v {
			return m * power
		}
	}
	return power
}

// onImage writes white text with a dark rim, its lower left corner at the given point.
func onImage(c draw.Canvas, at vg.Point, s string) { writeOn(c, at, s, text.XLeft, text.YBottom) }

// onImageCentered is onImage with the middle of the text at the point.
func onImageCentered(c draw.Canvas, at vg.Point, s string) {
	writeOn(c, at, s, text.XCenter, text.YCenter)
}

func writeOn(c draw.Canvas, at vg.Point, s string, x text.XAlignment, y text.YAlignment) {
	style := textStyle(10, color.Black)
	style.XAlign, style.YAlign = x, y
	const rim = 0.75 * css
	for _, d := range []vg.Point{{X: rim}, {X: -rim}, {Y: rim}, {Y: -rim}} {
		c.FillText(style, at.Add(d), s)
	}
	style.Color = color.White
	c.FillText(style, at, s)
}

// tick marks a value on a color bar, at a place from 0 (bottom) to 1 (top).
type tick struct {
	at, value float64
}

// colorBar draws a vertical bar of colors, from the bottom to the top of the panel, with its ticks
// at its right, and above it what they measure, unless that stands elsewhere.
func colorBar(quantity string, colors color.Palette, ticks []tick) overlay {
	return func(c draw.Canvas, _ vg.Length) {
		const width, length = 10 * css, 3 * css
		bar := image.NewPaletted(image.Rect(0, 0, 1, len(colors)), colors)
		for i := range colors {
			bar.Pix[len(colors)-1-i] = uint8(i)
		}
		c.DrawImage(vg.Rectangle{Min: c.Min, Max: vg.Point{X: c.Min.X + width, Y: c.Max.Y}}, bar)
		above := textStyle(captionSize, ink)
		above.YAlign = text.YBottom
		c.FillText(above, vg.Point{X: c.Min.X, Y: c.Max.Y + 1*css}, quantity)
		x, height := c.Min.X+width, c.Size().Y
		for _, t := range ticks {
			y := c.Min.Y + vg.Length(t.at)*height
			c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.75 * css}, x, y, x+length, y)
			style := textStyle(10, ink)
			// From below its tick at the top to above its tick at the bottom, so that no label
			// leaves the panel.
			style.YAlign = text.YAlignment(-t.at)
			c.FillText(style, vg.Point{X: x + length + 2*css, Y: y}, number(t.value))
		}
	}
}

// stretchTicks marks 0, the white level, and powers of ten between, for a bar that runs over the
// brightness from 0 to 1.
func stretchTicks(s Stretch) []tick {
	ticks := []tick{{0, s.Low}, {s.At(0), 0}, {1, s.High}}
	last := 1.0
	for v := math.Pow(10, math.Floor(math.Log10(s.High))); v > 0; v /= 10 {
		at := s.At(v)
		if at < s.At(0)+0.15 {
			break
		}
		if last-at > 0.12 {
			ticks = append(ticks, tick{at, v})
			last = at
		}
	}
	return ticks
}
