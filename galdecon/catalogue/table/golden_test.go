package table_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon/catalogue/internal/tabletest"
	"galdecon/galdecon/catalogue/table"
)

var update = flag.Bool("update", false, "write the files testdata/written.* anew")

func load(t *testing.T, name string) *table.Table {
	t.Helper()
	got, err := table.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAgainstAstropy(t *testing.T) {
	for name, golden := range map[string]string{
		"types.fits": "types.fits", "odd.fits": "odd.fits", "types.ecsv": "types.ecsv",
		"comma.ecsv": "types.ecsv",
	} {
		t.Run(name, func(t *testing.T) {
			tabletest.Compare(t, load(t, "testdata/"+name), "testdata/"+golden+".json")
		})
	}
}

// What is written is read as it was, by way of either format.
func TestRoundTrips(t *testing.T) {
	for _, name := range []string{"types.fits", "odd.fits", "types.ecsv"} {
		first := load(t, "testdata/"+name)
		for _, ending := range []string{".fits", ".csv"} {
			path := filepath.Join(t.TempDir(), "table"+ending)
			save := first.SaveCSV
			if ending == ".fits" {
				save = func(path string) error { return first.SaveFITS(path, nil) }
			}
			if err := save(path); err != nil {
				t.Fatal(err)
			}
			t.Run(name+" as "+ending, func(t *testing.T) {
				tabletest.Compare(t, load(t, path), "testdata/"+name+".json")
			})
		}
	}
}

// What is written is to the byte what testdata/check.py has read by astropy.
func TestWritten(t *testing.T) {
	from := load(t, "testdata/types.fits")
	for name, save := range map[string]func(string) error{
		"written.csv":  from.SaveCSV,
		"written.fits": func(path string) error { return from.SaveFITS(path, nil) },
	} {
		path := filepath.Join(t.TempDir(), name)
		if *update {
			path = "testdata/" + name
		}
		if err := save(path); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the file isn't testdata/%s; if it should be another now, go test -update "+
				"writes it, and check.py checks it", name)
		}
	}
}

// Without a header values show the types.
func TestPlainCSV(t *testing.T) {
	got := load(t, "testdata/plain.csv")
	var types []string
	for _, c := range got.Columns {
		types = append(types, fmt.Sprint(c.Name, " ", c.Type))
	}
	want := []string{"flag bool", "vint32 int64", "vfloat64 float64", "name string", "masked int64",
		"RA float64"}
	if !slices.Equal(types, want) {
		t.Errorf("%v, want %v", types, want)
	}
	if c := got.Column("MASKED"); !c.IsMissing(1) || c.IsMissing(0) || c.Integers[4] != 0 ||
		c.Text(1) != "" || c.Float(2) != 3 {
		t.Errorf("%+v", c)
	}
	if c := got.Column("name"); c.Texts[3] != `quote"'` || c.Texts[4] != "x,y;z" {
		t.Errorf("%q", c.Texts)
	}
}
