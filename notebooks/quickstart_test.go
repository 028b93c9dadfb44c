// Package notebooks_test executes the notebooks as their readers do: in Jupyter, with galdecon's kernel.
package notebooks_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/kernels/console"
	"galdecon/kernels/home"
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

// execute runs a notebook in a folder of its own, with a changed configuration, and returns what its cells showed: the text, and
// the figures in order.
func execute(t *testing.T, name, config string) (text string, figures [][]byte) {
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
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, source, 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv(galdecon.ConfigEnv, config)
	result, err := notebook.Run(t.Context(), path, notebook.Options{Home: h, Repo: repo, Out: filepath.Join(dir, "out"), Console: progress})
	if err != nil {
		t.Fatal(err)
	}
	if result.Failed != nil {
		t.Fatal(result.Failed)
	}
	if page, err := os.ReadFile(result.HTML); err != nil || !bytes.Contains(page, []byte("data:image/png;base64,")) {
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
			if data, ok := output.Data["image/png"]; ok {
				var encoded string
				if err := json.Unmarshal(data, &encoded); err != nil {
					t.Fatal(err)
				}
				figure, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\n", ""))
				if err != nil {
					t.Fatal(err)
				}
				figures = append(figures, figure)
			}
		}
	}
	return text, figures
}

var meanRow = regexp.MustCompile(`(?m)^ *mean +(\d+) % +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) *$`)

// summary is the last row of the notebook's table.
func summary(t *testing.T, text string) (retained, reconvolution, observation, candidates float64) {
	t.Helper()
	fields := meanRow.FindStringSubmatch(text)
	if fields == nil {
		t.Fatalf("no table in the output:\n%s", text)
	}
	var values []float64
	for _, f := range fields[1:] {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values[0], values[1], values[2], values[3]
}

// The quickstart runs from start to end in real Jupyter, here with a training too short to be good: even then the candidates
// explain the observations, for their last step sees to it.
func TestQuickstart(t *testing.T) {
	text, figures := execute(t, "00_quickstart.ipynb", `{"fit": {"steps": 30}, "sampler": {"steps": 8}}`)
	const shown = 6 // two mosaics, the synthetic galaxies, the loss curve, the overview, one galaxy in full
	if len(figures) != shown {
		t.Errorf("%d figures, want %d", len(figures), shown)
	}
	for i, figure := range figures {
		if config, err := png.DecodeConfig(bytes.NewReader(figure)); err != nil || config.Width < 600 {
			t.Errorf("figure %d: %v, %d pixels wide", i, err, config.Width)
		}
	}
	retained, reconvolution, observation, _ := summary(t, text)
	if retained < 99 || reconvolution > 1 || observation < 5 {
		t.Errorf("retained %g %%, reconvolution MSE %g ε, observation MSE %g ε: want nearly all, below 1, and a blur that is seen", retained, reconvolution, observation)
	}
}

// What is committed was executed with the full training, and shows a model that is better than doing nothing.
func TestCommittedQuickstart(t *testing.T) {
	executed, err := os.ReadFile("00_quickstart.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	text, figures := read(t, executed)
	if len(figures) != 6 {
		t.Errorf("%d figures in the committed notebook, want 6", len(figures))
	}
	if retained, _, observation, candidates := summary(t, text); retained < 99 || candidates > observation/2 {
		t.Errorf("retained %g %%, candidates' MSE %g ε, observation's %g ε: want all, and less than half", retained, candidates, observation)
	}
}
