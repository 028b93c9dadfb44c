// Package devicetest holds what tests of several packages share that compute on a device.
package devicetest

import (
	"testing"

	"github.com/gomlx/compute"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/psf"
)

// Device returns the default backend.
func Device(t testing.TB) compute.Backend {
	t.Helper()
	b, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Gaussian returns a round Gaussian PSF.
func Gaussian(t testing.TB, size int, sigma float64) psf.PSF {
	t.Helper()
	p, err := psf.Gaussian{Sigma: sigma}.Render(size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
