package fits

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

func TestScaleAsKeywords(t *testing.T) {
	f, err := Open("testdata/gzip_keywords.fits")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pixels, err := f.HDUs[1].Pixels()
	if err != nil || len(pixels) != 24 {
		t.Fatal(err)
	}
	for i, v := range pixels {
		want := 0.25*float64(77*i) - 3
		if i == 1 { // ZBLANK
			want = math.NaN()
		}
		if !same(v, want) {
			t.Errorf("pixel %d is %v, want %v", i, v, want)
		}
	}
}

// patched returns a file of which the first card with a key, after others bytes, is another.
func patched(t *testing.T, name, key, card string) *File {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".fits")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, fmt.Appendf(nil, "%-8s=", key))
	if at < 0 {
		t.Fatalf("%s has no %s", name, key)
	}
	copy(data[at:], fmt.Sprintf("%-80s", card))
	f, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTilesRefuseByName(t *testing.T) {
	for _, c := range []struct{ name, key, card, want string }{
		{"rice_long", "ZCMPTYPE", "ZCMPTYPE= 'JPEG'", "ZCMPTYPE"},
		{"rice_long", "ZVAL1", "ZVAL1   = 0", "ZVALn of BLOCKSIZE"},
		{"rice_long", "ZVAL2", "ZVAL2   = 3", "ZVALn of BYTEPIX"},
		{"rice_long", "ZNAXIS2", "ZNAXIS2 = 2000000000", "NAXIS2"},
		{"rice_long", "ZBITPIX", "ZBITPIX = 12", "ZBITPIX"},
		{"rice_long", "TFORM1", "TFORM1  = '9E'", "TFORM1"},
		{"rice_long", "ZTILE1", "ZTILE1  = 0", "ZTILE1"},
		{"gzip_q", "TTYPE1", "TTYPE1  = 'OTHER'", "TTYPEn"},
	} {
		hdu := patched(t, c.name, c.key, c.card).HDUs[1]
		var e *KeywordError
		if _, err := hdu.Pixels(); !errors.As(err, &e) || e.Key != c.want {
			t.Errorf("%q: %v", c.card, err)
		}
		if len(hdu.String()) == 0 {
			t.Error("no name")
		}
	}
	// A huge tile of few bytes.
	hdu := patched(t, "rice_long", "ZNAXIS1", "ZNAXIS1 = 2000000000")
	var damaged *DataError
	var keyword *KeywordError
	if _, err := hdu.HDUs[1].Pixels(); !errors.As(err, &damaged) && !errors.As(err, &keyword) {
		t.Error(err)
	}
}

func TestDamagedTile(t *testing.T) {
	data, err := os.ReadFile("testdata/gzip_q.fits")
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(data, []byte("\x1f\x8b"))
	data[at] = 0
	f, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var e *DataError
	if _, err := f.HDUs[1].Pixels(); !errors.As(err, &e) || e.Tile != 3 || e.HDU != 1 {
		t.Errorf("%v", err)
	}
	// The other rows are tiles of their own.
	if row, err := f.HDUs[1].Section([]int{2, 0}, []int{3, 6}); err != nil || row[0] != 77*12 {
		t.Error(row, err)
	}
}

func TestRandomGroupsRefuse(t *testing.T) {
	var b strings.Builder
	for _, card := range []string{"SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 3", "NAXIS1  = 0",
		"NAXIS2  = 3",
		"NAXIS3  = 4", "GROUPS  = T", "PCOUNT  = 6", "GCOUNT  = 10", "END"} {
		fmt.Fprintf(&b, "%-80s", card)
	}
	fmt.Fprintf(&b, "%*s%s", 2880-b.Len(), "", strings.Repeat("\x00", 2880))
	f, err := Read(strings.NewReader(b.String()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var e *FormatError
	if _, err := f.HDUs[0].Pixels(); !errors.As(err, &e) ||
		!strings.Contains(e.Problem, "random groups") {
		t.Error(err)
	}
	if f.HDUs[0].length != 720 {
		t.Errorf("the groups have %d bytes", f.HDUs[0].length)
	}
}
