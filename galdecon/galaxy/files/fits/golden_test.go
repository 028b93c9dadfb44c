package fits

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// expectation is what astropy reads in an HDU; testdata/make.py writes it.
type expectation struct {
	Image bool
	Name  string
	Shape []int
	Cards [][4]string // keyword, type and text of the value, comment
}

func readExpectations(t *testing.T, name string) []expectation {
	t.Helper()
	b, err := os.ReadFile(name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var all []expectation
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAgainstAstropy(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.json")
	if len(names) == 0 {
		t.Fatal("there are no files; run testdata/make.py")
	}
	for _, name := range names {
		name = strings.TrimSuffix(name, ".json")
		if strings.HasSuffix(name, "table_values") {
			continue
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			f, err := Open(name + ".fits")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			compare(t, f, name)
		})
	}
}

func TestPackedFiles(t *testing.T) {
	for _, ending := range []string{".gz", ".bz2"} {
		b, err := os.ReadFile("testdata/types.fits" + ending)
		if err != nil {
			t.Fatal(err)
		}
		// The name says nothing: the contents do.
		path := filepath.Join(t.TempDir(), "image.fits")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		compare(t, f, "testdata/types")
	}
}

func compare(t *testing.T, f *File, name string) {
	t.Helper()
	if f.Rest != nil {
		t.Error(f.Rest)
	}
	all := readExpectations(t, name)
	if len(all) != len(f.HDUs) {
		t.Fatalf("%d HDUs, want %d", len(f.HDUs), len(all))
	}
	data, _ := os.ReadFile(name + ".f64")
	for i, want := range all {
		hdu := f.HDUs[i]
		where := fmt.Sprintf("%s[%d] %s", name, i, want.Name)
		compareCards(t, where, hdu.Header, want)
		if !want.Image {
			continue
		}
		name := hdu.Name()
		if hdu.Compressed() && name == "" {
			name = "COMPRESSED_IMAGE"
		}
		if !slices.Equal(hdu.Shape, want.Shape) || !strings.EqualFold(name, want.Name) {
			t.Errorf("%s: %v of %q, want %v of %q", where, hdu.Shape, hdu.Name(), want.Shape,
				want.Name)
			continue
		}
		n, _ := product(want.Shape...)
		if len(want.Shape) == 0 || n == 0 || data == nil {
			continue
		}
		pixels := make([]float64, n)
		for k := range pixels {
			pixels[k] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*k:]))
		}
		data = data[8*n:]
		got, err := hdu.Pixels()
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		comparePixels(t, where, hdu, got, pixels)
		comparePlanes(t, where, hdu, got)
	}
	if len(data) > 0 {
		t.Errorf("%s: %d bytes of pixels are left", name, len(data))
	}
}

// same reports whether numbers are equal, or both NaN.
func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

func comparePixels(t *testing.T, where string, hdu *HDU, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d pixels, want %d", where, len(got), len(want))
		return
	}
	// Of 16 bits and less astropy applies BSCALE and BZERO in single precision.
	scaled := hdu.scale != 1 || hdu.zero != 0
	bad := 0
	for k := range got {
		equal := same(got[k], want[k])
		if scaled && !equal && hdu.Bitpix <= 16 {
			equal = math.Abs(got[k]-want[k]) <= 1e-7*math.Abs(want[k])
		}
		if !equal {
			if bad++; bad < 4 {
				t.Errorf("%s: pixel %d is %v, want %v", where, k, got[k], want[k])
			}
		}
	}
	if bad > 0 {
		t.Errorf("%s: %d of %d pixels differ", where, bad, len(got))
	}
}

// comparePlanes reads the image in parts.
func comparePlanes(t *testing.T, where string, hdu *HDU, whole []float64) {
	t.Helper()
	if hdu.Planes() == 0 {
		return
	}
	size := len(whole) / hdu.Planes()
	height, width := hdu.Shape[len(hdu.Shape)-2], hdu.Shape[len(hdu.Shape)-1]
	for p := range hdu.Planes() {
		plane, err := hdu.Plane(p)
		if err != nil || !slices.EqualFunc(plane, whole[p*size:(p+1)*size], same) {
			t.Errorf("%s: plane %d differs: %v", where, p, err)
		}
	}
	from, to := make([]int, len(hdu.Shape)), slices.Clone(hdu.Shape)
	last := len(from) - 1
	for axis := range last - 1 {
		from[axis] = to[axis] - 1
	}
	from[last], from[last-1] = width/3, height/4
	to[last], to[last-1] = width-width/5, height-height/6
	part, err := hdu.Section(from, to)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	k, before := 0, (hdu.Planes()-1)*size
	for y := from[last-1]; y < to[last-1]; y++ {
		for x := from[last]; x < to[last]; x++ {
			if k >= len(part) || !same(part[k], whole[before+y*width+x]) {
				t.Fatalf("%s: the section %v to %v differs at %d, %d", where, from, to, x, y)
			}
			k++
		}
	}
}

func compareCards(t *testing.T, where string, h *Header, want expectation) {
	t.Helper()
	if len(want.Cards) == 0 {
		return
	}
	cards := h.cards
	for _, w := range want.Cards {
		key, kind, text, comment := w[0], w[1], w[2], w[3]
		// Cards that astropy makes of its own, or moves, are found by their keyword.
		i := slices.IndexFunc(cards, func(c Card) bool { return c.Key() == strings.ToUpper(key) })
		if i < 0 {
			t.Errorf("%s: there is no %q", where, key)
			continue
		}
		c := cards[i]
		cards = slices.Delete(slices.Clone(cards), i, i+1)
		gotKind, gotText := "", ""
		switch v := c.Value().(type) {
		case string:
			gotKind, gotText = "text", v
		case bool:
			gotKind, gotText = "bool", map[bool]string{true: "True", false: "False"}[v]
		case int64:
			gotKind, gotText = "int", strconv.FormatInt(v, 10)
		case float64:
			gotKind = "float"
			if x, err := strconv.ParseFloat(text, 64); err == nil && x == v {
				gotText = text
			}
		case complex128:
			gotKind = "complex"
			a, b, _ := strings.Cut(text, " ")
			x, _ := strconv.ParseFloat(a, 64)
			y, _ := strconv.ParseFloat(b, 64)
			if complex(x, y) == v {
				gotText = text
			}
		case nil:
			gotKind = "undefined"
		case Unparsed:
			gotKind = "unparsed"
		}
		if gotKind != kind || gotText != text || c.Comment() != comment {
			t.Errorf("%s: %q is %s %q (%v) / %q, want %s %q / %q", where, key, gotKind, gotText,
				c.Value(), c.Comment(), kind, text, comment)
		}
	}
	for _, c := range cards {
		t.Errorf("%s: %q is there, which astropy hasn't", where, c)
	}
}
