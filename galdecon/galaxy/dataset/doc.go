// Package dataset prepares sets of galaxies of any size from a [galaxy.Source], stores them in a
// folder, and opens them without reading the pixels.
//
// [Write] makes images of one shape, [n, Size, Size, channels], as a [Config] says; it scales them,
// splits them into a [Training], a [Validation] and a [Testing] part by object, so that no galaxy
// is in two parts, and lists what it left out and why. A run that was interrupted is resumed.
// [Open] maps the images into memory.
//
//	summary, err := dataset.Write(ctx, "sets/mine", files.Folder{Path: "stamps"}, dataset.Config{
//		Size: 64, Split: dataset.SplitConfig{Validation: 0.2, Seed: 1},
//	}, nil)
//	set, err := dataset.Open("sets/mine")
//	defer set.Close()
//	galaxies, err := set.Subset(dataset.Training)
package dataset
