package catalogue

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/psf"
	"galdecon/internal/atomicfile"
)

// settings are what the results in a folder depend on. Runs with others don't mix with them.
type settings struct {
	Version     int
	Model, Hash string
	// Recalibration is that of the model.
	Recalibration string `json:",omitempty"`
	Candidates    int
	Seed          int64
	Aperture      float64
	Side          int
	Draws         bool
	Cubes         bool
	Columns       Columns
	Catalogue     string // the hash of the table
	Images        []imageSettings
}

type imageSettings struct {
	Name          string
	Width, Height int
	Bytes         int64  // of the file
	PSF           string // the hash of the PSFs in its middle and corners
	Weight, Mask  string
	Unit          string // of the pixels, BUNIT
}

const settingsVersion = 1

// ChangedError says that a folder has results of another run.
type ChangedError struct{ Dir, What, There, Here string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("catalogue: the results in %s are of another run: %s there %s, here %s; "+
		"choose another folder, or remove that one", e.Dir, e.What, e.There, e.Here)
}

func changed(dir, what, there, here string) error {
	return &ChangedError{dir, what + " is", cmp.Or(there, "none"), cmp.Or(here, "none")}
}

const settingsFile = "run.json"

func loadSettings(dir string) (settings, error) {
	var s settings
	path := filepath.Join(dir, settingsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return s, fmt.Errorf("catalogue: there are no results in %s: %w", dir, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil || s.Version != settingsVersion {
		return s, fmt.Errorf("catalogue: %s is damaged or of another version; choose another "+
			"folder", path)
	}
	return s, nil
}

// keep stores the settings of a run in its folder, or returns a [*ChangedError] if those that are
// there are others.
func (s settings) keep(dir string) error {
	err := s.check(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, settingsFile), text); err != nil {
		return fmt.Errorf("catalogue: cannot write to %s: %w", dir, err)
	}
	return nil
}

// check returns a [*ChangedError] if the settings in a folder are others, and fs.ErrNotExist if it
// has none.
func (s settings) check(dir string) error {
	there, err := loadSettings(dir)
	if err != nil {
		return err
	}
	a, b := reflect.ValueOf(there), reflect.ValueOf(s)
	for i := range a.NumField() {
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if !reflect.DeepEqual(x, y) {
			return changed(dir, "its "+a.Type().Field(i).Name, fmt.Sprint(x), fmt.Sprint(y))
		}
	}
	return nil
}

// hashTable returns the SHA-256 of all that a table has.
func hashTable(t *table.Table) string {
	h := sha256.New()
	for _, c := range t.Columns {
		fmt.Fprintln(h, c.Name, c.Unit, c.Description, c.Type, c.Shape, c.Ends)
		write(h, c.Integers)
		write(h, c.Floats)
		for _, text := range c.Texts {
			fmt.Fprintf(h, "%q", text)
		}
		write(h, c.Missing)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// write writes numbers to a hash, which never fails.
func write(h hash.Hash, values any) { _ = binary.Write(h, binary.LittleEndian, values) }

// settingsOf returns what the results of an image depend on.
func settingsOf(im Image, f *field) (imageSettings, error) {
	s := imageSettings{Name: im.name(), Width: f.image.width, Height: f.image.height}
	s.Weight, s.Mask = baseName(im.Weight), baseName(im.Mask)
	s.Unit, _ = f.image.hdu.Header.Text("BUNIT")
	path, _, _, err := fits.ParseName(im.Path)
	if err != nil {
		return s, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	s.Bytes = info.Size()
	h := sha256.New()
	right, bottom := float64(f.image.width-1), float64(f.image.height-1)
	for _, at := range [][2]float64{{right / 2, bottom / 2}, {0, 0}, {right, 0}, {0, bottom},
		{right, bottom}} {
		p, err := f.psf.At(psf.Position{Column: at[0], Row: at[1]})
		if err != nil {
			fmt.Fprintln(h, "none")
			continue
		}
		write(h, int64(p.Size))
		write(h, p.Pixels)
	}
	s.PSF = hex.EncodeToString(h.Sum(nil)[:8])
	return s, nil
}

func baseName(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Base(path)
}
