// Command probe opens the backend and adds two numbers on it. It is a program of its own for the
// doctor, who survives a plugin that takes its process down, and so that the galdecon command,
// which must start fast, is built without XLA.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/gomlx/gomlx/core/graph"

	"galdecon/galdecon/backend"
	"galdecon/internal/home"
)

func main() {
	found, err := probe(os.Getenv(home.BackendEnv))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(found)
}

// probe opens a backend, unless that takes an installation, and has it compile.
func probe(name string) (found string, err error) {
	path, err := backend.Plugin(name)
	if err != nil {
		return "", err
	}
	b, err := backend.OpenUncached(name)
	if err != nil {
		return "", err
	}
	sum, err := graph.CallOnce(b, func(x, y *graph.Node) *graph.Node { return graph.Add(x, y) },
		float32(40), float32(2))
	if err != nil {
		return "", fmt.Errorf("%s opens but doesn't compute: %w", path, err)
	}
	if sum.Value() != float32(42) {
		return "", fmt.Errorf("%s computes 40 + 2 = %v: choose another plugin with %s", path,
			sum.Value(), home.BackendEnv)
	}
	_, version, _ := strings.Cut(b.Description(), "("+path+") ")
	return strings.TrimSpace(fmt.Sprintf("%s, computes (%s)", version, path)), nil
}
