package galdecon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/em"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
)

// surveyPrior is a model as package em fits it.
type surveyPrior struct {
	*adapting
	model  *Model
	folder string
	drawn  sampled // by the last Sample
}

// sampled is what a round has drawn beside the candidates.
type sampled struct {
	// Members are the observations, and Bright the brightest pixel of each that its first exposure
	// would show without noise.
	Members []int     `json:"members"`
	Bright  []float64 `json:"bright"`
	// Noise is what is left of each over the noise stated, 0 where nobody can say.
	Noise []float64 `json:"noise"`
}

// Files of a round.
const (
	candidatesFile = "candidates.npy"
	againFile      = "again.npy"       // of candidates that were seen anew
	sampledFile    = "candidates.json" // written last
	checkFile      = "check.json"
)

// Sample draws candidates of observations in units of their brightness, or reads those that were
// drawn before.
func (p *surveyPrior) Sample(ctx context.Context, round int, members []int, n int) (
	em.Candidates, error,
) {
	p.drawn = sampled{}
	dir := p.round(round)
	images := galaxy.NewImages(0, p.Size, p.Size, 1)
	switch text, err := os.ReadFile(filepath.Join(dir, sampledFile)); {
	case err == nil:
		if err := json.Unmarshal(text, &p.drawn); err != nil {
			return em.Candidates{}, fmt.Errorf("galdecon: %s in %s is damaged: %w", sampledFile,
				dir, err)
		}
		if images, err = files.Load(filepath.Join(dir, candidatesFile)); err != nil {
			return em.Candidates{}, err
		}
		again, err := files.Load(filepath.Join(dir, againFile))
		if err != nil {
			return em.Candidates{}, err
		}
		return em.Candidates{Members: p.drawn.Members, Images: images, Again: again}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return em.Candidates{}, fmt.Errorf("galdecon: cannot read candidates: %w", err)
	}
	observations := make([]observe.Observation, len(members))
	for i, m := range members {
		observations[i] = p.used[m]
	}
	key := func(i int) uint64 { return placeKey(members[i]) }
	parts := p.model.streamLooks(ctx, observations, key, n, p.Seed+int64(round))
	var anew []observe.Observation
	for post, err := range posterior.Drawn(parts) {
		if err != nil {
			return em.Candidates{}, err
		}
		p.say(round, "drawing candidates", float64(post.Index+1)/float64(len(members)), nil)
		bright := 0.0
		for k := range post.Reblurred.N {
			bright += float64(slices.Max(post.Reblurred.At(k))) / float64(n)
		}
		if !(bright > 0) {
			continue // nothing is there
		}
		p.drawn.Members = append(p.drawn.Members, members[post.Index])
		p.drawn.Bright = append(p.drawn.Bright, bright)
		p.drawn.Noise = append(p.drawn.Noise, noiseRatio(post))
		r := rand.New(rand.NewPCG(uint64(p.Seed), againStream+uint64(round)<<32+
			uint64(members[post.Index])))
		seen, err := seenAgain(observations[post.Index], post, r)
		if err != nil {
			return em.Candidates{}, err
		}
		anew = append(anew, seen)
		for k := range post.Samples.N {
			images.Pixels = append(images.Pixels, middle(post.Samples, k, p.Size, bright)...)
			images.N++
		}
	}
	again, err := p.again(ctx, round, n, anew, images)
	if err != nil {
		return em.Candidates{}, err
	}
	text, err := json.Marshal(p.drawn)
	if err != nil {
		return em.Candidates{}, fmt.Errorf("galdecon: cannot encode what was drawn: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return em.Candidates{}, fmt.Errorf("galdecon: cannot make the folder of a round: %w", err)
	}
	if images.N > 0 {
		err := errors.Join(files.SaveNPY(filepath.Join(dir, candidatesFile), images),
			files.SaveNPY(filepath.Join(dir, againFile), again))
		if err != nil {
			return em.Candidates{}, err
		}
	}
	return em.Candidates{Members: p.drawn.Members, Images: images, Again: again},
		writeFile(filepath.Join(dir, sampledFile), text)
}

// middle returns the middle size × size pixels of image k over a unit; what lies beyond a smaller
// one is dark.
func middle(images *galaxy.Images, k, size int, unit float64) []float32 {
	out, from := make([]float32, size*size), images.At(k)
	top, left := (images.Height-size)/2, (images.Width-size)/2
	for at := range out {
		row, col := at/size+top, at%size+left
		if row >= 0 && row < images.Height && col >= 0 && col < images.Width {
			out[at] = float32(float64(from[row*images.Width+col]) / unit)
		}
	}
	return out
}

// noiseRatio returns what an observation has left without a candidate, over the noise that is
// stated, the mean over candidates; 0 where too few pixels have data to say. Where both are right
// that is 1: what a candidate of the posterior leaves has the noise's distribution, which what
// their mean leaves hasn't, since that follows some of the noise.
func noiseRatio(post Posterior) float64 {
	sum := 0.0
	rest := make([]float32, len(post.InvVar))
	for c := range post.Reblurred.N {
		seen := post.Reblurred.At(c)
		for k, w := range post.InvVar {
			rest[k] = float32(float64(post.Observation.Pixels[k]-seen[k]) * math.Sqrt(w))
		}
		level, err := observe.NoiseLevel(rest, post.InvVar, post.Observation.Height,
			post.Observation.Width)
		if err != nil {
			return 0
		}
		sum += level / float64(post.Reblurred.N)
	}
	if post.Correlation != nil {
		sum /= max(post.Correlation.Roughness(), 1e-3)
	}
	return sum
}

// Fit trains the model on galaxies that are seen under the conditions of the last Sample, or reads
// the one that was trained before.
func (p *surveyPrior) Fit(ctx context.Context, round int, y *galaxy.Images) (em.Prior, error) {
	p.ratios = p.drawn.Noise
	dir := filepath.Join(p.round(round), "model")
	step, err := fit.Step(dir)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		if err := p.train(ctx, round, y, dir); err != nil {
			return nil, err
		}
	}
	c, err := LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return nil, err
	}
	// What is compiled to draw serves all rounds.
	w, err := p.model.executables.withWeights(scope)
	if err != nil {
		return nil, err
	}
	next, err := w.model(c)
	if err != nil {
		return nil, err
	}
	return &surveyPrior{adapting: p.adapting, model: next, folder: dir}, nil
}

// train trains the model of a round and leaves it, exported, in the folder to.
func (p *surveyPrior) train(ctx context.Context, round int, y *galaxy.Images, to string) error {
	c := p.model.Config
	c.Preset, c.Size = "adapted", p.Size
	c.Fit = fit.Config{Steps: p.Steps, Batch: p.Batch, LearningRate: p.LearningRate,
		WarmUp: min(50, p.Steps/4), EMA: 1 - 4/float64(p.Steps+4), ClipNorm: 1, Shift: 0.5,
		InitialModel: filepath.Base(p.folder), WorkingDir: filepath.Dir(p.folder),
		Seed: p.Seed + int64(round)}
	if err := c.Validate(); err != nil {
		return err
	}
	if err := c.checkShape(y); err != nil {
		return err
	}
	seen := make([]observe.Observation, len(p.drawn.Members))
	for i, m := range p.drawn.Members {
		seen[i] = p.used[m]
	}
	conditions, err := observe.NewConditions(p.Size, seen, p.drawn.Bright)
	if err != nil {
		return err
	}
	trainer, err := c.trainer(y, func(scope *model.Scope, y *graph.Node) *graph.Node {
		grid, looks := conditions.Observe(scope, y)
		return c.Diffusion.LookLoss(scope, y, grid, looks...)
	})
	if err != nil {
		return err
	}
	defer trainer.Close()
	dir := filepath.Join(p.round(round), "training")
	if err := c.checkInitialModel(dir); err != nil {
		return err
	}
	err = trainer.Train(ctx, c, dir, func(now fit.Progress) {
		p.say(round, "fitting", float64(now.Step)/float64(now.Steps), nil)
	})
	if err != nil {
		return err
	}
	// Under another name first: what an interrupt leaves of it is no model.
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("galdecon: cannot clear what an interrupt left: %w", err)
	}
	if err := Export(dir, part); err != nil {
		return err
	}
	if err := os.Rename(part, to); err != nil {
		return fmt.Errorf("galdecon: cannot keep the model of round %d: %w", round, err)
	}
	return os.RemoveAll(dir)
}

// medianRatio returns the median of ratios of noise that could be found, 1 where none could.
func medianRatio(ratios []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(ratios), func(v float64) bool { return v == 0 })
	if len(known) == 0 {
		return 1
	}
	slices.Sort(known)
	return stat.Quantile(0.5, stat.Empirical, known, nil)
}
