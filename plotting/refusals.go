package plotting

import (
	"fmt"

	"galdecon/galdecon/posterior"
)

// Refusals prints the observations that a model doesn't take, each with what was found and, on a
// line of its own, what to do: into the output of the notebook cell, or to standard output where
// there is none. It returns what of err is something else, nil if all of it are refusals: then
// there are posteriors of the other observations, each with its Index, and the cell goes on.
//
//	posteriors, err := model.Sample(ctx, observations, 64, seed)
//	must.M(plotting.Refusals(err))
func Refusals(err error) error {
	refused, rest := posterior.SplitRefusals(err)
	for _, r := range refused {
		fmt.Println(r)
	}
	return rest
}
