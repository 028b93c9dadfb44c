// Command looks measures what dithers tell: galaxies on a grid that are seen by pixels twice as
// wide, once in four exposures that are half of such a pixel apart, and once in a single one of
// four times the time, with half the noise:
//
//	go run ./testdata/looks -data ../shared/data -n 16 -out DIR
//
// Synthetic galaxies have no noise. Those of COSMOS are taken as they are, with the noise of their
// pictures, which no candidate has: it is part of all errors and of χ², and coverage isn't asked
// for. The table is printed, and written to DIR/table.txt; DIR/problems.json has what was seen, for
// peers.py.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/psf"
	"galdecon/internal/atomicfile"
)

// side of the galaxies, in pixels.
const side = 64

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "looks:", err)
		os.Exit(1)
	}
}

// settings are what the command is told.
type settings struct {
	data, out     string
	n, candidates int
	seed          int64
}

func run(ctx context.Context) error {
	var s settings
	name := flag.String("model", "galaxy", "a shipped model's name, or the folder of a model")
	flag.StringVar(&s.data, "data", "../shared/data", "the folder with the galaxies of COSMOS")
	flag.StringVar(&s.out, "out", "looks-results", "the folder for results")
	flag.IntVar(&s.n, "n", 16, "galaxies of each kind")
	flag.IntVar(&s.candidates, "candidates", 8, "candidates of each galaxy")
	flag.Int64Var(&s.seed, "seed", 5, "seed of galaxies, noise and candidates")
	flag.Parse()
	if s.candidates < 2 || s.n < 2 {
		return errors.New("at least two galaxies and two candidates are needed")
	}
	model, err := pretrained.Load(*name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.out, 0o777); err != nil {
		return err
	}
	made, err := synthetic.Galaxies(model.Config.SyntheticGalaxies(s.n, 1000+s.seed))
	if err != nil {
		return err
	}
	if made.Height != side {
		return fmt.Errorf("the model's galaxies have %d pixels, not %d", made.Height, side)
	}
	kinds := []struct {
		name   string
		truths *galaxy.Images
	}{{"synthetic", made}}
	switch real, err := s.cosmos(); {
	case errors.Is(err, os.ErrNotExist):
		fmt.Fprintln(os.Stderr, "looks: there are no galaxies of COSMOS:", err)
	case err != nil:
		return err
	default:
		kinds = append(kinds, struct {
			name   string
			truths *galaxy.Images
		}{"COSMOS", real})
	}
	var problems []*problem
	text := header
	for _, c := range []struct{ width, noise float64 }{{0.7, 0.004}, {0.7, 0.02}, {2, 0.004}} {
		for _, k := range kinds {
			all, err := s.problems(fmt.Sprintf("%s, σ %g, %g", k.name, c.width, c.noise), k.truths,
				c.width, c.noise)
			if err != nil {
				return err
			}
			line, err := s.measure(ctx, model, all, k.name == "synthetic")
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			fmt.Fprint(os.Stderr, line)
			text, problems = text+line, append(problems, all...)
		}
	}
	fmt.Print(text + notes)
	seen, err := json.Marshal(problems)
	if err != nil {
		return err
	}
	return errors.Join(atomicfile.WriteFile(filepath.Join(s.out, "table.txt"), []byte(text+notes)),
		atomicfile.WriteFile(filepath.Join(s.out, "problems.json"), seen))
}

// cosmos returns those galaxies of COSMOS that stand out most of the noise of their pictures, on
// pixels averaged over 2×2 and stamps that are dark beyond them, or the middle of larger ones, with
// a peak of 1.
func (s settings) cosmos() (*galaxy.Images, error) {
	const number, average = 60, 2
	type stamp struct {
		pixels []float32
		noise  float64 // of a pixel, over the peak
	}
	var all []stamp
	for i := range number {
		f, err := files.Read(fmt.Sprintf("%s[%d]",
			filepath.Join(s.data, "real", "cosmos_galaxies.fits"), i+1))
		if err != nil {
			return nil, err
		}
		variance, ok := f.Header.Number("NOISEVAR")
		if !ok || min(f.Images.Height, f.Images.Width) < side {
			continue
		}
		im, err := f.Images.Average(average)
		if err != nil {
			return nil, err
		}
		out, peak := make([]float32, side*side), float32(0)
		for k := range out {
			r, c := k/side-(side-im.Height)/2, k%side-(side-im.Width)/2
			if r >= 0 && r < im.Height && c >= 0 && c < im.Width {
				out[k] = im.Pixels[r*im.Width+c]
				peak = max(peak, out[k])
			}
		}
		for k := range out {
			out[k] /= peak
		}
		all = append(all, stamp{out, math.Sqrt(variance) / float64(peak)})
	}
	slices.SortFunc(all, func(a, b stamp) int { return cmp.Compare(a.noise, b.noise) })
	out := galaxy.NewImages(min(s.n, len(all)), side, side, 1)
	for i := range out.N {
		copy(out.At(i), all[i].pixels)
	}
	return out, nil
}

// problem is a galaxy and what is seen of it.
type problem struct {
	Kind   string      `json:"kind"`
	Side   int         `json:"side"`
	Truth  []float32   `json:"truth"`
	PSF    psf.PSF     `json:"psf"`
	Sigma  float64     `json:"sigma"`   // of each of four
	Seen   [][]float32 `json:"seen"`    // four dithers
	Places [][2]int    `json:"places"`  // row and column of their corners
	Single []float32   `json:"single"`  // one of half the noise
	Fine   int         `json:"per_bin"` // pixels of the grid to one

	index int
}

// problems looks at galaxies through a Gaussian PSF, with noise of a share of the brightest pixel
// that is seen in each of four exposures.
func (s settings) problems(
	kind string, truths *galaxy.Images, width, share float64,
) ([]*problem, error) {
	const bin = 2
	kernel, err := psf.Gaussian{Sigma: width}.Render(2*int(math.Ceil(4*width)) + 1)
	if err != nil {
		return nil, err
	}
	var all []*problem
	for i := range truths.N {
		p := &problem{Kind: kind, Side: side, Truth: truths.At(i), PSF: kernel, Fine: bin, index: i,
			Places: [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}}}
		blurred := blur(p.Truth, kernel)
		top := 0.0
		for _, v := range blurred {
			top = max(top, v)
		}
		p.Sigma = share * top
		rng := rand.New(rand.NewPCG(uint64(s.seed), uint64(i)))
		for _, place := range p.Places {
			p.Seen = append(p.Seen, p.expose(blurred, place, p.Sigma, rng))
		}
		p.Single = p.expose(blurred, p.Places[0], p.Sigma/2, rng)
		all = append(all, p)
	}
	return all, nil
}

// blur returns an image behind a PSF; the sky around is dark.
func blur(y []float32, p psf.PSF) []float64 {
	out := make([]float64, len(y))
	for k := range y {
		for at, w := range p.Pixels {
			r := k/side - at/p.Size + p.Size/2
			c := k%side - at%p.Size + p.Size/2
			if r >= 0 && r < side && c >= 0 && c < side {
				out[k] += float64(w) * float64(y[r*side+c])
			}
		}
	}
	return out
}

// expose returns what pixels see whose first has its corner at a place: means, and noise.
func (p *problem) expose(blurred []float64, place [2]int, sigma float64, rng *rand.Rand) []float32 {
	n := side / p.Fine
	out := make([]float32, n*n)
	for k := range out {
		sum := 0.0
		for i := range p.Fine * p.Fine {
			r := place[0] + k/n*p.Fine + i/p.Fine
			c := place[1] + k%n*p.Fine + i%p.Fine
			if r < side && c < side {
				sum += blurred[r*side+c]
			}
		}
		out[k] = float32(sum/float64(p.Fine*p.Fine) + sigma*rng.NormFloat64())
	}
	return out
}

// observation returns exposures of a problem at places.
func (p *problem) observation(images [][]float32, sigma float64) observe.Observation {
	o := observe.Observation{Height: side, Width: side}
	n := side / p.Fine
	for k, pixels := range images {
		w := make([]float64, n*n)
		for i := range w {
			w[i] = 1 / (sigma * sigma)
		}
		o.Exposures = append(o.Exposures, observe.Exposure{
			Image: &galaxy.Images{N: 1, Height: n, Width: n, Channels: 1, Pixels: pixels,
				IDs: []string{fmt.Sprint(p.Kind, " ", p.index)}},
			PSFs: []psf.PSF{p.PSF}, InvVar: w, Bin: p.Fine, Row: float64(p.Places[k][0]),
			Column: float64(p.Places[k][1])})
	}
	return o
}

// measure draws candidates for both ways to look, and returns the table's rows.
func (s settings) measure(ctx context.Context, model *galdecon.Model, all []*problem,
	clean bool) (string, error) {
	var text strings.Builder
	var one map[int]float64
	for _, way := range []string{"one", "four"} {
		var observations []observe.Observation
		for _, p := range all {
			o := p.observation([][]float32{p.Single}, p.Sigma/2)
			if way == "four" {
				o = p.observation(p.Seen, p.Sigma)
			}
			observations = append(observations, o)
		}
		start := time.Now()
		posteriors, err := model.SampleLooks(ctx, observations, s.candidates, s.seed)
		refused, rest := posterior.SplitRefusals(err)
		if rest != nil {
			return "", rest
		}
		seconds := time.Since(start).Seconds()
		r := result{setting: all[0].Kind + ", " + way, refused: len(refused), clean: clean,
			byIndex: map[int]float64{}}
		for _, p := range posteriors {
			if err := r.add(p, all[p.Index].Truth, observations[p.Index]); err != nil {
				return "", err
			}
		}
		if way == "one" {
			one = r.byIndex
		} else {
			r.against = one
		}
		r.seconds = seconds / float64(len(all)*s.candidates)
		text.WriteString(r.String())
	}
	return text.String(), nil
}
