package galdecon_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/devicetest"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/internal/micro"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// bad are seven observations of which every second is refused, each for another reason.
func bad(t *testing.T, c galdecon.Config) (*galdecon.Observations, map[int]posterior.Reason) {
	t.Helper()
	good, wide := devicetest.Gaussian(t, 7, 1), devicetest.Gaussian(t, 7, 2)
	y := micro.Galaxies(7, 16)
	x, err := galdecon.Observe(y, []psf.PSF{good}, 0.002, 5)
	if err != nil {
		t.Fatal(err)
	}
	images := x.Images().Clone()
	for k := range images.At(1) {
		images.At(1)[k] = -1
		images.At(3)[k] += 0.6
	}
	noise := slices.Repeat([]float64{0.002}, 7)
	noise[5] = 0.2
	psfs := slices.Repeat([]psf.PSF{good}, 7)
	psfs[6] = wide
	return seen(t, images, psfs, noise), map[int]posterior.Reason{1: posterior.RefusedPeak,
		3: posterior.RefusedSky,
		5: posterior.RefusedNoise, 6: posterior.RefusedPSF}
}

// What isn't the galaxy's own fault is named: a border below 0, a bad pixel in its core, a star in
// a corner.
func TestRefusalsNameWhatIsWrong(t *testing.T) {
	c := micro.Config()
	c.Standardized = true
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, 16), dir, nil); err != nil {
		t.Fatal(err)
	}
	model, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	kernel := []psf.PSF{devicetest.Gaussian(t, 7, 1)}
	x, err := galdecon.Observe(micro.Galaxies(5, 16), kernel, 0.002, 5)
	if err != nil {
		t.Fatal(err)
	}
	images := x.Images().Clone()
	peaks, err := images.Peaks()
	if err != nil {
		t.Fatal(err)
	}
	mask := make([]bool, 5*16*16)
	for k := range images.At(1) {
		images.At(1)[k] -= float32(0.2 * peaks[1])
	}
	top := slices.Index(images.At(2), slices.Max(images.At(2)))
	mask[2*256+top], mask[3*256+3] = true, true // the latter is far from the galaxy
	for k := range 256 {                        // a star that the PSF blurs
		dy, dx := float64(k/16-1), float64(k%16-14)
		images.At(4)[k] += float32(20 * peaks[4] * math.Exp(-(dy*dy+dx*dx)/2))
	}
	if err := images.Mask(mask); err != nil {
		t.Fatal(err)
	}
	_, err = model.Sample(t.Context(), seen(t, images, kernel, []float64{0.002}), 1, 3)
	refused, rest := posterior.SplitRefusals(err)
	want := map[int]string{1: "at least", 2: "core", 4: "outside of its central half"}
	if rest != nil || len(refused) != len(want) {
		t.Fatalf("refused %v, error %v", refused, rest)
	}
	for _, r := range refused {
		if !strings.Contains(r.What, want[r.Index]) || want[r.Index] == "" || r.Hint == "" ||
			(r.Place != nil) != (r.Index == 2) {
			t.Errorf("observation %d: %v", r.Index, r)
		}
	}
	var first *galaxy.Refusal // one type, whoever refuses
	if !errors.As(err, &first) || first.Reason != posterior.RefusedSky {
		t.Errorf("%v", first)
	}
}

// One observation that is refused doesn't cost the others: they come as they do without it, and
// each refusal says which, what and why.
func TestRefusalsLeaveTheOthers(t *testing.T) {
	c := micro.Config()
	c.Standardized, c.Diffusion.DataConsistency = true, true
	dir := c.Folder(t.TempDir())
	if err := galdecon.Train(t.Context(), c, micro.Galaxies(4, 16), dir, nil); err != nil {
		t.Fatal(err)
	}
	model, err := galdecon.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	o, reasons := bad(t, c)
	const n = 10
	posteriors, err := model.Sample(t.Context(), o, n, 3)
	refused, rest := posterior.SplitRefusals(err)
	if rest != nil || len(refused) != len(reasons) {
		t.Fatalf("%d refusals, want %d; error %v", len(refused), len(reasons), rest)
	}
	var first *galdecon.Refusal
	if !errors.As(err, &first) || first.Index != 1 {
		t.Errorf("the first refusal is %v", first)
	}
	for _, r := range refused {
		if r.Reason != reasons[r.Index] || r.ID != o.Images().ID(r.Index) || r.What == "" ||
			r.Reason != posterior.RefusedPeak && r.Reason != posterior.RefusedPSF &&
				!(r.Value > r.Limit) {
			t.Errorf("observation %d: %+v, want reason %q", r.Index, r, reasons[r.Index])
		}
	}
	// The others are those of a batch where they stand in the same place and nothing is refused.
	alone, err := o.Select(0, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := model.Sample(t.Context(), alone, n, 3); err != nil {
		t.Fatal(err)
	}
	if len(posteriors) != 3 {
		t.Fatalf("%d posteriors, want 3", len(posteriors))
	}
	for k, index := range []int{0, 2, 4} {
		p := posteriors[k]
		if p.Index != index || p.Samples.N != n ||
			!slices.Equal(p.Observation.Pixels, o.Images().At(index)) {
			t.Errorf("posterior %d is of observation %d with %d candidates", k, p.Index,
				p.Samples.N)
		}
		if slices.Equal(p.Samples.At(0), p.Samples.At(n-1)) || slices.Max(p.Samples.At(n-1)) == 0 {
			t.Errorf("the candidates of observation %d aren't drawn", index)
		}
	}
	again, err := model.Sample(t.Context(), o, n, 3)
	if len(again) != 3 || !slices.Equal(again[2].Samples.Pixels, posteriors[2].Samples.Pixels) {
		t.Errorf("drawn again there are %d posteriors, or others; error %v", len(again), err)
	}
	// As they come, each refusal has its place in the order of the observations.
	var order []int
	for part, err := range model.Stream(t.Context(), o, n, 3) {
		var r *galdecon.Refusal
		if errors.As(err, &r) == (part.Samples != nil) {
			t.Fatalf("observation %d: candidates %v, error %v", part.Index, part.Samples != nil,
				err)
		}
		if len(order) == 0 || order[len(order)-1] != part.Index {
			order = append(order, part.Index)
		}
		if done := part.Done(); part.Samples == nil && done != float64(part.Index+1)/7 {
			t.Errorf("done %g with the refusal of observation %d", done, part.Index)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(order, want) {
		t.Errorf("observations come in the order %v, want %v", order, want)
	}
	report, err := galdecon.Evaluate(micro.Galaxies(7, 16), posteriors)
	if err != nil || len(report.Rows) != 3 || report.Rows[2].ID != "blob 4" {
		t.Errorf("the report is %+v, error %v", report, err)
	}
	// Where all are refused there is nothing but the refusals.
	none, err := o.Select(1, 3)
	if err != nil {
		t.Fatal(err)
	}
	posteriors, err = model.Sample(t.Context(), none, n, 3)
	if refused, _ := posterior.SplitRefusals(err); len(posteriors) != 0 || len(refused) != 2 {
		t.Errorf("%d posteriors, error %v", len(posteriors), err)
	}
	galtest.Wants(t, "a refusal", err, "galdecon: blob 1 is refused: ", "\nHint: ", "blob 3")
	// A star at the border is named as what it is.
	star := o.Images().Select(0)
	star.Pixels[0] = 6
	_, err = model.Sample(t.Context(), seen(t, star, o.PSFs()[:1], o.Noise()[:1]), n, 3)
	galtest.Wants(t, "a star in the stamp", err, "outside of its central half", "another source",
		"subtract")
	_, err = model.Path(none, 1)
	galtest.Wants(t, "a path of two", err, "got 2")
}

// Candidates of an observation that turns out to be too noisy are dropped, and no more of it is
// drawn.
func TestCollectDropsWhatIsRefusedLate(t *testing.T) {
	part := func(index, first int) posterior.Part {
		p := posterior.Part{Posterior: posterior.Posterior{Index: index}, First: first, N: 2, M: 2}
		p.Samples, p.Reblurred = galaxy.NewImages(1, 1, 1, 1), galaxy.NewImages(1, 1, 1, 1)
		return p
	}
	late := &posterior.Refusal{Index: 0, ID: "a", What: "noise"}
	parts := func(yield func(posterior.Part, error) bool) {
		refused := part(0, 1)
		refused.Samples = nil
		_ = yield(part(0, 0), nil) && yield(refused, late) && yield(part(1, 0), nil) &&
			yield(part(1, 1), nil)
	}
	posteriors, err := posterior.Collect(parts, nil)
	if len(posteriors) != 1 || posteriors[0].Index != 1 || !errors.Is(err, late) {
		t.Errorf("posteriors %+v, error %v", posteriors, err)
	}
}
