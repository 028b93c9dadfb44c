// Package em learns a prior of galaxies from what was seen of them, by expectation–maximization
// with a model that draws candidates (conditional EM: arXiv 2405.13712, 2510.12691): draw
// candidates of all observations with the present prior, take them for the galaxies and fit the
// prior to them, and again. For Gaussian fields the fixed point is the power spectrum of maximum
// likelihood.
//
// Plain EM moves by a share of what is missing that is small where the observations say little: at
// a spatial frequency where a mode of power P is seen with noise N (in units of y) it is P²/(P+N)²,
// the square of the share of the prior's variance that an observation takes away. [Run] measures
// this share by the spread of candidates, and moves the candidates' power by as much more as it
// says, up to [Config.Gain]. For Gaussian fields that is Fisher's scoring, which converges in a few
// rounds.
//
// A sampler that isn't exact, a network's, errs: what it adds to the power would be learned, and
// added anew in each round. So it can be tried on candidates that are seen anew, see
// [Candidates.Again]. If P is the power of the prior, T that of the galaxies and K what plain EM
// makes of a step, then candidates have the power P + K(T − P) + E with the sampler's error E, and
// candidates of galaxies of power Q have P + K(Q − P) + E. The difference tells T without E. From
// the second round on P is known as well, and so E: the prior is then fitted to what makes
// candidates have the power T.
package em
