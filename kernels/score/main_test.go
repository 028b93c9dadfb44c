package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"html"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/cvae"
	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/scorecard"
	"galdecon/galdecon/unet"
	"galdecon/internal/console"
	"galdecon/kernels/internal/helptest"
)

// TestHelp checks that the help that the galdecon command has of this program is its own. -update
// writes it.
func TestHelp(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, "")
	helptest.Check(t, command(), "./kernels/score")
}

// micro is the folder of a diffusion model that trains in no time, and is good for nothing but
// tests.
func micro(t *testing.T) string { return train(t, "micro", nil) }

// train is the folder of a model of this name, a CVAE where one is given.
func train(t *testing.T, name string, baseline *cvae.Config) string {
	t.Helper()
	c := galdecon.Config{
		Preset: "micro", Size: 16, Channels: 1,
		Instrument: psf.Instrument{Size: 9, SigmaMin: 0.7, SigmaMax: 1.3, NoiseMin: 0.001,
			NoiseMax: 0.03},
		Diffusion: ddpm.Config{T: 50, Prediction: ddpm.Velocity, Mean: 0.05, Std: 0.15,
			Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}},
		Sampler: ddpm.Sampler{Steps: 4, Eta: 1, SecondOrder: true},
		CVAE:    baseline,
		Fit:     fit.Config{Steps: 2, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1},
	}
	galaxies, err := synthetic.Galaxies(synthetic.Config{N: 8, Size: c.Size, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := galdecon.Train(t.Context(), c, galaxies, dir, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

// execute runs the command and returns what it prints.
func execute(ctx context.Context, args ...string) (string, error) {
	return helptest.Execute(ctx, command(), args...)
}

func TestScore(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, "")
	args := []string{"--model", micro(t), "--n", "3", "--candidates", "3", "--features", "none",
		"--noise", "0.002,0.02", "--wrong", "-5", "--out", filepath.Join(t.TempDir(), "scores")}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := execute(stopped, args...); !errors.Is(err, context.Canceled) ||
		!strings.Contains(err.Error(), "run it again") {
		t.Errorf("interrupted: %v", err)
	}
	page := filepath.Join(t.TempDir(), "report.html")
	text, err := execute(t.Context(), append(args, "--html", page)...)
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, page, "3 galaxies", 6)
	for _, want := range []string{"micro", "Wiener", "assume a σ wrong by -5 %", "noise 0.02",
		"15.86"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	// The results are there, so these are computed in no time.
	encoded, err := execute(t.Context(), append(args, "--format", "json")...)
	if err != nil {
		t.Fatal(err)
	}
	var card scorecard.Card
	if err := json.Unmarshal([]byte(encoded), &card); err != nil {
		t.Fatal(err)
	}
	if len(card.Rows) != 3*4 || card.Rows[0].Method != "micro" ||
		card.Rows[4].Setting.WidthError != -0.05 || card.String() != text {
		t.Errorf("as JSON: %+v", card)
	}
	table, err := execute(t.Context(), append(args, "--format", "csv")...)
	if err != nil {
		t.Fatal(err)
	}
	if lines, err := csv.NewReader(strings.NewReader(table)).ReadAll(); err != nil ||
		len(lines) != 1+len(card.Rows) {
		t.Errorf("as CSV: %v\n%s", err, table)
	}
}

// checkPage checks that a report stands alone, with a title and at least so many figures that are
// drawings.
func checkPage(t *testing.T, path, title string, figures int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	if !strings.Contains(text, "<title>"+title) && !strings.Contains(text, title+",") {
		t.Errorf("the title isn't %s: %.300s", title, text)
	}
	const before = `src="data:image/svg&#43;xml;base64,`
	parts := strings.Split(text, before)
	if len(parts)-1 < figures {
		t.Errorf("%d figures, want %d", len(parts)-1, figures)
	}
	for _, part := range parts[1:] {
		encoded, _, _ := strings.Cut(part, `"`)
		drawn, err := base64.StdEncoding.DecodeString(html.UnescapeString(encoded))
		if err != nil || !strings.Contains(string(drawn), "<svg") {
			t.Errorf("a figure is no drawing: %v, %.100s", err, drawn)
		}
	}
	if strings.Contains(text, `src="http`) || strings.Contains(text, "href=") {
		t.Error("the report needs other files")
	}
}

// A model with a survey is measured by itself over all of it, and compared as others are.
func TestSurvey(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, "")
	c, err := galdecon.Preset("galaxy")
	if err != nil {
		t.Fatal(err)
	}
	c.Size, c.Survey.PSFSize, c.Survey.PSFs, c.Survey.SigmaMax = 16, 9, 8, 1.2
	c.Diffusion.Network = unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}
	c.Sampler.Steps = 2
	c.Fit = fit.Config{Steps: 2, Batch: 4, LearningRate: 1e-3, EMA: 0.9, Seed: 1}
	galaxies, err := synthetic.Galaxies(c.SyntheticGalaxies(8, 1))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mine")
	if err := galdecon.Train(t.Context(), c, galaxies, dir, nil); err != nil {
		t.Fatal(err)
	}
	args := []string{"--survey", "--model", dir, "--n", "3", "--candidates", "2", "--out",
		filepath.Join(t.TempDir(), "scores")}
	page := filepath.Join(t.TempDir(), "report.html")
	text, err := execute(t.Context(), append(args, "--html", page)...)
	if err != nil || !strings.HasPrefix(text, "mine: 3 galaxies") {
		t.Fatalf("%v:\n%s", err, text)
	}
	checkPage(t, page, "mine over its survey", 2)
	encoded, err := execute(t.Context(), append(args, "--format", "json")...)
	if err != nil {
		t.Fatal(err)
	}
	var card scorecard.StrataCard
	if err := json.Unmarshal([]byte(encoded), &card); err != nil || card.String() != text ||
		card.Survey.Coarse != 0 || card.Survey.PSFSize != c.Survey.PSFSize {
		t.Errorf("as JSON, %v: %+v", err, card)
	}
	table, err := execute(t.Context(), append(args, "--format", "csv")...)
	if lines, wrong := csv.NewReader(strings.NewReader(table)).ReadAll(); err != nil ||
		wrong != nil || len(lines) != 12 {
		t.Errorf("as CSV: %v, %v\n%s", err, wrong, table)
	}
	text, err = execute(t.Context(), "--model", dir, "--n", "2", "--candidates", "2", "--noise",
		"0.01", "--wrong", "0", "--features", "none", "--out", t.TempDir())
	if err != nil || !strings.Contains(text, "mine") || !strings.Contains(text, "Wiener") {
		t.Errorf("compared with others, %v:\n%s", err, text)
	}
	for _, test := range []struct{ args, part string }{
		{"--survey --noise 0.1", "[noise survey]"},
		{"--survey --model tiny", "tiny isn't trained on a survey"},
		{"--survey --bands 3", "[bands survey]"},
		{"--bands 3 --model tiny", "tiny isn't trained on a survey"},
		{"--bands 3 --model a --model b", "--bands measures one model"},
		{"--survey --model a --model b", "one model with one sampler"},
		{"--survey --format xml", "choose one of text, csv, json"},
	} {
		if out, err := execute(t.Context(), strings.Fields(test.args)...); err == nil ||
			!strings.Contains(err.Error(), test.part) || out != "" {
			t.Errorf("%s: error %v, want one with %q; output %q", test.args, err, test.part, out)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, "")
	dir := micro(t)
	for _, test := range []struct{ args, part string }{
		{"--format xml", "choose one of text, csv, json"},
		{"--model none", "neither a shipped model (galaxy, small, tiny, tiny-cvae) nor the folder of one"},
		{"--samplers magic", `"magic"`},
		{"--samplers ddim:0", `"ddim:0"`},
		{"--subtract-sky", "no sky to subtract"},
		{"--galaxies none.npy", "none.npy"},
		{"--candidates 1", "at least 2 candidates"},
		{"--epsilon 0", "ε must be positive"},
		{"--wrong -100", "-100 %"},
		{"--features none.pth", "there are no weights"},
		{"--psf none.fits", "none.fits"},
		{"galaxies", "unknown command"},
	} {
		args := append([]string{"--out", t.TempDir()}, strings.Fields(test.args)...)
		if !strings.Contains(test.args, "--model") {
			args = append(args, "--model", dir)
		}
		if out, err := execute(t.Context(), args...); err == nil ||
			!strings.Contains(err.Error(), test.part) || out != "" {
			t.Errorf("%s: error %v, want one with %q; output %q", test.args, err, test.part, out)
		}
	}
	if _, err := execute(t.Context(), "--model", "tiny", "--model", dir, "--out",
		t.TempDir()); err == nil ||
		!strings.Contains(err.Error(), "micro takes images of 16×16 pixels") ||
		!strings.Contains(err.Error(), "tiny of 32×32") {
		t.Errorf("models for other images: %v", err)
	}
	t.Setenv(scorecard.OptionsEnv, "{")
	if _, err := execute(t.Context()); err == nil ||
		!strings.Contains(err.Error(), scorecard.OptionsEnv) {
		t.Errorf("broken environment: %v", err)
	}
}

// Noise that the model wasn't trained for ends no run: its galaxies are counted, and the reason
// told.
func TestCountsRefusals(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, `{"n": 2, "candidates": 2}`)
	t.Chdir(t.TempDir())
	text, err := execute(t.Context(), "--model", micro(t), "--noise", "0.1", "--features", "none")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"refused", "micro, for example: noise of",
		"trained for at most 0.03"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// A diffusion model and a CVAE make the paper's Table 1, here through measured PSFs: in the text as
// in the notebook, in the other formats as differences.
func TestTableOne(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, "")
	stars := galaxy.NewImages(2, 11, 11, 1)
	for i, sigma := range []float64{0.9, 1.1} {
		k, err := psf.Gaussian{Sigma: sigma}.Render(11)
		if err != nil {
			t.Fatal(err)
		}
		copy(stars.At(i), k.Pixels)
	}
	path := filepath.Join(t.TempDir(), "stars.npy")
	if err := files.SaveNPY(path, stars); err != nil {
		t.Fatal(err)
	}
	baseline := train(t, "baseline",
		&cvae.Config{Latent: 4, Features: []int{4, 8}, Alpha: 1, Beta: 1, SigmaY: 0.03,
			SigmaX: 0.01})
	args := []string{"--model", micro(t), "--model", baseline, "--psf", path, "--n", "3",
		"--candidates", "3", "--epsilon", "1", "--features", "none", "--noise", "0.002,0.02",
		"--wrong", "3",
		"--out", filepath.Join(t.TempDir(), "scores")}
	text, err := execute(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"measured PSFs of stars.npy, noise 0.02",
		"assume a width wrong by +3 %", "53.9", "difference",
		"The paper finds that diffusion retains more: here ",
		"varies more: here it can't be told without features"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	encoded, err := execute(t.Context(), append(args, "--format", "json")...)
	if err != nil {
		t.Fatal(err)
	}
	var card scorecard.Card
	if err := json.Unmarshal([]byte(encoded), &card); err != nil {
		t.Fatal(err)
	}
	table, err := card.TableOne("micro", "baseline", card.Rows[0].Setting)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text, table.String()); n != 1 || !strings.HasPrefix(text, card.String()) {
		t.Errorf("Table 1 is %d times in the text:\n%s", n, text)
	}
	if len(card.Rows) != 3*5 || len(card.Differences) != 3 {
		t.Errorf("%d rows, differences %+v", len(card.Rows), card.Differences)
	}
	for _, d := range card.Differences {
		if want := card.Row("micro", d.Setting).Retained.Value - card.Row("baseline",
			d.Setting).Retained.Value; math.Abs(d.Retained.Value-want) > 1e-12 ||
			d.Variance != nil {
			t.Errorf("difference %+v, want %g", d, want)
		}
	}
	separated, err := execute(t.Context(), append(args, "--format", "csv")...)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(separated)).ReadAll()
	if err != nil || len(lines) != 1+15+3 || lines[16][0] != "micro − baseline" {
		t.Errorf("as CSV, %v:\n%s", err, separated)
	}
	// What a model doesn't know is refused before anything is measured.
	narrow := append(args, "--wrong", "40")
	if out, err := execute(t.Context(), narrow...); err == nil ||
		!strings.Contains(err.Error(), "doesn't know PSF 1") ||
		!strings.Contains(err.Error(), "stars.npy") || out != "" {
		t.Errorf("PSFs that are too wide: %v, output %q", err, out)
	}
	both := append(args, "--sigma", "1")
	if _, err := execute(t.Context(), both...); err == nil ||
		!strings.Contains(err.Error(), "one of both") {
		t.Errorf("PSFs that are measured and Gaussian: %v", err)
	}
}

// Each sampler is a row of its own, with the released program's figures where they are asked for;
// galaxies come from a compressed file on a bright sky.
func TestSamplersOnStamps(t *testing.T) {
	t.Setenv(scorecard.OptionsEnv, "")
	galaxies, err := synthetic.Galaxies(synthetic.Config{N: 4, Size: 32, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := galaxies.Subtract([]float64{-0.1, -0.2, -0.1, -0.2}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "stamps.npy"), filepath.Join(dir, "stamps.npy.gz")
	if err := files.SaveNPY(plain, galaxies); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(packed, zipped.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	encoded, err := execute(t.Context(), "--model", micro(t), "--samplers",
		"own,ddim,ancestral-beta:10", "--galaxies", packed, "--subtract-sky", "--released",
		"--n", "3", "--candidates", "3", "--features", "none", "--noise", "0.002", "--wrong", "0",
		"--format", "json", "--out", filepath.Join(dir, "scores"))
	if err != nil {
		t.Fatal(err)
	}
	var card scorecard.Card
	if err := json.Unmarshal([]byte(encoded), &card); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range card.Rows {
		names = append(names, r.Method)
		if r.Released == nil || r.Released.Retained == nil {
			t.Errorf("%s has no released figures", r.Method)
		}
	}
	if got := strings.Join(names,
		"; "); got != "micro; micro, ddim; micro, ancestral-beta:10; Richardson-Lucy; Wiener; "+
		"nothing" {
		t.Errorf("rows %s", got)
	}
	if card.Galaxies != 3 || card.Source != "stamps.npy.gz, without sky" || card.Edge > 0.03 {
		t.Errorf("%d galaxies of %s with edges of %g", card.Galaxies, card.Source, card.Edge)
	}
}

// Progress isn't mixed with the table.
func TestQuiet(t *testing.T) {
	f := scoreFlags{models: []string{micro(t)}, wrong: []float64{0}, features: "none",
		out: t.TempDir(), format: "csv"}
	var err error
	if f.Options, err = scorecard.DefaultsFromEnv(); err != nil {
		t.Fatal(err)
	}
	f.N, f.Candidates, f.Noise = 2, 2, []float64{0.01}
	var out, log bytes.Buffer
	if err := score(t.Context(), f, &out, console.NewLog(&log)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "method,") || !strings.Contains(log.String(), f.out) {
		t.Errorf("output %q, log %q", out.String(), log.String())
	}
	if _, err := os.Stat(filepath.Join(f.out, "results.jsonl")); err != nil {
		t.Error(err)
	}
}
