// Package galaxy provides the clean images y of the paper's Section 3 (Experiments, data): ten real
// galaxies seen by the Hubble Space Telescope ([hst.Galaxies]), a generator of synthetic galaxies
// to train on ([synthetic.Galaxies]), a loader for a few images of your own ([files.Load],
// [files.Read], [Images.Prepare]), and prepared sets for many.
//
// A set is made from any [Source], such as a [files.Folder] with archives, by [dataset.Write], and
// used with [dataset.Open]:
//
//	summary, err := dataset.Write(ctx, "sets/mine", files.Folder{Path: "stamps"}, dataset.Config{
//		Size: 64, Center: galaxy.CenterCentroid, Split: dataset.SplitConfig{Validation: 0.2, Seed: 1},
//	}, nil)
//	set, err := dataset.Open("sets/mine")
//	training, err := set.Subset(dataset.Training)
//
// Of an observation, first mark what has no data and take the sky away, then cut the galaxy out:
//
//	none, err := images.MarkNoData() // how many pixels, and why
//	skies, err := images.Sky()
//	err = images.Subtract([]float64{skies[0].Level})
//	cut, err := images.Cutout(column, row, 64) // cut.Images; how far it moved, what else is there
//
// What can't be used is a [Refusal], which says what was found, where, and what to do.
//
// Images from [hst.Galaxies], [synthetic.Galaxies] and [Images.Prepare] are scaled as the networks
// expect them, and so are those of a set by default: the largest value within the central half of
// the image is 1, what is brighter outside is clipped to 1, and sky is near 0, with its noise,
// which may be slightly negative. The division that was needed is kept in [Images.Scale], so fluxes
// can be restored.
package galaxy
