package scorecard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"

	"galdecon/galdecon"
	"galdecon/galdecon/psf"
)

// PSFSet says which measured PSFs galaxies are seen through; [NewPSFSet] makes it.
type PSFSet struct {
	// Name stands in the tables, such as that of their file.
	Name string `json:"name"`
	// SHA256 tells them from others of that name.
	SHA256 string `json:"sha256"`
}

// NewPSFSet returns what a [Setting] with these PSFs has.
func NewPSFSet(name string, psfs []psf.PSF) PSFSet {
	h := sha256.New()
	for _, k := range psfs {
		binary.Write(h, binary.LittleEndian, int64(k.Size))
		binary.Write(h, binary.LittleEndian, k.Pixels)
	}
	return PSFSet{Name: name, SHA256: hex.EncodeToString(h.Sum(nil))}
}

// psfs returns the true PSFs and those that are assumed, for these galaxies: one for each, or one
// for all.
func (c Config) psfs(s Setting, galaxies ...int) (actual, assumed []psf.PSF, err error) {
	if !(s.Noise >= 0) || math.IsInf(s.Noise, 1) {
		return nil, nil, fmt.Errorf("scorecard: noise must be finite and ≥ 0 in units of the "+
			"peak, got %g", s.Noise)
	}
	if !(s.WidthError > -1) || math.IsInf(s.WidthError, 1) {
		return nil, nil, fmt.Errorf("scorecard: a PSF whose width is wrong by %g %% has none "+
			"that is positive and finite", 100*s.WidthError)
	}
	if s.PSFs == (PSFSet{}) {
		seen, err := psf.Gaussian{Sigma: s.Sigma}.Render(c.PSFSize)
		if err != nil {
			return nil, nil, fmt.Errorf("scorecard: an observation needs its PSF: %w", err)
		}
		wrong, err := psf.Gaussian{Sigma: s.Sigma * (1 + s.WidthError)}.Render(c.PSFSize)
		if err != nil {
			return nil, nil, fmt.Errorf("scorecard: an observation needs its PSF: %w", err)
		}
		return []psf.PSF{seen}, []psf.PSF{wrong}, nil
	}
	switch {
	case s.Sigma != 0:
		return nil, nil, fmt.Errorf("scorecard: a setting has measured PSFs, or a Gaussian of σ "+
			"= %g pixels; give one of both", s.Sigma)
	case len(c.PSFs) == 0 || NewPSFSet(s.PSFs.Name, c.PSFs) != s.PSFs:
		return nil, nil, fmt.Errorf("scorecard: the setting %q has other PSFs than the "+
			"comparison; make its PSFs by NewPSFSet, of the same", s)
	}
	for _, i := range galaxies {
		which := i % len(c.PSFs)
		measured := c.PSFs[which]
		seen, err := measured.Resize(c.PSFSize)
		if err != nil {
			return nil, nil, fmt.Errorf("scorecard: PSF %d of %s, counted from 0: %w", which,
				s.PSFs.Name, err)
		}
		wrong := seen
		if s.WidthError != 0 {
			// On smaller pixels a PSF is wider; these pass for those of the images.
			if wrong, err = measured.Rescale(1 / (1 + s.WidthError)); err == nil {
				wrong, err = wrong.Resize(c.PSFSize)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("scorecard: PSF %d of %s, counted from 0, can't be "+
					"made wider by %+.3g %%: %w", which, s.PSFs.Name, 100*s.WidthError, err)
			}
		}
		actual, assumed = append(actual, seen), append(assumed, wrong)
	}
	return actual, assumed, nil
}

// firstOfEach returns the first galaxies, as many as there are PSFs of their own.
func (c Config) firstOfEach() (galaxies []int) {
	for i := range min(c.Galaxies.N, max(len(c.PSFs), 1)) {
		galaxies = append(galaxies, i)
	}
	return galaxies
}

// measured makes all settings have the PSFs of a file, which the model must know.
func (c *Config) measured(path string, model galdecon.Config) error {
	file, err := psf.Read(path)
	if err != nil {
		return fmt.Errorf("scorecard: %w", err)
	}
	c.PSFs = file.PSFs
	for _, note := range file.Notes {
		c.Notes = append(c.Notes, note.Error())
	}
	found, checked := NewPSFSet(filepath.Base(path), c.PSFs), map[float64]bool{}
	for i := range c.Settings {
		s := &c.Settings[i]
		s.Sigma, s.PSFs = 0, found
		_, assumed, err := c.psfs(*s, c.firstOfEach()...)
		if err != nil {
			return err
		}
		if checked[s.WidthError] {
			continue
		}
		checked[s.WidthError] = true
		for k, p := range assumed {
			if err := model.CheckPSF(p); err != nil {
				return fmt.Errorf("scorecard: the model doesn't know PSF %d, counted from 0 "+
					"(%s): %w", k, s, err)
			}
		}
	}
	return nil
}
