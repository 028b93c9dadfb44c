package illustris

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		switch q.id {
		case 1, 2:
			return false
		case 3: // is broken off within
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("ETag", `"v3"`)
			if q.nth > 1 {
				return false
			}
			w.Write(picture(t, 3)[:1000])
			w.(http.Flusher).Flush()
		case 4: // waits for its next attempt
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		<-r.Context().Done()
		return true
	})
	c, dir := a.config(1, 2, 3, 4, 5, 6), t.TempDir()
	done, midst := make(chan error, 1), make(chan struct{})
	begin := sync.OnceFunc(func() { close(midst) })
	var p Progress
	go func() {
		var err error
		p, err = Download(ctx, c, dir, func(p Progress) {
			if p.Downloaded == 2 && p.Retries == 1 {
				begin()
			}
		})
		done <- err
	}()
	select {
	case <-midst:
	case err := <-done:
		t.Fatalf("the download ends by itself: %v", err)
	}
	awaitSize(t, filepath.Join(dir, ".illustris", "Illustris-1_135_3.part"), 1000)
	cancel()
	select {
	case err := <-done:
		mustSay(t, err, "stopped with 2 of 6", "the next run goes on")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error %v is not that of the context", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the download goes on after it was canceled")
	}
	if p.Downloaded != 2 || p.Failed != 0 {
		t.Errorf("progress %+v, want 2 downloaded and none failed", p)
	}
	// What is there stays, and what was begun is continued.
	if p, err := Download(t.Context(), a.config(1, 2, 3), dir, nil); err != nil || p.Present != 2 ||
		p.Downloaded != 1 {
		t.Errorf("the next run gives %+v, %v", p, err)
	}
	if q := a.of(3)[1]; q.span != "bytes=1000-" || q.version != `"v3"` {
		t.Errorf("the next run asked for the range %q of %q", q.span, q.version)
	}
	mustHave(t, dir, 1, 2, 3)

	canceled, stop := context.WithCancelCause(t.Context())
	cause := errors.New("the cell was interrupted")
	stop(cause)
	asked := len(a.requests)
	if _, err := Download(canceled, a.config(9), dir, nil); !errors.Is(err, cause) ||
		len(a.requests) != asked {
		t.Errorf("a download that is canceled from the start gives %v, with %d requests", err,
			len(a.requests)-asked)
	}
}

// awaitSize waits until a file has a size.
func awaitSize(t *testing.T, path string, size int64) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if info, err := os.Stat(path); err == nil && info.Size() == size {
			return
		} else if time.Now().After(end) {
			t.Fatalf("%s hasn't %d bytes: %v", path, size, err)
		}
	}
}

// TestKilled kills a process in the midst of a download, and of an image, and lets another go on.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("ILLUSTRIS_TEST_FOLDER"); dir != "" {
		Download(t.Context(),
			Config{IDs: []int{4, 1, 2}, Concurrency: 1,
				Address: os.Getenv("ILLUSTRIS_TEST_ADDRESS")}, dir, nil)
		t.Fatal("the download was not killed")
	}
	midst := make(chan struct{})
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		switch {
		case q.id == 4:
			http.NotFound(w, r)
			return true
		case q.id != 2 || q.nth > 1:
			return false
		}
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("ETag", `"v2"`)
		w.Write(picture(t, 2)[:1000])
		w.(http.Flusher).Flush()
		close(midst)
		<-r.Context().Done()
		return true
	})
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "ILLUSTRIS_TEST_FOLDER="+dir, "ILLUSTRIS_TEST_ADDRESS="+a.URL)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-midst:
	case <-time.After(time.Minute):
		t.Error("the process does not download")
	}
	part := filepath.Join(dir, ".illustris", "Illustris-1_135_2.part")
	awaitSize(t, part, 1000)
	// Another download in the folder is refused as long as this one lives.
	_, err := Download(t.Context(), a.config(1), dir, nil)
	mustSay(t, err, "another download is going on")
	cmd.Process.Kill()
	cmd.Wait()

	p, err := Download(t.Context(), a.config(4, 1, 2), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Progress{Total: 3, Present: 1, Downloaded: 1, Missing: 1,
		Bytes: int64(len(picture(t, 2)) - 1000)}); p != want {
		t.Errorf("progress %+v, want %+v", p, want)
	}
	if len(a.of(4)) != 1 || len(a.of(1)) != 1 || a.of(2)[1].span != "bytes=1000-" {
		t.Errorf("asked %d times for what is missing, %d times for what was there, and for the "+
			"range %q", len(a.of(4)), len(a.of(1)), a.of(2)[1].span)
	}
	mustHave(t, dir, 1, 2)
}
