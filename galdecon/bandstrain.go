package galdecon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy/synthetic"
)

// MaxBands is the number of bands that the exchange between them is trained with, and the most that
// are sampled together.
const MaxBands = 6

// BandsConfig is how the exchange between bands is trained.
type BandsConfig struct {
	// Size of the stamps in pixels, and Galaxies how many there are, each in [MaxBands] bands.
	Size     int `json:"size"`
	Galaxies int `json:"galaxies"`
	// HalfSteps is how many steps are made before, on twice as many stamps of half the size, of
	// which a step has twice as many.
	HalfSteps int `json:"half_steps,omitzero"`
	// Fit is how it is trained; a batch is one of galaxies.
	Fit fit.Config `json:"fit"`
}

// DefaultBands returns what takes a quarter of an hour of two cores with the model galaxy.
func DefaultBands() BandsConfig {
	return BandsConfig{Size: 64, Galaxies: 6000, HalfSteps: 1200, Fit: fit.Config{Steps: 900,
		Batch: 2, LearningRate: 1e-3, WarmUp: 100, EMA: 0.995, ClipNorm: 1, HoldOut: 0.006,
		Seed: 1}}
}

// half returns what is trained before.
func (c BandsConfig) half() BandsConfig {
	h := c
	h.Size, h.Galaxies, h.HalfSteps = c.Size/2, 2*c.Galaxies, 0
	h.Fit.Steps, h.Fit.Batch, h.Fit.LearningRate = c.HalfSteps, 2*c.Fit.Batch,
		2*c.Fit.LearningRate
	return h
}

// folder returns where the training for the model with weights of a hash belongs below parent.
func (c BandsConfig) folder(parent, hash string) (string, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("galdecon: cannot encode the configuration: %w", err)
	}
	sum := sha256.Sum256(append(text, hash...))
	return filepath.Join(parent, "bands-"+hex.EncodeToString(sum[:4])), nil
}

// TrainBands trains the exchange between bands of the model in the folder dir, which must have a
// Survey, and stores it there, where [Load] finds it. The model's own weights stay as they are, and
// so does all that it draws of a single band. Checkpoints are below the folder work, and a training
// goes on where it was interrupted. Galaxies are synthetic, in bands at random wavelengths and with
// a spectrum for each of their parts; each band is seen as the Survey draws it, with a PSF, noise
// and gaps of its own. Mostly three bands exchange what they see; one to six do at times. report,
// which may be nil, is called after every step.
func TrainBands(ctx context.Context, c BandsConfig, dir, work string,
	report func(fit.Progress)) error {
	base, err := LoadConfig(dir)
	if err != nil {
		return err
	}
	if base.Survey == nil {
		return fmt.Errorf("galdecon: the model in %s is for stamps of %d pixels in fixed bands; "+
			"bands are exchanged by one with a Survey, such as galaxy", dir, base.Size)
	}
	if err := errors.Join(base.Diffusion.Network.Validate(c.Size), c.Fit.Validate()); err != nil {
		return err
	}
	scope, err := loadWeights(dir)
	if err != nil {
		return err
	}
	hash, err := weightsHash(base.Diffusion, scope)
	if err != nil {
		return err
	}
	if c.HalfSteps > 0 {
		half := c.half()
		from, err := half.folder(work, hash)
		if err == nil {
			err = half.run(ctx, base, scope, from, report)
		}
		if err != nil {
			return err
		}
		c.Fit.InitialModel, c.Fit.WorkingDir = filepath.Base(from), work
	}
	to, err := c.folder(work, hash)
	if err != nil {
		return err
	}
	if err := c.run(ctx, base, scope, to, report); err != nil {
		return err
	}
	trained, err := fit.Load(to)
	if err != nil {
		return err
	}
	return saveExchange(dir, hash, fit.Average(trained))
}

// SyntheticBands returns n of the galaxies that the exchange between bands of the model is trained
// on, or others of their kind with another seed: those of [Config.SyntheticGalaxies], in bands.
func (c Config) SyntheticBands(n, bands int, seed int64) synthetic.Config {
	s := c.SyntheticGalaxies(n, seed)
	s.Channels, s.Spectra = bands, true
	return s
}

// run makes the steps of the training for a model with weights below a scope, but those made.
func (c BandsConfig) run(ctx context.Context, base Config, scope *model.Scope, dir string,
	report func(fit.Progress)) error {
	if step, err := fit.Step(dir); err != nil || step >= c.Fit.Steps {
		return err
	}
	sized := base
	sized.Size = c.Size
	galaxies, err := synthetic.Galaxies(sized.SyntheticBands(c.Galaxies, MaxBands, 1))
	if err != nil {
		return err
	}
	bank, err := base.Survey.Draw()
	if err != nil {
		return err
	}
	for v := range scope.IterVariables() {
		v.SetTrainable(false)
	}
	objective := func(weights *model.Scope, y *graph.Node) *graph.Node {
		shares := drawShares(weights, y.Graph(), y.Shape().Dimensions[0])
		grid, look := base.Survey.Observe(weights, ddpm.Bands(y), bank)
		again := scope.Store().Scope(scope.Scope()) // for each graph
		return base.Diffusion.BandLoss(weights, again, y, shares, grid, look)
	}
	device, err := backend.Default()
	if err != nil {
		return err
	}
	trainer, err := fit.NewTrainer(fit.Problem{Device: device, Images: galaxies,
		Objective: objective}, c.Fit)
	if err != nil {
		return err
	}
	defer trainer.Close()
	return trainer.Run(ctx, dir, nil, nil, report)
}

// groups are the numbers of bands that hear of each other, of those of one galaxy, and how often
// they are drawn.
var groups = []struct {
	often int
	sizes []int
}{
	{20, []int{3, 3}}, {4, []int{2, 2, 2}}, {4, []int{6}}, {2, []int{4, 2}}, {1, []int{5, 1}},
	{1, []int{3, 2, 1}},
}

// drawShares draws which bands of each galaxy hear of each other, [galaxies, MaxBands, MaxBands].
func drawShares(scope *model.Scope, g *graph.Graph, galaxies int) *graph.Node {
	const orders = 8 // of the bands, for each of the groups
	r := rand.New(rand.NewPCG(1, 0))
	var table [][]float32
	for _, group := range groups {
		for range orders * group.often {
			table = append(table, shares(group.sizes, r.Perm(MaxBands)))
		}
	}
	all := graph.Const(g, table)
	place := scope.RandomUniform(g, shapes.Make(dtypes.Float32, galaxies, 1))
	index := graph.MinScalar(graph.ConvertDType(graph.Floor(graph.MulScalar(place,
		float64(len(table)))), dtypes.Int32), len(table)-1)
	return graph.Reshape(graph.Gather(all, index), galaxies, MaxBands, MaxBands)
}

// shares returns those of bands in groups of some sizes, in an order: see unet.Exchange.
func shares(sizes, order []int) []float32 {
	rows := make([]float32, MaxBands*MaxBands)
	for _, size := range sizes {
		for _, a := range order[:size] {
			for _, b := range order[:size] {
				if a != b {
					rows[a*MaxBands+b] = 1 / float32(size-1)
				}
			}
		}
		order = order[size:]
	}
	return rows
}
