package speed

import (
	"fmt"
	"slices"
	"strings"
)

// Ratio tells how a row compares with the same row of another run.
type Ratio struct {
	// Median of the ratios of the rounds, value here / value there, the k-th here to the k-th
	// there: where the rounds of two builds alternate, what disturbs the machine cancels. Low and
	// High are the lowest and the highest of them.
	Median, Low, High float64
	// Rounds is how many there are in both runs.
	Rounds int
}

// Against returns the ratios of the rows to the same rows of a stored run, nil for those which it
// doesn't have.
func (r Run) Against(stored Run) []*Ratio {
	all := make([]*Ratio, len(r.Rows))
	for i, here := range r.Rows {
		at := slices.IndexFunc(stored.Rows, here.same)
		if at < 0 {
			continue
		}
		there := stored.Rows[at]
		var ratios []float64
		for k := range min(len(here.Values), len(there.Values)) {
			ratios = append(ratios, here.Values[k]/there.Values[k])
		}
		all[i] = &Ratio{Rounds: len(ratios)}
		all[i].Median, all[i].Low, all[i].High = spread(ratios)
	}
	return all
}

// differences tells in what two setups differ, but for the time and the program.
func (s Setup) differences(there Setup) (all []string) {
	for _, f := range []struct {
		name        string
		here, there any
	}{
		{"device", s.Device, there.Device},
		{"plugin", s.Plugin, there.Plugin},
		{"processor", s.Processor, there.Processor},
		{"cores", s.Cores, there.Cores},
		{"devices of a training", s.Devices, there.Devices},
		{"XLA_FLAGS", s.Flags, there.Flags},
		{"versions", strings.Join(s.Versions, ", "), strings.Join(there.Versions, ", ")},
		{"build", s.Build, there.Build},
	} {
		if f.here != f.there {
			all = append(all, fmt.Sprintf("%s: %v here, %v there", f.name, f.here, f.there))
		}
	}
	return all
}

// beside says in what two setups differ.
func (s Setup) beside(there Setup) string {
	different := s.differences(there)
	if s.Program != there.Program {
		different = append(different, "the programs that measure are builds of different sources")
	}
	return strings.Join(different, "; ")
}
