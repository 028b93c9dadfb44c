package scorecard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/scorecard"
)

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
	options.N, options.Candidates, options.Sigma, options.WidthErrors = 5, 32, 1, []float64{0.05}
	c, err := options.Config(model)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Settings) != 4 || c.Settings[1].WidthError != 0.05 || c.Settings[2].Noise != 0.01 ||
		c.Settings[3].Noise != 0.03 {
		t.Fatalf("settings %v", c.Settings)
	}
	c.Settings = c.Settings[:2]
	c.Features = pixels{}
	calls := 0
	counted := methods[0].Deconvolve
	methods[0].Deconvolve = func(ctx context.Context, o *galdecon.Observations, n int,
		seed int64) iter.Seq2[galdecon.Part, error] {
		calls++
		return pieces(ctx, counted(ctx, o, n, seed))
	}
	c.Methods = append(methods, scorecard.Classical()...)
	whole := run(t, c, t.TempDir())
	if calls != 6 { // 5 galaxies at most 2 at a time, in 2 settings
		t.Errorf("%d calls for blocks of about 64 candidates, want 6", calls)
	}

	// Interrupted within an observation and between two that are drawn together, cut off within a
	// line, and continued, it's the same to the bit.
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
		galtest.Wants(t, "interrupted", err, dir, "again",
			fmt.Sprintf("with %d of 40 results", kept))
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
	// 8 observations of 32 candidates are left, in pieces of at most 8
	if last.Done != 5*2*4 || last.Share() != 1 || within < 3*8 {
		t.Errorf("progress ends with %v, and has moved %d times within observations", last, within)
	}
	half := scorecard.Progress{Method: "micro", Done: 2, Total: 4, Drawn: 0.5,
		Setting: scorecard.Setting{Sigma: 1.5, Noise: 0.1}}
	if half.String() != "2.5 of 4: micro, PSF of σ = 1.5 pixels, noise 0.1" ||
		half.Share() != 0.625 {
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
	if err := os.WriteFile(path, bytes.Replace(text, []byte(`"method"`), []byte(`"methof"`), 1),
		0o666); err != nil {
		t.Fatal(err)
	}
	_, err = scorecard.Run(t.Context(), c, dir, nil)
	galtest.Wants(t, "damage", err, "line 2", "damaged")
}
