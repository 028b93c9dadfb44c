package galdecon

import (
	"testing"
	"weak"

	"github.com/gomlx/gomlx/core/tensors"
)

// PixelScale is pixelScale.
var PixelScale = pixelScale

// Weight points to one of d's weights as long as it is in memory.
func (d *Model) Weight(t *testing.T) weak.Pointer[tensors.Tensor] {
	t.Helper()
	for v := range d.executables.scope.IterVariables() {
		return weak.Make(v.MustValue())
	}
	t.Fatal("a model without weights")
	panic("unreachable")
}
