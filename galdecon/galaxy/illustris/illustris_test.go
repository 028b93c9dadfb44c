package illustris

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
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
			im.Set(x, y, color.RGBA{uint8(rng.IntN(256)), uint8(rng.IntN(256)), uint8(rng.IntN(256)), 255})
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

// archive is a server with the paths of the real one, which behaves well unless a test says otherwise.
type archive struct {
	*httptest.Server
	t *testing.T
	// misbehave answers a request for an image, or returns false to have it answered well.
	misbehave func(w http.ResponseWriter, r *http.Request, q request) bool

	mu       sync.Mutex
	requests []request
	stop     chan struct{} // closed at the end, for handlers that hang
}

func newArchive(t *testing.T, misbehave func(http.ResponseWriter, *http.Request, request) bool) *archive {
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
	q := request{id: id, query: r.URL.RawQuery, span: r.Header.Get("Range"), version: r.Header.Get("If-Range"),
		key: r.Header.Get("Api-Key"), at: time.Now()}
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
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(data, picture(t, id)) {
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
	left, err := filepath.Glob(filepath.Join(dir, ".illustris", "*[nt]")) // .version and .part, and missing.txt
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

func TestDownloadsAListAndIsResumed(t *testing.T) {
	// Three pages; the links are http, and to a host that must not be asked.
	pages := map[string]string{
		"limit=1000&mass_stars__gt=0.5&order_by=-mass_stars": `{"count": 7, "next": "http://elsewhere.invalid/api/x?offset=3", "results": [{"id": 9, "mass_log_msun": 11.2}, {"id": 4}, {"id": 30}]}`,
		"offset=3": `{"next": "http://elsewhere.invalid/?offset=6", "results": [{"id": 5}, {"id": 6}, {"id": 9}]}`,
		"offset=6": `{"next": null, "results": [{"id": 8}]}`,
	}
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		switch {
		case q.id == -1 && q.query == "offset=3" && q.nth == 2:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case q.id == -1:
			body, ok := pages[q.query]
			if !ok {
				http.Error(w, "bad query", http.StatusBadRequest)
				break
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, body)
		case q.id == 4 || q.id == 8:
			http.NotFound(w, r)
		default:
			return false
		}
		return true
	})
	dir := filepath.Join(t.TempDir(), "new", "folder")
	c := a.config()
	c.MinMass = 0.5
	var reports []Progress
	p, err := Download(t.Context(), c, dir, func(p Progress) { reports = append(reports, p) })
	if err != nil {
		t.Fatal(err)
	}
	size := len(picture(t, 9)) + len(picture(t, 30)) + len(picture(t, 5)) + len(picture(t, 6))
	if want := (Progress{Total: 6, Downloaded: 4, Missing: 2, Retries: 1, Bytes: int64(size)}); p != want {
		t.Errorf("progress %+v, want %+v", p, want)
	}
	mustHave(t, dir, 9, 30, 5, 6)
	if len(reports) < 7 || reports[len(reports)-1] != p {
		t.Errorf("%d reports, the last of them %+v, want one at the start and one an image, the last %+v", len(reports), reports[len(reports)-1], p)
	}
	for i := range reports[1:] {
		if reports[i+1].Downloaded < reports[i].Downloaded || reports[i+1].Bytes < reports[i].Bytes {
			t.Errorf("progress goes back from %+v to %+v", reports[i], reports[i+1])
		}
	}

	// Nothing is asked for again but the list; a picture that was lost is.
	asked := len(a.requests)
	if p, err = Download(t.Context(), c, dir, nil); err != nil || p != (Progress{Total: 6, Present: 4, Missing: 2}) {
		t.Errorf("the second run gives %+v, %v", p, err)
	}
	if n := len(a.requests) - asked; n != 3 {
		t.Errorf("the second run made %d requests, want the 3 pages of the list", n)
	}
	if err := os.Remove(filepath.Join(dir, "Illustris-1_135_30.png")); err != nil {
		t.Fatal(err)
	}
	// A line that was cut off by a kill counts for nothing, nor does it spoil the others.
	missing := filepath.Join(dir, ".illustris", "missing.txt")
	if err := os.WriteFile(missing, []byte("Illustris-1_135_4\nIllustris-1_135_8"), 0o666); err != nil {
		t.Fatal(err)
	}
	if p, err = Download(t.Context(), c, dir, nil); err != nil || p.Present != 3 || p.Downloaded != 1 || p.Missing != 2 || len(a.of(8)) != 2 || len(a.of(4)) != 1 {
		t.Errorf("the third run gives %+v, %v; subhalo 8 was asked for %d times, want 2, subhalo 4 %d times, want 1", p, err, len(a.of(8)), len(a.of(4)))
	}
	// All IDs are there, so neither the archive nor the key is needed.
	t.Setenv("TNG_API_KEY", "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	asked = len(a.requests)
	if p, err = Download(t.Context(), a.config(9, 5, 9, 4), dir, nil); err != nil || p != (Progress{Total: 3, Present: 2, Missing: 1}) || len(a.requests) != asked {
		t.Errorf("a folder that is complete gives %+v, %v, with %d requests", p, err, len(a.requests)-asked)
	}
}

func TestListIsLimited(t *testing.T) {
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		if q.id != -1 {
			return false
		}
		fmt.Fprintf(w, `{"next": "/?offset=%d", "results": [{"id": %d}, {"id": %d}]}`, q.nth, 2*q.nth, 2*q.nth+1)
		return true
	})
	c, dir := a.config(), t.TempDir()
	c.Limit = 3
	if _, err := Download(t.Context(), c, dir, nil); err != nil {
		t.Fatal(err)
	}
	mustHave(t, dir, 2, 3, 4)
	if n := len(a.of(-1)); n != 2 {
		t.Errorf("%d pages were asked for, want the 2 that are needed", n)
	}
}

func TestBadLists(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"html", "<html>maintenance", "not a whole list"},
		{"cut off", `{"next": null, "results": [{"id": 1}`, "not a whole list"},
		{"empty", `{"next": null, "results": []}`, "lists no subhalos of Illustris-1, snapshot 135"},
		{"circle", `{"next": "?limit=1000&mass_stars__gt=0.35&order_by=-mass_stars", "results": [{"id": 1}]}`, "nowhere new"},
		{"negative", `{"next": null, "results": [{"id": -3}]}`, "number -3"},
		{"text for a number", `{"next": null, "results": [{"id": "../x"}]}`, "not a whole list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
				fmt.Fprint(w, test.body)
				return true
			})
			dir := t.TempDir()
			_, err := Download(t.Context(), a.config(), dir, nil)
			mustSay(t, err, test.want)
			mustHave(t, dir)
		})
	}
}

// TestRepeats has the first answer spoilt in each way that passes.
func TestRepeats(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	status := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) { http.Error(w, testKey, code) }
	}
	for name, spoil := range map[string]func(http.ResponseWriter, *http.Request){
		"too many requests":   status(http.StatusTooManyRequests),
		"request timeout":     status(http.StatusRequestTimeout),
		"internal error":      status(http.StatusInternalServerError),
		"bad gateway":         status(http.StatusBadGateway),
		"service unavailable": status(http.StatusServiceUnavailable),
		"gateway timeout":     status(http.StatusGatewayTimeout),
		"hangs before":        hang,
		"hangs within": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Write(picture(t, 7)[:100])
			w.(http.Flusher).Flush()
			hang(w, r)
		},
		"connection broken": func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) },
		"body broken":       func(w http.ResponseWriter, r *http.Request) { cut(w, picture(t, 7), 1000) },
		"chunks broken": func(w http.ResponseWriter, r *http.Request) {
			w.Write(picture(t, 7)[:1000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"cut off, said to be whole": func(w http.ResponseWriter, r *http.Request) {
			servePicture(w, r, picture(t, 7)[:1000], `"short"`)
		},
		"empty": func(w http.ResponseWriter, r *http.Request) { servePicture(w, r, nil, `"empty"`) },
		"a web page": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>please log in</html>")
		},
		"a web page called a picture": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			fmt.Fprint(w, "<html>please log in</html>")
		},
		"a bit turned": func(w http.ResponseWriter, r *http.Request) {
			data := picture(t, 7)
			data[len(data)/2] ^= 1
			servePicture(w, r, data, `"damaged"`)
		},
		"a range that nobody asked for": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(picture(t, 7))-1, len(picture(t, 7))))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(picture(t, 7))
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
				if q.nth == 1 {
					spoil(w, r)
				}
				return q.nth == 1
			})
			c, dir := a.config(7), t.TempDir()
			c.timeout = 10 * time.Second
			if strings.HasPrefix(name, "hangs") {
				c.timeout = 200 * time.Millisecond
			}
			p, err := Download(t.Context(), c, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.Downloaded != 1 || p.Retries != 1 || len(a.of(7)) != 2 {
				t.Errorf("progress %+v after %d requests, want 1 downloaded with 1 retry", p, len(a.of(7)))
			}
			mustHave(t, dir, 7)
		})
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	var until time.Time // whole seconds, as in the header
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		if q.nth > 1 {
			return false
		}
		if q.id == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		} else {
			until = time.Now().Add(2 * time.Second).Truncate(time.Second)
			w.Header().Set("Retry-After", until.UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return true
	})
	dir := t.TempDir()
	if p, err := Download(t.Context(), a.config(1, 2), dir, nil); err != nil || p.Downloaded != 2 || p.Retries != 2 {
		t.Fatalf("progress %+v, %v", p, err)
	}
	mustHave(t, dir, 1, 2)
	if q := a.of(1); q[1].at.Sub(q[0].at) < time.Second {
		t.Errorf("asked again after %v, want 1 s or more", q[1].at.Sub(q[0].at))
	}
	if q := a.of(2); q[1].at.Before(until) {
		t.Errorf("asked again %v too early", until.Sub(q[1].at))
	}
}

func TestRetryAfterForms(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"0", 0, true}, {"120", 2 * time.Minute, true},
		{"Wed, 01 May 2024 12:00:30 GMT", 30 * time.Second, true},
		{"Wed, 01 May 2024 11:00:00 GMT", 0, true}, // past
		{"Wednesday, 01-May-24 12:01:00 GMT", time.Minute, true},
		{"", 0, false}, {"-3", 0, false}, {"1.5", 0, false}, {"soon", 0, false}, {"99999999999999999999", 0, false},
	} {
		if got, ok := retryAfter(test.value, now); ok != test.ok || ok && got != test.want {
			t.Errorf("Retry-After %q is %v, %v; want %v, %v", test.value, got, ok, test.want, test.ok)
		}
	}
}

func TestAskedToWaitTooLong(t *testing.T) {
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	})
	p, err := Download(t.Context(), a.config(1), t.TempDir(), nil)
	mustSay(t, err, "subhalo 1", "429 Too Many Requests", "retry after 24h")
	if p.Failed != 1 || len(a.of(1)) != 1 {
		t.Errorf("progress %+v after %d requests, want 1 failed after 1", p, len(a.of(1)))
	}
}

func TestOneBrokenImageDoesNotStopTheOthers(t *testing.T) {
	broken := true
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		if !broken || q.id != 2 && q.id != 3 {
			return false
		}
		w.WriteHeader(map[int]int{2: http.StatusInternalServerError, 3: http.StatusTeapot}[q.id])
		return true
	})
	dir := t.TempDir()
	p, err := Download(t.Context(), a.config(1, 2, 3, 4), dir, nil)
	mustSay(t, err, "2 of 4 images", "run it again")
	if want := (Progress{Total: 4, Downloaded: 2, Failed: 2, Retries: 5, Bytes: p.Bytes}); p != want {
		t.Errorf("progress %+v, want %+v", p, want)
	}
	if len(a.of(2)) != 6 || len(a.of(3)) != 1 {
		t.Errorf("asked %d times for what fails for a while and %d times for what fails for good, want 6 and 1", len(a.of(2)), len(a.of(3)))
	}
	mustHave(t, dir, 1, 4)
	broken = false
	if p, err = Download(t.Context(), a.config(1, 2, 3, 4), dir, nil); err != nil || p.Present != 2 || p.Downloaded != 2 {
		t.Errorf("the next run gives %+v, %v", p, err)
	}
	mustHave(t, dir, 1, 2, 3, 4)
}

func TestFolderCannotBeWritten(t *testing.T) {
	a := newArchive(t, nil)
	c, dir := a.config(1, 2, 3), t.TempDir()
	c.Concurrency = 1
	if err := os.MkdirAll(filepath.Join(dir, ".illustris", "Illustris-1_135_1.part", "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	p, err := Download(t.Context(), c, dir, nil)
	mustSay(t, err, "stopped with 0 of 3", "Illustris-1_135_1.part")
	if len(a.requests) != 1 || p.Retries != 0 {
		t.Errorf("%d requests and %d retries for what no request will mend", len(a.requests), p.Retries)
	}
}

func TestArchiveOutOfReach(t *testing.T) {
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	c := a.config()
	for id := range 200 {
		c.IDs = append(c.IDs, id)
	}
	p, err := Download(t.Context(), c, t.TempDir(), nil)
	mustSay(t, err, "10 images failed one after the other", "502 Bad Gateway", "stopped with 0 of 200")
	if p.Failed < 10 || p.Failed > 13 {
		t.Errorf("stopped after %d failures, want 10, and those that were on their way", p.Failed)
	}
	a.Close()
	_, err = Download(t.Context(), c, t.TempDir(), nil)
	mustSay(t, err, "connection refused")
	if strings.Contains(err.Error(), "stellar_mocks") {
		t.Errorf("the error %q shows an address", err)
	}
}

func TestNoImages(t *testing.T) {
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		http.NotFound(w, r)
		return true
	})
	dir := t.TempDir()
	p, err := Download(t.Context(), a.config(1, 2), dir, nil)
	mustSay(t, err, "no image for any of 2", "missing.txt")
	if p.Missing != 2 || len(a.of(1)) != 1 {
		t.Errorf("progress %+v after %d requests, want 2 missing after 1 request each", p, len(a.of(1)))
	}
	c := a.config()
	c.Simulation = "Illustris-9"
	_, err = Download(t.Context(), c, dir, nil)
	mustSay(t, err, "no simulation Illustris-9 with a snapshot 135")
}

// TestBrokenOffIsContinued breaks the first answer off after 1000 bytes, and has the second one be of each kind.
func TestBrokenOffIsContinued(t *testing.T) {
	const id, n = 7, 1000
	whole := picture(t, id)
	part := func(w http.ResponseWriter, from int, data []byte, header ...string) {
		w.Header().Set("Content-Type", "image/png")
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[from:])
	}
	old := time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)
	fresh := time.Now().UTC().Format(http.TimeFormat)
	for _, test := range []struct {
		name    string
		version []string // header of the first answer
		second  func(http.ResponseWriter, *http.Request)
		ifRange string // of the second request, which has a range just where this isn't empty
		ranges  string // Range of all requests
		bytes   int    // received in all
	}{
		{"range", []string{"ETag", `"v7"`}, nil, `"v7"`, ",bytes=1000-", len(whole)},
		{"range, broken off twice", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", n, len(whole)-1, len(whole)))
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Content-Length", strconv.Itoa(len(whole)-n))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(whole[n : n+500])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, `"v7"`, ",bytes=1000-,bytes=1500-", len(whole)},
		{"range, less than asked for", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", n, n+499, len(whole)))
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(whole[n : n+500])
		}, `"v7"`, ",bytes=1000-,bytes=1500-", len(whole)},
		{"range, of unknown size, without version", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			part(w, n, whole, "Content-Range", fmt.Sprintf("bytes %d-%d/*", n, len(whole)-1))
		}, `"v7"`, ",bytes=1000-", len(whole)},
		{"range by date", []string{"Last-Modified", old}, func(w http.ResponseWriter, r *http.Request) {
			part(w, n, whole, "Last-Modified", old)
		}, old, ",bytes=1000-", len(whole)},
		{"no ranges", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Write(whole)
		}, `"v7"`, ",bytes=1000-", n + len(whole)},
		{"not satisfiable", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}, `"v7"`, ",bytes=1000-,", n + len(whole)},
		{"changed in between", []string{"ETag", `"v6"`}, nil, `"v6"`, ",bytes=1000-", n + len(whole)},
		{"changed, and If-Range ignored", []string{"ETag", `"v6"`}, func(w http.ResponseWriter, r *http.Request) {
			part(w, n, whole, "ETag", `"v7"`)
		}, `"v6"`, ",bytes=1000-,", n + len(whole)},
		{"changed, If-Range ignored, no version", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			part(w, n, picture(t, 8))
		}, `"v7"`, ",bytes=1000-,", len(picture(t, 8)) + len(whole)},
		{"another place", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			part(w, n-10, whole, "ETag", `"v7"`)
		}, `"v7"`, ",bytes=1000-,", n + len(whole)},
		{"no place", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(whole[n:])
		}, `"v7"`, ",bytes=1000-,", n + len(whole)},
		{"a web page", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>maintenance</html>")
		}, `"v7"`, ",bytes=1000-,bytes=1000-", len(whole)},
		{"weak version", []string{"ETag", `W/"v7"`}, nil, "", ",", n + len(whole)},
		{"version too young", []string{"Last-Modified", fresh}, nil, "", ",", n + len(whole)},
		{"no version", nil, nil, "", ",", n + len(whole)},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
				switch {
				case q.nth == 1:
					cut(w, whole, n, test.version...)
				case q.nth == 2 && test.second != nil:
					test.second(w, r)
				default:
					return false
				}
				return true
			})
			dir := t.TempDir()
			p, err := Download(t.Context(), a.config(id), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			mustHave(t, dir, id)
			var ranges []string
			for _, q := range a.of(id) {
				ranges = append(ranges, q.span)
			}
			if got := strings.Join(ranges, ","); got != test.ranges {
				t.Errorf("asked for the ranges %q, want %q", got, test.ranges)
			}
			if got := a.of(id)[1].version; got != test.ifRange {
				t.Errorf("asked with If-Range %q, want %q", got, test.ifRange)
			}
			if p.Bytes != int64(test.bytes) {
				t.Errorf("received %d bytes, want %d", p.Bytes, test.bytes)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	// A valid header of a picture of 2³⁰ pixels; a decoder that believed it would ask for 4 GiB.
	claim := slices.Clone(picture(t, 1)[:33])
	copy(claim[16:24], []byte{0, 0, 0x80, 0, 0, 0, 0x80, 0})
	sum := crc32.ChecksumIEEE(claim[12:29])
	copy(claim[29:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		w.Header().Set("Content-Type", "image/png")
		if q.id == 1 {
			w.Write(claim)
			return true
		}
		for zeros := make([]byte, 1<<20); ; {
			if _, err := w.Write(zeros); err != nil {
				return true
			}
		}
	})
	dir := t.TempDir()
	p, err := Download(t.Context(), a.config(1), dir, nil)
	mustSay(t, err, "32768 x 32768 pixels")
	if p.Retries != 0 {
		t.Errorf("%d retries of what is no picture for good", p.Retries)
	}
	_, err = Download(t.Context(), a.config(2), dir, nil)
	mustSay(t, err, "larger than 32 MiB")
	mustHave(t, dir)
}

func TestKeyStaysAtTheArchive(t *testing.T) {
	const token = "a-token-of-the-data-server"
	var mu sync.Mutex
	var elsewhere []http.Header
	refuse := false
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		elsewhere = append(elsewhere, r.Header.Clone())
		mu.Unlock()
		if refuse || r.URL.Query().Get("token") != token {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		servePicture(w, r, picture(t, 7), `"v7"`)
	}))
	defer other.Close()
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		switch {
		case q.id == 7:
			http.Redirect(w, r, other.URL+"/x.png?token="+token, http.StatusFound)
		case q.id == 5 && q.query == "":
			http.Redirect(w, r, r.URL.Path+"?again=1", http.StatusMovedPermanently)
		case q.id == 4:
			http.Redirect(w, r, "http://images.invalid/x.png?token="+token, http.StatusFound)
		case q.id == 3:
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		default:
			return false
		}
		return true
	})
	dir := t.TempDir()
	if _, err := Download(t.Context(), a.config(7, 5), dir, nil); err != nil {
		t.Fatal(err)
	}
	mustHave(t, dir, 7, 5)
	if len(elsewhere) != 1 {
		t.Fatalf("the other host was asked %d times, want once", len(elsewhere))
	}
	refuse = true
	p, err := Download(t.Context(), a.config(7), t.TempDir(), nil)
	mustSay(t, err, "403 Forbidden", "the key is not sent there")
	if p.Failed != 1 || len(elsewhere) != 7 || strings.Contains(err.Error(), token) {
		t.Errorf("progress %+v, the other host was asked %d times, error %q", p, len(elsewhere), err)
	}
	for _, h := range elsewhere {
		for name, values := range h {
			if strings.EqualFold(name, "api-key") || strings.Contains(strings.Join(values, " "), testKey) {
				t.Errorf("the other host was sent %s: %v", name, values)
			}
		}
	}
	_, err = Download(t.Context(), a.config(4), t.TempDir(), nil)
	mustSay(t, err, "images.invalid without https")
	if len(a.of(4)) != 1 || strings.Contains(err.Error(), token) {
		t.Errorf("asked %d times, error %q", len(a.of(4)), err)
	}
	_, err = Download(t.Context(), a.config(3), t.TempDir(), nil)
	mustSay(t, err, "without end")
}

// TestKeyIsNotRepeated has the archive give the key back in what errors of the network quote.
func TestKeyIsNotRepeated(t *testing.T) {
	for name, answer := range map[string]string{
		"status":   "HTTP/1.1 " + testKey + " x\r\n\r\n",
		"protocol": testKey + "\r\n\r\n",
		"length":   "HTTP/1.1 200 OK\r\nContent-Length: " + testKey + "x\r\n\r\n",
		"location": "HTTP/1.1 302 Found\r\nLocation: http://[" + testKey + "\r\nContent-Length: 0\r\n\r\n",
		"host":     "HTTP/1.1 302 Found\r\nLocation: ftp://" + testKey + "/\r\nContent-Length: 0\r\n\r\n",
		"body":     "HTTP/1.1 500 " + testKey + "\r\nContent-Length: 32\r\n\r\n" + testKey,
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return true
				}
				fmt.Fprint(conn, answer)
				conn.Close()
				return true
			})
			_, err := Download(t.Context(), a.config(1), t.TempDir(), nil)
			mustSay(t, err, "1 of 1 images")
		})
	}
}

func TestKeyRefused(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
			http.Error(w, r.Header.Get("Api-Key"), status)
			return true
		})
		c := a.config(1, 2, 3, 4, 5)
		c.Concurrency = 1
		_, err := Download(t.Context(), c, t.TempDir(), nil)
		mustSay(t, err, "does not accept your key", strconv.Itoa(status), "https://www.tng-project.org/users/register/", "TNG_API_KEY")
		if len(a.requests) != 1 {
			t.Errorf("the key was tried %d times, want once", len(a.requests))
		}
		_, err = Download(t.Context(), Config{Address: a.URL}, t.TempDir(), nil)
		mustSay(t, err, "does not accept your key")
	}
}

func TestKey(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("TNG_API_KEY", "")
	path := filepath.Join(config, "galdecon", "tng_api_key")
	_, err := Key()
	mustSay(t, err, "TNG_API_KEY is not set", path, "https://www.tng-project.org/users/register/", "chmod 600")

	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(testKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := Key(); err != nil || key != testKey {
		t.Errorf("the file gives %q, %v", key, err)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o660, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Key()
		mustSay(t, err, fmt.Sprintf("%04o", mode), "chmod 600 "+path)
	}
	// The variable comes first, so the file, open to all, isn't looked at.
	t.Setenv("TNG_API_KEY", " fedcba98 ")
	if key, err := Key(); err != nil || key != "fedcba98" {
		t.Errorf("the variable gives %q, %v", key, err)
	}
	for _, bad := range []string{testKey + " x", testKey + "\r\nX-Evil: 1", testKey + "é"} {
		t.Setenv("TNG_API_KEY", bad)
		_, err := Key()
		mustSay(t, err, "in TNG_API_KEY", "unusual characters")
	}
	t.Setenv("TNG_API_KEY", "")
	if err := os.WriteFile(path, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Key()
	mustSay(t, err, path, "empty")
	_, err = Download(t.Context(), Config{IDs: []int{1}}, t.TempDir(), nil)
	mustSay(t, err, path, "empty")
}

func TestConfigIsChecked(t *testing.T) {
	a := newArchive(t, nil)
	for want, c := range map[string]Config{
		"not the name of a simulation":          {Simulation: "../../etc"},
		"snapshot and limit must be at least 0": {Snapshot: -1},
		"got 135 and -2":                        {Limit: -2},
		"between 1 and 16":                      {Concurrency: 17},
		"least stellar mass":                    {MinMass: -1},
		"numbered from 0":                       {IDs: []int{3, -1}},
		"is not https":                          {Address: "http://www.tng-project.org"},
		"http://127.0.0.1.example.org, is not":  {Address: "http://127.0.0.1.example.org"},
		"ftp://localhost, is not":               {Address: "ftp://localhost"},
		"a scheme and a host":                   {Address: "www.tng-project.org"},
		"without user":                          {Address: "https://me:" + testKey + "@www.tng-project.org"},
		"query or fragment":                     {Address: "https://www.tng-project.org?key=" + testKey},
	} {
		_, err := Download(t.Context(), c, filepath.Join(t.TempDir(), "x"), nil)
		mustSay(t, err, want)
	}
	_, err := Download(t.Context(), a.config(1), "", nil)
	mustSay(t, err, "name of the folder")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err = Download(t.Context(), a.config(1), file, nil)
	mustSay(t, err, "cannot make the folder")
	if len(a.requests) != 0 {
		t.Errorf("%d requests were made for configurations that can't work", len(a.requests))
	}
	for field := range reflect.TypeFor[Config]().Fields() {
		if field.IsExported() && strings.Contains(strings.ToLower(field.Name), "key") {
			t.Errorf("the configuration, which is stored and printed, has the field %s", field.Name)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wait sync.Once
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
	done := make(chan error, 1)
	var p Progress
	go func() {
		var err error
		p, err = Download(ctx, c, dir, func(p Progress) {
			if p.Downloaded == 2 && p.Retries == 1 {
				wait.Do(func() { time.AfterFunc(100*time.Millisecond, cancel) })
			}
		})
		done <- err
	}()
	select {
	case err := <-done:
		mustSay(t, err, "stopped with 2 of 6", "the next run goes on")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the error %v is not that of the context", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the download goes on after it was cancelled")
	}
	if p.Downloaded != 2 || p.Failed != 0 {
		t.Errorf("progress %+v, want 2 downloaded and none failed", p)
	}
	// What is there stays, and what was begun is continued.
	if p, err := Download(t.Context(), a.config(1, 2, 3), dir, nil); err != nil || p.Present != 2 || p.Downloaded != 1 {
		t.Errorf("the next run gives %+v, %v", p, err)
	}
	if q := a.of(3)[1]; q.span != "bytes=1000-" || q.version != `"v3"` {
		t.Errorf("the next run asked for the range %q of %q", q.span, q.version)
	}
	mustHave(t, dir, 1, 2, 3)

	cancelled, stop := context.WithCancelCause(t.Context())
	cause := errors.New("the cell was interrupted")
	stop(cause)
	asked := len(a.requests)
	if _, err := Download(cancelled, a.config(9), dir, nil); !errors.Is(err, cause) || len(a.requests) != asked {
		t.Errorf("a download that is cancelled from the start gives %v, with %d requests", err, len(a.requests)-asked)
	}
}

// TestKilled kills a process in the midst of a download, and of an image, and lets another go on.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("ILLUSTRIS_TEST_FOLDER"); dir != "" {
		Download(t.Context(), Config{IDs: []int{4, 1, 2}, Concurrency: 1, Address: os.Getenv("ILLUSTRIS_TEST_ADDRESS")}, dir, nil)
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
	for range 500 {
		if info, err := os.Stat(part); err == nil && info.Size() == 1000 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	// Another download in the folder is refused as long as this one lives.
	_, err := Download(t.Context(), a.config(1), dir, nil)
	mustSay(t, err, "another download is going on")
	cmd.Process.Kill()
	cmd.Wait()

	p, err := Download(t.Context(), a.config(4, 1, 2), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Progress{Total: 3, Present: 1, Downloaded: 1, Missing: 1, Bytes: int64(len(picture(t, 2)) - 1000)}); p != want {
		t.Errorf("progress %+v, want %+v", p, want)
	}
	if len(a.of(4)) != 1 || len(a.of(1)) != 1 || a.of(2)[1].span != "bytes=1000-" {
		t.Errorf("asked %d times for what is missing, %d times for what was there, and for the range %q", len(a.of(4)), len(a.of(1)), a.of(2)[1].span)
	}
	mustHave(t, dir, 1, 2)
}

func TestConcurrencyIsBounded(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		return false
	})
	c, dir := a.config(), t.TempDir()
	c.Concurrency = 3
	for id := range 30 {
		c.IDs = append(c.IDs, id)
	}
	reporting := false
	p, err := Download(t.Context(), c, dir, func(Progress) {
		if reporting {
			t.Error("two reports at a time")
		}
		reporting = true
		time.Sleep(time.Millisecond)
		reporting = false
	})
	if err != nil || p.Downloaded != 30 {
		t.Fatalf("progress %+v, %v", p, err)
	}
	if most < 2 || most > 3 {
		t.Errorf("up to %d images were asked for at a time, want 2 or 3", most)
	}
	mustHave(t, dir, c.IDs...)
}
