package fits

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestParseName(t *testing.T) {
	for name, want := range map[string]Selector{
		"a.fits[SCI]":              {Name: "SCI"},
		"a.fits[ sci , 2 ]":        {Name: "sci", Version: 2},
		"a.fits[0]":                {},
		"a.fits[3]":                {Number: 3},
		"a.fits[SCI][*,*,5]":       {Name: "SCI", Plane: []int{4}},
		"a.fits[SCI,1][*, *, 5,2]": {Name: "SCI", Version: 1, Plane: []int{1, 4}},
	} {
		path, got, chosen, err := ParseName(name)
		if path != "a.fits" || !reflect.DeepEqual(got, want) || !chosen || err != nil {
			t.Errorf("%s: %q %+v %v %v", name, path, got, chosen, err)
		}
		if path, again, _, err := ParseName("a.fits" + got.String()); path != "a.fits" ||
			!reflect.DeepEqual(again, got) || err != nil {
			t.Errorf("%s is read as %+v", got, again)
		}
	}
	for _, name := range []string{"a.fits", "", "dir[1]/a.fits"} {
		if path, _, chosen, err := ParseName(name); path != name || chosen || err != nil {
			t.Errorf("%q: %q %v %v", name, path, chosen, err)
		}
	}
	for _, name := range []string{"a.fits[]", "a.fits[-1]", "a.fits[SCI,0]", "a.fits[SCI,x]",
		"[SCI]",
		"a.fits]", "a.fits[*,*,1]", "a.fits[SCI][*,*,0]", "a.fits[,2]"} {
		if path, s, _, err := ParseName(name); err == nil {
			t.Errorf("%q: %q %+v", name, path, s)
		}
	}
	// A file that has the name.
	literal := filepath.Join(t.TempDir(), "a[SCI]")
	if err := os.WriteFile(literal, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if path, _, chosen, err := ParseName(literal); path != literal || chosen || err != nil {
		t.Errorf("%q %v %v", path, chosen, err)
	}
	if path, s, chosen, err := ParseName(literal + "[WHT]"); path != literal ||
		s.Name != "WHT" || !chosen || err != nil {
		t.Errorf("%q %v %v %v", path, s, chosen, err)
	}
}

func TestSelect(t *testing.T) {
	f, err := Open("testdata/special.fits")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, c := range []struct {
		s     Selector
		index int
	}{
		{Selector{}, 0}, {Selector{Number: 2}, 2}, {Selector{Name: "a"}, 1},
		{Selector{Name: "A", Version: 1}, 2},
		{Selector{Name: "A", Version: 2}, 1}, {Selector{Name: "primary"}, 0},
		{Selector{Name: "LINE"}, 3},
	} {
		h, err := f.Select(c.s)
		if err != nil || h.Index != c.index {
			t.Errorf("%s: %v %v", c.s, h, err)
		}
	}
	var e *SelectError
	if _, err := f.Select(Selector{Name: "A", Version: 3}); !errors.As(err, &e) ||
		len(e.Have) != 4 ||
		e.Have[1] != "[1] A,2 (image 6 x 4)" {
		t.Errorf("%v", err)
	}
	cube := f.HDUs[2] // [2 3 4 5]
	for _, c := range []struct {
		plane []int
		want  int
	}{
		{[]int{0, 0}, 0}, {[]int{1, 0}, 3}, {[]int{1, 2}, 5}, {[]int{2, 0}, -1}, {[]int{0}, -1},
		{nil, -1},
	} {
		got, err := cube.PlaneIndex(Selector{Plane: c.plane})
		if c.want >= 0 && (got != c.want || err != nil) || c.want < 0 && err == nil {
			t.Errorf("%v: %d %v", c.plane, got, err)
		}
	}
}
