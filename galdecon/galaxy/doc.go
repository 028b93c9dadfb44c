// Package galaxy provides the clean images y of the paper's Section 3 (Experiments, data): ten real
// galaxies seen by the Hubble Space Telescope ([HST]), a generator of synthetic galaxies to train on
// ([Synthetic]), and a loader for images of your own ([Load], [Images.Prepare]).
//
// Images from [HST], [Synthetic] and [Images.Prepare] are scaled as the networks expect them: the largest value within
// the central half of the image is 1, what is brighter outside is clipped to 1, and sky is near 0, with its noise,
// which may be slightly negative. The division that was needed is kept in [Images.Scale], so fluxes can be restored.
package galaxy
