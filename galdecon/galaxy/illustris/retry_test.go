package illustris

import (
	"fmt"
	"hash/crc32"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

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
		"connection broken": func(w http.ResponseWriter,
			r *http.Request) {
			panic(http.ErrAbortHandler)
		},
		"body broken": func(w http.ResponseWriter,
			r *http.Request) {
			cut(w, picture(t, 7), 1000)
		},
		"chunks broken": func(w http.ResponseWriter, r *http.Request) {
			w.Write(picture(t, 7)[:1000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"cut off, said to be whole": func(w http.ResponseWriter, r *http.Request) {
			servePicture(w, r, picture(t, 7)[:1000], `"short"`)
		},
		"empty": func(w http.ResponseWriter,
			r *http.Request) {
			servePicture(w, r, nil, `"empty"`)
		},
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
			w.Header().Set("Content-Range",
				fmt.Sprintf("bytes 0-%d/%d", len(picture(t, 7))-1, len(picture(t, 7))))
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
			c.timeout = time.Minute
			if strings.HasPrefix(name, "hangs") {
				c.timeout = 2 * time.Second // the next attempt has no more
			}
			p, err := Download(t.Context(), c, dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.Downloaded != 1 || p.Retries != 1 || len(a.of(7)) != 2 {
				t.Errorf("progress %+v after %d requests, want 1 downloaded with 1 retry", p,
					len(a.of(7)))
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
	if p, err := Download(t.Context(), a.config(1, 2), dir, nil); err != nil || p.Downloaded != 2 ||
		p.Retries != 2 {
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
		{"", 0, false}, {"-3", 0, false}, {"1.5", 0, false}, {"soon", 0, false},
		{"99999999999999999999", 0, false},
	} {
		if got, ok := retryAfter(test.value, now); ok != test.ok || ok && got != test.want {
			t.Errorf("Retry-After %q is %v, %v; want %v, %v", test.value, got, ok, test.want,
				test.ok)
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

// TestBrokenOffIsContinued breaks the first answer off after 1000 bytes, and has the second one be
// of each kind.
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
		{"range, broken off twice",
			[]string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Range",
					fmt.Sprintf("bytes %d-%d/%d", n, len(whole)-1, len(whole)))
				w.Header().Set("Content-Type", "image/png")
				w.Header().Set("Content-Length", strconv.Itoa(len(whole)-n))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(whole[n : n+500])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}, `"v7"`, ",bytes=1000-,bytes=1500-", len(whole)},
		{"range, less than asked for",
			[]string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", n, n+499, len(whole)))
				w.Header().Set("Content-Type", "image/png")
				w.WriteHeader(http.StatusPartialContent)
				w.Write(whole[n : n+500])
			}, `"v7"`, ",bytes=1000-,bytes=1500-", len(whole)},
		{"range, of unknown size, without version",
			[]string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
				part(w, n, whole, "Content-Range", fmt.Sprintf("bytes %d-%d/*", n, len(whole)-1))
			}, `"v7"`, ",bytes=1000-", len(whole)},
		{"range by date", []string{"Last-Modified", old},
			func(w http.ResponseWriter, r *http.Request) {
				part(w, n, whole, "Last-Modified", old)
			}, old, ",bytes=1000-", len(whole)},
		{"no ranges", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Write(whole)
		}, `"v7"`, ",bytes=1000-", n + len(whole)},
		{"not satisfiable", []string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		}, `"v7"`, ",bytes=1000-,", n + len(whole)},
		{"changed in between",
			[]string{"ETag", `"v6"`}, nil, `"v6"`, ",bytes=1000-", n + len(whole)},
		{"changed, and If-Range ignored",
			[]string{"ETag", `"v6"`}, func(w http.ResponseWriter, r *http.Request) {
				part(w, n, whole, "ETag", `"v7"`)
			}, `"v6"`, ",bytes=1000-,", n + len(whole)},
		{"changed, If-Range ignored, no version",
			[]string{"ETag", `"v7"`}, func(w http.ResponseWriter, r *http.Request) {
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
