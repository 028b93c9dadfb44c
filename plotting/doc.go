// Package plotting draws the figures of a deconvolution and shows them in a notebook cell: mosaics
// of galaxies, candidate deconvolutions with the proof beneath that each one blurred again gives
// the observation back, PSFs, galaxies beside their observations, histograms of pixel values and
// power spectra, radial profiles, contours of candidates ([Isophotes]), how measurements of
// candidates scatter (a corner plot, pulls), calibration, and loss curves, also live while a model
// trains. [Candidates] are the paper's Figures 2 and 3, [Matrix] is its Figure 4. An [Animation]
// shows a posterior in motion, a [Viewer] lets it be looked at closely, pixel by pixel.
//
// A figure is described by a struct, and drawn by its Figure method:
//
//	plotting.Show(plotting.Mosaic{Images: galaxies, Title: "Ten HST galaxies"})
//
//	fig, err := plotting.Candidates{Observation: x, Samples: ys, Reblurred: blurred}.Figure()
//	…
//	err = fig.Save("candidates.pdf")
//
// [Show] also shows tables (package table), such as the measurements of candidates, a report or a
// scorecard.
//
// # Conventions
//
// Lengths are CSS pixels, the unit of a browser: 900 of them fill the width of a JupyterLab cell.
// Images are shown with row 0 at the top and every pixel as a crisp square, without interpolation.
// Galaxies are drawn in a perceptual grayscale after an asinh [Stretch], images of 3 channels in
// their own colors, of three bands in those of [Lupton]; residuals in a diverging map (Moreland
// 2009) whose neutral middle is 0. Colors that are compared share one scale, and the figure states
// it.
package plotting
