package dataset

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
)

// blob is a stamp of h x w pixels with a round Gaussian of the given peak and σ at (row, col),
// pixel centers being whole numbers, on a sky of 0.
func blob(h, w, channels int, row, col, sigma, peak float64) *galaxy.Images {
	im := galaxy.NewImages(1, h, w, channels)
	for k := range im.Pixels {
		y, x := float64(k/channels/w)-row, float64(k/channels%w)-col
		im.Pixels[k] = float32(peak * math.Exp(-(x*x+y*y)/(2*sigma*sigma)))
	}
	return im
}

func TestPrepareAgreesWithImagesPrepare(t *testing.T) {
	im := blob(40, 52, 3, 20, 26, 5, 700)
	im.Pixels[3] = -9
	want, err := im.Prepare(16)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Config{Size: 16, Channels: 3}.prepare(im)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.pixels, want.Pixels) || got.scale != want.Scale[0] || got.zoom != 2.5 {
		t.Errorf("scale %v and zoom %v, want %v and 2.5", got.scale, got.zoom, want.Scale[0])
	}
	gray, err := Config{Size: 16}.prepare(im)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := im.Gray().Prepare(16); !slices.Equal(gray.pixels, want.Pixels) {
		t.Error("one channel isn't the mean of three")
	}
}

// TestFluxIsGivenBack: the sum of the pixels times scale times zoom² is the flux of the stamp.
func TestFluxIsGivenBack(t *testing.T) {
	im := blob(60, 60, 1, 29.5, 29.5, 4, 123)
	for _, c := range []Config{{Size: 30}, {Size: 24}, {Size: 20, Crop: 50},
		{Size: 32, Scaling: ScaleFixed, Divisor: 1000},
		{Size: 16, Center: galaxy.CenterCentroid, Crop: 48}} {
		p, err := c.prepare(im)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, v := range p.pixels {
			sum += float64(v)
		}
		// Of the Gaussian 2e-7 lies outside 24 pixels from the center.
		if got, want := sum*p.scale*p.zoom*p.zoom, 2*math.Pi*4*4*123; math.Abs(got/want-1) > 1e-5 {
			t.Errorf("%+v: flux %v, want %v", c, got, want)
		}
	}
}

func TestScaling(t *testing.T) {
	im := blob(16, 16, 1, 8, 8, 2, 50)
	im.Pixels[0] = 400 // a star in the corner
	peak, _ := Config{Size: 16}.prepare(im)
	fixed, _ := Config{Size: 16, Scaling: ScaleFixed, Divisor: 100}.prepare(im)
	survey, _ := Config{Size: 16, Scaling: ScaleSurvey}.prepare(im)
	if peak.pixels[8*16+8] != 1 || peak.pixels[0] != 1 || peak.scale != 50 {
		t.Errorf("by its peak: %v, star %v, scale %v", peak.pixels[8*16+8], peak.pixels[0],
			peak.scale)
	}
	if fixed.pixels[8*16+8] != 0.5 || fixed.pixels[0] != 1 || fixed.scale != 100 {
		t.Errorf("by 100: %v, star %v, scale %v", fixed.pixels[8*16+8], fixed.pixels[0],
			fixed.scale)
	}
	if survey.pixels[8*16+8] != 50 || survey.scale != 50 {
		t.Errorf("before the survey's divisor is known: %v, scale %v", survey.pixels[8*16+8],
			survey.scale)
	}
}

func TestCrops(t *testing.T) {
	im := blob(64, 80, 1, 26, 47, 3, 10)
	im.Pixels[40*80+30] = 20 // a hot pixel
	im.Pixels[2*80+2] = 99   // a star beyond the central half
	for name, c := range map[string]struct {
		config Config
		side   int
		peakAt [2]int // row and column of the galaxy's peak in the square
	}{
		"the middle":           {Config{Size: 8}, 64, [2]int{26, 39}},
		"a crop in the middle": {Config{Size: 8, Crop: 40}, 40, [2]int{14, 27}},
		// 2 * 27 rows above and below the edge at 27
		"the largest": {Config{Size: 8, Center: galaxy.CenterBrightest}, 54,
			[2]int{26, 26}},
		"a crop around": {Config{Size: 8, Center: galaxy.CenterBrightest, Crop: 20}, 20,
			[2]int{9, 9}},
		"a crop moved inwards": {Config{Size: 8, Center: galaxy.CenterBrightest, Crop: 62}, 62,
			[2]int{26, 30}},
		"at least Size, inwards": {Config{Size: 60, Center: galaxy.CenterBrightest}, 60,
			[2]int{26, 29}},
		"a centroid of the whole": {Config{Size: 8, Center: galaxy.CenterCentroid, Crop: 64}, 64,
			[2]int{26, 31}},
	} {
		square := c.config.cut(im)
		if square.Height != c.side || square.Width != c.side {
			t.Errorf("%s: %d x %d pixels, want %d", name, square.Height, square.Width, c.side)
			continue
		}
		if v := square.Pixels[c.peakAt[0]*c.side+c.peakAt[1]]; v != 10 {
			t.Errorf("%s: the pixel at %v is %v, not the peak", name, c.peakAt, v)
		}
	}
}

func TestRejections(t *testing.T) {
	good := blob(32, 32, 1, 16, 16, 3, 1000)
	noisy := blob(32, 32, 1, 16, 16, 3, 0)
	bad := good.Select(0)
	bad.Pixels[3] = float32(math.NaN())
	for k := range noisy.Pixels {
		// noise enough, of standard deviation 0.7
		noisy.Pixels[k] = float32(math.Sin(float64(k * k)))
	}
	abyss := blob(32, 32, 1, 16, 16, 3, 1e-35)
	abyss.Pixels[0] = -1e5
	for name, c := range map[string]struct {
		config Config
		im     *galaxy.Images
		want   string
	}{
		"an abyss":        {Config{Size: 32}, abyss, Empty},
		"good":            {Config{Size: 16, Saturation: 1001, MinSignal: 5}, good, ""},
		"saturated":       {Config{Size: 16, Saturation: 900}, good, Saturated},
		"a few saturated": {Config{Size: 16, Saturation: 999, MaxSaturated: 1}, good, ""},
		"no galaxy":       {Config{Size: 16}, galaxy.NewImages(1, 32, 32, 1), Empty},
		"noise":           {Config{Size: 32, MinSignal: 10}, noisy, Empty},
		"noise allowed":   {Config{Size: 32}, noisy, ""},
		"small":           {Config{Size: 33}, good, TooSmall},
		"small for Crop":  {Config{Size: 16, Crop: 40}, good, TooSmall},
		"channels":        {Config{Size: 16, Channels: 3}, good, WrongChannels},
		"bad pixels":      {Config{Size: 16, Bad: galaxy.BadReject}, bad, BadPixels},
		"too many bad":    {Config{Size: 16, MaxBad: 0.0001}, bad, BadPixels},
		"two images":      {Config{Size: 16}, galtest.Ramp(2, 32, 32, 1), Unreadable},
	} {
		_, err := c.config.prepare(c.im)
		var why *rejection
		if c.want == "" && err != nil ||
			c.want != "" && (!errors.As(err, &why) || why.reason != c.want || why.detail == "") {
			t.Errorf("%s: error %v, want reason %q", name, err, c.want)
		}
	}
}

func TestPrepareConfigRefuses(t *testing.T) {
	for want, c := range map[string]Config{
		"Size":              {},
		"Channels":          {Size: 8, Channels: -1},
		"Size is 1048576":   {Size: 1 << 20},
		"Crop":              {Size: 8, Crop: 4},
		"Center":            {Size: 8, Center: "left"},
		"Scaling":           {Size: 8, Scaling: "log"},
		"needs a positive":  {Size: 8, Scaling: ScaleFixed},
		"only fixed":        {Size: 8, Divisor: 2},
		"bad pixels":        {Size: 8, Bad: "keep"},
		"MaxBad":            {Size: 8, MaxBad: 1},
		"Saturation":        {Size: 8, Saturation: -1},
		"MinSignal":         {Size: 8, MinSignal: math.NaN()},
		"leave some":        {Size: 8, Split: SplitConfig{Validation: 0.5, Test: 0.5}},
		"must not be negat": {Size: 8, Split: SplitConfig{Validation: -0.1}},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestSplitKeepsObjectsTogether(t *testing.T) {
	im := galtest.Ramp(12, 1, 1, 1)
	im.Objects = strings.Fields("a b a c c c d e f a g h")
	first, rest, err := im.Split(7, 5)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range first.Objects {
		if slices.Contains(rest.Objects, object) {
			t.Errorf("%s is on both sides", object)
		}
	}
	if first.N+rest.N != 12 || first.N > 7 || first.N < 5 {
		t.Errorf("%d and %d images", first.N, rest.N)
	}
	again, _, _ := im.Split(7, 5)
	if !slices.Equal(again.Pixels, first.Pixels) {
		t.Error("equal seeds gave different splits")
	}
	im.Objects = strings.Fields("a a a a a a b b b b b b")
	if _, _, err := im.Split(3, 1); err == nil {
		t.Error("a split that no object fits gave no error")
	}
}

func TestAssign(t *testing.T) {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("galaxy %d", i/2)) // two views of each of 500
	}
	c := SplitConfig{Validation: 0.2, Test: 0.1, Seed: 3}
	part, err := c.assign(names)
	if err != nil {
		t.Fatal(err)
	}
	count := map[Subset]int{}
	for _, p := range part {
		count[p]++
	}
	if count[Testing] != 50 || count[Validation] != 100 || count[Training] != 350 {
		t.Errorf("parts %v", count)
	}
	slices.Reverse(names)
	again, _ := c.assign(names)
	other, _ := SplitConfig{Validation: 0.2, Test: 0.1, Seed: 4}.assign(names)
	grown, _ := c.assign(append(slices.Clone(names), "one", "more"))
	same, moved, differ := 0, 0, 0
	for name, p := range part {
		if again[name] == p {
			same++
		}
		if grown[name] != p {
			moved++
		}
		if other[name] != p {
			differ++
		}
	}
	if same != 500 || moved > 3 || differ < 100 {
		t.Errorf("in another order %d of 500 stay; with two more %d move; with another seed %d do",
			same, moved, differ)
	}
	few, err := SplitConfig{Validation: 0.01, Test: 0.01}.assign([]string{"a", "b", "c"})
	if err != nil || len(few) != 3 ||
		(few["a"] == few["b"] || few["b"] == few["c"] || few["a"] == few["c"]) {
		t.Errorf("three objects: %v, %v", few, err)
	}
	if _, err := (SplitConfig{Validation: 0.01, Test: 0.01}).assign([]string{"a", "b",
		"b"}); err == nil {
		t.Error("two objects in three parts gave no error")
	}
}
