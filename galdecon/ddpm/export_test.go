package ddpm

import (
	"github.com/gomlx/gomlx/core/tensors"
)

// SharesExecutables tells whether both draw with the same executables, so that neither compiles
// what the other has compiled.
func (p *Generator) SharesExecutables(other *Generator) bool {
	return p.start == other.start && p.loop == other.loop && p.path == other.path &&
		p.finish == other.finish && p.restore == other.restore
}

// Restore gives normalized images back their units.
func (p *Generator) Restore(u *tensors.Tensor) (*tensors.Tensor, error) {
	return p.restore.Call1(u)
}

// Scales is the norm of errors that [Config.LookLoss] takes.
var Scales = scales

// ByLogSNR returns the times that LookLoss draws from.
func (s Schedule) ByLogSNR() []int32 { return s.byLogSNR() }
