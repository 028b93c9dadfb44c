package fits

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/wcs/windows.json anew, if astropy agrees")

// cut is what [Header.Window] is asked for.
type cut struct {
	left, top int
	factor    float64
}

var cuts = []cut{{0, 0, 1}, {7, 0, 1}, {13, 21, 1}, {0, 0, 2}, {5, 3, 3}, {2, 4, 1.5}}

// forms returns the headers of testdata/wcs/wcs.py, by name.
func forms(t *testing.T) map[string]*Header {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "wcs", "forms.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cards map[string][]Card
	if err := json.Unmarshal(data, &cards); err != nil {
		t.Fatal(err)
	}
	headers := map[string]*Header{}
	for name, c := range cards {
		headers[name] = NewHeader(c...)
	}
	return headers
}

func texts(h *Header) (cards []string) {
	for c := range h.Cards() {
		cards = append(cards, strings.TrimRight(string(c), " "))
	}
	return cards
}

// TestWindowAsRecorded compares windows with those that astropy put at the right places.
func TestWindowAsRecorded(t *testing.T) {
	if *update {
		t.Skip("they are written anew")
	}
	data, err := os.ReadFile(filepath.Join("testdata", "wcs", "windows.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]string
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	all := forms(t)
	if len(want) != len(all)*len(cuts) {
		t.Errorf("%d windows are recorded, of %d headers; run with -update", len(want), len(all))
	}
	for name, h := range all {
		before := texts(h)
		for _, c := range cuts {
			window := h.Window(c.left, c.top, c.factor)
			window.DropLookups()
			key := fmt.Sprint(name, " ", c)
			if !slices.Equal(texts(window), want[key]) {
				t.Errorf("%s:\n%s\nwant\n%s", key, strings.Join(texts(window), "\n"),
					strings.Join(want[key], "\n"))
			}
		}
		if !slices.Equal(texts(h), before) {
			t.Errorf("%s: the header itself has changed", name)
		}
	}
}

// TestWindowByAstropy has astropy compute where pixels lie on the sky, from what [Write] wrote.
func TestWindowByAstropy(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import astropy.wcs").Run()
	}
	if err != nil {
		t.Skip("there is no python3 with astropy: the windows are compared with recorded ones only")
	}
	dir := t.TempDir()
	save := func(name string, h *Header, shape ...int) string {
		for key, outer := range map[string]int{"CTYPE3": 3, "CTYPE4": 4} {
			if h.Has(key) && len(shape) < outer {
				shape = append([]int{1}, shape...)
			}
		}
		var b bytes.Buffer
		if err := Write(&b, NewImage{Header: h, Bitpix: 8, Shape: shape,
			Pixel: func(int) float64 { return 0 }}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var questions [][]any
	var names []string
	recorded := map[string][]string{}
	i := 0
	for name, h := range forms(t) {
		whole := h.Copy()
		whole.DropLookups()
		path := save(fmt.Sprintf("%d.fits", i), whole, 48, 64)
		for k, c := range cuts {
			window := h.Window(c.left, c.top, c.factor)
			window.DropLookups()
			key := fmt.Sprint(name, " ", c)
			recorded[key] = texts(window)
			file := save(fmt.Sprintf("%d-%d.fits", i, k), window, 12, 16)
			questions = append(questions, []any{path, file, c.left, c.top, c.factor})
			names = append(names, key)
		}
		i++
	}
	asked, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(python, filepath.Join("testdata", "wcs", "wcs.py"), "check")
	command.Stdin = bytes.NewReader(asked)
	command.Stderr = os.Stderr
	said, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers [][2]any
	if err := json.Unmarshal(said, &answers); err != nil || len(answers) != len(questions) {
		t.Fatalf("astropy answered %q, %v", said, err)
	}
	worst := 0.0
	for i, a := range answers {
		off, _ := a[0].(float64)
		if a[1] != "" || off > 1e-4 {
			t.Errorf("%s: off by %g pixels, %v", names[i], off, a[1])
		}
		worst = math.Max(worst, off)
	}
	t.Logf("%d windows of %d headers are off by %.2g pixels at most", len(answers), i, worst)
	if !*update || t.Failed() {
		return
	}
	text, err := json.MarshalIndent(recorded, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "wcs", "windows.json"), append(text, '\n'),
		0o666); err != nil {
		t.Fatal(err)
	}
}

// FuzzWindow wants windows to be written as they are, and to come back.
func FuzzWindow(f *testing.F) {
	f.Add("CRPIX1  = 5.0", "CD1_1   = 1E-5", 3, 4, 2.0)
	f.Add("LTV1    = 5", "CTYPE3A = 'WAVE-TAB'", -3, 0, 0.5)
	f.Add("A_2_1   = 1E300", "CDELT1  = 1.0D+300", 1<<40, 1, 1e300)
	f.Fuzz(func(t *testing.T, a, b string, left, top int, factor float64) {
		if !(factor > 0) || math.IsInf(factor, 0) {
			return
		}
		h := NewHeader(Card(a), Card(b))
		w := h.Window(left, top, factor)
		if w.Len() < h.Len() {
			t.Fatalf("%d cards became %d", h.Len(), w.Len())
		}
		w.DropLookups()
		var file bytes.Buffer
		if err := Write(&file, NewImage{Header: w, Bitpix: 8}); err != nil {
			t.Fatal(err)
		}
		back, err := Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil || back.HDUs[0].Check() != nil || len(back.Notes) > 0 {
			t.Fatalf("%v, %+v", err, back)
		}
	})
}
