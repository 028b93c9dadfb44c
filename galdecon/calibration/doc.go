// Package calibration tests whether posterior samples spread as much as they err: for observations
// of which the truth is known, whether intervals of a stated probability hold the truth that often.
//
// An [Ensemble] has m observations, of each the truth's d quantities [d] and n samples of them
// [n, d]: pixels of galaxies ([Images]), one number per galaxy such as its flux ([Scalars]), or
// several ([Vectors]).
//
//	ensemble, err := calibration.Scalars(fluxes, samples)  // [m], [m][n]
//	coverage, err := ensemble.Ranks(seed).Central(seed)    // of central intervals
//	histogram, err := ensemble.Ranks(seed).Histogram(9, seed)
//
// # Methods
//
//   - Ranks of the truth among the samples ([Ensemble.Ranks], [Ranks.Histogram]): simulation-based
//     calibration (Talts et al. 2018, arXiv:1804.06788); whether they are uniform
//     ([Ranks.Cumulative]) as Säilynoja et al. (2022, Statistics and Computing 32, 32) judge it.
//   - All quantities at once ([Ensemble.TARP]): tests of accuracy with random points (Lemos et al.
//     2023, arXiv:2302.03026).
//   - The error of the mean over the spread of the samples ([Ensemble.SpreadRatio]; Fortin et al.
//     2014, Journal of Hydrometeorology 15, 1708).
//
// Bands and intervals are at 95 % confidence, from [score.Resamples] bootstraps over observations.
// Equal seeds give equal results.
package calibration
