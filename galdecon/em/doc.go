// Package em learns a prior of galaxies from what was seen of them, by expectation–maximization
// with a model that draws candidates (conditional EM: arXiv 2405.13712, 2510.12691): draw
// candidates of all observations with the present prior, take them for the galaxies and fit the
// prior to them, and again. For Gaussian fields the fixed point is the power spectrum of maximum likelihood.
//
// Plain EM moves by a share of what is missing that is small where the observations say little: at
// a spatial frequency where a mode of power P is seen with noise N (in units of y) it is P²/(P+N)²,
// the square of the share of the prior's variance that an observation takes away. [Run] measures
// this share by the spread of candidates, and moves the candidates' power by as much more as it
// says, up to [Config.Gain]. For Gaussian fields that is Fisher's scoring, which converges in a few
// rounds.
package em
