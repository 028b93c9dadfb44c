package illustris

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

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
		t.Errorf("progress %+v, the other host was asked %d times, error %q", p, len(elsewhere),
			err)
	}
	for _, h := range elsewhere {
		for name, values := range h {
			if strings.EqualFold(name, "api-key") ||
				strings.Contains(strings.Join(values, " "), testKey) {
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
		"location": "HTTP/1.1 302 Found\r\nLocation: http://[" + testKey +
			"\r\nContent-Length: 0\r\n\r\n",
		"host": "HTTP/1.1 302 Found\r\nLocation: ftp://" + testKey +
			"/\r\nContent-Length: 0\r\n\r\n",
		"body": "HTTP/1.1 500 " + testKey + "\r\nContent-Length: 32\r\n\r\n" + testKey,
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
		mustSay(t, err, "does not accept your key", strconv.Itoa(status),
			"https://www.tng-project.org/users/register/", "TNG_API_KEY")
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
	mustSay(t, err, "TNG_API_KEY is not set", path, "https://www.tng-project.org/users/register/",
		"chmod 600")

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
