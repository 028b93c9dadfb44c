package scorecard_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"galdecon/galdecon"
	"galdecon/galdecon/scorecard"
)

// The released program retains what has failed, too: with an error above 2. Its figures stand
// beside ours in all formats, and with noise that leaves ours none.
func TestReleased(t *testing.T) {
	failing := shaky("failing", blobs(6, 16), 0.002, nil)
	draw := failing.Deconvolve
	failing.Deconvolve = func(ctx context.Context, o *galdecon.Observations, n int,
		seed int64) iter.Seq2[galdecon.Part, error] {
		return func(yield func(galdecon.Part, error) bool) {
			for part, err := range draw(ctx, o, n, seed) {
				// one bad candidate, for which no pixel counts: they are cut off at 0
				if part.First == 0 && part.Index < 3 {
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
	if !reflect.DeepEqual(sound.Released.Retained, sound.Retained) ||
		!reflect.DeepEqual(sound.Released.FeatureVariance, sound.FeatureVariance) {
		t.Errorf("sound candidates are counted otherwise: %+v, %+v", sound.Released, sound)
	}
	// The failed one is dark, the others are their galaxy: of k candidates, one of which differs by
	// d, the variance is |d|²/k.
	if !(r.Released.FeatureVariance.Value > 20*r.FeatureVariance.Value) {
		t.Errorf("the failed candidates don't pass for varied: %v, %v", r.Released.FeatureVariance,
			r.FeatureVariance)
	}
	light := 0.0
	for _, v := range blobs(6, 16).Select(0, 1, 2).Pixels {
		light += float64(v) * float64(v) / 3
	}
	near(t, "the variance of the released program", r.Released.FeatureVariance.Value/(light/3/2), 1,
		0.1)
	noisy := card.Row("failing", c.Settings[1])
	if noisy.Retained != nil || noisy.Released.Retained.Value != 3*0.25/6 ||
		noisy.Released.FeatureVariance != nil {
		t.Errorf("with noise: %+v, %+v", noisy.Retained, noisy.Released)
	}

	if text := card.String(); !strings.Contains(text,
		"as the paper's released program computes it") ||
		strings.Contains(without.String(), "released") {
		t.Errorf("the text is\n%s", text)
	}
	one, err := card.TableOne("failing", "sound", c.Settings[0])
	if err != nil || !strings.Contains(one.String(), "here, as the released program counts") ||
		!strings.Contains(one.String(), "\nfailing      75.0 [ 75.0,  75.0]") {
		t.Errorf("Table 1, %v:\n%s", err, one)
	}
	encoded, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	var back scorecard.Card
	if err := json.Unmarshal(encoded, &back); err != nil || !reflect.DeepEqual(card, back) ||
		!bytes.Contains(encoded, []byte(`"released":{"retained":{"value":0.75`)) {
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
	c.Settings = append(c.Settings, scorecard.Setting{Sigma: 1, Noise: 0.02},
		scorecard.Setting{Sigma: 1, Noise: 0.001, WidthError: -0.1})
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
		if line[column["method"]] != r.Method || cell("mse") != r.MSE.Value ||
			cell("psnr_high") != r.PSNR.High || cell("wrong") != r.Setting.WidthError ||
			line[column["source"]] != "blobs" ||
			cell("released_retained_high") != r.Released.Retained.High ||
			cell("ellipticity_low") != r.Ellipticity.Low ||
			cell("ellipticity_dropped") != float64(r.Ellipticity.Dropped) {
			t.Errorf("line %d, %v, isn't %+v", i+1, line, r)
		}
		if (line[column["retained"]] == "") != (r.Retained == nil) {
			t.Errorf("line %d has retained %q, want %v", i+1, line[column["retained"]], r.Retained)
		}
		if len(r.Calibration) > 0 &&
			cell("half_light_radius_coverage_distance") != r.Calibration[2].Coverage.Distance {
			t.Errorf("line %d: wrong coverage", i+1)
		}
	}

	text := card.String()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("a line of %d columns:\n%s", n, line)
		}
	}
	for _, of := range card.Tables() {
		if err := of.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []string{"known", "nothing", "Richardson-Lucy", "Features: pixels",
		"15.86", "FPFS", "-10 %", "TARP"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

func TestTableOne(t *testing.T) {
	c := config(shaky("diffusion", blobs(6, 16), 0.02, nil), shaky("CVAE", blobs(6, 16), 0.01, nil))
	c.Epsilon = 1
	card := run(t, c, t.TempDir())
	if card.Differences != nil {
		t.Errorf("methods that aren't the paper's are compared: %+v", card.Differences)
	}
	one, err := card.TableOne("diffusion", "CVAE", c.Settings[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"15.86", "53.9", "46.1", "retains more: here both are equal",
		"varies more: here it does too", "ours: pixels"} {
		if !strings.Contains(one.String(), want) {
			t.Errorf("Table 1 lacks %q:\n%s", want, one)
		}
	}
	if one, err = card.TableOne("CVAE", "diffusion", c.Settings[0]); err != nil ||
		!strings.Contains(one.String(), "varies more: here it is the other way round") {
		t.Errorf("%v:\n%s", err, one)
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
	want := []scorecard.Difference{{Diffusion: "diffusion", CVAE: "CVAE", Setting: c.Settings[0],
		Retained: retained, Variance: variance}}
	if !reflect.DeepEqual(card.Differences, want) {
		t.Errorf("differences %+v, want %+v", card.Differences, want)
	}
	lines := asCSV(t, card)
	line, at := lines[len(lines)-1], slices.Index(lines[0], "feature_variance_low")
	if len(lines) != 1+len(card.Rows)+1 || line[0] != "diffusion − CVAE" ||
		line[at] != strconv.FormatFloat(variance.Low, 'g', -1, 64) ||
		line[slices.Index(lines[0], "mse")] != "" {
		t.Errorf("the difference as CSV is %q", line)
	}
}
