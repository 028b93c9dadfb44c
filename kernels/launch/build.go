package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"galdecon/internal/home"
)

// hidden is the directory beside the cell's program for what differs from it. go doesn't see it,
// for the dot, and gonb removes it in the end.
const hidden = ".galdecon"

// patience is how long go may take to end after an interrupt.
const patience = 3 * time.Second

// build is "go build" for a cell, until an interrupt: it
//   - has the cell's main function defer [galdecon/kernels/failure.Explain],
//   - leaves out the symbol table, which halves the time that a cell takes to link, and
//   - doesn't print the name of gonb's module above the compiler's errors.
//
// It returns the exit status.
func build(goTool string, args []string) (status int, err error) {
	flags := []string{"build", "-ldflags=-s"}
	// A cell for the browser (%wasm) has no such failures to explain.
	if os.Getenv("GOOS") != "js" {
		overlay, err := explained("main.go")
		if err != nil {
			return 1, err
		}
		if overlay != "" {
			flags = append(flags, "-overlay="+overlay)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cmd := exec.CommandContext(ctx, goTool, append(flags, args...)...)
	// go removes what it has begun
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	for line := range bytes.Lines(out) {
		if !bytes.HasPrefix(line, []byte("# ")) {
			// gonb looks for its own main.go
			_, _ = os.Stdout.Write(bytes.ReplaceAll(line, []byte(hidden+string(filepath.Separator)),
				nil))
		}
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// explained writes, beside the main package in the current directory, the package with a main
// function that defers [galdecon/kernels/failure.Explain], line for line as it was, and an overlay
// that has go build take it. It returns the overlay's path, which is empty where there is no main
// function.
func explained(name string) (overlay string, err error) {
	code, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, code, parser.SkipObjectResolution)
	if err != nil {
		return "", nil // what is wrong with it the compiler says
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || f.Name.Name != "main" || f.Body == nil {
			continue
		}
		afterPackage, inMain := files.Position(file.Name.End()).Offset,
			files.Position(f.Body.Lbrace).Offset+1
		code = bytes.Join([][]byte{
			code[:afterPackage],
			fmt.Appendf(nil, "; import galdecon_failure %q", home.Package("kernels/failure")),
			code[afterPackage:inMain], []byte(" defer galdecon_failure.Explain();"),
			code[inMain:],
		}, nil)
		return writeOverlay(name, code)
	}
	return "", nil
}

// writeOverlay writes an overlay that has go build see other code in a file of the current
// directory.
func writeOverlay(name string, code []byte) (path string, err error) {
	original, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(original), hidden)
	changed, path := filepath.Join(dir, name), filepath.Join(dir, "overlay.json")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(changed, code, 0o644),
		os.WriteFile(path, overlay, 0o644)); err != nil {
		return "", fmt.Errorf("preparing the cell's program: %w", err)
	}
	return path, nil
}
