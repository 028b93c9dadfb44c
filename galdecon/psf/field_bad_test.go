package psf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/psf"
)

// edited is a file of testdata whose cards with a keyword have another value; without one the card
// is a comment.
func edited(t testing.TB, name, key, value string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(data, fmt.Appendf(nil, "%-8s=", key))
	if at < 0 {
		t.Fatalf("%s has no card %s", name, key)
	}
	card := fmt.Sprintf("%-8s= %20s", key, value)
	if value == "" {
		card = "COMMENT"
	}
	copy(data[at:at+80], fmt.Sprintf("%-80s", card))
	return saved(t, name, data)
}

func saved(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Keywords that are missing or make no sense are named.
func TestFieldKeywords(t *testing.T) {
	for _, test := range []struct{ file, key, value, named string }{
		{"psfex-2.psf", "PSF_SAMP", "", ""}, {"psfex-2.psf", "PSF_SAMP", "0.0", ""},
		{"psfex-2.psf", "PSF_SAMP", "-1.0", ""}, {"psfex-2.psf", "PSF_SAMP", "1E10", ""},
		{"psfex-2.psf", "POLNAXIS", "", ""}, {"psfex-2.psf", "POLNAXIS", "3", ""},
		{"psfex-2.psf", "POLNGRP", "", ""}, {"psfex-2.psf", "POLNGRP", "2", ""},
		{"psfex-2.psf", "POLDEG1", "", ""}, {"psfex-2.psf", "POLDEG1", "-1", ""},
		{"psfex-2.psf", "POLDEG1", "99", ""}, {"psfex-2.psf", "POLDEG1", "3", "PSFAXIS3"},
		{"psfex-2.psf", "POLNAME1", "", ""}, {"psfex-2.psf", "POLNAME1", "'MAG_AUTO'", ""},
		{"psfex-2.psf", "POLNAME1", "'X_WORLD '", ""}, {"psfex-2.psf", "POLNAME2", "'X_IMAGE '", ""},
		{"psfex-2.psf", "POLZERO1", "", ""}, {"psfex-2.psf", "POLZERO2", "NaN", ""},
		{"psfex-2.psf", "POLSCAL1", "", ""}, {"psfex-2.psf", "POLSCAL2", "0", ""},
		{"psfex-2.psf", "PSFNAXIS", "", ""}, {"psfex-2.psf", "PSFNAXIS", "2", ""},
		{"psfex-2.psf", "PSFAXIS1", "", ""}, {"psfex-2.psf", "PSFAXIS2", "14", ""},
		{"psfex-2.psf", "PSFAXIS1", "14", "PSFAXIS2"}, {"psfex-2.psf", "PSFAXIS3", "5", ""},
		{"psfex-2.psf", "TFORM1", "'1349E   '", ""}, {"psfex-2.psf", "TTYPE1", "'MASK    '", ""},
		{"psfex-0.psf", "POLNAXIS", "2", "POLNGRP"}, {"psfex-0.psf", "PSFAXIS3", "2", ""},
		{"stpsf-odd.fits", "DET_YX3", "", ""}, {"stpsf-odd.fits", "DET_YX8", "'(1, no)'", ""},
		{"stpsf-odd.fits", "DET_YX1", "'(NaN, 3)'", ""}, {"stpsf-odd.fits", "DET_YX1", "5", ""},
	} {
		_, err := psf.Read(edited(t, test.file, test.key, test.value))
		var keyword *fits.KeywordError
		named := test.named
		if named == "" {
			named = test.key
		}
		if !errors.As(err, &keyword) || keyword.Key != named ||
			!strings.Contains(err.Error(), "psf: ") {
			t.Errorf("%s with %s = %q: error %v", test.file, test.key, test.value, err)
		}
	}
}

// A cube with NXPSFS and NYPSFS is one of STDPSF, so that what belongs to them must be there.
func TestSTDPSFKeywords(t *testing.T) {
	write := func(planes, size int, cards map[string]any) string {
		var header fits.Header
		for key, value := range cards {
			if err := header.Set(key, value, ""); err != nil {
				t.Fatal(err)
			}
		}
		var b bytes.Buffer
		image := fits.NewImage{Header: &header, Bitpix: -32, Shape: []int{planes, size, size},
			Pixel: func(i int) float64 {
				r, c := i/size%size-size/2, i%size-size/2
				return math.Exp(-float64(r*r+c*c)/8) / (2 * math.Pi * 4) * 16
			}}
		if err := fits.Write(&b, image); err != nil {
			t.Fatal(err)
		}
		return saved(t, "STDPSF.fits", b.Bytes())
	}
	good := func() map[string]any {
		return map[string]any{"NXPSFS": 2, "NYPSFS": 2, "IPSFX01": 1, "IPSFX02": 1000, "JPSFY01": 1,
			"JPSFY02": 800}
	}
	f := must(psf.Read(write(4, 13, good())))(t)
	if f.Oversampling != 4 || len(f.PSFs) != 4 || f.Field == nil {
		t.Errorf("oversampling %d, %d PSFs, field %v", f.Oversampling, len(f.PSFs), f.Field)
	}
	for key, value := range map[string]any{"NXPSFS": 3, "NYPSFS": 1, "IPSFX02": nil,
		"JPSFY02": "1000"} {
		cards := good()
		if cards[key] = value; value == nil {
			delete(cards, key)
		}
		_, err := psf.Read(write(4, 13, cards))
		var keyword *fits.KeywordError
		if !errors.As(err, &keyword) || keyword.Key != key && keyword.Key != "NYPSFS" {
			t.Errorf("%s = %v: error %v", key, value, err)
		}
	}
	_, err := psf.Read(write(4, 3, good()))
	var problem *psf.Problem
	if !errors.As(err, &problem) || problem.Kind != psf.FewSamples || problem.Limit != 4 {
		t.Errorf("3×3 samples: error %v", err)
	}
}

// Values that are NaN or infinite are named, wherever they are in a polynomial.
func TestPSFExNotFinite(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "psfex-1.psf"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(data, []byte("END     "))
	at += 2880 - at%2880 + 4*(2*15*15+7*15+4) // term 2, row 7, column 4
	binary.BigEndian.PutUint32(data[at:], math.Float32bits(float32(math.Inf(1))))
	_, err = psf.Read(saved(t, "a.psf", data))
	var problem *psf.Problem
	if !errors.As(err, &problem) || problem.Kind != psf.NoData || problem.Row != 7 ||
		problem.Col != 4 || !strings.Contains(err.Error(), "a.psf[1]") {
		t.Errorf("error %v", err)
	}
}

// STPSF before version 1.3 saved PSFs in the order of their places.
func TestSTPSFOrder(t *testing.T) {
	early := must(psf.Read(edited(t, "stpsf-odd.fits", "VERSION", "'1.2.1   '")))(t)
	late := must(psf.Read(filepath.Join("testdata", "stpsf-odd.fits")))(t)
	for i, test := range []struct {
		f     *psf.File
		place psf.Position // of the second PSF
	}{{early, psf.Position{Column: 0, Row: 1300}}, {late, psf.Position{Column: 900, Row: 100}}} {
		p := must(test.f.Field.At(test.place))(t)
		for k, v := range test.f.PSFs[1].Pixels {
			if math.Abs(float64(p.Pixels[k]-v)) > 1e-6 {
				t.Errorf("file %d has another PSF at %v", i, test.place)
				break
			}
		}
		told := false
		for _, n := range test.f.Notes {
			told = told || n.Kind == psf.Places
		}
		if told != (i == 1) {
			t.Errorf("file %d: notes %v", i, test.f.Notes)
		}
	}
}

// Whatever the cards say, a file is read or refused, and what is read is a PSF at every place.
func FuzzField(f *testing.F) {
	for _, seed := range [][3]string{{"psfex-2.psf", "PSF_SAMP", "0.3"},
		{"psfex-1.psf", "POLSCAL1", "1E-300"}, {"psfex-0.psf", "PSFAXIS1", "225"},
		{"stpsf-even.fits", "OVERSAMP", "1"}, {"stpsf-odd.fits", "DET_YX2", "'(1e300, 5)'"}} {
		f.Add(seed[0], seed[1], seed[2], 100.0, 200.0)
	}
	f.Fuzz(func(t *testing.T, name, key, value string, column, row float64) {
		if len(key) > 8 || len(value) > 60 {
			return
		}
		data, err := os.ReadFile(filepath.Join("testdata", filepath.Base(name)))
		at := bytes.Index(data, fmt.Appendf(nil, "%-8s=", key))
		if err != nil || at < 0 {
			return
		}
		copy(data[at+10:at+80], fmt.Sprintf("%-70s", value))
		file, err := psf.Read(saved(t, filepath.Base(name), data))
		if err != nil || file.Field == nil {
			return
		}
		p, err := file.Field.At(psf.Position{Column: column, Row: row})
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	})
}
