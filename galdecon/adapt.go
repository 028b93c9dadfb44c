package galdecon

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"galdecon/galdecon/em"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

// Adaptation is how [Adapt] fits the prior of a model to observations. The zero value has defaults
// that work for 50 to 50,000 of them.
type Adaptation struct {
	// Rounds is how often candidates are drawn and the model is fitted to them; 0 is 4.
	Rounds int `json:"rounds"`
	// Candidates is the number for each observation, at least 2; 0 is as many as make 256 in a
	// round, but 2 to 8.
	Candidates int `json:"candidates"`
	// Members is the number of observations that take their turn in a round; 0 is all, but at most
	// 1024: what a round costs, and the memory it takes, doesn't grow beyond.
	Members int `json:"members"`
	// Steps is the number of steps of a round's training, and Batch that of galaxies in each; 0 is
	// 300 and 8.
	Steps int `json:"steps"`
	Batch int `json:"batch"`
	// LearningRate is that of each round's start; 0 is 10⁻⁴.
	LearningRate float64 `json:"learning_rate"`
	// Size is the side in pixels of the stamps that the model is trained on, the middle of larger
	// ones; 0 is that of the model, or what fits into the smallest observation.
	Size int `json:"size"`
	// Gain is how many times as far as plain expectation–maximization a round may move the power at
	// a spatial frequency, see package em; 0 is 8, 1 is the plain one.
	Gain float64 `json:"gain"`
	// HoldOut is the share of the observations that the model isn't fitted to, but checked on after
	// every round, at least 3 and at most 64; 0 is 0.2.
	HoldOut float64 `json:"hold_out"`
	// Seed determines all that is drawn.
	Seed int64 `json:"seed"`
}

// Limits of an adaptation.
const (
	// fewest observations that a prior can be learned from.
	fewest     = 12
	mostMember = 1024
	mostHeld   = 64
)

// complete returns the adaptation with its defaults for n observations, the smallest of which has
// the given side, and a model's configuration.
func (a Adaptation) complete(n, smallest int, c Config) Adaptation {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	set(&a.Rounds, 4)
	set(&a.Members, mostMember)
	a.Members = min(a.Members, n)
	set(&a.Candidates, min(max((256+a.Members-1)/a.Members, 2), 8))
	set(&a.Steps, 300)
	set(&a.Batch, 8)
	step := 1 << len(c.Diffusion.Network.Features)
	set(&a.Size, max(min(c.Size, smallest/step*step), step))
	if a.LearningRate == 0 {
		a.LearningRate = 1e-4
	}
	if a.Gain == 0 {
		a.Gain = 8
	}
	if a.HoldOut == 0 {
		a.HoldOut = 0.2
	}
	return a
}

// validate returns an error if no model can be adapted so.
func (a Adaptation) validate() error {
	if !(a.HoldOut > 0 && a.HoldOut < 1) {
		return fmt.Errorf("galdecon: the share of observations that are left out must be between "+
			"0 and 1, got %g", a.HoldOut)
	}
	return a.em().Validate()
}

func (a Adaptation) em() em.Config {
	return em.Config{Rounds: a.Rounds, Candidates: a.Candidates, Members: a.Members, Gain: a.Gain,
		Seed: a.Seed}
}

// AdaptationFile is the name of the file in a folder of [Adapt] with what it has done.
const AdaptationFile = "adaptation.json"

// Adapted is what [Adapt] has done.
type Adapted struct {
	// Adaptation has the defaults set.
	Adaptation Adaptation `json:"adaptation"`
	// From is the folder of the model that it began with, and Folder that of the best round's, for
	// [Load]: From itself where no round predicts better beyond chance.
	From   string `json:"from"`
	Folder string `json:"-"`
	// Observations tell those of the survey from others: a SHA-256. Used of them were fitted to,
	// and Held left out.
	Observations string `json:"observations"`
	Used         int    `json:"used"`
	Held         int    `json:"held"`
	// Refused are the observations that the model doesn't take.
	Refused posterior.Refusals `json:"-"`
	// Checks are on the observations left out, of the model before and after each round; Best is
	// the number of the round whose model predicts them best, by two standard errors better than the
	// best before; 0 for the model before.
	Checks []Check `json:"checks"`
	Best   int     `json:"best"`
	// Moved says, for rings of spatial frequencies, how far the observations moved the prior.
	Moved []Moved `json:"moved"`
	// NoiseRatio is the median over observations of the noise that is left of them, without a
	// candidate, over what is stated. Noise is not nil where they differ by more than a tenth:
	// the prior then takes noise for detail, or detail for noise.
	NoiseRatio float64     `json:"noise_ratio"`
	Noise      *NoiseError `json:"-"`
	// Collapse is not nil where the rounds ended because candidates lost their spread.
	Collapse *em.CollapseError `json:"-"`
}

// Moved is how far the power of the prior moved at a spatial frequency.
type Moved struct {
	// Frequency is in cycles per pixel.
	Frequency float64 `json:"frequency"`
	// Ratio is the power of what the last round was fitted to over that of the first candidates.
	Ratio float64 `json:"ratio"`
	// Known, 0 to 1, is how much the observations say there, see [em.Spectrum]: near 0 the prior
	// stays what it was, whatever the galaxies are.
	Known float64 `json:"known"`
}

// AdaptProgress is how far an [Adapt] is.
type AdaptProgress struct {
	// Round counts from 0, the checks of the model before; Rounds is the number of the last.
	Round, Rounds int
	// Stage is what is being done.
	Stage string
	// Done is the share of the stage, 0 to 1.
	Done float64
	// Check is that of the round where it has just been made, else nil.
	Check *Check
}

// Adapt fits the prior of the model in the folder from to observations of galaxies, without a clean
// image of any, and leaves what it has done in the folder dir: by expectation–maximization with the
// model's own candidates, see package em. In each round candidates of the observations are drawn
// and the model is trained on as if they were the galaxies, seen anew under the PSFs, gaps, weights
// and noise of the observations. Observations with sharp PSFs count more. A share of the
// observations is left out and predicted after each round; the model that predicts best is in
// [Adapted.Folder].
//
// The model must have a [Config.Survey]. Observations that it refuses are left out, and said. It
// goes on where an interrupted Adapt in dir stopped, to the same result, bit for bit on one
// machine. report may be nil.
//
// It is an error if fewer than 12 different observations are left ([*FewError]), or if dir holds
// the adaptation of another model, other observations or another configuration.
func Adapt(ctx context.Context, from string, observations []observe.Observation, a Adaptation,
	dir string, report func(AdaptProgress)) (*Adapted, error) {
	model, err := Load(from)
	if err != nil {
		return nil, err
	}
	if model.Config.Survey == nil {
		return nil, fmt.Errorf("galdecon: the model in %s is for one size of stamps; adapt one "+
			"with a Survey, such as galaxy", from)
	}
	if from, err = filepath.Abs(from); err != nil {
		return nil, err
	}
	kept, refused, err := model.Config.taken(observations)
	if err != nil {
		return nil, err
	}
	smallest := 1 << 30
	for _, o := range kept {
		height, width := o.Size()
		smallest = min(smallest, height, width)
	}
	a = a.complete(len(kept), smallest, model.Config)
	if err := a.validate(); err != nil {
		return nil, err
	}
	held := min(max(int(a.HoldOut*float64(len(kept))), 3), mostHeld)
	a.Members = min(a.Members, len(kept)-held)
	order := rand.New(rand.NewPCG(uint64(a.Seed), 1)).Perm(len(kept))
	slices.Sort(order[:held])
	slices.Sort(order[held:])
	pick := func(which []int) (out []observe.Observation) {
		for _, i := range which {
			out = append(out, kept[i])
		}
		return out
	}
	result := &Adapted{Adaptation: a, From: from, Observations: identity(kept),
		Used: len(kept) - held, Held: held, Refused: refused}
	p := &adapting{Adaptation: a, dir: dir, used: pick(order[held:]), held: pick(order[:held]),
		report: report, result: result}
	if err := p.claim(); err != nil {
		return nil, err
	}
	return p.run(ctx, &surveyPrior{adapting: p, model: model, folder: from})
}

// taken returns the observations that a model takes, each once, and the refusals of the others.
func (c Config) taken(observations []observe.Observation) (kept []observe.Observation,
	refused posterior.Refusals, err error) {
	seen := map[string]bool{}
	twice := 0
	for i, o := range observations {
		_, err := c.prepareLook(i, o)
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			refused = append(refused, refusal)
			continue
		case err != nil:
			return nil, nil, err
		}
		id := identity([]observe.Observation{o})
		if seen[id] {
			twice++
			continue
		}
		seen[id] = true
		kept = append(kept, o)
	}
	if len(kept) < fewest {
		return nil, refused, &FewError{Got: len(kept), Need: fewest, Given: len(observations),
			Alike: twice, Refused: refused}
	}
	return kept, refused, nil
}

// identity returns the SHA-256 of the images, weights and PSFs of observations.
func identity(observations []observe.Observation) string {
	hash := sha256.New()
	write := func(v any) {
		if err := binary.Write(hash, binary.LittleEndian, v); err != nil {
			panic(err) // numbers can be written to a hash
		}
	}
	for _, o := range observations {
		for _, e := range o.Exposures {
			write(e.Image.Pixels)
			write(e.InvVar)
			write([]float64{float64(e.Bin), e.Row, e.Column})
			for _, p := range slices.Concat(e.PSFs, e.Draws) {
				write(p.Pixels)
			}
			if e.Noise != nil {
				write(e.Noise.Values)
			}
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// adapting is an [Adapt] on its way.
type adapting struct {
	Adaptation
	dir        string
	used, held []observe.Observation
	report     func(AdaptProgress)
	result     *Adapted
	ratios     []float64 // of noise, by observation
}

// claim makes the folder, whose adaptation must be the same.
func (p *adapting) claim() error {
	claimed := struct {
		Adaptation   Adaptation `json:"adaptation"`
		From         string     `json:"from"`
		Observations string     `json:"observations"`
	}{p.result.Adaptation, p.result.From, p.result.Observations}
	text, err := json.MarshalIndent(claimed, "", "  ")
	if err != nil {
		return fmt.Errorf("galdecon: cannot encode the adaptation: %w", err)
	}
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return fmt.Errorf("galdecon: cannot make the folder of the adaptation: %w", err)
	}
	path := filepath.Join(p.dir, "begun.json")
	have, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writeFile(path, text)
	case err != nil:
		return fmt.Errorf("galdecon: cannot read the adaptation: %w", err)
	case string(have) != string(text):
		return fmt.Errorf("galdecon: %s holds the adaptation of another model, to other "+
			"observations or by another configuration; choose another folder, or delete that one",
			p.dir)
	}
	return nil
}

func (p *adapting) say(round int, stage string, done float64, check *Check) {
	if p.report != nil {
		p.report(AdaptProgress{Round: round, Rounds: p.Rounds, Stage: stage, Done: done,
			Check: check})
	}
}

// round returns the folder of a round.
func (p *adapting) round(number int) string {
	return filepath.Join(p.dir, fmt.Sprintf("round-%02d", number))
}
