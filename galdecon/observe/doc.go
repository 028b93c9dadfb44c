// Package observe says what a telescope saw of a galaxy, and what follows from it: exposures with
// their PSFs, gaps and noise as one linear model, and the data step that brings an estimate of the
// galaxy to agree with all of them.
//
// # Model
//
// A galaxy y lies on a target grid, [height, width, channels], free of noise. Exposure e sees
//
//	x_e = A_e y + n_e,  A_e = D_e S_e K_e,  n_e ~ N(0, N_e)
//
// with the convolution K by its PSF, a shift S by parts of a pixel, and the mean D over r×r pixels.
// A coarser exposure is kept on the target grid: the mean is part of its PSF, and it has data at
// one of r×r pixels. The noise is N = diag(σ) C diag(σ), with an inverse variance 1/σ² for each
// pixel, 0 where there is no data, and a stationary correlation C of neighbors.
//
// An [Exposure] and an [Observation] of several are host data; a [Batch] of them has the tensors; a
// [Look] is an exposure within a graph. Images there are [batch, height, width, channels], and
// channels are bands, which share nothing but their grid.
//
// # Borders
//
// The sky beyond the target grid is dark, as in package psf. A galaxy that is larger than its stamp
// is put on a larger grid, whose padding has no data: then its light may lie there.
//
// # What is exact
//
// [Grid.Step] solves for the data, not for the galaxy, so that the covariance of noise is needed,
// but not its inverse. That of the pixels seen alone is the right one, correlated or not: gaps and
// correlation are exact together. Approximate are the number of steps, the floor of 10⁻³ of the
// power of correlated noise ([Grid.NoisePower]), and shifts of PSFs that are sampled too coarsely.
//
// # How many steps
//
// On 96 draws of 64×64 pixels over what a training may hold (gaps in half of them, noise of 10⁻³ to
// 0.5 of the peak, σ of 0.5 to 4 pixels, maps, correlation, the levels τ of a diffusion), the steps
// until the mean square of what is left is below 1 % of τ², and of the posterior's variance:
//
//	steps                0   1   2   3   4   5   6   7–9  10–16  more
//	a tenth of τ        26  42  11   5   3   1   2    2      3     1
//	… of the posterior  25  36   9   3   5   4   2    3      3     6
//
// Those with many are bright ones early in a diffusion, of τ more than 30 times the noise, with
// narrow gaps or a galaxy up to the border. A sampler doesn't need them: the next noise level
// corrects what is small beside τ, and at the last levels, where τ is as small as the noise, a step
// or two converge. For white Gaussian galaxies of 64×64 pixels with a noise of 1/130 to 1/40 of
// their deviation, with gaps, maps and correlation, candidates of 20 levels lie at 1.00 to 1.10
// times the squared distance from the exact posterior's mean that converged steps give with 4
// steps, at 1.00 to 1.01 with 6, 1.1 to 1.6 with 2 and 1.5 to 4.7 with 1 (testdata/sampler.py).
package observe
