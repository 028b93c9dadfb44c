package home

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// own is the repository of this test.
func own(t *testing.T) string {
	t.Helper()
	t.Setenv(RepoEnv, "")
	repo, err := FindRepo()
	if err != nil || !IsRepo(repo) {
		t.Fatalf("FindRepo = %s, %v", repo, err)
	}
	return repo
}

// TestFindRepo checks how the repository is found: by GALDECON_REPO, by where the program was
// compiled, or by the go command.
func TestFindRepo(t *testing.T) {
	repo := own(t)
	const trimmed = "module/internal/home/repo.go" // as go build -trimpath notes it
	elsewhere := t.TempDir()
	t.Chdir(elsewhere)
	if got, err := FindRepo(); err != nil || got != repo {
		t.Errorf("from elsewhere: %s, %v; want %s", got, err, repo)
	}
	gone := filepath.Join(elsewhere, "gone", "internal", "home", "repo.go")
	for _, source := range []string{trimmed, gone} {
		got, err := findRepo(source)
		if err == nil {
			t.Fatalf("compiled from %s: %s, want an error", source, got)
		}
		for _, want := range []string{"go work init", RepoEnv} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("compiled from %s: error %q lacks %q", source, err, want)
			}
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("the error has several lines: %v", err)
		}
	}

	// A module of the user's own, in a workspace with the repository.
	if err := os.WriteFile("go.mod", []byte("module example.org/mine\n\ngo 1.26\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "work", "init", ".", repo).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := findRepo(trimmed); err != nil || got != repo {
		t.Errorf("in a workspace: %s, %v; want %s", got, err, repo)
	}
	if err := os.Remove("go.work"); err != nil {
		t.Fatal(err)
	}
	require := "\nrequire " + Package("") + " v0.0.0\n\nreplace " + Package("") + " => " + repo +
		"\n"
	if err := os.WriteFile("go.mod", []byte("module example.org/mine\n\ngo 1.26.5\n"+require),
		0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := findRepo(trimmed); err != nil || got != repo {
		t.Errorf("in a module that replaces it: %s, %v; want %s", got, err, repo)
	}

	t.Setenv(RepoEnv, repo)
	if got, err := findRepo(gone); err != nil || got != repo {
		t.Errorf("by %s: %s, %v", RepoEnv, got, err)
	}
	t.Setenv(RepoEnv, t.TempDir())
	if got, err := FindRepo(); err == nil || !strings.Contains(err.Error(), RepoEnv) {
		t.Errorf("%s names an empty directory: %s, %v; want an error", RepoEnv, got, err)
	}
}

// TestTools checks that what both tools.mod and go.mod pin for the kernel and its cells is the
// same, and that who requires the module gets none of the tools.
func TestTools(t *testing.T) {
	repo := own(t)
	read := func(name string) *modfile.File {
		text, err := os.ReadFile(filepath.Join(repo, name))
		if err != nil {
			t.Fatal(err)
		}
		file, err := modfile.Parse(name, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	version := func(file *modfile.File, module string) string {
		for _, r := range file.Require {
			if r.Mod.Path == module {
				return r.Mod.Version
			}
		}
		return ""
	}
	module, pinned := read("go.mod"), read(toolsMod)
	// The kernel, and what cells tell it by.
	gonb := tools["gonb"]
	if here, there := version(module, gonb), version(pinned, gonb); here != there || here == "" {
		t.Errorf("go.mod has %s %q, %s has %q", gonb, here, toolsMod, there)
	}
	if len(module.Tool) > 0 || len(pinned.Tool) == 0 {
		t.Errorf("go.mod has tools %v, %s has %v", module.Tool, toolsMod, pinned.Tool)
	}
	for _, tool := range []string{"golang.org/x/tools/gopls", "honnef.co/go/tools"} {
		if v := version(module, tool); v != "" || version(pinned, tool) == "" {
			t.Errorf("go.mod has %s %q; it belongs to %s", tool, v, toolsMod)
		}
	}
}

// TestForeignWorkspace builds a program below somebody else's go.work, with flags that go refuses
// in a workspace.
func TestForeignWorkspace(t *testing.T) {
	repo, dir := own(t), t.TempDir()
	work := filepath.Join(dir, "go.work")
	if err := os.WriteFile(work, []byte("go 1.26\n\nuse ./other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other", "go.mod"),
		[]byte("module example.org/other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOWORK", work)
	t.Setenv("GOFLAGS", "-buildvcs=false -mod=mod")
	h := Home{Dir: t.TempDir()}
	program, err := h.Program(t.Context(), repo, "kernels", "galdecon")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "--help").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	module, err := downloaded(t.Context(), repo, tools["gonb"])
	if err != nil || !strings.Contains(filepath.Base(module), "@") {
		t.Errorf("gonb's module is %q, %v", module, err)
	}
}
