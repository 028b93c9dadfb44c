package galdecon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/score"
)

// RecalibrationFile is the name of the file in a folder with a model that says how its error bars
// are corrected: a [recalibration.Recalibration].
const RecalibrationFile = "recalibration.json"

// RecalibrationError says that a recalibration isn't that of the model that it is to be used with:
// error bars of others are off otherwise.
type RecalibrationError struct {
	// There is the SHA-256 of the model that it was learned of, Here that of the model.
	There, Here string
}

func (e *RecalibrationError) Error() string {
	return fmt.Sprintf("galdecon: the recalibration is of the model %.12s, not of this one, %.12s "+
		"(weights, configuration or sampler differ); learn it again by Model.Recalibrate or "+
		"\"galdecon models recalibrate\"", e.There, e.Here)
}

// RecalibrationConfig is what a recalibration is learned of.
type RecalibrationConfig struct {
	// Galaxies is how many are drawn, at least [recalibration.Fewest], and Candidates how many of
	// each, at least 3.
	Galaxies, Candidates int
	// Seed is that of the exposures and candidates.
	Seed int64
}

// DefaultRecalibration returns what takes a few minutes of two cores with the model galaxy: more
// galaxies serve better than more candidates.
func DefaultRecalibration() RecalibrationConfig {
	return RecalibrationConfig{Galaxies: 256, Candidates: 8, Seed: 1}
}

// recalibrationSeed is that of synthetic galaxies that nothing is trained on, and nothing scored.
const recalibrationSeed = 3

// Recalibrate learns how the error bars of the model have to be corrected, of exposures of its
// Survey, which it must have. Galaxies are those of [Config.SyntheticGalaxies] that are neither
// trained on nor scored, measured in an aperture of a quarter of the stamp's side. Those that are
// refused, or can't be measured in the truth or most candidates, are left out. report, which may be
// nil, is told how far the drawing is. [SaveRecalibration] stores what was learned, and
// [Model.WithRecalibration] uses it.
func (m *Model) Recalibrate(ctx context.Context, c RecalibrationConfig,
	report func(done float64, line string)) (*recalibration.Recalibration, error) {
	if m.Config.Survey == nil {
		return nil, fmt.Errorf("galdecon: the model %s isn't trained on a survey, whose galaxies "+
			"would tell how far its error bars are off; take one with a Survey, such as galaxy",
			m.Config.Preset)
	}
	if c.Galaxies < recalibration.Fewest {
		return nil, fmt.Errorf("galdecon: a recalibration needs at least %d galaxies, got %d",
			recalibration.Fewest, c.Galaxies)
	}
	truths, err := synthetic.Galaxies(m.Config.SyntheticGalaxies(c.Galaxies, recalibrationSeed))
	if err != nil {
		return nil, err
	}
	survey := *m.Config.Survey
	survey.Coarse = 0 // coarser stamps have no data on most pixels, but no gaps
	observations, err := ObserveSurvey(survey, truths, c.Seed)
	if err != nil {
		return nil, err
	}
	aperture := float64(m.Config.Size) / 4
	var trials []recalibration.Trial
	parts := m.StreamLooks(ctx, observations, c.Candidates, c.Seed)
	for p, err := range posterior.Drawn(posterior.Watch(parts, report)) {
		if err != nil {
			return nil, err
		}
		truth, err := score.Measure(truths.Select(p.Index), aperture)
		if err != nil {
			continue
		}
		if measured, err := p.Photometry(aperture); err == nil {
			trials = append(trials, recalibration.Trial{Truth: truth, Candidates: measured})
		}
	}
	r, err := recalibration.Learn(trials)
	if err != nil {
		return nil, err
	}
	r.Seed = c.Seed
	r.Model, err = m.hash()
	return r, err
}

// WithRecalibration returns the same model, whose posteriors say what they measure with error bars
// that are corrected so, or, for nil, with those of the candidates as they are. It is a
// [*RecalibrationError] if it was learned of another model.
func (m *Model) WithRecalibration(r *recalibration.Recalibration) (*Model, error) {
	other := *m
	other.recalibration, other.unused = nil, nil
	if r == nil {
		return &other, nil
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	hash, err := m.hash()
	if err != nil {
		return nil, err
	}
	if hash != r.Model {
		return nil, &RecalibrationError{There: r.Model, Here: hash}
	}
	other.recalibration = r
	return &other, nil
}

// Recalibration returns how the error bars of the model's posteriors are corrected, nil where they
// aren't. The error says why what is beside the model isn't used: a [*RecalibrationError] where it
// is that of another model, as after a further training, or the model has another sampler.
func (m *Model) Recalibration() (*recalibration.Recalibration, error) {
	return m.recalibration, m.unused
}

// recalibrated returns the model with what is beside it in the folder dir.
func (m *Model) recalibrated(dir string) *Model {
	text, err := os.ReadFile(filepath.Join(dir, RecalibrationFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m
	}
	var r *recalibration.Recalibration
	if err == nil {
		r, err = recalibration.Decode(text)
	}
	with := m
	if err == nil {
		with, err = m.WithRecalibration(r)
	}
	if err != nil {
		m.unused = err
		return m
	}
	return with
}

// SaveRecalibration stores what [Model.Recalibrate] has learned beside the model in the folder dir,
// where [Load] finds it. What is there is replaced.
func SaveRecalibration(dir string, r *recalibration.Recalibration) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, RecalibrationFile), text)
}
