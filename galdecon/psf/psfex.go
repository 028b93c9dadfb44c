package psf

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// PSFEx is a PSF whose samples are polynomials of the place, as PSFEx fits them to the stars of an
// image (Bertin 2011, ASPC 442, 435) and writes them to a table PSF_DATA: a [Field].
type PSFEx struct {
	// Degree is that of the polynomials; those of degree 0 are the same everywhere.
	Degree int
	// Step is the width of a sample in pixels, PSF_SAMP.
	Step float64

	size        int
	zero, scale [2]float64  // of x and y, which count from 1
	terms       [][]float64 // [size, size] of 1, x, x² …, y, xy …, y² …
}

// margin is how far polynomials are believed beyond the stars they were fitted to, in units of the
// range of those.
const margin = 0.1

// maxDegree is the largest that is read; PSFEx's manual advises against more than 3 or 4.
const maxDegree = 10

// At returns the PSF at a place. Samples are the light of a whole pixel around each, as everything
// that PSFEx measures, so they are taken at the pixels' centers, by Lanczos' window of three lobes,
// as SExtractor and galsim.des.DES_PSFEx do. The center is sample (k/2, k/2), counted from 0, where
// PSFEx has it for even grids too. Places are at most a tenth of the range of the stars beyond it.
func (f *PSFEx) At(at Position) (PSF, error) {
	if err := f.borders().check(at); err != nil {
		return PSF{}, err
	}
	values := make([]float64, f.size*f.size)
	x := (at.Column + 1 - f.zero[0]) / f.scale[0]
	y := (at.Row + 1 - f.zero[1]) / f.scale[1]
	term, powerY := 0, 1.0
	for j := range f.Degree + 1 {
		power := powerY
		for range f.Degree + 1 - j {
			for k, v := range f.terms[term] {
				values[k] += power * v
			}
			term++
			power *= x
		}
		powerY *= y
	}
	sampled, err := normalized(f.size, values)
	if err != nil {
		return PSF{}, err
	}
	// Pixels whose centers lie on samples.
	beside := int((float64(f.size-1-f.size/2) + 0.5) * f.Step)
	return sampled.interpolate(2*beside+1, 1/f.Step, 1, 3, 0, 0)
}

// borders returns the range of the stars, which PSFEx scales to ±½, and the margin.
func (f *PSFEx) borders() borders {
	if f.Degree == 0 {
		const far = math.MaxFloat64
		return borders{Position{-far, -far}, Position{far, far}}
	}
	at := func(side float64) Position {
		reach := side * (0.5 + margin)
		return FITSPosition(f.zero[0]+reach*f.scale[0], f.zero[1]+reach*f.scale[1])
	}
	return borders{at(-1), at(1)}
}

// middle returns the place that is amid the stars.
func (f *PSFEx) middle() Position { return FITSPosition(f.zero[0], f.zero[1]) }

// isPSFEx reports whether an HDU is a model of PSFEx.
func isPSFEx(h *fits.HDU) bool { return h.Kind == fits.Table && h.Name() == "PSF_DATA" }

// readPSFEx reads the models of PSFEx, one for each detector.
func readPSFEx(source string, hdus []*fits.HDU) (*File, error) {
	f := &File{Oversampling: 1}
	for _, hdu := range hdus {
		name := fmt.Sprintf("%s[%d]", source, hdu.Index)
		field, err := newPSFEx(hdu)
		if err != nil {
			return nil, named(err, name)
		}
		p, err := field.At(field.middle())
		if err != nil {
			return nil, named(err, name)
		}
		f.PSFs = append(f.PSFs, p)
		f.Detectors = append(f.Detectors, Detector{strconv.Itoa(hdu.Index), field})
		if field.Degree > 0 {
			note := everywhere(Planes, float64(field.Degree), 0, fmt.Sprintf("the PSF is a "+
				"polynomial of degree %d in the place", field.Degree),
				fmt.Sprintf("that at %v is taken; Field.At has that of a place", field.middle()))
			note.Source = name
			f.Notes = append(f.Notes, note)
		}
		for _, problem := range p.Inspect() {
			problem.Source = name
			f.Notes = append(f.Notes, problem)
		}
	}
	f.setField()
	return f, nil
}

// newPSFEx reads the model in an HDU.
func newPSFEx(hdu *fits.HDU) (*PSFEx, error) {
	r := keywords{hdu: hdu}
	f := &PSFEx{scale: [2]float64{1, 1}}
	f.Step = r.number("PSF_SAMP", "the width of a sample in pixels, 0.01 to 10",
		func(v float64) bool { return v >= 0.01 && v <= 10 })
	axes := r.integer("POLNAXIS", "2, for a place, or 0", func(n int) bool { return n == 2 || n == 0 })
	if axes == 2 {
		r.integer("POLNGRP", "1: x and y are of one group", func(n int) bool { return n == 1 })
		f.Degree = r.integer("POLDEG1", fmt.Sprintf("0 to %d", maxDegree),
			func(n int) bool { return n >= 0 && n <= maxDegree })
		for i, letter := range []string{"X", "Y"} {
			axis := strconv.Itoa(i + 1)
			r.text("POLNAME"+axis, letter+"_IMAGE, or another place in pixels, "+letter+"…_IMAGE",
				func(s string) bool {
					return strings.HasPrefix(s, letter) && strings.HasSuffix(s, "_IMAGE")
				})
			f.zero[i] = r.number("POLZERO"+axis, "a place in pixels", isFinite)
			f.scale[i] = r.number("POLSCAL"+axis, "a positive number of pixels",
				func(v float64) bool { return v > 0 && isFinite(v) })
		}
	}
	terms := (f.Degree + 1) * (f.Degree + 2) / 2
	r.integer("PSFNAXIS", "3: columns, rows and terms", func(n int) bool { return n == 3 })
	f.size = r.integer("PSFAXIS1", "the samples along a side",
		func(n int) bool { return n >= 1 && n <= maxSize })
	r.integer("PSFAXIS2", "the same as PSFAXIS1", func(n int) bool { return n == f.size })
	r.integer("PSFAXIS3", fmt.Sprintf("%d, the terms of a polynomial of degree %d", terms, f.Degree),
		func(n int) bool { return n == terms })
	if r.err != nil {
		return nil, r.err
	}
	columns, err := hdu.Columns()
	if err != nil {
		return nil, err
	}
	for _, c := range columns {
		if c.Name != "PSF_MASK" {
			continue
		}
		rows, err := c.Numbers()
		if err != nil {
			return nil, err
		}
		if len(rows) != 1 || len(rows[0]) != terms*f.size*f.size {
			return nil, &fits.KeywordError{HDU: hdu.Index, Key: "TFORM1", Found: c.Format,
				Want: fmt.Sprintf("that of one row of %d×%d×%d numbers", terms, f.size, f.size)}
		}
		for i := range terms {
			plane := rows[0][i*f.size*f.size : (i+1)*f.size*f.size]
			for k, v := range plane {
				if !isFinite(v) {
					return nil, &Problem{Kind: NoData, Row: k / f.size, Col: k % f.size, Value: v,
						What: fmt.Sprintf("term %d of the polynomials is %g at row %d, column %d",
							i, v, k/f.size, k%f.size),
						Hint: "run PSFEx again, on stars without such pixels"}
				}
			}
			f.terms = append(f.terms, plane)
		}
		return f, nil
	}
	return nil, &fits.KeywordError{HDU: hdu.Index, Key: "TTYPE1", Want: "PSF_MASK"}
}
