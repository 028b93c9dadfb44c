package scorecard_test

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"galdecon/galdecon"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/scorecard"
)

// choosy refuses some observations by their ID, half of them after their first candidates.
func choosy(m scorecard.Method, model string, ids ...string) scorecard.Method {
	draw := m.Deconvolve
	m.Model = model
	m.Deconvolve = func(
		ctx context.Context, o *galdecon.Observations, n int, seed int64,
	) iter.Seq2[galdecon.Part, error] {
		return func(yield func(galdecon.Part, error) bool) {
			for part, err := range draw(ctx, o, n, seed) {
				at := slices.Index(ids, o.Images().ID(part.Index))
				if err != nil || at < 0 || part.First == 0 && at%2 == 1 {
					if !yield(part, err) {
						return
					}
				}
				if err == nil && at >= 0 && part.First+part.Samples.N == part.N {
					refusal := &posterior.Refusal{Index: part.Index, ID: ids[at], What: "it is shy"}
					none := galdecon.Part{Posterior: galdecon.Posterior{Index: part.Index}, N: n,
						M: part.M}
					if !yield(none, refusal) {
						return
					}
				}
			}
		}
	}
	return m
}

// Observations that a method refuses are counted, and its figures are those of the others.
func TestRefusalsAreCounted(t *testing.T) {
	y := blobs(6, 16)
	calls := 0
	diffusion := shaky("diffusion", y, 0.02, &calls)
	c := config(diffusion, shaky("CVAE", y, 0.01, nil), shaky("shy", y, 0.01, nil))
	c.Epsilon = 1e-2
	whole := run(t, c, t.TempDir())
	ids := make([]string, y.N)
	for i := range ids {
		ids[i] = y.ID(i)
	}
	calls = 0
	c.Methods[0] = choosy(diffusion, scorecard.Diffusion, ids[0], ids[3], ids[5])
	c.Methods[1] = choosy(c.Methods[1], scorecard.CVAE, ids[4])
	c.Methods[2] = choosy(c.Methods[2], scorecard.Diffusion, ids...)
	dir := t.TempDir()
	card := run(t, c, dir)
	setting := c.Settings[0]
	for name, want := range map[string]int{"diffusion": 3, "CVAE": 1, "shy": 6, "Wiener": 0,
		"nothing": 0} {
		r := card.Row(name, setting)
		if r.Refused != want {
			t.Errorf("%s refuses %d observations, want %d", name, r.Refused, want)
		}
		if r.MSE == nil {
			if want < y.N {
				t.Errorf("%s has no figures", name)
			}
			continue
		}
		if r.MSE.Used != y.N-want || r.MSE.Dropped != 0 || r.Retained.Used != y.N-want ||
			len(r.Diversity) != y.N {
			t.Errorf("%s: the MSE is %+v, the retained fraction %+v, of %d", name, r.MSE,
				r.Retained, len(r.Diversity))
		}
	}
	// What isn't refused has the figures that it has in company.
	kept := []int{1, 2, 4}
	got, all := card.Row("diffusion", setting), whole.Row("diffusion", setting)
	sum := 0.0
	for i, d := range got.Diversity {
		if want := all.Diversity[i]; slices.Contains(kept, i) && d != want ||
			!slices.Contains(kept, i) && d.Candidates != 0 {
			t.Errorf("observation %d has %+v, without refusals %+v", i, d, want)
		}
		sum += d.Variance / float64(len(kept))
	}
	near(t, "the variance", got.FeatureVariance.Value, sum, 1e-9)
	if len(got.Calibration) != 5 || got.Calibration[0].Coverage.Observations != 3 {
		t.Errorf("the calibration is %+v", got.Calibration)
	}
	// The models are compared by what neither refuses.
	if len(card.Differences) != 1 {
		t.Fatalf("differences %+v, want one", card.Differences)
	}
	if d := card.Differences[0]; d.Refused != 4 || d.Retained.Used != 2 ||
		d.Diffusion != "diffusion" {
		t.Errorf("the difference is %+v", d)
	}
	if _, _, err := card.Difference("shy", "CVAE", setting); err == nil {
		t.Error("a method that refuses all is compared")
	}

	if calls == 0 {
		t.Fatal("nothing was drawn")
	}
	calls = 0
	again := run(t, c, dir)
	if calls != 0 || again.Row("diffusion", setting).Refused != 3 {
		t.Errorf("%d calls for what is there; %+v", calls, again.Row("diffusion", setting))
	}

	text := card.String()
	for _, want := range []string{"failed  refused\n", "Refused: observations that the method",
		"diffusion, for example: it is shy"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("a line of %d columns:\n%s", n, line)
		}
	}
	if strings.Contains(text, "not even the truth") {
		t.Errorf("the text takes refusals for noise:\n%s", text)
	}
	if strings.Contains(whole.String(), "refused") {
		t.Error("a card without refusals speaks of them")
	}
	lines := asCSV(t, card)
	column := slices.Index(lines[0], "refused")
	if column < 0 || lines[1][column] != "3" || lines[3][column] != "6" ||
		lines[len(lines)-1][column] != "4" {
		t.Errorf("refused in column %d as CSV: %q", column, lines)
	}
	encoded, err := json.Marshal(card)
	if err != nil || !strings.Contains(string(encoded), `"refused":3`) {
		t.Errorf("the card as JSON is %s, error %v", encoded, err)
	}
}

// A model that refuses a PSF says so of each observation, and the run goes on.
func TestModelRefuses(t *testing.T) {
	folder, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	methods, _, err := scorecard.Load("micro", folder)
	if err != nil {
		t.Fatal(err)
	}
	c := config(methods...)
	c.Candidates = 2
	c.Settings = append(c.Settings, scorecard.Setting{Sigma: 3, Noise: 0.001})
	card := run(t, c, t.TempDir())
	known, strange := card.Row("micro", c.Settings[0]), card.Row("micro", c.Settings[1])
	if known.Refused != 0 || known.MSE == nil || strange.Refused != c.Galaxies.N ||
		strange.MSE != nil {
		t.Errorf("known PSFs: %d refused; unknown ones: %d", known.Refused, strange.Refused)
	}
	if r := card.Row("nothing", c.Settings[1]); r.Refused != 0 || r.MSE.Used != c.Galaxies.N {
		t.Errorf("doing nothing refuses %d: %+v", r.Refused, r.MSE)
	}
}
