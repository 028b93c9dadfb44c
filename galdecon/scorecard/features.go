package scorecard

import (
	"context"
	"errors"
	"path/filepath"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/score/inception"
	"galdecon/galdecon/score/scattering"
	"galdecon/internal/home"
)

// networkSeed is that of Inception's random weights.
const networkSeed = 1

// ChooseFeatures returns the features of the paper's variance (Eq. 4) by their name:
//
//	scattering  scattering coefficients: fixed, without a network
//	official    those of Inception, as the paper has them; its weights are downloaded once into the
//	            user's directory of galdecon (96 MB)
//	random      those of Inception with random weights
//	none        no features
//
// Any other name is the path of a file with Inception's weights. Only the official ones can be
// compared with the paper's figures. Progress, if not nil, is told the bytes of a download, so far
// and of all.
func ChooseFeatures(
	ctx context.Context, name string, progress func(done, total int64),
) (Features, error) {
	switch name {
	case "none":
		return nil, nil
	case "scattering":
		return &scattering.Transform{}, nil
	case "":
		return nil, errors.New("scorecard: say which features: scattering, random, official, the " +
			"path of a file with Inception's weights, or none")
	}
	device, err := backend.Default()
	if err != nil {
		return nil, err
	}
	var network *inception.Network
	switch name {
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
		network, err = inception.Load(device, name)
	}
	if err != nil {
		return nil, err
	}
	return network, nil
}
