package main

import (
	"io"
	"reflect"
	"testing"

	"galdecon/kernels/internal/sessiontest"
	"galdecon/kernels/session/internal/wire"
)

// Galaxies that come in parts are put together with all their names and scales; parts that don't
// fit are refused.
func TestReceive(t *testing.T) {
	galaxies := sessiontest.Galaxies()
	galaxies.Objects, galaxies.Scale = make([]string, galaxies.N), make([]float64, galaxies.N)
	for i := range galaxies.N {
		galaxies.Objects[i], galaxies.Scale[i] = galaxies.ID(i/2), float64(1+i)
	}
	sent := func(parts ...wire.TrainRequest) func() (wire.TrainRequest, error) {
		return func() (part wire.TrainRequest, err error) {
			if len(parts) == 0 {
				return part, io.EOF
			}
			part, parts = parts[0], parts[1:]
			return part, nil
		}
	}
	first := func() wire.TrainRequest {
		return wire.TrainRequest{Dir: "dir", Galaxies: galaxies.Select(0, 1, 2)}
	}
	whole, err := receive(sent(first(), wire.TrainRequest{Galaxies: galaxies.Select(3, 4, 5, 6)},
		wire.TrainRequest{Galaxies: galaxies.Select(7)}))
	if err != nil || whole.Dir != "dir" || !reflect.DeepEqual(whole.Galaxies, galaxies) {
		t.Errorf("put together are %+v, error %v; want %+v", whole.Galaxies, err, galaxies)
	}
	other := galaxies.Select(7)
	other.Height, other.Width = other.Width/2, other.Height*2
	for what, parts := range map[string][]wire.TrainRequest{
		"nothing": nil, "no galaxies": {{Dir: "dir"}}, "a part without galaxies": {first(), {}},
		"another shape": {first(), {Galaxies: other}},
	} {
		if _, err := receive(sent(parts...)); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
