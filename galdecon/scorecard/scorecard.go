// Package scorecard compares ways to deconvolve galaxies by all that is measured in
// [galdecon/galdecon/score]: the two figures of the paper's Table 1, the errors that an astronomer
// asks for, and calibration. Diffusion model, CVAE, Richardson-Lucy, Wiener's filter and doing
// nothing see the same observations of galaxies whose truth is known. [Card.TableOne] is Table 1.
//
//	options := scorecard.Defaults()
//	diffusion, model, err := scorecard.Load("diffusion", "checkpoints/tiny")
//	config, err := options.Config(model)
//	config.Methods = append(diffusion, scorecard.Classical()...)
//	card, err := scorecard.Run(ctx, config, "scores/tiny", nil)
//	fmt.Print(card)
package scorecard

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/psf"
)

// Setting is one way in which the galaxies are seen.
type Setting struct {
	// Sigma is that of the round Gaussian PSF, in pixels; 0 where PSFs are measured.
	Sigma float64 `json:"sigma,omitzero"`
	// PSFs are measured ones, those of [Config], in the place of the Gaussian; the zero value for
	// none.
	PSFs PSFSet `json:"measured,omitzero"`
	// Noise is the standard deviation of white noise, in units of the peak of the galaxies; it may
	// be 0. Methods are given it.
	Noise float64 `json:"noise"`
	// WidthError is how wrong the PSF is that the methods assume: its σ is Sigma·(1+WidthError), a
	// measured one is stretched by 1+WidthError.
	WidthError float64 `json:"wrong"`
}

func (s Setting) String() string {
	text, width := fmt.Sprintf("PSF of σ = %g pixels", s.Sigma), "σ"
	if s.PSFs != (PSFSet{}) {
		text, width = "measured PSFs of "+s.PSFs.Name, "width"
	}
	text += fmt.Sprintf(", noise %g", s.Noise)
	if s.WidthError != 0 {
		text += fmt.Sprintf(", methods assume a %s wrong by %+.3g %%", width, 100*s.WidthError)
	}
	return text
}

// Features are vectors that the variance of Eq. 3 is measured on;
// [galdecon/galdecon/score/inception.Network] makes the paper's.
type Features interface {
	// Features yields a vector for each image, in their order. An error is the last that it yields.
	Features(ctx context.Context, images *galaxy.Images) iter.Seq2[[]float64, error]
	// String says which features they are, and with whose they can be compared.
	String() string
}

// Config is what is compared.
type Config struct {
	// Galaxies are the truth y, [n, height, width, channels], n ≥ 2, with peaks of 1. Calibration
	// holds for galaxies of the kind that models were trained on; models must not have seen them.
	Galaxies *galaxy.Images
	// Source says in a few words where they come from; the card shows it.
	Source string
	// Notes say what a user should know of the files of galaxies and PSFs: which part was read,
	// which pixels are bad, what is unusual.
	Notes []string
	// Prior are galaxies that models were trained on, or others of their kind, at least 2: the
	// posterior's variance is compared with theirs.
	Prior *galaxy.Images
	// PSFSize is that of the PSF grid in pixels.
	PSFSize int
	// PSFs are measured ones, on grids of any size, for settings with [PSFSet] ones: each galaxy
	// has one, in turn.
	PSFs []psf.PSF
	// Settings are how the galaxies are seen, Methods what deconvolves them.
	Settings []Setting
	Methods  []Method
	// Candidates, at least 2, are drawn for each observation by the methods that draw any.
	Candidates int
	// Epsilon is the slack ε > 0 of Eq. 3 below which candidates are retained, score.Epsilon for
	// the paper's.
	Epsilon float64
	// Released shows the two figures of Table 1 as the paper's released program computes them as
	// well, see [Released].
	Released bool
	// Features are those of Eq. 3, of pixels cut off below 0 and above 1; without, its variance
	// isn't measured.
	Features Features
	// Seed is that of the noise, the candidates and the bootstraps.
	Seed int64
}

// minSize is what SSIM needs.
const minSize = 11

// Validate returns an error if the comparison is impossible.
func (c Config) Validate() error {
	for _, images := range []struct {
		name string
		*galaxy.Images
	}{{"galaxies", c.Galaxies}, {"galaxies of the prior", c.Prior}} {
		if images.Images == nil {
			return fmt.Errorf("scorecard: there are no %s", images.name)
		}
		if err := images.Validate(); err != nil {
			return fmt.Errorf("scorecard: the %s: %w", images.name, err)
		}
		if images.N < 2 {
			return fmt.Errorf("scorecard: how sure a figure is shows in the scatter between "+
				"galaxies: give at least 2 %s, got %d", images.name, images.N)
		}
	}
	g, p := c.Galaxies, c.Prior
	switch {
	case p.Height != g.Height || p.Width != g.Width || p.Channels != g.Channels:
		return fmt.Errorf("scorecard: the galaxies have %d×%d pixels with %d channel(s), those "+
			"of the prior %d×%d with %d; give both alike",
			g.Height, g.Width, g.Channels, p.Height, p.Width, p.Channels)
	case min(g.Height, g.Width) < minSize:
		return fmt.Errorf("scorecard: SSIM needs galaxies of at least %d×%[1]d pixels, got %d×%d",
			minSize, g.Height, g.Width)
	case c.Candidates < 2:
		return fmt.Errorf("scorecard: a variance needs at least 2 candidates of each "+
			"observation, got %d", c.Candidates)
	case !(c.Epsilon > 0) || math.IsInf(c.Epsilon, 1):
		return fmt.Errorf("scorecard: the slack ε must be positive and finite, got %g", c.Epsilon)
	case len(c.Settings) == 0 || len(c.Methods) == 0:
		return errors.New("scorecard: give at least one setting and one method")
	}
	settings, methods := map[Setting]bool{}, map[string]bool{}
	for _, s := range c.Settings {
		if _, _, err := c.psfs(s, c.firstOfEach()...); err != nil {
			return err
		}
		if settings[s] {
			return fmt.Errorf("scorecard: the setting %q is given twice", s)
		}
		settings[s] = true
	}
	for _, m := range c.Methods {
		if m.Name == "" || m.Deconvolve == nil {
			return errors.New("scorecard: a method needs a name and a function that deconvolves")
		}
		if methods[m.Name] {
			return fmt.Errorf("scorecard: two methods are called %q; give each a name of its own",
				m.Name)
		}
		methods[m.Name] = true
	}
	return nil
}
