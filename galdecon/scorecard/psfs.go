package scorecard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"path/filepath"

	"galdecon/galdecon/psf"
)

// PSFSet says which measured PSFs galaxies are seen through; [NewPSFSet] makes it.
type PSFSet struct {
	// Name stands in the tables, such as that of their file.
	Name string `json:"name"`
	// SHA256 tells them from others of that name.
	SHA256 string `json:"sha256"`
}

// NewPSFSet is what a [Setting] with these PSFs has.
func NewPSFSet(name string, kernels []psf.PSF) PSFSet {
	h := sha256.New()
	for _, k := range kernels {
		binary.Write(h, binary.LittleEndian, int64(k.Size))
		binary.Write(h, binary.LittleEndian, k.Pixels)
	}
	return PSFSet{Name: name, SHA256: hex.EncodeToString(h.Sum(nil))}
}

// psfs are the true PSFs and those that are told, for these galaxies: one for each, or one for all.
func (c Config) psfs(s Setting, galaxies ...int) (actual, told []psf.PSF, err error) {
	if !(s.Noise >= 0) || math.IsInf(s.Noise, 1) {
		return nil, nil, fmt.Errorf("scorecard: noise must be finite and ≥ 0 in units of the peak, got %g", s.Noise)
	}
	if !(s.Wrong > -1) || math.IsInf(s.Wrong, 1) {
		return nil, nil, fmt.Errorf("scorecard: a PSF whose width is wrong by %g %% has none that is positive and finite", 100*s.Wrong)
	}
	if s.Measured == (PSFSet{}) {
		seen, err := psf.Gaussian{Sigma: s.Sigma}.Render(c.PSFSize)
		if err != nil {
			return nil, nil, fmt.Errorf("scorecard: an observation needs its PSF: %w", err)
		}
		wrong, err := psf.Gaussian{Sigma: s.Sigma * (1 + s.Wrong)}.Render(c.PSFSize)
		if err != nil {
			return nil, nil, fmt.Errorf("scorecard: an observation needs its PSF: %w", err)
		}
		return []psf.PSF{seen}, []psf.PSF{wrong}, nil
	}
	switch {
	case s.Sigma != 0:
		return nil, nil, fmt.Errorf("scorecard: a setting has measured PSFs, or a Gaussian of σ = %g pixels; give one of both", s.Sigma)
	case len(c.PSFs) == 0 || NewPSFSet(s.Measured.Name, c.PSFs) != s.Measured:
		return nil, nil, fmt.Errorf("scorecard: the setting %q has other PSFs than the comparison; make its Measured by NewMeasured, of the same", s)
	}
	for _, i := range galaxies {
		which := i % len(c.PSFs)
		measured := c.PSFs[which]
		seen, err := measured.Resize(c.PSFSize)
		if err != nil {
			return nil, nil, fmt.Errorf("scorecard: PSF %d of %s, counted from 0: %w", which, s.Measured.Name, err)
		}
		wrong := seen
		if s.Wrong != 0 {
			// On smaller pixels a PSF is wider; these pass for those of the images.
			if wrong, err = measured.Rescale(1 / (1 + s.Wrong)); err == nil {
				wrong, err = wrong.Resize(c.PSFSize)
			}
			if err != nil {
				return nil, nil, fmt.Errorf("scorecard: PSF %d of %s, counted from 0, can't be told wrong by %+.3g %%: %w", which, s.Measured.Name, 100*s.Wrong, err)
			}
		}
		actual, told = append(actual, seen), append(told, wrong)
	}
	return actual, told, nil
}

// firstOfEach are the first galaxies, as many as there are PSFs of their own.
func (c Config) firstOfEach() (galaxies []int) {
	for i := range min(c.Galaxies.N, max(len(c.PSFs), 1)) {
		galaxies = append(galaxies, i)
	}
	return galaxies
}

// measured makes all settings have the PSFs of a file, which the instrument of the model must know.
func (c *Config) measured(path string, in psf.Instrument) error {
	var err error
	if c.PSFs, err = psf.Load(path); err != nil {
		return fmt.Errorf("scorecard: %w", err)
	}
	found, checked := NewPSFSet(filepath.Base(path), c.PSFs), map[float64]bool{}
	for i := range c.Settings {
		s := &c.Settings[i]
		s.Sigma, s.Measured = 0, found
		_, told, err := c.psfs(*s, c.firstOfEach()...)
		if err != nil {
			return err
		}
		if checked[s.Wrong] {
			continue
		}
		checked[s.Wrong] = true
		for k, kernel := range told {
			if err := in.Check(kernel); err != nil {
				return fmt.Errorf("scorecard: the model doesn't know PSF %d, counted from 0 (%s): %w", k, s, err)
			}
		}
	}
	return nil
}
