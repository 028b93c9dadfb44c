package illustris

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const testKey = "0123456789abcdef0123456789abcdef"

// picture is a PNG of random pixels, so that it is of some kilobytes.
func picture(t testing.TB, seed int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(seed), 1))
	im := image.NewRGBA(image.Rect(0, 0, 32, 32))
	for y := range 32 {
		for x := range 32 {
			im.Set(x, y,
				color.RGBA{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256)), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// request is what the archive was asked.
type request struct {
	id            int // -1 for the list
	query         string
	span, version string // Range, If-Range
	key           string
	at            time.Time
	nth           int // of this image, from 1
}

// archive is a server with the paths of the real one, which behaves well unless a test says
// otherwise.
type archive struct {
	*httptest.Server
	t *testing.T
	// misbehave answers a request for an image, or returns false to have it answered well.
	misbehave func(w http.ResponseWriter, r *http.Request, q request) bool

	mu       sync.Mutex
	requests []request
	stop     chan struct{} // closed at the end, for handlers that hang
}

func newArchive(t *testing.T,
	misbehave func(http.ResponseWriter, *http.Request, request) bool) *archive {
	t.Helper()
	t.Setenv("TNG_API_KEY", testKey)
	a := &archive{t: t, misbehave: misbehave, stop: make(chan struct{})}
	a.Server = httptest.NewServer(a)
	t.Cleanup(func() {
		close(a.stop)
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/Illustris-1/snapshots/135/subhalos/")
	number, image := strings.CutSuffix(rest, "/stellar_mocks/image_subhalo.png")
	id, err := strconv.Atoi(number)
	if !ok || (image && err != nil) || (!image && rest != "") {
		http.NotFound(w, r)
		return
	}
	if !image {
		id = -1
	}
	q := request{id: id, query: r.URL.RawQuery, span: r.Header.Get("Range"),
		version: r.Header.Get("If-Range"),
		key:     r.Header.Get("Api-Key"), at: time.Now()}
	a.mu.Lock()
	q.nth = 1
	for _, old := range a.requests {
		if old.id == id {
			q.nth++
		}
	}
	a.requests = append(a.requests, q)
	a.mu.Unlock()
	if q.key != testKey {
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	}
	if a.misbehave != nil && a.misbehave(w, r, q) {
		return
	}
	servePicture(w, r, picture(a.t, id), fmt.Sprintf(`"v%d"`, id))
}

func servePicture(w http.ResponseWriter, r *http.Request, data []byte, tag string) {
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// cut sends the first n bytes of what is said to be the whole, and breaks the connection.
func cut(w http.ResponseWriter, data []byte, n int, header ...string) {
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	for i := 0; i < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
	w.Write(data[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func (a *archive) of(id int) (out []request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.requests {
		if q.id == id {
			out = append(out, q)
		}
	}
	return out
}

func (a *archive) config(ids ...int) Config {
	return Config{IDs: ids, Address: a.URL, firstWait: time.Millisecond}
}

// mustHave checks that the folder has these images of the archive, and no other file.
func mustHave(t *testing.T, dir string, ids ...int) {
	t.Helper()
	var want []string
	for _, id := range ids {
		name := fmt.Sprintf("Illustris-1_135_%d.png", id)
		want = append(want, name)
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil ||
			!bytes.Equal(data, picture(t, id)) {
			t.Errorf("image %d is not as at the archive (%d bytes, error %v)", id, len(data), err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if !e.IsDir() {
			got = append(got, e.Name())
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the folder has %v, want %v", got, want)
	}
	// .version and .part, and missing.txt
	left, err := filepath.Glob(filepath.Join(dir, ".illustris", "*[nt]"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if !strings.HasSuffix(path, "missing.txt") {
			t.Errorf("%s was left behind", path)
		}
	}
}

// mustSay checks that an error tells all of this, and not the key.
func mustSay(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, part := range append(parts, "illustris: ") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error %q does not say %q", err, part)
		}
	}
	if strings.Contains(err.Error(), testKey) {
		t.Errorf("the error %q shows the key", err)
	}
}
