package psf_test

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/internal/npy"
	"galdecon/galdecon/psf"
)

// writeFITS stores values [rows, cols] as 64-bit floats, with cards such as OVERSAMP.
func writeFITS(t *testing.T, rows, cols int, values []float64, cards ...any) string {
	t.Helper()
	var header fits.Header
	for i := 0; i < len(cards); i += 2 {
		if err := header.Set(cards[i].(string), cards[i+1], ""); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "psf.fits")
	w := must(os.Create(path))(t)
	defer w.Close()
	image := fits.NewImage{Header: &header, Bitpix: -64, Shape: []int{rows, cols},
		Pixel: func(i int) float64 { return values[i] }}
	if err := fits.Write(w, image); err != nil {
		t.Fatal(err)
	}
	return path
}

// sampled is a Gaussian on a grid, its center at a row and a column.
func sampled(rows, cols int, row, col, sigma float64) []float64 {
	values := make([]float64, rows*cols)
	for i := range values {
		r, c := float64(i/cols)-row, float64(i%cols)-col
		values[i] = math.Exp(-(r*r + c*c) / (2 * sigma * sigma))
	}
	return values
}

func kinds(f *psf.File) (all []psf.Kind) {
	for _, n := range f.Notes {
		all = append(all, n.Kind)
	}
	return all
}

// Grids that aren't odd squares are filled up around their center, in any units.
func TestReadPads(t *testing.T) {
	want := must(psf.Gaussian{Sigma: 1.5}.Render(65))(t)
	for _, test := range []struct {
		rows, cols int
		unit       float64
		notes      []psf.Kind
	}{
		{65, 65, 1, nil}, {65, 51, 1, []psf.Kind{psf.Rectangular}},
		{40, 65, 1e-41, []psf.Kind{psf.Rectangular}},
		{64, 64, 1e300, []psf.Kind{psf.EvenGrid}}, {65, 64, 0, []psf.Kind{psf.Rectangular}},
	} {
		values := sampled(test.rows, test.cols, float64(test.rows/2), float64(test.cols/2), 1.5)
		for i := range values {
			values[i] *= cmp.Or(test.unit, 1)
		}
		f := must(psf.Read(writeFITS(t, test.rows, test.cols, values)))(t)
		if f.PSFs[0].Size != 65 || !slices.Equal(kinds(f), test.notes) {
			t.Errorf("%d×%d: size %d, notes %v", test.rows, test.cols, f.PSFs[0].Size, f.Notes)
		}
		wide := make([]float64, len(want.Pixels))
		for i, v := range want.Pixels {
			wide[i] = float64(v)
		}
		compare(t, "pixels", f.PSFs[0].Pixels, wide, 1e-6)
	}
}

// Samples that are parts of the light are summed, those that are the light of pixels are taken at
// the pixels' centers, wherever the middle of the grid is.
func TestReadOversampled(t *testing.T) {
	for _, test := range []struct {
		size   int
		center float64 // of the light, in samples
		n      int
		sum    float64
		cards  []any
	}{
		{81, 40, 4, 1, []any{"OVERSAMP", 4}},
		{80, 39.5, 4, 0.9, []any{"OVERSAMP", 4}},
		{80, 40, 4, 1, []any{"OVERSAMP", 4}},
		{75, 37, 3, 1, []any{"OVERSAMP", 3}},
		{60, 29.5, 3, 0.95, []any{"OVERSAMP", 3}},
		{75, 37, 3, 1, []any{"OVERSMPL", 3, "OVERSCAN", 20}},
		// that of its transforms, and of the image
		{60, 29.5, 3, 0.95, []any{"OVERSAMP", 2, "DET_SAMP", 3}},
		{81, 40, 4, 16, []any{"OVERSAMP", 4}},
		{80, 39.5, 4, 15.2, []any{"OVERSAMP", 4}},
		{80, 40, 2, 4, []any{"OVERSAMP", 2, "PIXELSCL", 0.02}},
		{31, 15, 1, 1, []any{"OVERSAMP", 1, "DET_SAMP", 4}}, // rebinned
		{31, 15, 1, 1, []any{"OVERSAMP", 4, "DET_SAMP", 4, "EXTNAME", "DET_DIST"}},
	} {
		const sigma = 1.3 // pixels
		values := sampled(test.size, test.size, test.center, test.center, sigma*float64(test.n))
		for i := range values {
			values[i] *= test.sum / (2 * math.Pi * sigma * sigma * float64(test.n*test.n))
		}
		f := must(psf.Read(writeFITS(t, test.size, test.size, values, test.cards...)))(t)
		p := f.PSFs[0]
		if f.Oversampling != test.n || p.Size%2 != 1 {
			t.Errorf("%+v: oversampling %d, size %d", test, f.Oversampling, p.Size)
		}
		width := math.Sqrt2 * sigma
		for i, v := range p.Pixels {
			at := func(x int) float64 { return math.Exp(-float64(x*x)/(2*sigma*sigma)) / (sigma * math.Sqrt(2*math.Pi)) }
			if test.n > 1 && test.sum < 2 {
				at = func(x int) float64 {
					return (math.Erf((float64(x)+0.5)/width) - math.Erf((float64(x)-0.5)/width)) / 2
				}
			}
			want := at(i/p.Size-p.Size/2) * at(i%p.Size-p.Size/2)
			if math.Abs(float64(v)-want) > 1.5e-3 {
				t.Errorf("%+v: pixel %d is %g, want %g", test, i, v, want)
				break
			}
		}
	}
}

// Pixels without data in the corners are dark; in the light they are named.
func TestReadNoData(t *testing.T) {
	values := sampled(31, 31, 15, 15, 1.5)
	for i := range values {
		if math.Hypot(float64(i/31-15), float64(i%31-15)) > 15.5 {
			values[i] = math.NaN()
		}
	}
	f := must(psf.Read(writeFITS(t, 31, 31, values)))(t)
	if !slices.Equal(kinds(f), []psf.Kind{psf.NoData}) || f.PSFs[0].Pixels[0] != 0 {
		t.Errorf("notes %v", f.Notes)
	}
	values = sampled(31, 31, 15, 15, 1.5)
	values[14*31+17] = math.NaN()
	_, err := psf.Read(writeFITS(t, 31, 31, values))
	var problem *psf.Problem
	if !errors.As(err, &problem) || problem.Kind != psf.NoData || problem.Row != 14 ||
		problem.Col != 17 {
		t.Errorf("error %v", err)
	}
}

// Sums that only oversampled PSFs have are told where no card says what they are.
func TestReadTellsOfSums(t *testing.T) {
	for sum, want := range map[float64]bool{16: true, 9.1: true, 4: true, 1: false, 3: false} {
		values := sampled(31, 31, 15, 15, 1.5)
		for i := range values {
			values[i] *= sum / (2 * math.Pi * 1.5 * 1.5)
		}
		f := must(psf.Read(writeFITS(t, 31, 31, values)))(t)
		if slices.Contains(kinds(f), psf.Oversampled) != want || f.Oversampling != 1 {
			t.Errorf("a sum of %g: %v", sum, kinds(f))
		}
	}
}

// What stands for no data is dark in the corners and named in the light, in every format.
func TestReadNones(t *testing.T) {
	for name, none := range map[string]float64{"NaN": math.NaN(), "infinite": math.Inf(1),
		"-9999": -9999, "-0.5": -0.5} {
		for at, want := range map[int]string{2: "", 15*31 + 15: "where the light is"} {
			values := sampled(31, 31, 15, 15, 1.5)
			values[at] = none
			images := galaxy.NewImages(1, 31, 31, 1)
			for k, v := range values {
				images.Pixels[k] = float32(v)
			}
			array := filepath.Join(t.TempDir(), "a.npy")
			file := npy.Header(1, 31, 31, 1)
			for _, v := range images.Pixels {
				file = binary.LittleEndian.AppendUint32(file, math.Float32bits(v))
			}
			if err := os.WriteFile(array, file, 0o644); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{writeFITS(t, 31, 31, values), array} {
				f, err := psf.Read(path)
				if want != "" {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s at the peak of %s: error %v", name, path, err)
					}
					continue
				}
				if err != nil || f.PSFs[0].Pixels[at] != 0 ||
					!slices.Contains(kinds(f), psf.NoData) {
					t.Errorf("%s in a corner of %s: %+v, %v", name, path, f, err)
				}
			}
		}
	}
}

// The PSF is read where weights and masks stand before it.
func TestReadChoosesPSF(t *testing.T) {
	plane := func(name string, values []float64) fits.NewImage {
		return fits.NewImage{Header: fits.NewHeader(fits.Card("EXTNAME = '" + name + "'")),
			Bitpix: -64,
			Shape:  []int{31, 31}, Pixel: func(i int) float64 { return values[i] }}
	}
	light, one := sampled(31, 31, 15, 15, 1.5), slices.Repeat([]float64{1}, 31*31)
	for _, names := range [][2]string{{"WHT", "PSF"}, {"MASK", "STAR"}, {"SCI", "PSF"},
		{"ERR", "F814W"}} {
		path := filepath.Join(t.TempDir(), "a.fits")
		w := must(os.Create(path))(t)
		defer w.Close()
		if err := fits.Write(w, plane(names[0], one), plane(names[1], light)); err != nil {
			t.Fatal(err)
		}
		f, err := psf.Read(path)
		if err != nil || f.PSFs[0].Pixels[15*31+15] < 0.05 {
			t.Errorf("%v: %+v, %v", names, f, err)
		}
	}
}

func TestLoadFITS(t *testing.T) {
	psfs := must(psf.Load(writeFITS(t, 3, 3, []float64{0, 1, 0, 2, 4, 2, 0, 3, 4})))(t)
	if len(psfs) != 1 || psfs[0].Size != 3 {
		t.Fatalf("%+v", psfs)
	}
	compare(t, "weights", psfs[0].Pixels,
		[]float64{0, 1. / 16, 0, 2. / 16, 4. / 16, 2. / 16, 0, 3. / 16, 4. / 16}, 1e-7)
}

func TestLoadStack(t *testing.T) {
	images := galaxy.NewImages(2, 4, 4, 1)
	images.At(0)[10], images.At(1)[3] = 5, 2
	path := filepath.Join(t.TempDir(), "psfs.npy")
	if err := files.SaveNPY(path, images); err != nil {
		t.Fatal(err)
	}
	psfs := must(psf.Load(path))(t)
	if len(psfs) != 2 || psfs[0].Size != 5 || psfs[0].Pixels[12] != 1 || psfs[1].Pixels[3] != 1 {
		t.Errorf("%+v", psfs)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, images *galaxy.Images) string {
		path := filepath.Join(dir, name)
		if err := files.SaveNPY(path, images); err != nil {
			t.Fatal(err)
		}
		return path
	}
	black := galaxy.NewImages(2, 4, 4, 1)
	black.At(0)[0] = 1
	empty := filepath.Join(dir, "empty.fits")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ path, want string }{
		"oblong": {writeFITS(t, 2, 3, make([]float64, 6)), "sum to 0"},
		"colors": {save("colors.npy", galaxy.NewImages(1, 4, 4, 3)), "3 channels"},
		"one black": {save("black.npy", black),
			"black.npy, PSF 1: the weights sum to 0; a PSF must hold light"},
		"NaN":     {writeFITS(t, 1, 1, []float64{math.NaN()}), "NaN"},
		"empty":   {empty, "empty"},
		"missing": {filepath.Join(dir, "none.npy"), "none.npy"},
	} {
		if _, err := psf.Load(test.path); err == nil || !strings.HasPrefix(err.Error(), "psf: ") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
}

// Real PSFs of the Hubble Space Telescope at 0.03″ a pixel: as wide as its diffraction and the
// detector make them, and round.
func TestHubble(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "data", "galaxies", "psf33.npy")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the measured PSFs are not here: ", err)
	}
	psfs := must(psf.Load(path))(t)
	if len(psfs) != 50 {
		t.Fatalf("%d PSFs, want 50", len(psfs))
	}
	for i, k := range psfs[:4] {
		// ACS F814W: a full width at half maximum of 0.10″ to 0.13″ with the charge diffusion of
		// the detector.
		if width := 0.03 * must(k.FWHM())(t); width < 0.10 || width > 0.13 {
			t.Errorf("PSF %d: the full width at half maximum is %.3f″", i, width)
		}
		centered := must(k.Recenter())(t)
		m := must(centered.Moments())(t)
		near(t, "the row", m.Row, 0, 5e-3)
		near(t, "the column", m.Col, 0, 5e-3)
		near(t, "the change of σ", m.Sigma/must(k.Moments())(t).Sigma, 1, 0.01)
		if m.Shear.Norm() > 0.05 {
			t.Errorf("PSF %d: |g| is %g", i, m.Shear.Norm())
		}
		before, after := must(k.Fit())(t), must(centered.Fit())(t)
		if after.Misfit >= before.Misfit || after.Misfit > 0.08 {
			t.Errorf("PSF %d: the misfit was %g, is %g where it is centered", i, before.Misfit,
				after.Misfit)
		}
		coarse := must(centered.Rescale(2))(t)
		near(t, "σ on pixels twice as wide", 2*must(coarse.Moments())(t).Sigma/m.Sigma, 1, 0.05)
		in := psf.Instrument{Size: coarse.Size, SigmaMin: 0.8, SigmaMax: 2.2, ShearMax: 0.3,
			InvBetaMax: 0.5}
		if err := in.Check(coarse); err != nil {
			t.Error(err)
		}
		if err := in.Check(k); err == nil || !strings.Contains(err.Error(), "PSF.Recenter") {
			t.Errorf("PSF %d as it is in the file: error %v", i, err)
		}
	}
}
