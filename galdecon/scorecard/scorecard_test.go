package scorecard_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"galdecon/galdecon"
	"galdecon/galdecon/backend"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/score"
	"galdecon/galdecon/score/inception"
	"galdecon/galdecon/scorecard"
	"galdecon/galdecon/unet"
)

// micro trains in no time, and is good for nothing but tests.
var micro = galdecon.Config{
	Preset: "micro", Size: 16, Channels: 1,
	Instrument: psf.Instrument{Size: 7, SigmaMin: 0.7, SigmaMax: 1.2, NoiseMin: 0.001, NoiseMax: 0.03},
	Diffusion:  ddpm.Config{T: 50, Prediction: ddpm.Velocity, Mean: 0.05, Std: 0.15, Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
	Sampler:    ddpm.Sampler{Steps: 4, Eta: 1, SecondOrder: true, DataConsistency: true},
	Fit:        fit.Config{Steps: 2, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
}

// trained is the folder of a micro model.
var trained = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "scorecard")
	if err != nil {
		return "", err
	}
	galaxies, err := synthetic.Galaxies(synthetic.Config{N: 8, Size: micro.Size, Seed: 1})
	if err != nil {
		return "", err
	}
	return dir, galdecon.Train(context.Background(), micro, galaxies, dir, nil)
})

func TestMain(m *testing.M) {
	status := m.Run()
	if dir, _ := trained(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(status)
}

// pixels are features that need no network: the pixels themselves. Their total variance is the variance per pixel times their number.
type pixels struct{}

func (pixels) String() string { return "pixels" }

func (pixels) Features(_ context.Context, images *galaxy.Images) iter.Seq2[[]float64, error] {
	return func(yield func([]float64, error) bool) {
		for i := range images.N {
			var features []float64
			for _, v := range images.At(i) {
				features = append(features, float64(v))
			}
			if !yield(features, nil) {
				return
			}
		}
	}
}

// parts hands candidates on as a model does, at most 2 at a time.
func parts(candidates []*galaxy.Images, err error) iter.Seq2[galdecon.Part, error] {
	return func(yield func(galdecon.Part, error) bool) {
		if err != nil {
			yield(galdecon.Part{}, err)
			return
		}
		for i, c := range candidates {
			for first := 0; first < c.N; first += 2 {
				part := galdecon.Part{Posterior: galdecon.Posterior{Index: i}, First: first, N: c.N, M: len(candidates)}
				part.Samples = c.Select(first)
				if first+1 < c.N {
					part.Samples = c.Select(first, first+1)
				}
				if !yield(part, nil) {
					return
				}
			}
		}
	}
}

// pieces hands candidates on 8 at a time at most, and ends between them with ctx, however many the device draws together.
func pieces(ctx context.Context, all iter.Seq2[galdecon.Part, error]) iter.Seq2[galdecon.Part, error] {
	return func(yield func(galdecon.Part, error) bool) {
		for part, err := range all {
			if err != nil {
				yield(part, err)
				return
			}
			var each []int
			for k := range part.Samples.N {
				each = append(each, k)
			}
			for some := range slices.Chunk(each, 8) {
				piece := part
				piece.First, piece.Samples = part.First+some[0], part.Samples.Select(some...)
				if err := ctx.Err(); err != nil {
					yield(galdecon.Part{}, err)
					return
				}
				if !yield(piece, nil) {
					return
				}
			}
		}
	}
}

// blobs are elliptical Gaussian galaxies in the middle of their stamps.
func blobs(n, size int) *galaxy.Images {
	images := galaxy.NewImages(n, size, size, 1)
	middle := float64(size-1) / 2
	for i := range n {
		images.IDs = append(images.IDs, fmt.Sprintf("blob %d", i))
		wide, high := 1.5+0.1*float64(i%5), 2-0.1*float64(i%3)
		for p := range size * size {
			dy, dx := float64(p/size)-middle, float64(p%size)-middle
			images.At(i)[p] = float32(math.Exp(-dx*dx/(2*wide*wide) - dy*dy/(2*high*high)))
		}
	}
	return images
}

// config compares the classical methods and more on blobs.
func config(methods ...scorecard.Method) scorecard.Config {
	return scorecard.Config{Galaxies: blobs(6, 16), Prior: blobs(15, 16), PSFSize: 7,
		Settings: []scorecard.Setting{{Sigma: 1, Noise: 0.001}},
		Methods:  append(methods, scorecard.Classical()...), Candidates: 4, Epsilon: score.Epsilon, Seed: 3, Features: pixels{}}
}

// shaky is a method whose candidates are what truth makes of the index of the galaxy, with noise of its own.
func shaky(name string, truth *galaxy.Images, spread float64, calls *int) scorecard.Method {
	return scorecard.Method{Name: name, Identity: fmt.Sprint(spread),
		Deconvolve: func(_ context.Context, o *galdecon.Observations, n int, seed int64) iter.Seq2[galdecon.Part, error] {
			if calls != nil {
				*calls++
			}
			candidates := make([]*galaxy.Images, o.Images().N)
			for i := range candidates {
				all := make([]int, n)
				for k := range truth.N {
					if truth.ID(k) == o.Images().ID(i) {
						for j := range all {
							all[j] = k
						}
					}
				}
				noisy, err := galdecon.Observe(truth.Select(all...), []psf.PSF{{Size: 1, Pixels: []float32{1}}}, spread, seed+int64(i))
				if err != nil {
					return parts(nil, err)
				}
				candidates[i] = noisy.Images()
			}
			return parts(candidates, nil)
		}}
}

func run(t *testing.T, c scorecard.Config, dir string) scorecard.Card {
	t.Helper()
	card, err := scorecard.Run(t.Context(), c, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tolerance)
	}
}

// Candidates that are the truth with white noise of a known level have known figures.
func TestFiguresOfKnownCandidates(t *testing.T) {
	const spread = 0.02
	c := config(shaky("known", blobs(6, 16), spread, nil))
	c.Candidates, c.Epsilon = 40, 1
	card := run(t, c, t.TempDir())
	r := card.Row("known", c.Settings[0])
	near(t, "the retained fraction", r.Retained.Value, 1, 0)
	near(t, "the variance of pixels", r.PixelVariance.Value/(spread*spread), 1, 0.05)
	near(t, "the MSE of the mean", r.MSE.Value/(spread*spread/40), 1, 0.15)
	near(t, "the PSNR", r.PSNR.Value, 10*math.Log10(40/(spread*spread)), 1)
	// The features are pixels cut off at 0, which on the dark sky halves the spread to √(1/2 − 1/2π) of it: nearly all pixels are dark.
	if v := r.FeatureVariance.Value / (256 * spread * spread); v < 0.34 || v > 0.8 {
		t.Errorf("the variance of the pixels as features is %v of that before they are cut off", v)
	}
	// White noise has the same power at all frequencies, and the blobs have little at high ones.
	if r.HighFrequency.Value < 2 {
		t.Errorf("the candidates' power at high frequencies is %v of the truth's", r.HighFrequency.Value)
	}
	for k := len(r.Power) - 5; k < len(r.Power); k++ {
		near(t, fmt.Sprintf("the power in ring %d", k), (r.Power[k]-r.TruePower[k])/(spread*spread), 1, 0.3)
	}
	// Π takes Σ Π² of white noise away, and the rest adds to the noise of x.
	kernel, err := psf.Gaussian{Sigma: 1}.Render(7)
	if err != nil {
		t.Fatal(err)
	}
	squares := 0.0
	for _, w := range kernel.Pixels {
		squares += float64(w * w)
	}
	near(t, "χ²", r.ChiSquared.Value, 1+squares*spread*spread/1e-6, 2) // the edge of the stamp is dark, and has less
	// The truth is no further from the mean than candidates' noise averages out: far less than one of them.
	var of scorecard.Calibration
	for _, each := range r.Calibration {
		if each.Quantity == "pixels" {
			of = each
		}
	}
	near(t, "error over spread", of.ErrorOverSpread.Value, math.Sqrt(1./41), 0.02)
	if of.Coverage.Distance < 0.4 {
		t.Errorf("candidates around the truth cover as if calibrated: distance %v", of.Coverage.Distance)
	}
	if len(r.Calibration) != 5 || r.Calibration[4].ErrorOverSpread != nil || r.Calibration[1].Failed != 0 {
		t.Errorf("calibration %+v", r.Calibration)
	}

	nothing := card.Row("nothing", c.Settings[0])
	if nothing.Candidates != 1 || nothing.PixelVariance != nil || nothing.FeatureVariance != nil || nothing.Calibration != nil {
		t.Errorf("doing nothing has a variance: %+v", nothing)
	}
	if wiener := card.Row("Wiener", c.Settings[0]); !(wiener.MSE.Value < nothing.MSE.Value/2) || !(wiener.HalfLight.Value < nothing.HalfLight.Value) {
		t.Errorf("Wiener's filter %v is no better than nothing %v", wiener.MSE, nothing.MSE)
	}
	if rl := card.Row("Richardson-Lucy", c.Settings[0]); !(rl.MSE.Value < nothing.MSE.Value/2) {
		t.Errorf("Richardson-Lucy %v is no better than nothing %v", rl.MSE, nothing.MSE)
	}

	// A second method with twice the spread varies four times as much.
	wider := shaky("wider", blobs(6, 16), 2*spread, nil)
	c.Methods = append(c.Methods, wider)
	card = run(t, c, t.TempDir())
	retained, variance, err := card.Difference("wider", "known", c.Settings[0])
	if err != nil {
		t.Fatal(err)
	}
	a, b := card.Row("wider", c.Settings[0]), card.Row("known", c.Settings[0])
	near(t, "the difference of retained fractions", retained.Value, 0, 0)
	near(t, "the difference of variances", variance.Value, a.FeatureVariance.Value-b.FeatureVariance.Value, 1e-9)
	near(t, "the ratio of variances", a.FeatureVariance.Value/b.FeatureVariance.Value, 4, 0.3)
	if _, _, err := card.Difference("wider", "none", c.Settings[0]); err == nil {
		t.Error("a method that isn't there has a difference")
	}
}

// A wrong PSF is told to methods and used for χ², but the observations are those of the true one.
func TestWrongPSF(t *testing.T) {
	c := config()
	right := c.Settings[0]
	wrong := scorecard.Setting{Sigma: 1, Noise: 0.001, Wrong: 0.3}
	noisy := scorecard.Setting{Sigma: 1, Noise: 0.01}
	c.Settings = append(c.Settings, wrong, noisy)
	card := run(t, c, t.TempDir())
	if a, b := card.Row("nothing", right), card.Row("nothing", wrong); a.MSE.Value != b.MSE.Value {
		t.Errorf("doing nothing depends on the PSF that is told: %v, %v", a.MSE, b.MSE)
	}
	if a, b := card.Row("Wiener", right), card.Row("Wiener", wrong); !(b.MSE.Value > 2*a.MSE.Value) {
		t.Errorf("Wiener's filter doesn't care for its PSF: %v, %v", a.MSE, b.MSE)
	}
	// Noise of variance ε hides even the truth.
	if r := card.Row("Wiener", noisy); r.Retained != nil || r.ChiSquared == nil {
		t.Errorf("with noise of variance ε: %+v", r)
	}
	if _, _, err := card.Difference("Wiener", "nothing", noisy); err == nil {
		t.Error("retained fractions that don't exist are compared")
	}
	if text := card.String(); !strings.Contains(text, "not even the truth is") || !strings.Contains(text, "+30 %") {
		t.Errorf("the text doesn't say what noise does:\n%s", text)
	}
}

func TestModelResumes(t *testing.T) {
	folder, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	methods, model, err := scorecard.Load("micro", folder)
	if err != nil {
		t.Fatal(err)
	}
	options, err := scorecard.DefaultsFromEnv()
	if err != nil {
		t.Fatal(err)
	}
	options.N, options.Candidates, options.Sigma, options.Wrong = 5, 32, 1, []float64{0.05}
	c, err := options.Config(model)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Settings) != 4 || c.Settings[1].Wrong != 0.05 || c.Settings[2].Noise != 0.01 || c.Settings[3].Noise != 0.03 {
		t.Fatalf("settings %v", c.Settings)
	}
	c.Settings = c.Settings[:2]
	c.Features = pixels{}
	calls := 0
	counted := methods[0].Deconvolve
	methods[0].Deconvolve = func(ctx context.Context, o *galdecon.Observations, n int, seed int64) iter.Seq2[galdecon.Part, error] {
		calls++
		return pieces(ctx, counted(ctx, o, n, seed))
	}
	c.Methods = append(methods, scorecard.Classical()...)
	whole := run(t, c, t.TempDir())
	if calls != 6 { // 5 galaxies at most 2 at a time, in 2 settings
		t.Errorf("%d calls for blocks of about 64 candidates, want 6", calls)
	}

	// Interrupted within an observation and between two that are drawn together, cut off within a line, and continued, it's the same to the
	// bit.
	dir := t.TempDir()
	for _, kept := range []int{0, 1, 9} { // the ninth is the first of the second block
		ctx, cancel := context.WithCancel(t.Context())
		_, err := scorecard.Run(ctx, c, dir, func(p scorecard.Progress) {
			if p.Done == kept && p.Drawn > 0.3 {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted after %d results: %v", kept, err)
		}
		galtest.Wants(t, "interrupted", err, dir, "again", fmt.Sprintf("with %d of 40 results", kept))
	}
	path := filepath.Join(dir, "results.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-100], 0o666); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n != 1+9 {
		t.Errorf("%d lines are kept, want a header and 9 results:\n%s", n, text)
	}
	var last scorecard.Progress
	within := 0
	resumed, err := scorecard.Run(t.Context(), c, dir, func(p scorecard.Progress) {
		if p.Share() < last.Share() || p.Drawn >= 1 || last.Total == 0 && p.Done < 8 {
			t.Errorf("progress goes from %v to %v", last, p)
		}
		if p.Drawn > 0 {
			within++
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != 5*2*4 || last.Share() != 1 || within < 3*8 { // 8 observations of 32 candidates are left, in pieces of at most 8
		t.Errorf("progress ends with %v, and has moved %d times within observations", last, within)
	}
	if half := (scorecard.Progress{Method: "micro", Done: 2, Total: 4, Drawn: 0.5}); half.String() != "2.5 of 4: micro, PSF of σ = 0 pixels, noise 0" || half.Share() != 0.625 {
		t.Errorf("%v has the share %v", half, half.Share())
	}
	for _, card := range []*scorecard.Card{&whole, &resumed} {
		for i := range card.Rows {
			card.Rows[i].Seconds = 0
		}
	}
	if !reflect.DeepEqual(whole, resumed) {
		t.Errorf("resumed:\n%s\nwant:\n%s", resumed, whole)
	}
	// A finished one isn't computed again.
	calls = 0
	run(t, c, dir)
	if calls != 0 {
		t.Errorf("a finished run was computed again, with %d calls", calls)
	}

	// What doesn't belong there is refused.
	for what, change := range map[string]func(c *scorecard.Config){
		"galaxies":   func(c *scorecard.Config) { c.Galaxies = blobs(5, 16) },
		"the prior":  func(c *scorecard.Config) { c.Prior = blobs(15, 16) },
		"PSFs of":    func(c *scorecard.Config) { c.PSFSize = 9 },
		"candidates": func(c *scorecard.Config) { c.Candidates = 33 },
		"ε = ":       func(c *scorecard.Config) { c.Epsilon = 1e-3 },
		"features":   func(c *scorecard.Config) { c.Features = nil },
		"seed":       func(c *scorecard.Config) { c.Seed++ },
		"another micro": func(c *scorecard.Config) {
			other := c.Methods[0]
			other.Identity += "?"
			c.Methods = []scorecard.Method{other}
		},
	} {
		changed := c
		change(&changed)
		_, err := scorecard.Run(t.Context(), changed, dir, nil)
		galtest.Wants(t, what, err, what, "choose another folder")
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"method"`), []byte(`"methof"`), 1), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = scorecard.Run(t.Context(), c, dir, nil)
	galtest.Wants(t, "damage", err, "line 2", "damaged")
}

func TestSamplers(t *testing.T) {
	folder, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	methods, model, err := scorecard.Load("micro", folder, "own", "ddim", "stochastic:3")
	if err != nil {
		t.Fatal(err)
	}
	if len(methods) != 3 || methods[0].Name != "micro" || methods[1].Name != "micro, ddim" || methods[2].Name != "micro, stochastic:3" || methods[1].Identity == methods[2].Identity {
		t.Errorf("methods %+v", methods)
	}
	for name, want := range map[string]ddpm.Sampler{
		"own":                micro.Sampler,
		"dpm-solver":         {Steps: 4, SecondOrder: true},
		"stochastic:7":       {Steps: 7, Eta: 1, SecondOrder: true},
		"ddim":               {Steps: 4},
		"ancestral":          {Steps: 20, Eta: 1},
		"ancestral:50":       {Steps: 50, Eta: 1},
		"ancestral-beta":     {Steps: 50, Eta: 1, LargeVariance: true}, // T
		"ancestral-beta:10":  {Steps: 10, Eta: 1, LargeVariance: true},
		"consistent":         micro.Sampler,
		"consistent:0000006": {Steps: 6, Eta: 1, SecondOrder: true, DataConsistency: true},
	} {
		if got, err := scorecard.Sampler(name, model); got != want || err != nil {
			t.Errorf("%s is %+v, %v, want %+v", name, got, err, want)
		}
	}
	for _, name := range scorecard.SamplerNames() {
		if _, err := scorecard.Sampler(name, model); err != nil {
			t.Error(err)
		}
	}
	for name, part := range map[string]string{"magic": `"magic"; choose one of own`, "ddim:": "no number of steps", "ddim:x": "ddim:20", "ddim:51": "got 51", "ddim:0": "got 0"} {
		_, _, err = scorecard.Load("micro", folder, name)
		galtest.Wants(t, name, err, part, "scorecard: ")
	}
	_, err = scorecard.Sampler("ddim", galdecon.Config{CVAE: &cvae.Config{}})
	galtest.Wants(t, "a CVAE's sampler", err, "CVAE")
	_, _, err = scorecard.Load("micro", t.TempDir())
	galtest.Wants(t, "no model", err, "there is no model")

	// Each is a row of its own, with other candidates from the same weights.
	c := config(methods...)
	c.Methods, c.Features = c.Methods[:3], nil
	card := run(t, c, t.TempDir())
	if len(card.Rows) != 3 || card.Rows[0].MSE.Value == card.Rows[1].MSE.Value || card.Rows[1].MSE.Value == card.Rows[2].MSE.Value {
		t.Errorf("samplers give\n%s", card)
	}
}

// The released program retains what has failed, too: with an error above 2. Its figures stand beside ours in all formats, and with
// noise that leaves ours none.
func TestReleased(t *testing.T) {
	failing := shaky("failing", blobs(6, 16), 0.002, nil)
	draw := failing.Deconvolve
	failing.Deconvolve = func(ctx context.Context, o *galdecon.Observations, n int, seed int64) iter.Seq2[galdecon.Part, error] {
		return func(yield func(galdecon.Part, error) bool) {
			for part, err := range draw(ctx, o, n, seed) {
				if part.First == 0 && part.Index < 3 { // one bad candidate, for which no pixel counts: they are cut off at 0
					for k := range part.Samples.At(0) {
						part.Samples.At(0)[k] = -3
					}
				}
				if part.First == 0 { // one that is a little bad, and is retained by no one
					for k := range part.Samples.At(1) {
						part.Samples.At(1)[k] += 0.1
					}
				}
				if !yield(part, err) {
					return
				}
			}
		}
	}
	c := config(failing, shaky("sound", blobs(6, 16), 0.002, nil))
	c.Settings = append(c.Settings, scorecard.Setting{Sigma: 1, Noise: 0.02})
	dir := t.TempDir()
	without := run(t, c, dir)
	c.Released = true
	card := run(t, c, dir)
	for i := range without.Rows {
		if without.Rows[i].Released != nil {
			t.Errorf("released figures that weren't asked for: %+v", without.Rows[i])
		}
	}
	r := card.Row("failing", c.Settings[0])
	near(t, "retained here", r.Retained.Value, (3*0.5+3*0.75)/6, 1e-12)
	near(t, "retained by the released program", r.Released.Retained.Value, 0.75, 1e-12)
	sound := card.Row("sound", c.Settings[0])
	if !reflect.DeepEqual(sound.Released.Retained, sound.Retained) || !reflect.DeepEqual(sound.Released.FeatureVariance, sound.FeatureVariance) {
		t.Errorf("sound candidates are counted otherwise: %+v, %+v", sound.Released, sound)
	}
	// The failed one is dark, the others are their galaxy: of k candidates, one of which differs by d, the variance is |d|²/k.
	if !(r.Released.FeatureVariance.Value > 20*r.FeatureVariance.Value) {
		t.Errorf("the failed candidates don't pass for varied: %v, %v", r.Released.FeatureVariance, r.FeatureVariance)
	}
	light := 0.0
	for _, v := range blobs(6, 16).Select(0, 1, 2).Pixels {
		light += float64(v) * float64(v) / 3
	}
	near(t, "the variance of the released program", r.Released.FeatureVariance.Value/(light/3/2), 1, 0.1)
	noisy := card.Row("failing", c.Settings[1])
	if noisy.Retained != nil || noisy.Released.Retained.Value != 3*0.25/6 || noisy.Released.FeatureVariance != nil {
		t.Errorf("with noise: %+v, %+v", noisy.Retained, noisy.Released)
	}

	if text := card.String(); !strings.Contains(text, "as the paper's released program computes it") || strings.Contains(without.String(), "released") {
		t.Errorf("the text is\n%s", text)
	}
	text, err := card.TableOne("failing", "sound", c.Settings[0])
	if err != nil || !strings.Contains(text, "failing, as the released program counts     75.0") {
		t.Errorf("Table 1, %v:\n%s", err, text)
	}
	encoded, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	var back scorecard.Card
	if err := json.Unmarshal(encoded, &back); err != nil || !reflect.DeepEqual(card, back) || !bytes.Contains(encoded, []byte(`"released":{"retained":{"value":0.75`)) {
		t.Errorf("as JSON, %v: %s", err, encoded)
	}
	lines := asCSV(t, card)
	at := slices.Index(lines[0], "released_retained")
	if at < 0 || lines[1][at] != "0.75" || !slices.Contains(lines[0], "released_feature_variance") {
		t.Errorf("as CSV: %v", lines[:2])
	}
}

// asCSV are the lines that a card writes, field by field.
func asCSV(t *testing.T, card scorecard.Card) [][]string {
	t.Helper()
	var table bytes.Buffer
	if err := card.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&table).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// The card survives JSON, its CSV holds the numbers in full, and its text fits a wide terminal.
func TestFormats(t *testing.T) {
	c := config(shaky("known", blobs(6, 16), 0.02, nil))
	c.Settings = append(c.Settings, scorecard.Setting{Sigma: 1, Noise: 0.02}, scorecard.Setting{Sigma: 1, Noise: 0.001, Wrong: -0.1})
	c.Released, c.Source = true, "blobs"
	card := run(t, c, t.TempDir())
	encoded, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	var back scorecard.Card
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(card, back) {
		t.Error("the card isn't the same after JSON")
	}

	lines := asCSV(t, card)
	if len(lines) != 1+3*4 {
		t.Fatalf("%d lines, want 13", len(lines))
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		if _, ok := column[name]; ok {
			t.Errorf("two columns %s", name)
		}
		column[name] = i
	}
	for i, r := range card.Rows {
		line := lines[i+1]
		cell := func(name string) float64 {
			v, err := strconv.ParseFloat(line[column[name]], 64)
			if err != nil {
				t.Errorf("line %d, %s: %v", i+1, name, err)
			}
			return v
		}
		if line[column["method"]] != r.Method || cell("mse") != r.MSE.Value || cell("psnr_high") != r.PSNR.High || cell("wrong") != r.Setting.Wrong ||
			line[column["source"]] != "blobs" || cell("released_retained_high") != r.Released.Retained.High ||
			cell("ellipticity_low") != r.Ellipticity.Low || cell("ellipticity_dropped") != float64(r.Ellipticity.Dropped) {
			t.Errorf("line %d, %v, isn't %+v", i+1, line, r)
		}
		if (line[column["retained"]] == "") != (r.Retained == nil) {
			t.Errorf("line %d has retained %q, want %v", i+1, line[column["retained"]], r.Retained)
		}
		if len(r.Calibration) > 0 && cell("half_light_radius_coverage_distance") != r.Calibration[2].Coverage.Distance {
			t.Errorf("line %d: wrong coverage", i+1)
		}
	}

	text := card.String()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 160 {
			t.Errorf("a line of %d columns:\n%s", n, line)
		}
	}
	for _, want := range []string{"known", "nothing", "Richardson-Lucy", "features: pixels", "15.86", "FPFS", "-10 %", "TARP"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// Inception's features come with the remark that random ones can't be compared.
func TestInception(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	network, err := inception.Random(device, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := config(shaky("known", blobs(2, 16), 0.02, nil))
	c.Galaxies, c.Candidates, c.Epsilon, c.Features, c.Methods = blobs(2, 16), 2, 1, network, c.Methods[:1]
	card := run(t, c, t.TempDir())
	if v := card.Rows[0].FeatureVariance; v == nil || !(v.Value > 0) || v.Used != 2 {
		t.Errorf("variance %+v", v)
	}
	if !strings.Contains(card.String(), "not comparable with the paper") {
		t.Errorf("the text doesn't say what the features are:\n%s", card)
	}
}

func TestRefuses(t *testing.T) {
	broken := func(deconvolve func(o *galdecon.Observations, n int) ([]*galaxy.Images, error)) func(c *scorecard.Config) {
		return func(c *scorecard.Config) {
			c.Methods = []scorecard.Method{{Name: "broken",
				Deconvolve: func(_ context.Context, o *galdecon.Observations, n int, _ int64) iter.Seq2[galdecon.Part, error] {
					return parts(deconvolve(o, n))
				}}}
		}
	}
	candidates := func(n, size int, value float32) func(o *galdecon.Observations, _ int) ([]*galaxy.Images, error) {
		return func(o *galdecon.Observations, _ int) ([]*galaxy.Images, error) {
			out := make([]*galaxy.Images, o.Images().N)
			for i := range out {
				out[i] = galaxy.NewImages(n, size, size, 1)
				out[i].Pixels[0] = value
			}
			return out, nil
		}
	}
	for _, test := range []struct {
		what   string
		change func(c *scorecard.Config)
		parts  []string
	}{
		{"no galaxies", func(c *scorecard.Config) { c.Galaxies = nil }, []string{"no galaxies"}},
		{"one galaxy", func(c *scorecard.Config) { c.Galaxies = blobs(1, 16) }, []string{"at least 2 galaxies"}},
		{"other prior", func(c *scorecard.Config) { c.Prior = blobs(4, 20) }, []string{"16×16", "20×20"}},
		{"small galaxies", func(c *scorecard.Config) { c.Galaxies, c.Prior = blobs(4, 10), blobs(4, 10) }, []string{"11×11"}},
		{"NaN", func(c *scorecard.Config) { c.Galaxies.Pixels[3] = float32(math.NaN()) }, []string{"blob 0", "NaN"}},
		{"no PSF", func(c *scorecard.Config) { c.Settings[0].Sigma = 0 }, []string{"needs its PSF"}},
		{"no PSF grid", func(c *scorecard.Config) { c.PSFSize = 0 }, []string{"needs its PSF"}},
		{"negative noise", func(c *scorecard.Config) { c.Settings[0].Noise = -1 }, []string{"noise"}},
		{"impossible σ", func(c *scorecard.Config) { c.Settings[0].Wrong = -1 }, []string{"-100 %"}},
		{"no settings", func(c *scorecard.Config) { c.Settings = nil }, []string{"at least one setting"}},
		{"a setting twice", func(c *scorecard.Config) { c.Settings = append(c.Settings, c.Settings[0]) }, []string{"twice"}},
		{"a name twice", func(c *scorecard.Config) { c.Methods = append(c.Methods, c.Methods[0]) }, []string{"two methods"}},
		{"one candidate", func(c *scorecard.Config) { c.Candidates = 1 }, []string{"at least 2 candidates"}},
		{"ε = 0", func(c *scorecard.Config) { c.Epsilon = 0 }, []string{"ε must be positive"}},
		{"ε NaN", func(c *scorecard.Config) { c.Epsilon = math.NaN() }, []string{"ε must be positive"}},
		{"other shape", broken(candidates(4, 15, 1)), []string{"broken", "blob 0", "15"}},
		{"other number", broken(candidates(3, 16, 1)), []string{"3 candidates instead of 4"}},
		{"NaN candidates", broken(candidates(4, 16, float32(math.NaN()))), []string{"broken", "NaN"}},
		{"none", broken(func(o *galdecon.Observations, n int) ([]*galaxy.Images, error) { return nil, nil }), []string{"0 of 6"}},
		{"failure", broken(func(*galdecon.Observations, int) ([]*galaxy.Images, error) { return nil, errors.New("no luck") }), []string{"broken", "no luck"}},
	} {
		c := config()
		test.change(&c)
		_, err := scorecard.Run(t.Context(), c, t.TempDir(), nil)
		galtest.Wants(t, test.what, err, test.parts...)
		if err != nil && !strings.HasPrefix(err.Error(), "scorecard: ") {
			t.Errorf("%s: %v doesn't say where it comes from", test.what, err)
		}
	}
}

func TestInceptionRefuses(t *testing.T) {
	corrupt := filepath.Join(t.TempDir(), "weights.pth")
	if err := os.WriteFile(corrupt, []byte("not these"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := scorecard.Inception(t.Context(), corrupt, nil)
	galtest.Wants(t, "corrupt weights", err, corrupt, "9 bytes")
	_, err = scorecard.Inception(t.Context(), corrupt+"?", nil)
	galtest.Wants(t, "no weights", err, "there are no weights")
	_, err = scorecard.Inception(t.Context(), "", nil)
	galtest.Wants(t, "unsaid weights", err, "random, official")
	if none, err := scorecard.Inception(t.Context(), "none", nil); none != nil || err != nil {
		t.Errorf("no features: %v, %v", none, err)
	}
}

func TestTableOne(t *testing.T) {
	c := config(shaky("diffusion", blobs(6, 16), 0.02, nil), shaky("CVAE", blobs(6, 16), 0.01, nil))
	c.Epsilon = 1
	card := run(t, c, t.TempDir())
	if card.Differences != nil {
		t.Errorf("methods that aren't the paper's are compared: %+v", card.Differences)
	}
	text, err := card.TableOne("diffusion", "CVAE", c.Settings[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"15.86", "53.9", "retains more: here both are equal", "varies more: here it does too", "Features: pixels"} {
		if !strings.Contains(text, want) {
			t.Errorf("Table 1 lacks %q:\n%s", want, text)
		}
	}
	if text, err = card.TableOne("CVAE", "diffusion", c.Settings[0]); err != nil || !strings.Contains(text, "varies more: here it is the other way round") {
		t.Errorf("%v:\n%s", err, text)
	}
	if _, err = card.TableOne("CVAE", "GAN", c.Settings[0]); err == nil {
		t.Error("Table 1 of a method that isn't there")
	}

	// Of models it is in the card, but for the noise in which nothing is retained.
	c.Methods[0].Model, c.Methods[1].Model = scorecard.Diffusion, scorecard.CVAE
	c.Epsilon, c.Settings = 1e-3, append(c.Settings, scorecard.Setting{Sigma: 1, Noise: 0.1})
	card = run(t, c, t.TempDir())
	retained, variance, err := card.Difference("diffusion", "CVAE", c.Settings[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []scorecard.Difference{{Diffusion: "diffusion", CVAE: "CVAE", Setting: c.Settings[0], Retained: retained, Variance: variance}}
	if !reflect.DeepEqual(card.Differences, want) {
		t.Errorf("differences %+v, want %+v", card.Differences, want)
	}
	lines := asCSV(t, card)
	line, at := lines[len(lines)-1], slices.Index(lines[0], "feature_variance_low")
	if len(lines) != 1+len(card.Rows)+1 || line[0] != "diffusion − CVAE" || line[at] != strconv.FormatFloat(variance.Low, 'g', -1, 64) || line[slices.Index(lines[0], "mse")] != "" {
		t.Errorf("the difference as CSV is %q", line)
	}
}

// Measured PSFs do as Gaussians do, in turn, and stay apart from others of the same name.
func TestMeasuredPSFs(t *testing.T) {
	gaussian := func(size int, sigma float64) psf.PSF {
		k, err := psf.Gaussian{Sigma: sigma}.Render(size)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	var told []psf.PSF
	calls := 0
	known := shaky("known", blobs(6, 16), 0.02, &calls)
	draw := known.Deconvolve
	known.Deconvolve = func(ctx context.Context, o *galdecon.Observations, n int, seed int64) iter.Seq2[galdecon.Part, error] {
		told = o.PSFs()
		return draw(ctx, o, n, seed)
	}
	c := config(known)
	c.PSFSize = 9
	through := func(kernels []psf.PSF, wrong float64) scorecard.Setting {
		return scorecard.Setting{Measured: scorecard.NewPSFSet("stars.fits", kernels), Noise: 0.001, Wrong: wrong}
	}
	c.PSFs = []psf.PSF{gaussian(15, 1), gaussian(15, 1.2)}
	one := c.PSFs[:1]
	c.PSFs = one
	c.Settings = []scorecard.Setting{{Sigma: 1, Noise: 0.001}, through(one, 0), {Sigma: 1, Noise: 0.001, Wrong: 0.1}, through(one, 0.1), through(one, -0.1)}
	dir := t.TempDir()
	card := run(t, c, dir)
	for _, k := range []int{0, 2} {
		for _, m := range c.Methods {
			a, b := card.Row(m.Name, c.Settings[k]), card.Row(m.Name, c.Settings[k+1])
			near(t, fmt.Sprintf("%s, %s: MSE over that of the Gaussian", m.Name, b.Setting), b.MSE.Value/a.MSE.Value, 1, 0.02)
			near(t, fmt.Sprintf("%s, %s: χ² over that of the Gaussian", m.Name, b.Setting), b.ChiSquared.Value/a.ChiSquared.Value, 1, 0.02)
		}
	}
	if text := card.String(); !strings.Contains(text, "measured PSFs of stars.fits, noise 0.001, methods are told a width wrong by -10 %") {
		t.Errorf("the text doesn't say what is measured:\n%s", text)
	}
	lines := asCSV(t, card)
	for i, want := range map[int][]string{1: {"known", "1", ""}, 5: {"known", "", "stars.fits"}} {
		if got := lines[i][:3]; !slices.Equal(got, want) || lines[0][2] != "psfs" {
			t.Errorf("line %d as CSV begins with %q, want %q", i, got, want)
		}
	}

	// Two of them are those of every other galaxy. In the same folder they aren't taken for the one.
	two := []psf.PSF{gaussian(15, 1), gaussian(15, 1.2)}
	c.PSFs, c.Settings = two, []scorecard.Setting{through(two, 0)}
	calls = 0
	other := run(t, c, dir)
	if calls != 1 {
		t.Errorf("%d calls for other PSFs of the same name, want 1", calls)
	}
	if len(told) != 6 {
		t.Fatalf("%d galaxies have %d PSFs", 6, len(told))
	}
	for i, k := range told {
		want, err := two[i%2].Resize(9)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(k.Pixels, want.Pixels) {
			t.Errorf("galaxy %d has another PSF", i)
		}
	}
	if a, b := card.Rows[4+3], other.Rows[3]; a.Method != "nothing" || b.Method != "nothing" || !(b.MSE.Value > 1.1*a.MSE.Value) {
		t.Errorf("doing nothing, through a wider PSF for half of the galaxies: %v, %v", b.MSE, a.MSE)
	}
	run(t, c, dir)
	if calls != 1 {
		t.Errorf("a finished run through measured PSFs was computed again")
	}

	for _, test := range []struct {
		what, part string
		change     func(c *scorecard.Config)
	}{
		{"no PSFs", "has other PSFs", func(c *scorecard.Config) { c.PSFs = nil }},
		{"other PSFs", "has other PSFs", func(c *scorecard.Config) { c.PSFs = one }},
		{"a Gaussian as well", "one of both", func(c *scorecard.Config) { c.Settings[0].Sigma = 1 }},
		{"a small grid", "PSF 0 of stars.fits, counted from 0: psf: a 5×5 grid holds only", func(c *scorecard.Config) { c.PSFSize = 5 }},
		{"much too wide", "can't be told wrong by +150 %", func(c *scorecard.Config) { c.Settings[0].Wrong = 1.5 }},
	} {
		changed := c
		changed.Settings = slices.Clone(c.Settings)
		test.change(&changed)
		galtest.Wants(t, test.what, changed.Validate(), test.part, "scorecard: ")
	}
}

func TestOptions(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, `{"n": 3, "noise": [0.002]}`)
	o, err := scorecard.DefaultsFromEnv()
	if err != nil || o.N != 3 || o.Noise[0] != 0.002 || o.Candidates != 10 {
		t.Errorf("%+v, %v", o, err)
	}
	t.Setenv(scorecard.OptionsEnv, `{"galaxy": 3}`)
	_, err = scorecard.DefaultsFromEnv()
	galtest.Wants(t, "unknown field", err, scorecard.OptionsEnv, "galaxy")

	// A file of galaxies, larger and in colour.
	dir := t.TempDir()
	large := galaxy.NewImages(3, 32, 32, 3)
	for i, v := range blobs(3, 32).Pixels {
		for c := range 3 {
			large.Pixels[3*i+c] = 5 * v
		}
	}
	if err := files.SaveNPY(filepath.Join(dir, "mine.npy"), large); err != nil {
		t.Fatal(err)
	}
	o.Galaxies = filepath.Join(dir, "mine.npy")
	c, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	if g := c.Galaxies; g.N != 3 || g.Height != 16 || g.Channels != 1 || g.Pixels[7*16+7] < 0.9 || g.Pixels[7*16+7] > 1 {
		t.Errorf("galaxies of shape %d×%d×%d×%d with a peak of %v", g.N, g.Height, g.Width, g.Channels, g.Pixels[7*16+7])
	}
	// Hubble's galaxies are grey; a model of coloured ones, as the preset paper has, sees them without colour.
	coloured := micro
	coloured.Size, coloured.Channels = 32, 3
	o.Galaxies = "hst"
	hubble, err := o.Config(coloured)
	if err != nil {
		t.Fatal(err)
	}
	if g := hubble.Galaxies; g.N != 3 || g.Height != 32 || g.Channels != 3 {
		t.Errorf("Hubble's galaxies for a model of coloured ones have the shape %d×%d×%d×%d", g.N, g.Height, g.Width, g.Channels)
	}
	for p := range slices.Chunk(hubble.Galaxies.Pixels, 3) {
		if p[0] != p[1] || p[0] != p[2] {
			t.Fatalf("a pixel has the colour %v", p)
		}
	}
	// Images of other colours than the model's aren't guessed.
	o.Galaxies = filepath.Join(dir, "mine.npy")
	four := micro
	four.Channels = 4
	_, err = o.Config(four)
	galtest.Wants(t, "colours", err, "4 channel", "mine.npy", "3 channels")
	// A folder of files, of several sizes.
	loose := t.TempDir()
	for i, im := range []*galaxy.Images{blobs(2, 16), large.Select(1)} {
		if err := files.SaveNPY(filepath.Join(loose, fmt.Sprintf("%d.npy", i)), im); err != nil {
			t.Fatal(err)
		}
	}
	o.Galaxies = loose
	mixed, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	if g := mixed.Galaxies; g.N != 3 || g.ID(0) != "0.npy[0]" || g.ID(2) != "1.npy" || !slices.Equal(g.At(2), c.Galaxies.At(1)) {
		t.Errorf("a folder has %d galaxies, %v", g.N, g.IDs)
	}
	o.N = 1
	if mixed, err = o.Config(micro); err != nil || mixed.Galaxies.N != 1 {
		t.Errorf("one galaxy of a folder: %v", err)
	}
	o.N = 3
	if err := os.WriteFile(filepath.Join(loose, "0.npy"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = o.Config(micro)
	galtest.Wants(t, "an empty file", err, "0.npy", "empty")

	// A picture on a bright sky.
	for i := range large.Pixels {
		large.Pixels[i] += 0.5
	}
	if err := files.SaveNPY(filepath.Join(dir, "picture.npy"), large); err != nil {
		t.Fatal(err)
	}
	o.Galaxies = filepath.Join(dir, "picture.npy")
	bright, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	o.SubtractSky = true
	dark, err := o.Config(micro)
	if err != nil {
		t.Fatal(err)
	}
	if dark.Source != "picture.npy, without sky" || bright.Source != "picture.npy" {
		t.Errorf("the sources are %q, %q", bright.Source, dark.Source)
	}
	for k, v := range dark.Galaxies.Pixels {
		near(t, fmt.Sprintf("pixel %d without sky", k), float64(v), float64(c.Galaxies.Pixels[k]), 1e-3)
	}
	for _, of := range []struct {
		scorecard.Config
		warned bool
	}{{bright, true}, {dark, false}} {
		of.Methods, of.Settings, of.Candidates = scorecard.Classical()[2:], of.Settings[:1], 2
		card := run(t, of.Config, t.TempDir())
		if text := card.String(); strings.Contains(text, "if that is sky, subtract it") != of.warned || !strings.Contains(text, "3 galaxies ("+of.Source+")") {
			t.Errorf("edges of %g:\n%s", card.Edge, text)
		}
	}
	o.Galaxies = "synthetic"
	_, err = o.Config(micro)
	galtest.Wants(t, "synthetic sky", err, "no sky")
	o.SubtractSky = false
	o.Galaxies = filepath.Join(dir, "none.npy")
	_, err = o.Config(micro)
	galtest.Wants(t, "no file", err, "none.npy", "synthetic")
	o.Galaxies, o.N = "synthetic", 0
	_, err = o.Config(micro)
	galtest.Wants(t, "no galaxies", err, "at least 1")

	o.N, o.Noise = 2, []float64{2e-7, 0.01 / 3}
	if c, err = o.Config(micro); err != nil {
		t.Fatal(err)
	}
	if a, b := c.Settings[0].Noise, c.Settings[len(c.Settings)-1].Noise; a != 2e-7 || b != 0.003333 {
		t.Errorf("noise of %v became %g and %g", o.Noise, a, b)
	}
	if strings.HasPrefix(c.Galaxies.ID(0), "synthetic 1/") || !strings.HasPrefix(c.Prior.ID(0), "synthetic 1/") {
		t.Errorf("held-out galaxies are %s, the prior's %s", c.Galaxies.ID(0), c.Prior.ID(0))
	}
}
