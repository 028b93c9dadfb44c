package galdecon_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/pretrained"
	"galdecon/galdecon/recalibration"
	"galdecon/galdecon/score"
)

// learned is a recalibration that widens the error bars of a model's fluxes to twice as much.
func learned(t *testing.T, m *galdecon.Model) *recalibration.Recalibration {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var trials []recalibration.Trial
	for range 400 {
		of := func(sigma float64) score.Photometry {
			return score.Photometry{Aperture: math.Exp(sigma * rng.NormFloat64()), HalfLight: 2}
		}
		sigma := 0.01 + 0.2*rng.Float64()
		trial := recalibration.Trial{Truth: of(2 * sigma)}
		for range 8 {
			trial.Candidates = append(trial.Candidates, of(sigma))
		}
		trials = append(trials, trial)
	}
	r, err := recalibration.Learn(trials)
	if err != nil {
		t.Fatal(err)
	}
	named, err := m.OfCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	r.Model = named.Hash
	return r
}

// What is beside a model is used if it is the model's, goes where the model goes, and is of one
// sampler. That of another model is told from it, and isn't used.
func TestRecalibration(t *testing.T) {
	from, _ := untrained(t)
	dir := filepath.Join(t.TempDir(), "model")
	if err := galdecon.Export(from, dir); err != nil {
		t.Fatal(err)
	}
	load := func(dir string) *galdecon.Model {
		t.Helper()
		m, err := galdecon.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	plain := load(dir)
	if r, err := plain.Recalibration(); r != nil || err != nil {
		t.Errorf("without a file: %v, %v", r, err)
	}
	r := learned(t, plain)
	if err := galdecon.SaveRecalibration(dir, r); err != nil {
		t.Fatal(err)
	}
	m := load(dir)
	used := func(name string, m *galdecon.Model) {
		t.Helper()
		if got, err := m.Recalibration(); err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	used("loaded", m)
	posteriors, err := m.SampleLooks(t.Context(), survey(t, m.Config, 1), 2, 1)
	if err != nil || posteriors[0].Recalibration == nil {
		t.Errorf("posteriors, %v, have no recalibration", err)
	}
	again, err := m.Reload(dir)
	if err != nil {
		t.Fatal(err)
	}
	used("reloaded", again)
	const card = "# A card\n"
	if err := os.WriteFile(filepath.Join(dir, galdecon.CardFile), []byte(card), 0o666); err != nil {
		t.Fatal(err)
	}
	carded := func(name, dir string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, galdecon.CardFile))
		if err != nil || string(text) != card {
			t.Errorf("%s: the card is %q, %v", name, text, err)
		}
	}
	copied, file := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "m.safetensors")
	if err := galdecon.Export(dir, copied); err != nil {
		t.Fatal(err)
	}
	used("exported", load(copied))
	carded("exported", copied)
	if _, err := galdecon.Pack(dir, file); err != nil {
		t.Fatal(err)
	}
	unpacked := filepath.Join(t.TempDir(), "unpacked")
	if err := galdecon.Unpack(file, unpacked); err != nil {
		t.Fatal(err)
	}
	used("unpacked", load(unpacked))
	carded("unpacked", unpacked)

	// Of another sampler error bars are off otherwise.
	isOther := func(name string, m *galdecon.Model, err error) {
		t.Helper()
		var other *galdecon.RecalibrationError
		if !errors.As(err, &other) || !strings.Contains(err.Error(), "recalibrate") {
			t.Errorf("%s: error %v", name, err)
		}
		if m == nil {
			return
		}
		posteriors, err := m.SampleLooks(t.Context(), survey(t, m.Config, 1), 2, 1)
		if err != nil || posteriors[0].Recalibration != nil {
			t.Errorf("%s: posteriors, %v, are recalibrated", name, err)
		}
	}
	sampler := m.Config.Sampler
	sampler.Steps++
	other, err := m.WithSampler(sampler)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Recalibration()
	isOther("another sampler", other, err)
	same, err := m.WithSampler(m.Config.Sampler)
	if err != nil {
		t.Fatal(err)
	}
	used("the same sampler", same)
	without, err := m.WithRecalibration(nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := without.Recalibration(); r != nil || err != nil {
		t.Errorf("switched off: %v, %v", r, err)
	}
	foreign := *r
	foreign.Model = strings.Repeat("0", 64)
	_, err = m.WithRecalibration(&foreign)
	isOther("another model", nil, err)
	if err := galdecon.SaveRecalibration(dir, &foreign); err != nil {
		t.Fatal(err)
	}
	m = load(dir)
	_, err = m.Recalibration()
	isOther("another model's file", m, err)
	path := filepath.Join(dir, galdecon.RecalibrationFile)
	if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := load(dir).Recalibration(); err == nil || !strings.Contains(err.Error(), "again") {
		t.Errorf("a damaged file: error %v", err)
	}
}

// Intervals that are measured are those of the candidates moved, which stay as they are drawn.
func TestMeasureRecalibrated(t *testing.T) {
	f, p, _ := answerOf(nil)
	plain, err := f.Measure(p, 12)
	if err != nil {
		t.Fatal(err)
	}
	p.Recalibration = learned(t, anyModel(t))
	wide, err := f.Measure(p, 12)
	if err != nil {
		t.Fatal(err)
	}
	width := func(a *galdecon.Answer) float64 {
		return a.Candidates.Flux.High - a.Candidates.Flux.Low
	}
	if ratio := width(wide) / width(plain); math.Abs(ratio-2) > 0.4 {
		t.Errorf("fluxes are %.2f times as wide, want 2", ratio)
	}
	if wide.Candidates.G1 != plain.Candidates.G1 {
		t.Error("what wasn't learned has changed")
	}
	for text, want := range map[string]bool{wide.String(): true, plain.String(): false,
		wide.Candidates.Tables()[0].Notes[1]: true} {
		got := strings.Contains(text, "recalibrated") || strings.Contains(text, "Corrected")
		if got != want {
			t.Errorf("says that it is recalibrated: %v, want %v:\n%s", got, want, text)
		}
	}
}

// The shipped model learns of a few of its own galaxies.
func TestRecalibrate(t *testing.T) {
	m, err := pretrained.Load("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	done := 0.0
	c := galdecon.RecalibrationConfig{Galaxies: 48, Candidates: 3, Seed: 5}
	r, err := m.Recalibrate(t.Context(), c, func(share float64, line string) {
		if share < done || share > 1 || !strings.Contains(line, "of 48") {
			t.Errorf("%.3f after %.3f: %s", share, done, line)
		}
		done = share
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Galaxies < recalibration.Fewest || r.Galaxies > 48 || r.Candidates != 3 || r.Seed != 5 ||
		done != 1 {
		t.Errorf("%+v", r)
	}
	if _, err := m.WithRecalibration(r); err != nil {
		t.Error(err)
	}
	if _, err := m.Recalibrate(t.Context(), galdecon.RecalibrationConfig{Galaxies: 9,
		Candidates: 8}, nil); err == nil || !strings.Contains(err.Error(), "at least 40") {
		t.Errorf("few galaxies: %v", err)
	}
	tiny, err := pretrained.Load("tiny")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tiny.Recalibrate(t.Context(), c, nil); err == nil ||
		!strings.Contains(err.Error(), "Survey") {
		t.Errorf("without a survey: %v", err)
	}
}

// A catalogue has corrected error bars beside candidates as they are drawn, says by what, and
// doesn't mix with one that hasn't.
func TestCatalogueRecalibrated(t *testing.T) {
	s := newSky(t, 2)
	m := tiny(t)
	r := learned(t, m)
	recalibrated, err := m.WithRecalibration(r)
	if err != nil {
		t.Fatal(err)
	}
	job := s.job(t, s.table())
	job.Draws = true
	plain, err := galdecon.Catalogue(t.Context(), m, job)
	if err != nil {
		t.Fatal(err)
	}
	var changed *catalogue.ChangedError
	if _, err := galdecon.Catalogue(t.Context(), recalibrated, job); !errors.As(err, &changed) ||
		!strings.Contains(err.Error(), "Recalibration") {
		t.Errorf("in the same folder: %v", err)
	}
	job.Dir = t.TempDir()
	wide, err := galdecon.Catalogue(t.Context(), recalibrated, job)
	if err != nil {
		t.Fatal(err)
	}
	const row = 1
	of := func(t *table.Table, name string) float64 { return t.Column(name).Floats[row] }
	for _, name := range []string{"flux_std", "flux_p84"} {
		a, b := of(plain, name), of(wide, name)
		if strings.HasSuffix(name, "p84") {
			a, b = a-of(plain, "flux"), b-of(wide, "flux")
		}
		if math.Abs(b/a-2) > 0.5 {
			t.Errorf("%s is %.2f times as wide, want 2", name, b/a)
		}
	}
	if of(plain, "g1_std") != of(wide, "g1_std") {
		t.Error("what wasn't learned has changed")
	}
	if a, b := plain.Column("flux_draws").Floats, wide.Column("flux_draws").Floats; !slices.Equal(
		a[8*row:8*row+8], b[8*row:8*row+8]) {
		t.Error("candidates have changed")
	}
	if got := wide.Column("recalibration").Texts[row]; len(got) != 64 ||
		plain.Column("recalibration").Texts[row] != "" {
		t.Errorf("the recalibration is %q", got)
	}
}
