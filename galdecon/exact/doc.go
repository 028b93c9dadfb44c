// Package exact holds problems of deconvolution whose posteriors aren't Gaussian and are known all
// the same: images y = B u of independent coefficients that are mixtures of Gaussians ([Prior]),
// seen through a PSF with white noise. A [Sampler] draws from p(y | x) by Gibbs sampling, in
// float64, and a [Prior] has the exact denoiser. A model that was trained on the prior can be
// compared with them.
package exact
