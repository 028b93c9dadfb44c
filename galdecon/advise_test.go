package galdecon_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/internal/home"
)

// exports are the files with the types of the packages that cells import, and of all that those do.
var exports = sync.OnceValues(func() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}",
		home.Package("galdecon"), home.Package("galdecon/pretrained"), home.Package("plotting"),
		"github.com/janpfeifer/must").Output()
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	return files, err
})

// compiles checks the types of a cell.
func compiles(cell string) error {
	files, err := exports()
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	imports, body, _ := strings.Cut(cell, "%%")
	source := "package main\n" + imports + "\nfunc main() {" + body + "\n}\n"
	file, err := parser.ParseFile(set, "cell.go", source, 0)
	if err != nil {
		return err
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(files[path]) }
	config := types.Config{Importer: importer.ForCompiler(set, "gc", open)}
	_, err = config.Check("main", set, []*ast.File{file}, nil)
	return err
}

// advised asks for advice, checks that it says what is wanted and not what isn't, which begins
// with "not ", and that its cell is Go.
func advised(t *testing.T, image, psf string, wants ...string) {
	t.Helper()
	a, err := galdecon.Advise(image, psf)
	if err != nil {
		t.Errorf("%s: %v", image, err)
		return
	}
	flat := strings.Join(strings.Fields(a.String()), " ")
	for _, want := range wants {
		if not, ok := strings.CutPrefix(want, "not "); ok == strings.Contains(flat,
			strings.TrimPrefix(want, "not ")) {
			t.Errorf("%s: want %q (%t) in\n%s", image, not, !ok, a)
		}
	}
	if err := compiles(a.Cell); err != nil {
		t.Errorf("%s: its cell doesn't compile: %v\n%s", image, err, a.Cell)
	}
	above, _, _ := strings.Cut(a.String(), "The cell that does it")
	for line := range strings.Lines(above) {
		if n := len([]rune(line)); n > 101 && strings.Contains(strings.TrimSpace(line), " ") &&
			!strings.Contains(line, "/") {
			t.Errorf("a line is %d columns wide: %s", n, line)
		}
	}
}

// The advice for files whose contents are known.
func TestAdvise(t *testing.T) {
	image, psf := writeField(t, func(image []float64) []fits.NewImage {
		return []fits.NewImage{newPlane("SCI", image)}
	})
	advised(t, image, psf, "48 columns and 64 rows", "its unit isn't said", "noise is white",
		"a field: one peak", "At column 20.0, row 30.0", "Cut 32×32", "field.At(20, 30, 32)",
		"adds that of its photons", "The PSF is 2.4 pixels wide", "not wings", "not WARNING",
		"not Beside it")
	data := filepath.Join("..", "notebooks", "data")
	advised(t, filepath.Join(data, "exposure.fits"), filepath.Join(data, "psf.fits"),
		"its unit is count", "0.12 arcsec wide", "[2] ERR", "share their noise, by 0.29",
		"from pixels of 0.06 arcsec", "It has wings", "4 peaks", "1 of them as narrow",
		"the gaps, the noise of each pixel, what neighbors share", "At column 65.8, row 69.6",
		"another peak, 11.8 pixels away", "not noise is white", "not WARNING", "not adds that")

	// A star that is narrower than the PSF tells that this is on finer pixels.
	fine := filepath.Join(t.TempDir(), "fine.fits")
	k := devicetest.Gaussian(t, 41, 5)
	if err := files.SaveFITS(fine, &galaxy.Images{N: 1, Height: 41, Width: 41, Channels: 1,
		Pixels: k.Pixels}, nil); err != nil {
		t.Fatal(err)
	}
	advised(t, image, fine, "WARNING: a peak is only 0.6", "OVERSAMP")

	// Nothing but noise, and no file.
	empty, psf := writeField(t, func(image []float64) []fits.NewImage {
		for k := range image {
			image[k] = float64(k*k%17) + float64(k%5)
		}
		return []fits.NewImage{newPlane("SCI", image)}
	})
	if _, err := galdecon.Advise(empty, psf); err == nil ||
		!strings.Contains(err.Error(), "nothing stands out") {
		t.Errorf("noise alone: %v", err)
	}
	if _, err := galdecon.Advise(image+".none", psf); err == nil {
		t.Error("a file that isn't there is no error")
	}
}
