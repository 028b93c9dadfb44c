package galaxy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"galdecon/galdecon/galaxy/internal/raster"
)

// NoData counts the pixels of an image that have no data, each once, by how they are known.
type NoData struct {
	// Pixels is how many the image has.
	Pixels int
	// Masked were marked before, and NotFinite are NaN or infinite.
	Masked, NotFinite int
	// Sentinel have a value that stands for "none", such as −9999, and no other comes near it.
	Sentinel int
	// Flat lie in areas or runs of exactly one value, which noise would not give.
	Flat int
	// Saturated lie in plateaus of the largest value.
	Saturated int
}

// Total returns how many pixels have no data.
func (n NoData) Total() int {
	return n.Masked + n.NotFinite + n.Sentinel + n.Flat + n.Saturated
}

// String says how many pixels have no data, and why.
func (n NoData) String() string {
	if n.Total() == 0 {
		return fmt.Sprintf("all of %d pixels have data", n.Pixels)
	}
	var reasons []string
	for _, r := range []struct {
		n    int
		what string
	}{{n.Masked, "masked"}, {n.NotFinite, "not finite"}, {n.Sentinel, "of a value for none"},
		{n.Flat, "in runs of one value"}, {n.Saturated, "saturated"}} {
		if r.n > 0 {
			reasons = append(reasons, fmt.Sprintf("%d %s", r.n, r.what))
		}
	}
	return fmt.Sprintf("%d of %d pixels (%.1f %%) have no data: %s", n.Total(), n.Pixels,
		100*float64(n.Total())/float64(n.Pixels), strings.Join(reasons, ", "))
}

// MarkNoData marks pixels that look as if they had no data as bad, and returns how many of each
// image, with those that were marked before:
//
//   - NaN and infinite ones;
//   - those of −9999, −32768, 1e30, the largest float and other values that programs write for
//     "none", where all that isn't one of them lies far away, 20 times their spread; so are others
//     that at least three pixels share, of an image without steps, and none comes near;
//   - areas and runs of exactly one value, so large that chance would give one in a thousand images
//     of such noise; in integers of a few counts, where equal neighbors are common, an area must
//     be larger than in others. Of a value that many pixels of an image without such steps have,
//     all are marked, also where they are single, but not where values were cut off at it;
//   - plateaus of the largest value, three or more pixels side by side, or as many as the steps of
//     integers give once in a thousand images.
//
// An image without noise, a picture or a simulation, may be exactly dark where it shows no galaxy:
// that is marked as well, so call it for observations only. A pixel is bad if any of its channels
// is.
func (im *Images) MarkNoData() ([]NoData, error) {
	if err := im.CheckShape(); err != nil {
		return nil, err
	}
	found := make([]NoData, im.N)
	for i := range found {
		var bad []bool
		bad, found[i] = im.noData(i)
		if found[i].Total() > found[i].Masked {
			for k, b := range bad {
				if b {
					im.mark(i*len(bad) + k)
				}
			}
		}
	}
	return found, nil
}

// nones are what programs write into pixels without data. 1.6375e30 is that of HEALPix.
var nones = []float32{-99, -999, -9999, -99999, -32768, 32767, -2147483648, 1e20, 1e30, -1e30,
	1e31, -1e31, -1.6375e30, math.MaxFloat32, -math.MaxFloat32, 3.4e38, -3.4e38}

// noData returns which pixels of image i have no data, [Height, Width].
func (im *Images) noData(i int) ([]bool, NoData) {
	bad := make([]bool, im.Height*im.Width)
	n := NoData{Pixels: len(bad)}
	copy(bad, im.BadAt(i))
	for _, b := range bad {
		if b {
			n.Masked++
		}
	}
	pixels := im.At(i)
	for k, v := range pixels {
		if raster.IsBad(v) {
			set(bad, k/im.Channels, &n.NotFinite)
		}
	}
	for c := range im.Channels {
		p := plane{pixels[c:], im.Channels, im.Height, im.Width, bad}
		for _, k := range p.sentinels() {
			set(bad, k, &n.Sentinel)
		}
		for _, k := range p.flat() {
			set(bad, k, &n.Flat)
		}
		for _, k := range p.saturated() {
			set(bad, k, &n.Saturated)
		}
	}
	return bad, n
}

// set sets a pixel bad and counts it, if it isn't.
func set(bad []bool, k int, count *int) {
	if !bad[k] {
		bad[k] = true
		*count++
	}
}

// plane is a channel of an image, whose values lie stride apart, with the pixels that are left out.
type plane struct {
	values        []float32
	stride        int
	height, width int
	bad           []bool
}

func (p plane) at(k int) float32 { return p.values[k*p.stride] }

// sample returns up to 8192 of the values that aren't bad, evenly spread, sorted.
func (p plane) sample(but func(float32) bool) []float32 {
	var values []float32
	step := len(p.bad)/(1<<13) | 1
	for k := 0; k < len(p.bad); k += step {
		if v := p.at(k); !p.bad[k] && (but == nil || !but(v)) {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return values
}

// far is by how many times the spread of an image's values those that stand for none lie off.
const far = 20

// leastEqual is how many pixels of exactly one value are no chance in an image without steps.
const leastEqual = 3

// sentinels returns the pixels that have a value of nones, or one far off that several share by no
// chance, if that is far from all else.
func (p plane) sentinels() (found []int) {
	known := func(v float32) bool { return slices.Contains(nones, v) }
	rest := p.sample(known)
	if len(rest) < 8 {
		return nil
	}
	middle, spread := float64(rest[len(rest)/2]), spreadOf(rest)
	smooth := 2*len(slices.Compact(slices.Clone(rest))) > len(rest)
	times := map[float32]int{} // of those far from the middle
	for k := range p.bad {
		if v := p.at(k); !p.bad[k] &&
			(known(v) || spread > 0 && math.Abs(float64(v)-middle) > far*spread) {
			times[v]++
		}
	}
	suspect := func(v float32) bool { return known(v) || smooth && times[v] >= leastEqual }
	var bright []float64 // the others, of stars
	any := false
	for v := range times {
		if suspect(v) {
			any = true
		} else {
			bright = append(bright, float64(v))
		}
	}
	if !any {
		return nil
	}
	if rest = p.sample(suspect); len(rest) < 8 {
		return nil
	}
	spread = spreadOf(rest)
	low, high := float64(rest[0])-far*spread, float64(rest[len(rest)-1])+far*spread
	slices.Sort(bright)
	isNone := map[float32]bool{}
	for w := range times {
		if v := float64(w); suspect(w) && (v < low || v > high) {
			// What stars come near to is a star's, saturated perhaps.
			i, _ := slices.BinarySearch(bright, v-far*spread)
			isNone[w] = known(w) || i == len(bright) || bright[i] > v+far*spread
		}
	}
	for k := range p.bad {
		if v := p.at(k); !p.bad[k] && isNone[v] &&
			(known(v) || float64(v) < middle || !p.isPlateau(k)) {
			found = append(found, k)
		}
	}
	return found
}

// isPlateau reports whether a pixel beside pixel k is equal to it.
func (p plane) isPlateau(k int) bool {
	return slices.ContainsFunc(neighbors(k, p.height, p.width), func(j int) bool {
		return !p.bad[j] && p.at(j) == p.at(k)
	})
}

// spreadOf returns by how much the middle two thirds of sorted values differ.
func spreadOf(values []float32) float64 {
	return float64(values[len(values)*84/100]) - float64(values[len(values)*16/100])
}
