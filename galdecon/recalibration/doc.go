// Package recalibration corrects the error bars of a model by how far they were off for simulated
// galaxies, of which the truth is known, and which nothing else is learned of.
//
// A truth is compared with candidates of its galaxy by z = (truth − mean)/(√(1+1/n)·spread), and so
// is a further candidate with the same n. Where candidates are calibrated the two have one
// distribution, whatever it is and for any n. Where they aren't, quantiles of the one are mapped to
// those of the other: a candidate that lies at z is moved to h(z), with h linear between the
// quantiles 2.5, 16, 50, 84 and 97.5 %. That shifts, widens and bends the distribution, without a
// form being assumed for it (quantile mapping; the standardized residual is that of locally
// weighted conformal prediction: Lei et al. 2018, Journal of the American Statistical Association
// 113, 1094). Ranks of candidates are kept, and so is how quantities of one galaxy go together.
//
// How far error bars are off depends on the galaxy. So h is learned in strata of how well its flux
// is known, each of which is drawn towards h of all galaxies as if by 30 galaxies more, and
// interpolated between them. Fluxes and radii are compared by their logarithms; ellipticities
// and positions have no direction that is preferred, and so no shift.
//
// A quantity is left as it is where that serves it better: where, learned of one half of the
// galaxies and applied to the other, h doesn't lower the continuous ranked probability score.
package recalibration
