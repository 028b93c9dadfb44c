//go:build unix

package plotting

import (
	"bytes"
	"encoding/gob"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"galdecon/galdecon/table"
)

// TestMain lets the test binary play the program of a notebook cell.
func TestMain(m *testing.M) {
	if os.Getenv("PLOTTING_TEST_CELL") == "" {
		os.Exit(m.Run())
	}
	if err := cellProgram(); err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error())
		os.Exit(1)
	}
}

func cellProgram() error {
	two := table.Table{Title: "two & more", Columns: []table.Column{{Name: "n"}}}
	two.Add(table.Count(2))
	if err := Show(Mosaic{Images: disc(2, 8, 1), Title: "two"}, two); err != nil {
		return err
	}
	if err := Show(both{Mosaic{Images: disc(1, 8, 1), Title: "one"}, two}); err != nil {
		return err
	}
	live := NewTraining(110)
	for step := range 110 {
		live.Update(step+1, 1/float64(step+1))
		time.Sleep(10 * time.Millisecond)
	}
	return live.Close()
}

// both is a figure with tables.
type both struct {
	Mosaic
	table.Table
}

// runCell runs the cell program under the protocol of the kernel, two named pipes with gob
// messages, and returns what it displayed.
func runCell(t *testing.T) []*protocol.DisplayData {
	t.Helper()
	dir := t.TempDir()
	to, back := filepath.Join(dir, "to"), filepath.Join(dir, "back")
	for _, path := range []string{to, back} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Opened for both directions a pipe doesn't block, whoever comes first.
	backPipe, err := os.OpenFile(back, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer backPipe.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PLOTTING_TEST_CELL=1", protocol.GONB_PIPE_ENV+"="+to,
		protocol.GONB_PIPE_BACK_ENV+"="+back)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer deadline.Stop()
	toPipe, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer toPipe.Close()

	var shown []*protocol.DisplayData
	decoder, encoder := gob.NewDecoder(toPipe), gob.NewEncoder(backPipe)
	for {
		data := &protocol.DisplayData{}
		if err := decoder.Decode(data); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if request, ok := data.Data[protocol.MIMECommValue].(protocol.CommValue); ok {
			ack := &protocol.CommValue{Address: protocol.GonbuiSyncAckAddress, Value: request.Value}
			if err := encoder.Encode(ack); err != nil {
				t.Fatal(err)
			}
			continue
		}
		shown = append(shown, data)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the cell failed: %v\n%s", err, stderr.String())
	}
	return shown
}

func TestNotebook(t *testing.T) {
	start := time.Now()
	shown := runCell(t)
	elapsed := time.Since(start)
	if len(shown) < 7 {
		t.Fatalf("%d displays, want a mosaic, two tables, a figure, some lines and a curve",
			len(shown))
	}

	mosaic := shown[0]
	checkPNG(t, mosaic)
	if text := mosaic.Data[protocol.MIMETextPlain]; mosaic.DisplayID != "" ||
		!strings.Contains(text.(string), "two") {
		t.Errorf("the mosaic has the text %q and the ID %q, want its title and none",
			text, mosaic.DisplayID)
	}

	for _, k := range []int{1, 3} {
		page, _ := shown[k].Data[protocol.MIMETextHTML].(string)
		text, _ := shown[k].Data[protocol.MIMETextPlain].(string)
		if !strings.Contains(page, "two &amp; more</caption>") ||
			!strings.HasPrefix(text, "two & more\nn\n") || shown[k].DisplayID != "" {
			t.Errorf("a table is shown as %q and\n%s", page, text)
		}
	}
	checkPNG(t, shown[2])
	shown = shown[3:]

	id := shown[1].DisplayID
	lines := shown[1 : len(shown)-1]
	for i, line := range lines {
		html, _ := line.Data[protocol.MIMETextHTML].(string)
		text, _ := line.Data[protocol.MIMETextPlain].(string)
		if id == "" || line.DisplayID != id {
			t.Errorf("line %d has the display ID %q, want %q", i, line.DisplayID, id)
		}
		if !strings.HasPrefix(text, "step ") || !strings.Contains(html, text) ||
			!strings.Contains(html, "<progress") {
			t.Errorf("line %d is %q, in HTML %q", i, text, html)
		}
	}
	// The run sleeps for 1.1 s, and takes longer where the machine is busy; lines must keep 0.5 s
	// apart.
	if most := 2 + int(elapsed/(500*time.Millisecond)); len(lines) > most {
		t.Errorf("%d lines for 110 steps in %v; they aren't throttled", len(lines), elapsed)
	}

	last := shown[len(shown)-1]
	checkPNG(t, last)
	text, _ := last.Data[protocol.MIMETextPlain].(string)
	if last.DisplayID != id || !strings.HasPrefix(text, "step 110/110 in ") ||
		last.Data[protocol.MIMETextHTML] != nil {
		t.Errorf("the end has the ID %q, the text %q; it must replace %q by a picture",
			last.DisplayID, text, id)
	}
}

// checkPNG checks that a display is a PNG of about two dots for each CSS pixel of its metadata.
func checkPNG(t *testing.T, data *protocol.DisplayData) {
	t.Helper()
	raw, _ := data.Data[protocol.MIMEImagePNG].([]byte)
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("no PNG: %v", err)
	}
	size, _ := data.Metadata[string(protocol.MIMEImagePNG)].(map[string]int)
	if size["width"] == 0 || size["height"] == 0 {
		t.Fatalf("the metadata lacks the size: %v", data.Metadata)
	}
	ratio := float64(img.Bounds().Dx()) / float64(size["width"])
	tall := float64(img.Bounds().Dy()) / float64(size["height"])
	if math.Abs(ratio-2) > 0.5 || math.Abs(tall/ratio-1) > 0.02 {
		t.Errorf("a PNG of %v is shown at %v", img.Bounds().Size(), size)
	}
}
