package plotting

import (
	"cmp"
	"image"
	"image/color"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
)

// grayMap returns a map from black to white in equal steps of perceived lightness (CIE L*), for the
// range 0 to 1.
func grayMap() palette.ColorMap {
	m, err := moreland.NewLuminance([]color.Color{color.Black, color.White})
	if err != nil {
		panic(err) // Black is darker than white.
	}
	return ranged(m, 0, 1)
}

// divergingMap returns a map that is blue below 0, neutral gray at 0, red above, for the range
// -limit to limit.
func divergingMap(limit float64) palette.ColorMap {
	return ranged(moreland.SmoothBlueRed(), -limit, limit)
}

// heatMap returns a map from black through red and yellow to white, for the range 0 to limit.
func heatMap(limit float64) palette.ColorMap {
	return ranged(moreland.BlackBody(), 0, limit)
}

func ranged(m palette.ColorMap, low, high float64) palette.ColorMap {
	m.SetMax(high)
	m.SetMin(low)
	return m
}

// How many colors of a map are told apart. The three maps together fit the 256 colors of a PNG with
// a palette, which halves its size. The numbers are odd, so that the neutral middle of a diverging
// map is one of them.
const (
	grayShades = 127
	shades     = 63
)

// mapPalette holds the colors of all maps.
func mapPalette() color.Palette {
	return slices.Concat(ramp(grayMap(), grayShades), ramp(divergingMap(1), shades),
		ramp(heatMap(1), shades))
}

// ramp lists n colors of a map, from its lowest value to its highest.
func ramp(m palette.ColorMap, n int) color.Palette {
	colors := make(color.Palette, n)
	for i := range colors {
		// Weighing both ends hits each of them exactly; a value out of range is an error.
		t := float64(i) / float64(n-1)
		c, err := m.At((1-t)*m.Min() + t*m.Max())
		if err != nil {
			panic(err)
		}
		colors[i] = color.NRGBAModel.Convert(c)
	}
	return colors
}

// paletted returns the image in the nearest colors of a palette of up to 256.
func paletted(img *image.RGBA, colors color.Palette) *image.Paletted {
	out := image.NewPaletted(img.Bounds(), colors)
	nearest := make(map[color.RGBA]uint8)
	var last color.RGBA // most dots are like the one before
	lastIndex := uint8(colors.Index(last))
	for y := out.Rect.Min.Y; y < out.Rect.Max.Y; y++ {
		for x := out.Rect.Min.X; x < out.Rect.Max.X; x++ {
			if c := img.RGBAAt(x, y); c != last {
				index, ok := nearest[c]
				if !ok {
					index = uint8(colors.Index(c))
					nearest[c] = index
				}
				last, lastIndex = c, index
			}
			out.SetColorIndex(x, y, lastIndex)
		}
	}
	return out
}

// mapped draws height x width values, row by row, one image pixel each, in n shades of a map;
// values out of its range get the color at that end.
func mapped(values []float64, width int, m palette.ColorMap, n int) image.Image {
	img := image.NewPaletted(image.Rect(0, 0, width, len(values)/width), ramp(m, n))
	for i, v := range values {
		t := math.Round((v - m.Min()) / (m.Max() - m.Min()) * float64(n-1))
		img.Pix[i] = uint8(min(max(t, 0), float64(n-1)))
	}
	return img
}

// picture draws one galaxy, [h, width, channels]. With 3 channels their mean is stretched, and the
// hue kept (Lupton et al. 2004): every channel is scaled by the same factor, and where one would
// exceed 1 all of them are reduced.
func picture(pixels []float32, width, channels int, s Stretch) image.Image {
	if channels == 1 {
		values := make([]float64, len(pixels))
		for i, v := range pixels {
			values[i] = s.At(float64(v))
		}
		return mapped(values, width, grayMap(), grayShades)
	}
	img := image.NewNRGBA(image.Rect(0, 0, width, len(pixels)/3/width))
	for i := range len(pixels) / 3 {
		var rgb [3]float64
		var mean float64
		for c := range rgb {
			rgb[c] = float64(pixels[3*i+c])
			mean += rgb[c] / 3
		}
		bright := s.At(mean)
		var factor float64
		if mean > 0 {
			factor = bright / mean
		}
		top := max(1, factor*rgb[0], factor*rgb[1], factor*rgb[2])
		var out [3]uint8
		for c, v := range rgb {
			out[c] = uint8(math.Round(255 * min(max(factor*v/top, 0), 1)))
		}
		img.SetNRGBA(i%width, i/width, color.NRGBA{out[0], out[1], out[2], 255})
	}
	return img
}

// enlarged repeats every pixel k times along both axes.
func enlarged(img image.Image, k int) image.Image {
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, k*b.Dx(), k*b.Dy()))
	for y := range b.Dy() {
		first := out.Pix[k*y*out.Stride:][:out.Stride]
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(img.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			for i := range k {
				copy(first[4*(k*x+i):], []uint8{c.R, c.G, c.B, c.A})
			}
		}
		for i := 1; i < k; i++ {
			copy(out.Pix[(k*y+i)*out.Stride:], first)
		}
	}
	return out
}

// shrunk averages the colors of blocks of m x m pixels; blocks at the right and lower edges may be
// smaller.
func shrunk(img image.Image, m int) image.Image {
	if m == 1 {
		return img
	}
	b := img.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, (b.Dx()+m-1)/m, (b.Dy()+m-1)/m))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			block := image.Rect(x*m, y*m, (x+1)*m, (y+1)*m).Add(b.Min).Intersect(b)
			out.Set(x, y, average(img, block))
		}
	}
	return out
}

func average(img image.Image, block image.Rectangle) color.Color {
	var sum [3]uint32
	for y := block.Min.Y; y < block.Max.Y; y++ {
		for x := block.Min.X; x < block.Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			sum[0], sum[1], sum[2] = sum[0]+r, sum[1]+g, sum[2]+b
		}
	}
	n := uint32(block.Dx() * block.Dy())
	return color.NRGBA64{uint16(sum[0] / n), uint16(sum[1] / n), uint16(sum[2] / n), 0xffff}
}

const (
	mostBlends  = 4096 // distinct colors of a drawing of lines
	frequent    = 32   // of a palette, those that most dots have
	blendsLimit = 12   // of 255 in red, green or blue, which no eye sees at a line's edge
)

// reduced returns a drawing of lines, whose colors are few but for the blends at their edges, in a
// palette of 256: the most frequent colors, and of the others each time the one that is farthest
// from all. ok is false for other images: where there are too many colors, or one is farther than
// blendsLimit from the palette.
func reduced(img *image.RGBA) (out *image.Paletted, ok bool) {
	counts := make(map[color.RGBA]int)
	for k := 0; k < len(img.Pix); k += 4 {
		counts[color.RGBA{img.Pix[k], img.Pix[k+1], img.Pix[k+2], img.Pix[k+3]}]++
		if len(counts) > mostBlends {
			return nil, false
		}
	}
	colors := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G),
			cmp.Compare(a.B, b.B), cmp.Compare(a.A, b.A))
	})
	away := slices.Repeat([]int{math.MaxInt}, len(colors))
	var chosen color.Palette
	for len(chosen) < min(256, len(colors)) {
		next := len(chosen)
		if next >= frequent {
			next = slices.Index(away, slices.Max(away))
		}
		chosen = append(chosen, colors[next])
		for k, c := range colors {
			away[k] = min(away[k], apart(c, colors[next]))
		}
	}
	if slices.Max(away) > blendsLimit {
		return nil, false
	}
	return paletted(img, chosen), true
}

// apart is how far two colors are from each other, in that of red, green, blue and alpha where it
// is most.
func apart(a, b color.RGBA) int {
	between := func(v, w uint8) int { return max(int(v)-int(w), int(w)-int(v)) }
	return max(between(a.R, b.R), between(a.G, b.G), between(a.B, b.B), between(a.A, b.A))
}
