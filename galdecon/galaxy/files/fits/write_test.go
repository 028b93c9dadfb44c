package fits

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// of returns the function that gives the pixels.
func of(pixels []float64) func(int) float64 { return func(i int) float64 { return pixels[i] } }

func TestWriteReadsBack(t *testing.T) {
	h := headerOf("EXTNAME = 'SCI'", "BSCALE  = 2.0", "BLANK   = 5", "NAXIS3  = 7",
		"OBJECT  = 'M31' / galaxy")
	values := map[int][]float64{
		8:   {0, 255, 3.4, 2, 1, 0},
		16:  {-32768, 32767, 1, 2, 3, -4.5},
		32:  {math.MinInt32, math.MaxInt32, 0, 1, -1, 5},
		64:  {math.MinInt64, 1 << 62, 0, -1, 9, 1},
		-32: {math.Inf(1), math.NaN(), math.MaxFloat32, 0x1p-149, -2, 0.5},
		-64: {math.MaxFloat64, math.NaN(), math.Inf(-1), 5e-324, 0.1, 0},
	}
	for bitpix, v := range values {
		im := NewImage{h, bitpix, []int{3, 1, 2}, of(v)}
		var b bytes.Buffer
		if err := Write(&b, NewImage{Bitpix: 8}, im, im); err != nil {
			t.Error(bitpix, err)
			continue
		}
		f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil || len(f.HDUs) != 3 || f.Rest != nil || b.Len()%blockSize != 0 {
			t.Fatal(bitpix, err, f)
		}
		for _, hdu := range f.HDUs[1:] {
			pixels, err := hdu.Pixels()
			want := slices.Clone(v)
			if bitpix > 0 {
				for i := range want {
					want[i] = math.RoundToEven(want[i])
				}
			}
			if err != nil || hdu.Bitpix != bitpix || !slices.Equal(hdu.Shape, im.Shape) ||
				!slices.EqualFunc(pixels, want, same) {
				t.Errorf("%d: %v became %v: %v", bitpix, want, pixels, err)
			}
			if name, _ := hdu.Header.Get("OBJECT"); hdu.Name() != "SCI" ||
				name.Comment() != "galaxy" ||
				hdu.Header.Has("BSCALE") {
				t.Errorf("%d: header %q", bitpix, hdu.Header.cards)
			}
		}
	}
	// Values that there is no room for.
	for _, c := range []struct {
		bitpix int
		pixels []float64
	}{
		{8, []float64{-1}}, {8, []float64{256}}, {16, []float64{32768}}, {32, []float64{1 << 31}},
		{64, []float64{1 << 63}}, {-32, []float64{1e39}}, {16, []float64{math.NaN(), -32768}},
		{16, []float64{-32768, math.NaN()}}, {16, []float64{math.Inf(1)}}, {7, []float64{1}},
	} {
		err := Write(&bytes.Buffer{}, NewImage{nil, c.bitpix, []int{len(c.pixels)}, of(c.pixels)})
		if err == nil {
			t.Errorf("%v can be written with BITPIX %d", c.pixels, c.bitpix)
		}
	}
	var b bytes.Buffer
	err := Write(&b, NewImage{nil, 16, []int{1, 2}, of([]float64{math.NaN(), 7})})
	if err != nil {
		t.Fatal(err)
	}
	f, _ := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if v, err := f.HDUs[0].Pixels(); err != nil || !math.IsNaN(v[0]) || v[1] != 7 {
		t.Error(v, err)
	}
}

// python returns a Python that has astropy, of the environment's variable PYTHON or of the path.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("PYTHON"), "python3"} {
		if name != "" && exec.Command(name, "-c", "import astropy.io.fits").Run() == nil {
			return name
		}
	}
	t.Skip("there is no Python with astropy; install it, or set PYTHON to one that has it")
	return ""
}

// verify reads a file strictly and prints its pixels' sums and cards.
const verify = `
import json, sys, warnings
import numpy as np
from astropy.io import fits
warnings.simplefilter("error")
np.seterr(all="ignore")  # of sums
# A keyword without a value, which the standard allows.
warnings.filterwarnings("ignore", message="The following header keyword is invalid")
out = []
with fits.open(sys.argv[1]) as hdus:
    hdus.verify("exception")
    for h in hdus:
        d = None if h.data is None else h.data.astype("f8")
        s = 0.0 if d is None else float(np.nansum(d))
        out.append(dict(shape=list(h.shape), sum=s if np.isfinite(s) else 0.0,
            nan=0 if d is None else int(np.isnan(d).sum()),
            cards=[[c.rawkeyword, str(c.rawvalue)] for c in h.header.cards]))
json.dump(out, sys.stdout)
`

func TestAstropyReadsWhatIsWritten(t *testing.T) {
	program := python(t)
	images := []NewImage{{Bitpix: 8}}
	names, _ := filepath.Glob("testdata/*.fits")
	var from []*HDU
	for _, name := range names {
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, hdu := range f.HDUs {
			pixels, err := hdu.Pixels()
			if hdu.Kind != Image || len(hdu.Shape) == 0 || len(pixels) == 0 || err != nil {
				continue
			}
			bitpix := -64
			if strings.Contains(name, "types") {
				bitpix = hdu.Bitpix
			}
			from = append(from, hdu)
			images = append(images, NewImage{hdu.Header, bitpix, hdu.Shape, of(pixels)})
		}
	}
	long := &Header{}
	for _, err := range []error{long.Set("LONG", strings.Repeat("it's long, ", 40),
		"with a comment"),
		long.Set("HIERARCH ESO A B", 5, ""), long.Set("X", 1e-7, "small")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	long.AddHistory(strings.Repeat("history ", 40))
	images = append(images, NewImage{long, 16, []int{2, 2}, of([]float64{1, math.NaN(), 3, -4})})
	path := filepath.Join(t.TempDir(), "written.fits")
	var b bytes.Buffer
	if err := Write(&b, images...); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-c", verify, path).Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			t.Fatalf("astropy: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var got []struct {
		Shape []int
		Sum   float64
		NaN   int
		Cards [][2]string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(images) {
		t.Fatalf("astropy finds %d HDUs of %d", len(got), len(images))
	}
	for i, im := range images[1:] {
		g := got[i+1]
		if !slices.Equal(g.Shape, im.Shape) {
			t.Errorf("HDU %d: %v, want %v", i+1, g.Shape, im.Shape)
			continue
		}
		n, _ := product(im.Shape...)
		sum, nan := 0.0, 0
		for k := range int(n) {
			if v := im.Pixel(k); math.IsNaN(v) {
				nan++
			} else {
				sum += v
			}
		}
		finite := !math.IsNaN(sum) && !math.IsInf(sum, 0)
		if nan != g.NaN || finite && math.Abs(g.Sum-sum) > 1e-6*math.Abs(sum)+1e-6 {
			t.Errorf("HDU %d: sum %v and %d NaN, want %v and %d", i+1, g.Sum, g.NaN, sum, nan)
		}
		for c := range im.Header.Cards() {
			key, text := c.Key(), c.Value()
			if _, ok := text.(string); !ok || OfStorage(key) || !standardKey(key) ||
				key == "CONTINUE" {
				continue
			}
			if _, _, f := c.parts(); f != valued {
				continue
			}
			if !slices.ContainsFunc(g.Cards, func(c [2]string) bool {
				return c[0] == key && c[1] == fmt.Sprint(text)
			}) {
				t.Errorf("HDU %d: %s = %q isn't there", i+1, key, text)
			}
		}
	}
	if len(from) < 40 {
		t.Errorf("only %d images were tried", len(from))
	}
}
