package scorecard

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"galdecon/galdecon/score"
)

// TableOne returns the paper's Table 1 beside our figures for two methods of the card in a setting,
// and what they say about its finding: that the diffusion model retains more candidates than the
// CVAE, and that those vary more.
func (c Card) TableOne(diffusion, cvae string, setting Setting) (string, error) {
	retained, variance, err := c.Difference(diffusion, cvae, setting)
	if err != nil {
		return "", err
	}
	a, b := c.Row(diffusion, setting), c.Row(cvae, setting)
	var text strings.Builder
	fmt.Fprintf(&text, "%s; %d galaxies with %d candidates, in brackets: 95 %% confidence\n",
		setting, c.Galaxies, c.Candidates)
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tretained, %\tvariance\tdropped\t")
	fmt.Fprintln(t, "diffusion, paper\t100\t15.86\t\t")
	fmt.Fprintln(t, "CVAE, paper\t53.9\t15.13\t\t")
	line := func(name string, retained, variance *score.Estimate) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", name, interval(retained, 100, 1),
			significant(variance), dropped(variance))
	}
	for _, r := range []*Row{a, b} {
		if of := r.Released; of != nil {
			line(r.Method+", as the released program counts", of.Retained, of.FeatureVariance)
		}
	}
	for _, r := range []*Row{a, b} {
		line(r.Method+", here", r.Retained, r.FeatureVariance)
	}
	line("difference, here", retained, variance)
	t.Flush()
	if c.Features != "" {
		fmt.Fprintf(&text, "Features: %s.\n", c.Features)
	}
	text.WriteString("The difference is that of pairs: of both methods on the same observation.\n")
	fmt.Fprintf(&text, "The paper finds that diffusion retains more: here %s.\n", sign(retained))
	varies := sign(variance)
	if c.Features == "" {
		varies = "it can't be told without features"
	}
	fmt.Fprintf(&text, "The paper finds that what diffusion retains varies more: here %s.\n",
		varies)
	return text.String(), nil
}

// sign says whether a difference is positive.
func sign(n *score.Estimate) string {
	switch {
	case n == nil:
		return "it can't be told, as no observation has 2 retained candidates of both"
	case n.Low > 0:
		return "it does too"
	case n.High < 0:
		return "it is the other way round"
	case n.Low == 0 && n.High == 0:
		return "both are equal"
	}
	return "the interval holds 0, so these observations don't decide it"
}
