package plotting

import "galdecon/galdecon/posterior"

// Refusals shows the observations that a model doesn't take as a table: what was found of each, and
// what to do. Like [Show] it shows it in the output of the notebook cell, or on standard output
// where there is none. It returns what of err is something else, nil if all of it are refusals:
// then there are posteriors of the other observations, each with its Index, and the cell goes on.
//
//	posteriors, err := model.Sample(ctx, observations, 64, seed)
//	must.M(plotting.Refusals(err))
func Refusals(err error) error {
	refused, rest := posterior.SplitRefusals(err)
	if len(refused) > 0 {
		return Show(refused)
	}
	return rest
}
