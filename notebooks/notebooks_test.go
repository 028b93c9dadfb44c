// Package notebooks_test executes the notebooks as their readers do: in Jupyter, with galdecon's
// kernel.
package notebooks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy/illustris"
	"galdecon/galdecon/scorecard"
	"galdecon/internal/console"
	"galdecon/internal/home"
	"galdecon/kernels/notebook"
)

// A notebook as far as the tests read it.
type document struct {
	Cells []struct {
		Type    string `json:"cell_type"`
		Outputs []struct {
			Type string                     `json:"output_type"`
			Text []string                   `json:"text"`
			Data map[string]json.RawMessage `json:"data"`
		} `json:"outputs"`
	} `json:"cells"`
}

// execute runs a notebook in a folder of its own, with a changed configuration and with parts of
// its cells replaced, pairs of old and new, and returns what its cells showed: the text, and the
// figures in order.
func execute(t *testing.T, name, config string, replace ...string) (text string, figures [][]byte) {
	t.Helper()
	h, err := home.Open()
	if err != nil {
		t.Fatal(err)
	}
	repo, err := home.FindRepo()
	if err != nil {
		t.Fatal(err)
	}
	progress := console.NewLog(os.Stderr)
	if err := h.Setup(t.Context(), repo, progress); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(replace, 2) {
		if !bytes.Contains(source, []byte(pair[0])) {
			t.Fatalf("%s has no %q to replace", name, pair[0])
		}
		source = bytes.ReplaceAll(source, []byte(pair[0]), []byte(pair[1]))
	}
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, source, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS("data")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(galdecon.ConfigEnv, config)
	result, err := notebook.Run(t.Context(), path,
		notebook.Options{Home: h, Repo: repo, Out: filepath.Join(dir, "out"), Console: progress})
	if err != nil {
		t.Fatal(err)
	}
	if result.Failed != nil {
		t.Fatal(result.Failed)
	}
	if page, err := os.ReadFile(result.HTML); err != nil ||
		!bytes.Contains(page, []byte("data:image/png;base64,")) {
		t.Errorf("the page has no figure in it: %v", err)
	}
	executed, err := os.ReadFile(result.Notebook)
	if err != nil {
		t.Fatal(err)
	}
	if len(executed) > 3<<20 {
		t.Errorf("the executed notebook has %d bytes, want at most 3 MB", len(executed))
	}
	return read(t, executed)
}

func read(t *testing.T, executed []byte) (text string, figures [][]byte) {
	t.Helper()
	var d document
	if err := json.Unmarshal(executed, &d); err != nil {
		t.Fatal(err)
	}
	for _, cell := range d.Cells {
		for _, output := range cell.Outputs {
			text += strings.Join(output.Text, "")
			if _, ok := output.Data["text/html"]; ok {
				text += plain(t, output.Data["text/plain"])
			}
			if data, ok := output.Data["image/png"]; ok {
				var encoded string
				if err := json.Unmarshal(data, &encoded); err != nil {
					t.Fatal(err)
				}
				figure, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\n",
					""))
				if err != nil {
					t.Fatal(err)
				}
				figures = append(figures, figure)
			}
		}
	}
	return text, figures
}

// plain is what stands for tables where HTML can't be shown: a text, or its lines.
func plain(t *testing.T, data json.RawMessage) (text string) {
	t.Helper()
	var lines []string
	if json.Unmarshal(data, &text) == nil {
		return text + "\n"
	}
	if err := json.Unmarshal(data, &lines); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "") + "\n"
}

var meanRow = regexp.MustCompile(`(?m)^ *mean +(\d+)(?: %)? +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) *$`)

// row is the last one of a notebook's table: MSEs in units of ε.
type row struct {
	retained, reconvolution, observation, wiener, candidates, mean, variance float64
}

// summaries reads the last row of each of a notebook's tables.
func summaries(t *testing.T, text string) []row {
	t.Helper()
	var rows []row
	for _, fields := range meanRow.FindAllStringSubmatch(text, -1) {
		var r row
		for i, value := range []*float64{&r.retained, &r.reconvolution, &r.observation, &r.wiener,
			&r.candidates, &r.mean, &r.variance} {
			v, err := strconv.ParseFloat(fields[i+1], 64)
			if err != nil {
				t.Fatal(err)
			}
			*value = v
		}
		rows = append(rows, r)
	}
	return rows
}

// The notebooks run from start to end in real Jupyter, here with trainings and comparisons that are
// too short to be good, and the committed ones were executed to their ends.
func TestNotebooks(t *testing.T) {
	for _, test := range []struct {
		name, config, options string
		figures               int
		says                  string // the last thing in it
	}{
		{"00_quickstart.ipynb", "", "", 5, "Random seed: 7"},
		{"02_cvae.ipynb", `{"fit": {"steps": 20}}`, "", 4, "Random seed: 7"},
		{"03_diffusion.ipynb",
			`{"fit": {"steps": 20}}`, `{"n": 2, "candidates": 2}`, 13, "DPM-Solver++(2M)"},
		{"04_alpha_beta.ipynb", `{"fit": {"steps": 4}}`, "", 7, "raising α from 0.1 to 10"},
		{"05_sampling.ipynb", "", "", 5, "CVAE:"},
		{"06_table1.ipynb", "", `{"n": 3, "candidates": 3}`, 5, "Random seed: 1"},
		{"08_session.ipynb", `{"fit": {"steps": 20}}`, "", 6, "Random seed: 7"},
		{"09_many_looks.ipynb", "", "", 8, "Random seed: 7"},
		{"10_my_survey.ipynb", `{"fit": {"steps": 4}}`, "", 4, "Random seed: 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check := func(which, text string, figures [][]byte) {
				t.Helper()
				if len(figures) != test.figures {
					t.Errorf("the %s notebook has %d figures, want %d", which, len(figures),
						test.figures)
				}
				for i, figure := range figures {
					if config, err := png.DecodeConfig(bytes.NewReader(figure)); err != nil ||
						config.Width < 300 {
						t.Errorf("figure %d of the %s notebook: %v, %d pixels wide", i, which, err,
							config.Width)
					}
				}
				if !strings.Contains(text, test.says) {
					t.Errorf("the %s notebook doesn't say %q:\n%s", which, test.says, text)
				}
			}
			committed, err := os.ReadFile(test.name)
			if err != nil {
				t.Fatal(err)
			}
			text, figures := read(t, committed)
			check("committed", text, figures)
			t.Setenv(scorecard.OptionsEnv, test.options)
			text, figures = execute(t, test.name, test.config)
			check("executed", text, figures)
		})
	}
}

// What is committed was executed with the shipped models. On Hubble's galaxies, which it never saw,
// the diffusion model explains all observations by itself, the mean of its candidates is much
// better than Wiener's filter and the CVAE, and its variance is about the error of the mean, while
// the CVAE's is far below.
func TestCommittedNotebooks(t *testing.T) {
	committed := func(name string, tables int) []row {
		t.Helper()
		executed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := read(t, executed)
		rows := summaries(t, text)
		if len(rows) != tables {
			t.Fatalf("%d tables in %s, want %d", len(rows), name, tables)
		}
		return rows
	}
	// The truth's own noise, which candidates lack, is most of all errors, and the mean of sixteen
	// has a sixteenth of their variance for another.
	if first := committed("00_quickstart.ipynb", 1)[0]; first.retained < 99 ||
		first.mean-first.variance/16 > first.wiener || first.variance/first.mean < 0.05 ||
		first.variance/first.mean > 1.3 {
		t.Errorf("the quickstart's %+v; want all retained, a mean of many that is better than "+
			"Wiener's filter, and a variance of up to its error", first)
	}
	both := committed("05_sampling.ipynb", 2)
	diffusion, cvae := both[0], both[1]
	if diffusion.retained < 99 || diffusion.mean > 0.7*diffusion.wiener ||
		diffusion.mean > 0.7*cvae.mean {
		t.Errorf("diffusion: %+v; want all retained, and a mean that is better than Wiener's "+
			"filter and the CVAE %+v", diffusion, cvae)
	}
	if ratio := diffusion.variance / diffusion.mean; ratio < 0.7 || ratio > 1.2 ||
		cvae.variance > 0.1*cvae.mean {
		t.Errorf("CVAE %+v, diffusion %+v: want a variance of about the error, and far below it",
			cvae, diffusion)
	}
}

// dataPreparation checks what the notebook of the data shows: counts that add up, PSFs that a model
// knows or doesn't, and its figures.
func dataPreparation(t *testing.T, text string, figures [][]byte) {
	t.Helper()
	for _, want := range []string{"2000 images of 2000 galaxies, 32×32 pixels", `training +1600\n`,
		`validation +200\n`, `test +200\n`, `left out +0\n`, `Gaussian .* 0 +yes ✓\n`,
		`obscured .* no: psf`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
	if len(figures) != 6 {
		t.Errorf("%d figures, want 6", len(figures))
	}
	for i, figure := range figures {
		if config, err := png.DecodeConfig(bytes.NewReader(figure)); err != nil ||
			config.Width < 600 {
			t.Errorf("figure %d: %v, %d pixels wide", i, err, config.Width)
		}
	}
}

// The notebook of the data runs on the synthetic set, here with a smaller batch, and was committed
// as it ran.
func TestDataPreparation(t *testing.T) {
	committed, err := os.ReadFile("01_data_preparation.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	text, figures := read(t, committed)
	dataPreparation(t, text, figures)

	t.Setenv("TNG_API_KEY", "")
	if _, err := illustris.Key(); err == nil {
		t.Skip("there is a file with a key for the Illustris archive, so that the notebook would " +
			"download galaxies")
	}
	text, figures = execute(t, "01_data_preparation.ipynb", `{"fit": {"batch": 8}}`)
	dataPreparation(t, text, figures)
}

var (
	shown   = regexp.MustCompile(`(?m)^(?:\d+ candidates, shown|The same candidates, drawn) ([\d.]+) s after`)
	stopped = regexp.MustCompile(`(?m)^stopped after step (\d+) of 3000\nthe checkpoint is of step (\d+)$`)
)

// The notebook of the session was committed with what it is about: the second sampling shows its
// figure within a second of the start of its program, sooner than the first and than a cell
// without the session, and a training is watched, paused, resumed and stopped at a step that its
// checkpoint has.
func TestCommittedSession(t *testing.T) {
	committed, err := os.ReadFile("08_session.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := read(t, committed)
	times := shown.FindAllStringSubmatch(text, -1)
	if len(times) != 3 {
		t.Fatalf("%d times of figures, want 3:\n%s", len(times), text)
	}
	var seconds [3]float64
	for i, found := range times {
		if seconds[i], err = strconv.ParseFloat(found[1], 64); err != nil {
			t.Fatal(err)
		}
	}
	if first, second, without := seconds[0], seconds[1], seconds[2]; second > 1 ||
		second > first || second > without {
		t.Errorf("figures after %g s, then %g s, and %g s without the session; want the second "+
			"within 1 s, and sooner than both", first, second, without)
	}
	if steps := stopped.FindStringSubmatch(text); steps == nil || steps[1] != steps[2] {
		t.Errorf("the training isn't stopped with a checkpoint of its last step: %q in\n%s", steps,
			text)
	}
	for _, want := range []string{"paused after step ", "running after step ",
		"model in checkpoints/shipped\n", "training in checkpoints/background: stopped"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notebook doesn't say %q:\n%s", want, text)
		}
	}
}
