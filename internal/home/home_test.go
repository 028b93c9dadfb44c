package home_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/internal/console"
	"galdecon/internal/home"
)

// TestOpen checks where the home is.
func TestOpen(t *testing.T) {
	t.Setenv("GALDECON_HOME", "/somewhere/else")
	if h, err := home.Open(); err != nil || h.Dir != "/somewhere/else" {
		t.Errorf("with GALDECON_HOME: %v, %v", h, err)
	}
	t.Setenv("GALDECON_HOME", "")
	t.Setenv("XDG_DATA_HOME", "/data")
	if h, err := home.Open(); err != nil || h.Dir != "/data/galdecon" {
		t.Errorf("with XDG_DATA_HOME: %v, %v", h, err)
	}
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "")
	if h, err := home.Open(); err == nil || !strings.Contains(err.Error(), "GALDECON_HOME") {
		t.Errorf("without any: %v, %v; want an error that names GALDECON_HOME", h, err)
	}
}

// pythonScript puts a python3 on the PATH that is a shell script.
func pythonScript(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\n"+script),
		0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// TestBadMachines checks that each thing that may be wrong with a machine gives one clear error,
// and that what was half made then is not taken for done.
func TestBadMachines(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := home.FindRepo()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, h *home.Home)
		want  []string
	}{
		{"home that can't be written", func(t *testing.T, h *home.Home) {
			file := filepath.Join(h.Dir, "file")
			if err := os.WriteFile(file, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			h.Dir = filepath.Join(file, "home")
		}, []string{"cannot make galdecon's directory", "GALDECON_HOME"}},
		{"no Python", func(t *testing.T, _ *home.Home) {
			t.Setenv("PATH", t.TempDir())
		}, []string{"no python3 on the PATH", "3.10"}},
		{"old Python", func(t *testing.T, _ *home.Home) {
			pythonScript(t, "echo 3.8.10")
		}, []string{"Python 3.8.10", "too old", "3.10"}},
		{"broken Python", func(t *testing.T, _ *home.Home) {
			pythonScript(t, "exit 3")
		}, []string{"doesn't run as Python", "exit status 3"}},
		{"Python without venv", func(t *testing.T, _ *home.Home) {
			pythonScript(t,
				`case "$*" in *venv*) echo "ensurepip is not available" >&2; exit 1;; esac
exec `+python+` "$@"`)
		}, []string{"ensurepip is not available", "apt install python3-venv"}},
		{"no network", func(t *testing.T, _ *home.Home) {
			for name, value := range map[string]string{
				"PIP_CONFIG_FILE": os.DevNull, "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
				"PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "",
				"PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "1",
			} {
				t.Setenv(name, value)
			}
		}, []string{"pip could not install", "requirements.txt",
			"could not reach its package index", "run it again"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := home.Home{Dir: t.TempDir()}
			c.spoil(t, &h)
			err := h.Setup(t.Context(), repo, console.NewLog(t.Output()))
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			t.Log(err)
			if n := len(h.Pending(repo)); n != 5 {
				t.Errorf("%d parts pending, want all 5", n)
			}
			if dir, ok := h.SitePackages(); ok {
				t.Errorf("half-made Python packages in %s pass for ready", dir)
			}
		})
	}
}

// TestRegister checks what is put into Jupyter's directory for the user, and that another's is left
// alone there.
func TestRegister(t *testing.T) {
	data, repo := t.TempDir(), t.TempDir()
	t.Setenv("JUPYTER_DATA_DIR", data)
	h := home.Home{Dir: t.TempDir()}
	want := filepath.Join(data, "kernels", "galdecon", "kernel.json")
	if path, ok, err := h.Registered(repo); path != want || ok || err != nil {
		t.Errorf("before: %s, %v, %v; want %s, false", path, ok, err, want)
	}
	register := func(h home.Home) {
		t.Helper()
		if path, err := h.Register(repo); path != want || err != nil {
			t.Fatalf("Register = %s, %v; want %s", path, err, want)
		}
		if _, ok, err := h.Registered(repo); !ok || err != nil {
			t.Errorf("registered: %v, %v", ok, err)
		}
		raw, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		var spec struct {
			Argv     []string
			Language string
		}
		if err := json.Unmarshal(raw, &spec); err != nil || spec.Language != "go" {
			t.Fatalf("%v: %s", err, raw)
		}
		for i, arg := range spec.Argv {
			if dir := i == 0 ||
				strings.HasPrefix(spec.Argv[i-1], "--"); dir && !filepath.IsAbs(arg) {
				t.Errorf("%s isn't absolute in %v", arg, spec.Argv)
			}
		}
		if spec.Argv[0] != h.Bin("galdecon") {
			t.Errorf("it starts %s, want %s", spec.Argv[0], h.Bin("galdecon"))
		}
	}
	register(h)

	// One whose galdecon is gone is replaced, one whose galdecon is there is not.
	other := home.Home{Dir: t.TempDir()}
	register(other)
	if err := os.MkdirAll(filepath.Dir(other.Bin("galdecon")), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.Bin("galdecon"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Register(repo); err == nil ||
		!strings.Contains(err.Error(), other.Bin("galdecon")) ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("over another's: %v; want an error that names both", err)
	}
	if _, ok, err := other.Registered(repo); !ok || err != nil {
		t.Errorf("the other's is no longer there: %v, %v", ok, err)
	}

	for name, spoil := range map[string]string{"no kernelspec": "{", "file for directory": ""} {
		data := filepath.Join(t.TempDir(), "jupyter")
		t.Setenv("JUPYTER_DATA_DIR", data)
		file := filepath.Join(data, "kernels", "galdecon", "kernel.json")
		if spoil == "" {
			file = data
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(spoil), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Register(repo); err == nil {
			t.Errorf("%s: no error", name)
		}
		if left, err := os.ReadFile(file); err != nil || string(left) != spoil {
			t.Errorf("%s: it was changed to %q, %v", name, left, err)
		}
	}
}
