// Package hometest has the home that tests run in.
package hometest

import (
	"testing"

	"galdecon/internal/console"
	"galdecon/internal/home"
)

// Installed sets up the developer's own home, in which all but the first test finds everything
// done, and returns it with the repository.
func Installed(t *testing.T) (h home.Home, repo string) {
	t.Helper()
	repo, err := home.FindRepo()
	if err != nil {
		t.Fatal(err)
	}
	if h, err = home.Open(); err != nil {
		t.Fatal(err)
	}
	if err := h.Setup(t.Context(), repo, console.NewLog(t.Output())); err != nil {
		t.Fatal(err)
	}
	return h, repo
}
