package inception

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serve starts a server that answers with the handler, and says which file is expected of it:
// content.
func serve(t *testing.T, content string, handler http.HandlerFunc) weightsFile {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	sum := sha256.Sum256([]byte(content))
	return weightsFile{url: server.URL + "/" + FileName, size: int64(len(content)),
		sha256: hex.EncodeToString(sum[:])}
}

func TestFetch(t *testing.T) {
	content := strings.Repeat("weights ", 100_000)
	requests := 0
	w := serve(t, content, func(out http.ResponseWriter, _ *http.Request) {
		requests++
		out.Write([]byte(content))
	})
	dir := filepath.Join(t.TempDir(), "new")
	var last, total int64
	path, err := w.fetch(t.Context(), dir, func(done, all int64) {
		if done < last {
			t.Errorf("progress falls from %d to %d", last, done)
		}
		last, total = done, all
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != content {
		t.Errorf("%s differs from what was served: %v", path, err)
	}
	if last != w.size || total != w.size {
		t.Errorf("progress ends at %d of %d, want %d", last, total, w.size)
	}
	if _, err := w.fetch(t.Context(), dir, nil); err != nil || requests != 1 {
		t.Errorf("the second time: error %v, %d requests in all, want 1", err, requests)
	}
	if err := os.WriteFile(path, []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.fetch(t.Context(), dir, nil); err != nil || requests != 2 ||
		w.check(path) != nil {
		t.Errorf("with a spoilt file: error %v, %d requests in all, want 2", err, requests)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("the directory has %v, want one file", files)
	}
}

func TestFetchErrors(t *testing.T) {
	const content = "weights"
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name, want string
		ctx        context.Context
		handler    http.HandlerFunc
	}{
		{"another hash", "SHA-256", t.Context(), func(w http.ResponseWriter,
			_ *http.Request) {
			w.Write([]byte("WEIGHTS"))
		}},
		{"short", "3 bytes, not the 7", t.Context(), func(w http.ResponseWriter,
			_ *http.Request) {
			w.Write([]byte("wei"))
		}},
		{"long", "8 bytes, not the 7", t.Context(), func(w http.ResponseWriter,
			_ *http.Request) {
			w.Write([]byte("weights and more"))
		}},
		{"truncated", "after 3 of 7 bytes", t.Context(),
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "7")
				w.Write([]byte("wei"))
			}},
		{"not found", "404", t.Context(), http.NotFound},
		{"canceled", "canceled", canceled, http.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := serve(t, content, c.handler)
			dir := t.TempDir()
			_, err := w.fetch(c.ctx, dir, nil)
			// The error helps: what went wrong, where the file is, where it belongs.
			for _, want := range []string{c.want, w.url, filepath.Join(dir, FileName)} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
			if files, _ := os.ReadDir(dir); len(files) != 0 {
				t.Errorf("the directory keeps %v", files)
			}
		})
	}
	t.Run("no network", func(t *testing.T) {
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		w := weightsFile{url: server.URL, size: 1}
		if _, err := w.fetch(t.Context(), t.TempDir(), nil); err == nil ||
			!strings.Contains(err.Error(), "put it at") {
			t.Errorf("got error %v, want one that says where to put the file", err)
		}
	})
}

func TestLoadErrors(t *testing.T) {
	if _, err := Load(nil, filepath.Join(t.TempDir(), FileName)); err == nil ||
		!strings.Contains(err.Error(), official.url) {
		t.Errorf("a missing file gives the error %v, want one that says where to get it", err)
	}
	if _, err := Load(nil, "testdata/zip.pth"); err == nil ||
		!strings.Contains(err.Error(), "not the 95628359") {
		t.Errorf("another file gives the error %v, want one with the size that is expected", err)
	}
}
