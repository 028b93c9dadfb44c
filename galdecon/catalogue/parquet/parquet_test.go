package parquet_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/catalogue/internal/tabletest"
	"galdecon/galdecon/catalogue/parquet"
	"galdecon/galdecon/catalogue/table"
)

var update = flag.Bool("update", false, "write testdata/written.parquet anew")

func TestAgainstOthers(t *testing.T) {
	for name, golden := range map[string]string{
		"astropy": "astropy", "arrow_none": "arrow", "arrow_snappy": "arrow",
		"arrow_gzip": "arrow", "arrow_zstd": "arrow",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parquet.Load("testdata/" + name + ".parquet")
			if err != nil {
				t.Fatal(err)
			}
			tabletest.Compare(t, got, "testdata/"+golden+".json")
			notes := strings.Join(got.Notes, "\n")
			for _, column := range []string{"pair", "price"} {
				if golden == "arrow" && !strings.Contains(notes, "column "+column+" is left out") {
					t.Errorf("nothing is said of %s: %q", column, notes)
				}
			}
		})
	}
}

// What is written is to the byte what testdata/check.py of package table has read by astropy and
// pandas.
func TestWritten(t *testing.T) {
	from, err := table.Load("../table/testdata/types.fits")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "written.parquet")
	if *update {
		path = "testdata/written.parquet"
	}
	if err := parquet.Save(path, from); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/written.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the file isn't testdata/written.parquet; if it should be another now, " +
			"go test -update writes it, and check.py checks it")
	}
}

func TestRoundTrips(t *testing.T) {
	for from, golden := range map[string]string{
		"../table/testdata/types.fits": "../table/testdata/types.fits.json",
		"../table/testdata/odd.fits":   "../table/testdata/odd.fits.json",
		"testdata/arrow_zstd.parquet":  "testdata/arrow.json",
	} {
		t.Run(filepath.Base(from), func(t *testing.T) {
			first, err := parquet.Load(from)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "table")
			if err := parquet.Save(path, first); err != nil {
				t.Fatal(err)
			}
			got, err := parquet.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			tabletest.Compare(t, got, golden)
		})
	}
}

// A damaged file is an error wherever the damage is, and never a panic.
func TestDamaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/arrow_snappy.parquet")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "damaged.parquet")
	for at := 4; at < len(whole); at += 7 {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0xff
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		// What differs in values alone nobody can tell.
		if got, err := parquet.Load(path); err == nil && got.Validate() != nil {
			t.Errorf("byte %d: the table isn't valid", at)
		}
	}
	if err := os.WriteFile(path, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := parquet.Load(path); err == nil {
		t.Error("half of a file is read")
	}
}
