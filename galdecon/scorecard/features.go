package scorecard

import (
	"context"
	"errors"
	"path/filepath"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/score/inception"
	"galdecon/internal/home"
)

// networkSeed is that of Inception's random weights.
const networkSeed = 1

// Inception makes the features of the paper's variance: with the "official" weights, which are
// downloaded once into the user's directory of galdecon (96 MB; progress, if not nil, is told the
// bytes so far and of all), with those in a file, by its path, or with "random" ones, whose figures
// compare methods with each other but not with the paper. "none" are no features.
func Inception(
	ctx context.Context, weights string, progress func(done, total int64),
) (Features, error) {
	if weights == "none" {
		return nil, nil
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	var network *inception.Network
	switch weights {
	case "":
		return nil, errors.New("scorecard: say which weights Inception has: random, official, " +
			"the path of their file, or none")
	case "random":
		network, err = inception.Random(device, networkSeed)
	case "official":
		h, err := home.Open()
		if err != nil {
			return nil, err
		}
		path, err := inception.Fetch(ctx, filepath.Join(h.Dir, "inception"), progress)
		if err != nil {
			return nil, err
		}
		if network, err = inception.Load(device, path); err != nil {
			return nil, err
		}
	default:
		network, err = inception.Load(device, weights)
	}
	if err != nil {
		return nil, err
	}
	return network, nil
}
