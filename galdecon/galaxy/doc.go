// Package galaxy provides the clean images y of the paper's Section 3 (Experiments, data): ten real
// galaxies seen by the Hubble Space Telescope ([HST]), a generator of synthetic galaxies to train on
// ([Synthetic]), a loader for a few images of your own ([Load], [LoadFITS], [Images.Prepare]), and prepared sets for many.
//
// A set is made from any [Source], such as a [Folder] with archives, by [Write], and used with [Open]:
//
//	summary, err := galaxy.Write(ctx, "sets/mine", galaxy.Folder{Path: "stamps"}, galaxy.PrepareConfig{
//		Size: 64, Centre: galaxy.Centroid, Split: galaxy.SplitConfig{Validation: 0.2, Seed: 1},
//	}, nil)
//	set, err := galaxy.Open("sets/mine")
//	training, err := set.Part(galaxy.Training)
//
// Images from [HST], [Synthetic] and [Images.Prepare] are scaled as the networks expect them, and so are those of a set by
// default: the largest value within the central half of the image is 1, what is brighter outside is clipped to 1, and sky is near 0,
// with its noise, which may be slightly negative. The division that was needed is kept in [Images.Scale], so fluxes can be restored.
package galaxy
