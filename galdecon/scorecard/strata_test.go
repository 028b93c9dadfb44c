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
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"galdecon/galdecon"
	"galdecon/galdecon/calibration"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/score"
	"galdecon/galdecon/scorecard"
)

// whiteSide and whiteStd are of galaxies that are white noise around 0, whose posterior is exact.
const (
	whiteSide = 12
	whiteStd  = 0.1
)

func white(first, n int) (*galaxy.Images, error) {
	images := galaxy.NewImages(n, whiteSide, whiteSide, 1)
	for i := range n {
		rng := rand.New(rand.NewPCG(1, uint64(first+i)))
		images.IDs = append(images.IDs, fmt.Sprintf("white %d", first+i))
		for p := range images.At(i) {
			images.At(i)[p] = float32(whiteStd * rng.NormFloat64())
		}
	}
	return images, nil
}

// exact is the matrices of an exposure: A and a root of N of the pixels seen, and the gain K of
// their posterior's mean K x.
type exact struct {
	seen       []int
	blur, gain *mat.Dense
	root       mat.TriDense
}

func exactly(e observe.Exposure) (out exact, err error) {
	const n = whiteSide * whiteSide
	lag := func(size, i, j int, value func(at int) float64) float64 {
		dy, dx := i/whiteSide-j/whiteSide+size/2, i%whiteSide-j%whiteSide+size/2
		if dy < 0 || dx < 0 || dy >= size || dx >= size {
			return 0
		}
		return value(dy*size + dx)
	}
	for p, w := range e.InvVar {
		if w > 0 {
			out.seen = append(out.seen, p)
		}
	}
	out.blur = mat.NewDense(len(out.seen), n, nil)
	noise := mat.NewSymDense(len(out.seen), nil)
	kernel := e.PSFs[0]
	for a, i := range out.seen {
		for j := range n {
			out.blur.Set(a, j, lag(kernel.Size, i, j, func(at int) float64 {
				return float64(kernel.Pixels[at])
			}))
		}
		for b, j := range out.seen[:a+1] {
			shared := 0.0
			switch {
			case e.Noise != nil:
				shared = lag(e.Noise.Size, i, j, func(at int) float64 { return e.Noise.Values[at] })
			case a == b:
				shared = 1
			}
			noise.SetSym(a, b, shared/math.Sqrt(e.InvVar[i]*e.InvVar[j]))
		}
	}
	var factor mat.Cholesky
	if !factor.Factorize(noise) {
		return out, errors.New("the noise has no covariance")
	}
	factor.LTo(&out.root)
	var normal, scaled mat.Dense
	normal.Mul(out.blur, out.blur.T())
	normal.Scale(whiteStd*whiteStd, &normal)
	normal.Add(&normal, noise)
	if err := scaled.Solve(&normal, out.blur); err != nil {
		return out, err
	}
	scaled.Scale(whiteStd*whiteStd, &scaled)
	out.gain = mat.DenseCopyOf(scaled.T())
	return out, nil
}

// draw returns a candidate for what is seen of x: of galaxies y' of the prior, observed as x', it
// is y' + K (x − x').
func (e exact) draw(x []float32, rng *rand.Rand) (y, seen *mat.VecDense) {
	n := whiteSide * whiteSide
	y, unit := mat.NewVecDense(n, nil), mat.NewVecDense(len(e.seen), nil)
	for i := range n {
		y.SetVec(i, whiteStd*rng.NormFloat64())
	}
	for i := range e.seen {
		unit.SetVec(i, rng.NormFloat64())
	}
	var other, noise, moved mat.VecDense
	other.MulVec(e.blur, y)
	noise.MulVec(&e.root, unit)
	other.AddVec(&other, &noise)
	for a, p := range e.seen {
		other.SetVec(a, float64(x[p])-other.AtVec(a))
	}
	moved.MulVec(e.gain, &other)
	y.AddVec(y, &moved)
	seen = new(mat.VecDense)
	seen.MulVec(e.blur, y)
	return y, seen
}

// whiteStrata are those of an exact posterior, which refuses what has this place in a block.
func whiteStrata(refused int) scorecard.Strata {
	return scorecard.Strata{Name: "exact", Identity: "1", Galaxies: white, Prior: whiteStd, N: 48,
		Candidates: 8, Seed: 5,
		Survey: observe.Survey{Seed: 1, PSFSize: 7, PSFs: 8, SigmaMin: 0.5, SigmaMax: 2.5,
			ShearMax: 0.2, NoiseMin: 0.002, NoiseMax: 0.5, Photon: 0.4, Correlated: 0.35, Gaps: 0.5,
			Padded: 0.2, EdgeMax: 0.4},
		Sample: func(ctx context.Context, observations []observe.Observation, n int,
			seed int64) iter.Seq2[galdecon.Part, error] {
			return func(yield func(galdecon.Part, error) bool) {
				for i, o := range observations {
					part := galdecon.Part{Posterior: galdecon.Posterior{Index: i}, N: n,
						M: len(observations)}
					if err := ctx.Err(); err != nil {
						yield(part, err)
						return
					}
					if i == refused {
						if !yield(part, &posterior.Refusal{Index: i, Reason: posterior.RefusedSky,
							What: "its border is bright"}) {
							return
						}
						continue
					}
					e, err := exactly(o.Exposures[0])
					if err != nil {
						yield(part, err)
						return
					}
					rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
					for part.First = 0; part.First < n; part.First += 4 {
						part.Samples = galaxy.NewImages(4, whiteSide, whiteSide, 1)
						part.Reblurred = galaxy.NewImages(4, whiteSide, whiteSide, 1)
						for k := range 4 {
							y, seen := e.draw(o.Exposures[0].Image.Pixels, rng)
							for p := range part.Samples.At(k) {
								part.Samples.At(k)[p] = float32(y.AtVec(p))
							}
							for a, p := range e.seen {
								part.Reblurred.At(k)[p] = float32(seen.AtVec(a))
							}
						}
						if !yield(part, nil) {
							return
						}
					}
				}
			}
		}}
}

// The exact posterior of a survey's exposures is calibrated in all that is measured of pixels, and
// its mean as good as Wiener's filter, but for what 8 candidates leave.
func TestStrataExact(t *testing.T) {
	dir := t.TempDir()
	card, err := whiteStrata(3).Run(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := card.Strata[0]
	// One in each block of 8.
	if all.N != 42 || !reflect.DeepEqual(all.Refused,
		map[posterior.Reason]int{posterior.RefusedSky: 6}) ||
		card.Refusals[posterior.RefusedSky] != "its border is bright" {
		t.Errorf("%d are sampled, refused %v, %v", all.N, all.Refused, card.Refusals)
	}
	near(t, "error over spread", all.ErrorOverSpread.Value, 1, 0.05)
	near(t, "χ²", all.ChiSquared.Value, 1, 0.05)
	near(t, "detail", all.Detail.Value, 1, 0.08)
	// Where galaxies fill their stamps the filter's steps leave some error beside wide gaps.
	near(t, "Wiener's error over the mean's", all.Wiener.Value/all.Error.Value, 8./9+0.02, 0.04)
	if !(all.Error.Value > 0.2 && all.Error.Value < 1) {
		t.Errorf("error %v", all.Error)
	}
	for i, tolerance := range []float64{0.05, 0.1} { // half of the exposures have no gaps
		of := all.Calibration[i]
		near(t, of.Quantity+", coverage", of.Coverage.Distance, 0, tolerance)
		near(t, of.Quantity+", error over spread", of.ErrorOverSpread.Value, 1, tolerance)
	}

	// Every stratum holds what its name says.
	counts := map[string]int{}
	for i, r := range stored(t, dir) {
		if r.Galaxy != i || r.ID != fmt.Sprintf("white %d", i) || (i%8 == 3) != (r.Reason != "") {
			t.Errorf("line %d is of galaxy %d, %s, %q", i, r.Galaxy, r.ID, r.Reason)
		}
		if r.Reason != "" {
			continue
		}
		near(t, "share without data", r.Masked, float64(r.Hidden.Pixels)/whiteSide/whiteSide, 1e-9)
		switch noise := r.Noise; {
		case noise < 0.004:
			counts["noise < 0.004"]++
		case noise < 0.02:
			counts["0.004 to 0.02"]++
		case noise < 0.1:
			counts["0.02 to 0.1"]++
		default:
			counts["0.1 and more"]++
		}
		switch {
		case r.Width < 1:
			counts["PSF of σ < 1 px"]++
		case r.Width < 2:
			counts["1 to 2 px"]++
		default:
			counts["2 px and more"]++
		}
		switch {
		case r.Hidden.Pixels == 0:
			counts["no gaps"]++
		case r.Masked < 0.15:
			counts["up to 15 % gaps"]++
		default:
			counts["15 % and more"]++
		}
	}
	got := map[string]int{}
	for _, s := range card.Strata[1:] {
		got[s.Name] = s.N
	}
	if len(got) != 10 || len(counts) < 9 {
		t.Errorf("strata %v", got)
	}
	for name, n := range got {
		if n != counts[name] {
			t.Errorf("%s holds %d exposures, want %d", name, n, counts[name])
		}
	}
	near(t, "the strata of noise together", average(card.Strata[1:5]), all.Error.Value, 1e-9)
}

// average returns the mean error of strata together.
func average(strata []scorecard.Stratum) float64 {
	sum, n := 0.0, 0
	for _, s := range strata {
		if s.N > 0 {
			sum, n = sum+float64(s.N)*s.Error.Value, n+s.N
		}
	}
	return sum / float64(n)
}

// stored are the results in a folder.
func stored(t *testing.T, dir string) (all []scorecard.LookResult) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "results.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n"))[1:] {
		var r scorecard.LookResult
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// Interrupted within a block, cut off within a line, and first for fewer galaxies, it's the same to
// the bit; what was measured with something else is kept apart.
func TestStrataResume(t *testing.T) {
	s := whiteStrata(-1)
	s.N = 20
	wholeDir, dir := t.TempDir(), t.TempDir()
	whole, err := s.Run(t.Context(), wholeDir, nil)
	if err != nil {
		t.Fatal(err)
	}
	fewer := s
	fewer.N = 11
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err = fewer.Run(ctx, dir, func(p scorecard.Progress) {
		if p.Total != 11 {
			t.Errorf("progress %v", p)
		}
		if p.Done == 8 && p.Drawn > 0.3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	galtest.Wants(t, "interrupted", err, dir, "8 of 11", "again")
	path := filepath.Join(dir, "results.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-100], 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := fewer.Run(t.Context(), dir, nil); err != nil {
		t.Fatal(err)
	}
	var last scorecard.Progress
	resumed, err := s.Run(t.Context(), dir, func(p scorecard.Progress) {
		if p.Share() < last.Share() || p.Share() > 1 || p.Done < 11 {
			t.Errorf("progress goes from %v to %v", last, p)
		}
		last = p
	})
	if err != nil {
		t.Fatal(err)
	}
	if last.Done != 20 || last.String() != "20 of 20: exact" {
		t.Errorf("the last progress is %v", last)
	}
	again, err := s.Run(t.Context(), dir, func(p scorecard.Progress) {
		t.Errorf("a finished run makes progress: %v", p)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, card := range []*scorecard.StrataCard{&whole, &resumed, &again} {
		for i := range card.Strata {
			card.Strata[i].Seconds = 0
		}
	}
	if !reflect.DeepEqual(resumed, whole) || !reflect.DeepEqual(again, whole) {
		t.Error("a run that was interrupted gives something else")
	}

	for what, change := range map[string]func(*scorecard.Strata){
		"another model": func(s *scorecard.Strata) { s.Identity = "2" },
		"other galaxies": func(s *scorecard.Strata) {
			s.Galaxies = func(first, n int) (*galaxy.Images, error) { return white(first+1, n) }
		},
		"another survey":      func(s *scorecard.Strata) { s.Survey.Gaps = 0.1 },
		"another prior":       func(s *scorecard.Strata) { s.Prior = 2 },
		"of 8 instead of 4":   func(s *scorecard.Strata) { s.Candidates = 4 },
		"5 instead of 6":      func(s *scorecard.Strata) { s.Seed = 6 },
		"at least 2 galaxies": func(s *scorecard.Strata) { s.N = 1 },
		"at least 2 cand":     func(s *scorecard.Strata) { s.Candidates = 1 },
		"be positive":         func(s *scorecard.Strata) { s.Prior = 0 },
		"0 < min":             func(s *scorecard.Strata) { s.Survey.NoiseMin = 0 },
		"needs a name":        func(s *scorecard.Strata) { s.Sample = nil },
	} {
		other := s
		change(&other)
		_, err := other.Run(t.Context(), dir, nil)
		galtest.Wants(t, what, err, what)
	}
}

// What a method does wrong is said, not measured.
func TestStrataWrongSampler(t *testing.T) {
	good := whiteStrata(-1)
	good.N = 2
	for part, change := range map[string]func(p *galdecon.Part){
		"comes after":            func(p *galdecon.Part) { p.Index++ },
		"there are no candidate": func(p *galdecon.Part) { p.Reblurred = nil },
	} {
		bad := good
		bad.Sample = func(ctx context.Context, o []observe.Observation, n int,
			seed int64) iter.Seq2[galdecon.Part, error] {
			return func(yield func(galdecon.Part, error) bool) {
				for p, err := range good.Sample(ctx, o, n, seed) {
					if change(&p); !yield(p, err) {
						return
					}
				}
			}
		}
		_, err := bad.Run(t.Context(), t.TempDir(), nil)
		galtest.Wants(t, part, err, "exact", part, "0 of 2")
	}
	none := good
	none.Sample = func(context.Context, []observe.Observation, int,
		int64) iter.Seq2[galdecon.Part, error] {
		return func(func(galdecon.Part, error) bool) {}
	}
	_, err := none.Run(t.Context(), t.TempDir(), nil)
	galtest.Wants(t, "nothing", err, "0 of 2 observations")
}

// The card is the same in all formats; its text is no wider than a page.
func TestStrataFormats(t *testing.T) {
	s := whiteStrata(1)
	s.N = 12
	card, err := s.Run(t.Context(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	var back scorecard.StrataCard
	if err := json.Unmarshal(encoded, &back); err != nil || !reflect.DeepEqual(back, card) {
		t.Errorf("the card isn't the same after JSON: %v", err)
	}
	var table bytes.Buffer
	if err := card.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(lines) != 12 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		if _, ok := column[name]; ok {
			t.Errorf("two columns %s", name)
		}
		column[name] = i
	}
	for i, st := range card.Strata {
		cell := func(name string) string { return lines[i+1][column[name]] }
		if cell("stratum") != st.Name || cell("n") != fmt.Sprint(st.N) ||
			cell("refused_sky") != fmt.Sprint(st.Refused[posterior.RefusedSky]) {
			t.Errorf("line %v", lines[i+1])
		}
		if st.N > 0 && (cell("error_high") != fmt.Sprint(st.Error.High) ||
			st.Calibration[0].Coverage != nil && cell("pixels_seen_coverage_distance") !=
				fmt.Sprint(st.Calibration[0].Coverage.Distance)) {
			t.Errorf("%s: error to %s, want %v", st.Name, cell("error_high"), st.Error.High)
		}
	}
	for line := range strings.Lines(card.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 100 {
			t.Errorf("a line of %d columns:\n%s", n, line)
		}
	}
}

// TestStrataText checks the text of a card whose figures are made up.
func TestStrataText(t *testing.T) {
	estimate := func(v, half float64) *score.Estimate {
		return &score.Estimate{Value: v, Low: v - half, High: v + half, Used: 90}
	}
	of := func(v, half float64) *calibration.Coverage {
		return &calibration.Coverage{Distance: v, HalfWidth: half}
	}
	full := scorecard.Stratum{By: "all", Name: "all exposures", N: 990,
		Refused: map[posterior.Reason]int{posterior.RefusedNoise: 9, posterior.RefusedData: 1},
		Error:   estimate(0.0234, 0.0021), Wiener: estimate(0.1234, 0.01),
		ErrorOverSpread: estimate(1.034, 0.012), ChiSquared: estimate(1.0042, 0.001),
		Detail: estimate(0.931, 0.064), Seconds: 0.2345,
		Calibration: []scorecard.Calibration{
			{Quantity: "pixels seen", Coverage: of(0.0213, 0.0052)},
			{Quantity: "pixels without data", Coverage: of(0.034, 0.021)},
			{Quantity: "flux", Coverage: of(0.0295, 0.0302), Failed: 12},
			{Quantity: "half-light radius", Coverage: of(0.11, 0.0302), Failed: 12},
			{Quantity: "ellipticity", Coverage: of(0.021, 0.0199), Failed: 12},
			{Quantity: "TARP", Failed: 12}}}
	few := full
	few.By, few.Name, few.N, few.Refused, few.Detail = "noise", "noise < 0.004", 90, nil, nil
	empty := scorecard.Stratum{By: "noise", Name: "0.1 and more",
		Refused: map[posterior.Reason]int{posterior.RefusedNoise: 9}}
	card := scorecard.StrataCard{Model: "galaxy", Galaxies: 1000, Candidates: 16, Seed: 1,
		Refusals: map[posterior.Reason]string{
			posterior.RefusedNoise: "noise of 0.81 of the galaxy's brightest pixel; the model was " +
				"trained for at most 0.5",
			posterior.RefusedData: "only 23 % of its pixels have data"},
		Strata: []scorecard.Stratum{full, few, empty}}
	const want = `galaxy: 1000 galaxies, one exposure of each, 16 candidates, seed 1; ±: 95 % confidence

Errors
                   n  refused     error, %  Wiener, %  error/spread    χ²       detail   ms
all exposures    990       10  2.34 ± 0.21       12.3   1.03 ± 0.01  1.00  0.93 ± 0.06  234

noise < 0.004     90        0  2.34 ± 0.21       12.3   1.03 ± 0.01  1.00            —  234
0.1 and more       0        9            —          —             —     —            —    —
error: squared, of the candidates' mean over the galaxy's energy; Wiener: the same of
Wiener's filter, which knows PSF, weights and correlation of noise; error/spread: of all pixels,
1 if calibrated, above if over-confident; χ²: of pixels with data, 1 for the truth; detail: power
over the truth's from 0.25 cycles a pixel; ms a candidate

Coverage, off by at most, in points
                 pixels seen    in gaps       flux  half-light  ellipticity  TARP  left out
all exposures      2.1 ± 0.5  3.4 ± 2.1  2.9 ± 3.0  11.0 ± 3.0    2.1 ± 2.0     —        12

noise < 0.004      2.1 ± 0.5  3.4 ± 2.1  2.9 ± 3.0  11.0 ± 3.0    2.1 ± 2.0     —        12
0.1 and more               —          —          —           —            —     —         —
±: what too few galaxies leave open; TARP: flux, radius and ellipticity together; left out:
galaxies that can't be measured in the truth or a candidate
noise: in units of the brightest pixel without noise; PSF: σ of the Gaussian with the same Σ p²;
gaps: pixels without data, also those around smaller stamps

Refused, for example
  1 for data: only 23 % of its pixels have data
  9 for noise: noise of 0.81 of the galaxy's brightest pixel; the model was trained for at most 0.5
`
	if got := card.String(); got != want {
		t.Errorf("the text is\n%s\nwant\n%s", got, want)
	}
}
