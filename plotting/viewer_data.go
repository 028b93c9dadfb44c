package plotting

import (
	"encoding/base64"
	"encoding/binary"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/palette/moreland"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/wcs"
)

// viewerJSON is what the viewer's script is given.
type viewerJSON struct {
	Title    string `json:"title"`
	Page     string `json:"page"` // HTML
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Channels int    `json:"channels"`

	Drawn int `json:"drawn"` // candidates
	Shown int `json:"shown"` // of them

	Values string            `json:"values"` // planes, little-endian, 16 bits, in base64
	Ranges [][2]float64      `json:"ranges"` // of each plane, what 0 and 65535 stand for
	Masks  []string          `json:"masks"`  // a bit for each pixel, in base64
	Panels []viewerPanelJSON `json:"panels"`

	Stretch   Stretch           `json:"stretch"`
	Deviation float64           `json:"deviation"` // the limits of colors
	Residual  float64           `json:"residual"`
	Maps      map[string]string `json:"maps"` // 256 colors of 3 bytes, in base64

	PixelScale float64            `json:"pixelScale"` // in arcseconds, or 0
	World      *viewerWorldJSON   `json:"world,omitempty"`
	Compass    *viewerCompassJSON `json:"compass,omitempty"`

	values []byte
}

// viewerPanelJSON is a panel: images whose planes are given by their numbers.
type viewerPanelJSON struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // light, deviation or residual
	Planes []int  `json:"planes"`
	Mean   int    `json:"mean,omitempty"` // the plane of the mean of all that were drawn
	Mask   *int   `json:"mask,omitempty"`
	Scale  bool   `json:"scale,omitempty"` // has a scale bar and a compass
}

// viewerWorldJSON is a plane that touches the sky in the middle.
type viewerWorldJSON struct {
	wcs.Tangent
	Axes  []string `json:"axes"`  // the names of longitude and latitude
	Scale float64  `json:"scale"` // arcseconds to a pixel
}

type viewerCompassJSON struct {
	North [2]float64 `json:"north"`
	East  [2]float64 `json:"east"`
}

// maxSteps is the largest number of 16 bits.
const maxSteps = math.MaxUint16

// plane stores an image and returns the number of its plane.
func (d *viewerJSON) plane(values []float32) int {
	low, high := float64(slices.Min(values)), float64(slices.Max(values))
	for _, v := range values {
		var steps float64
		if high > low {
			steps = math.Round((float64(v) - low) / (high - low) * maxSteps)
		}
		d.values = binary.LittleEndian.AppendUint16(d.values, uint16(steps))
	}
	d.Ranges = append(d.Ranges, [2]float64{low, high})
	return len(d.Ranges) - 1
}

// add adds a panel of images.
func (d *viewerJSON) add(p viewerPanelJSON, images ...[]float32) {
	for _, values := range images {
		p.Planes = append(p.Planes, d.plane(values))
	}
	d.Panels = append(d.Panels, p)
}

// mask stores the marks of an image and returns their number, nil where there are none.
func (d *viewerJSON) mask(im *galaxy.Images) *int {
	bad := im.BadAt(0)
	if !slices.Contains(bad, true) {
		return nil
	}
	bits := make([]byte, (len(bad)+7)/8)
	for k, b := range bad {
		if b {
			bits[k/8] |= 1 << (k % 8)
		}
	}
	d.Masks = append(d.Masks, base64.StdEncoding.EncodeToString(bits))
	number := len(d.Masks) - 1
	return &number
}

// locate says where in the sky the images are, if that is known.
func (d *viewerJSON) locate(c Candidates) {
	if c.World == nil {
		return
	}
	x, y := middlePixel(c.Observation)
	axes, _, _ := strings.Cut(c.World.Frame, " ")
	d.World = &viewerWorldJSON{c.World.Tangent(x, y), strings.Split(axes, "/"),
		c.World.PixelScale(x, y)}
	if equatorial(c.World) {
		north, east := c.World.Compass(x, y)
		d.Compass = &viewerCompassJSON{north, east}
	}
}

// middlePixel returns the middle of images, in pixels whose centers are counted from 0.
func middlePixel(im *galaxy.Images) (x, y float64) {
	return float64(im.Width-1) / 2, float64(im.Height-1) / 2
}

// pixelScale returns the size of a pixel in arcseconds, 0 if it isn't known.
func (c Candidates) pixelScale() float64 { return pixelScale(c.PixelScale, c.World, c.Observation) }

// pixelScale returns what is given, or else what the world coordinates say in the middle of images.
func pixelScale(given float64, w *wcs.WCS, im *galaxy.Images) float64 {
	if given != 0 || w == nil {
		return given
	}
	return w.PixelScale(middlePixel(im))
}

// minusObservation returns Π*y − x of each value, 0 where the observation has no data.
func minusObservation(blurred []float32, x *galaxy.Images) []float32 {
	out, bad := make([]float32, len(blurred)), x.BadAt(0)
	for k, v := range blurred {
		if bad == nil || !bad[k/x.Channels] {
			out[k] = v - x.At(0)[k]
		}
	}
	return out
}

// deviations returns the sample standard deviation (N − 1) of each value over the batch, [h, w, c].
func deviations(im *galaxy.Images) []float32 {
	center := mean(im)
	sum := make([]float64, len(center))
	for i := range im.N {
		for k, v := range im.At(i) {
			r := float64(v) - float64(center[k])
			sum[k] += r * r
		}
	}
	out := make([]float32, len(sum))
	for k, v := range sum {
		out[k] = float32(math.Sqrt(v / float64(im.N-1)))
	}
	return out
}

// viewerMaps are the color maps that can be chosen, and that of residuals.
func viewerMaps() map[string]string {
	maps := make(map[string]string)
	for name, colors := range map[string]color.Palette{
		"gray": ramp(grayMap(), 256), "diverging": ramp(divergingMap(1), 256),
		"black body": ramp(heatMap(1), 256),
		"Kindlmann":  ramp(ranged(moreland.Kindlmann(), 0, 1), 256),
	} {
		var bytes []byte
		for _, c := range colors {
			n := c.(color.NRGBA)
			bytes = append(bytes, n.R, n.G, n.B)
		}
		maps[name] = base64.StdEncoding.EncodeToString(bytes)
	}
	return maps
}
