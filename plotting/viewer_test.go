package plotting

import (
	"encoding/base64"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/wcs"
)

// viewer has n candidates of a galaxy whose observation has a dead column and a place in the sky.
func viewer(t *testing.T, size, channels, n int) Viewer {
	t.Helper()
	y := spirals(3, size, channels).Select(2)
	k := gaussian(t, 11, 1.6)
	samples := make([]*galaxy.Images, n)
	for s := range samples {
		samples[s] = noisy(y, 0.02, uint64(s+1))
	}
	all, err := galaxy.Join(samples...)
	if err != nil {
		t.Fatal(err)
	}
	all.IDs = nil
	c := Candidates{
		Title: "NGC <1300>", Observation: noisy(blurred(y, k), 0.004, 1), Truth: y,
		Samples: all, Reblurred: blurred(all, k),
		World: world(t, "RA/DEC", 150.1, -2.2, 3, 40, 8e-6, 2e-6),
	}
	dead := make([]bool, size*size)
	for row := range size {
		at := row*size + deadColumn
		dead[at], c.Observation.Pixels[at*channels] = true, float32(math.NaN())
	}
	if err := c.Observation.Mask(dead); err != nil {
		t.Fatal(err)
	}
	return Viewer{Candidates: c}
}

const deadColumn = 5

// world has the place of a pixel in the sky, and a matrix {{−c, s}, {s, c}} in degrees.
func world(t *testing.T, axes string, lon, lat, column, row, c, s float64) *wcs.WCS {
	t.Helper()
	h := &fits.Header{}
	types := map[string][2]string{
		"RA/DEC": {"RA---TAN", "DEC--TAN"}, "GLON/GLAT": {"GLON-TAN", "GLAT-TAN"},
	}[axes]
	for key, value := range map[string]any{
		"CTYPE1": types[0], "CTYPE2": types[1],
		"CRVAL1": lon, "CRVAL2": lat, "CRPIX1": column + 1, "CRPIX2": row + 1,
		"CD1_1": -c, "CD1_2": s, "CD2_1": s, "CD2_2": c,
	} {
		if err := h.Set(key, value, ""); err != nil {
			t.Fatal(err)
		}
	}
	w, err := wcs.Parse(h)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The block has all that it needs within it, and without its script is a picture with a text.
func TestViewerNeedsNothing(t *testing.T) {
	block, err := viewer(t, 16, 1, 5).HTML()
	if err != nil {
		t.Fatal(err)
	}
	if at := regexp.MustCompile(`(?i)https?://|\bimport\b|fetch\(|XMLHttp|WebSocket|@import|url\(`).
		FindStringIndex(block); at != nil {
		t.Errorf("the block reaches out: …%s…", block[at[0]:at[1]+40])
	}
	if n := strings.Count(block, "</script>"); n != 1 {
		t.Errorf("the block has %d ends of scripts", n)
	}
	bare := regexp.MustCompile(`(?s)<script>.*</script>`).ReplaceAllString(block, "")
	want := `<img alt="NGC &lt;1300&gt;: the truth, the observation, 4 of 5 candidates with their ` +
		`residuals, their mean and standard deviation" width="`
	if !strings.Contains(bare, want) || !strings.Contains(bare, `src="data:image/png;base64,iVBOR`) {
		t.Errorf("without its script it is %.300s", bare)
	}
	again, err := viewer(t, 16, 1, 5).HTML()
	if err != nil || again != block {
		t.Errorf("made again it is another (%v)", err)
	}
}

// As many candidates are in the block as fit, all that were asked for or none.
func TestViewerKeepsItsLimit(t *testing.T) {
	v := viewer(t, 16, 3, 20)
	shown := func(block string) string {
		return regexp.MustCompile(`"shown":(\d+)`).FindStringSubmatch(block)[1]
	}
	whole, err := v.HTML()
	if err != nil || shown(whole) != "16" {
		t.Fatalf("of 20 candidates there are %s (%v)", shown(whole), err)
	}
	v.Limit = len(whole) - 10_000
	less, err := v.HTML()
	if err != nil || len(less) > v.Limit || len(less) < v.Limit-5_000 || shown(less) != "13" {
		t.Errorf("within %d bytes there are %s candidates in %d (%v)", v.Limit, shown(less), len(less),
			err)
	}
	v.Candidates.Shown = 16
	_, err = v.HTML()
	var size *SizeError
	if !errors.As(err, &size) || size.Limit != v.Limit {
		t.Errorf("16 candidates that don't fit give %v", err)
	}
	v.Candidates.Shown, v.Limit = 0, 1000
	_, err = v.HTML()
	wantError(t, err, "1000 bytes", "Candidates.Zoom")
	v.Limit = -1
	_, err = v.HTML()
	wantError(t, err, "Viewer.Limit")
	wantError(t, v.Save("viewer.png"), ".html")
	_, err = Viewer{}.HTML()
	wantError(t, err, "Candidates.Observation")
}

// A cell is given the block, and the picture for who takes no HTML.
func TestViewerIsDisplayed(t *testing.T) {
	v := viewer(t, 16, 1, 5)
	data, err := displayed(v, mustDraw(t, v))
	if err != nil {
		t.Fatal(err)
	}
	block, err := v.HTML()
	if err != nil || data.Data["text/html"] != block {
		t.Errorf("the cell is given another block (%v)", err)
	}
	checkPNG(t, data)
}

// Values come back to half a step of 16 bits.
func TestViewerPlanes(t *testing.T) {
	values := []float32{-3, 7.25, 0.001, 7.3}
	d := &viewerJSON{}
	d.plane([]float32{2, 2, 2, 2})
	at := d.plane(values)
	low, high := d.Ranges[at][0], d.Ranges[at][1]
	for k, v := range values {
		steps := int(d.values[8+2*k]) | int(d.values[9+2*k])<<8
		got := low + (high-low)*float64(steps)/maxSteps
		if math.Abs(got-float64(v)) > (high-low)/maxSteps/2*1.001 {
			t.Errorf("%g comes back as %g", v, got)
		}
	}
	bits, err := base64.StdEncoding.DecodeString(viewerMaps()["gray"])
	if err != nil || len(bits) != 3*256 || bits[0] != 0 || bits[767] != 255 {
		t.Errorf("the gray map has %d bytes (%v)", len(bits), err)
	}
}

// A detail lies where it does in the whole image, and its pixels without data are marked.
func TestZoomKeepsItsPlace(t *testing.T) {
	c := viewer(t, 16, 1, 3).Candidates
	z := c.Zoom()
	ra, dec := c.World.Sky(6, 7)
	if r, d := z.World.Sky(2, 3); math.Abs(r-ra)+math.Abs(d-dec) > 1e-10 {
		t.Errorf("the detail's pixel is at (%g, %g), not at (%g, %g)", r, d, ra, dec)
	}
	for k, bad := range z.Observation.BadAt(0) {
		if bad != (k%8 == deadColumn-4) {
			t.Errorf("pixel %d of the detail is marked: %t", k, bad)
		}
	}
}
