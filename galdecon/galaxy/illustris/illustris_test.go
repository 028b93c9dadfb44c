package illustris

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

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
	if want := (Progress{Total: 6, Downloaded: 4, Missing: 2, Retries: 1,
		Bytes: int64(size)}); p != want {
		t.Errorf("progress %+v, want %+v", p, want)
	}
	mustHave(t, dir, 9, 30, 5, 6)
	if len(reports) < 7 || reports[len(reports)-1] != p {
		t.Errorf("%d reports, the last of them %+v, want one at the start and one an image, the "+
			"last %+v", len(reports), reports[len(reports)-1], p)
	}
	for i := range reports[1:] {
		if reports[i+1].Downloaded < reports[i].Downloaded ||
			reports[i+1].Bytes < reports[i].Bytes {
			t.Errorf("progress goes back from %+v to %+v", reports[i], reports[i+1])
		}
	}

	// Nothing is asked for again but the list; a picture that was lost is.
	asked := len(a.requests)
	if p, err = Download(t.Context(), c, dir, nil); err != nil ||
		p != (Progress{Total: 6, Present: 4, Missing: 2}) {
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
	if err := os.WriteFile(missing, []byte("Illustris-1_135_4\nIllustris-1_135_8"),
		0o666); err != nil {
		t.Fatal(err)
	}
	if p, err = Download(t.Context(), c, dir, nil); err != nil || p.Present != 3 ||
		p.Downloaded != 1 || p.Missing != 2 || len(a.of(8)) != 2 || len(a.of(4)) != 1 {
		t.Errorf("the third run gives %+v, %v; subhalo 8 was asked for %d times, want 2, subhalo "+
			"4 %d times, want 1", p, err, len(a.of(8)), len(a.of(4)))
	}
	// All IDs are there, so neither the archive nor the key is needed.
	t.Setenv("TNG_API_KEY", "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	asked = len(a.requests)
	if p, err = Download(t.Context(), a.config(9, 5, 9, 4), dir, nil); err != nil ||
		p != (Progress{Total: 3, Present: 2, Missing: 1}) || len(a.requests) != asked {
		t.Errorf("a folder that is complete gives %+v, %v, with %d requests", p, err,
			len(a.requests)-asked)
	}
}

func TestListIsLimited(t *testing.T) {
	a := newArchive(t, func(w http.ResponseWriter, r *http.Request, q request) bool {
		if q.id != -1 {
			return false
		}
		fmt.Fprintf(w,
			`{"next": "/?offset=%d", "results": [{"id": %d}, {"id": %d}]}`, q.nth, 2*q.nth, 2*q.nth+1)
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
		{"empty",
			`{"next": null, "results": []}`, "lists no subhalos of Illustris-1, snapshot 135"},
		{"circle",
			`{"next": "?limit=1000&mass_stars__gt=0.35&order_by=-mass_stars", "results": [{"id": 1}]}`, "nowhere new"},
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
	if want := (Progress{Total: 4, Downloaded: 2, Failed: 2, Retries: 5,
		Bytes: p.Bytes}); p != want {
		t.Errorf("progress %+v, want %+v", p, want)
	}
	if len(a.of(2)) != 6 || len(a.of(3)) != 1 {
		t.Errorf("asked %d times for what fails for a while and %d times for what fails for "+
			"good, want 6 and 1", len(a.of(2)), len(a.of(3)))
	}
	mustHave(t, dir, 1, 4)
	broken = false
	if p, err = Download(t.Context(), a.config(1, 2, 3, 4), dir, nil); err != nil ||
		p.Present != 2 || p.Downloaded != 2 {
		t.Errorf("the next run gives %+v, %v", p, err)
	}
	mustHave(t, dir, 1, 2, 3, 4)
}

func TestFolderCannotBeWritten(t *testing.T) {
	a := newArchive(t, nil)
	c, dir := a.config(1, 2, 3), t.TempDir()
	c.Concurrency = 1
	if err := os.MkdirAll(filepath.Join(dir, ".illustris", "Illustris-1_135_1.part", "x"),
		0o777); err != nil {
		t.Fatal(err)
	}
	p, err := Download(t.Context(), c, dir, nil)
	mustSay(t, err, "stopped with 0 of 3", "Illustris-1_135_1.part")
	if len(a.requests) != 1 || p.Retries != 0 {
		t.Errorf("%d requests and %d retries for what no request will mend", len(a.requests),
			p.Retries)
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
	mustSay(t, err, "10 images failed one after the other", "502 Bad Gateway",
		"stopped with 0 of 200")
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
		t.Errorf("progress %+v after %d requests, want 2 missing after 1 request each", p,
			len(a.of(1)))
	}
	c := a.config()
	c.Simulation = "Illustris-9"
	_, err = Download(t.Context(), c, dir, nil)
	mustSay(t, err, "no simulation Illustris-9 with a snapshot 135")
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
		"without user": {Address: "https://me:" + testKey +
			"@www.tng-project.org"},
		"query or fragment": {Address: "https://www.tng-project.org?key=" +
			testKey},
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
