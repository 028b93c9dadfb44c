package galdecon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"galdecon/galdecon/em"
	"galdecon/galdecon/observe"
)

// typicalNoise is the noise at which the sharpness of observations is compared, in units of the
// deviation of y.
const typicalNoise = 0.1

// run makes the rounds.
func (p *adapting) run(ctx context.Context, prior *surveyPrior) (*Adapted, error) {
	if err := p.checked(ctx, 0, prior.model); err != nil {
		return nil, p.stopped(ctx, err)
	}
	_, rounds, err := em.Run(ctx, prior, observe.Sharpness(p.used, typicalNoise), p.em(),
		func(r em.Round, fitted em.Prior) error {
			return p.checked(ctx, r.Number, fitted.(*surveyPrior).model)
		})
	var collapse *em.CollapseError
	if errors.As(err, &collapse) {
		p.result.Collapse, err = collapse, nil
	}
	if err != nil {
		return nil, p.stopped(ctx, err)
	}
	p.result.moved(rounds)
	p.result.NoiseRatio = medianRatio(p.ratios)
	p.result.Noise = checkNoise(p.result.NoiseRatio)
	p.result.Folder = p.result.From
	if p.result.Best > 0 {
		p.result.Folder = filepath.Join(p.round(p.result.Best), "model")
		card := []byte(p.result.card())
		if err := writeFile(filepath.Join(p.result.Folder, CardFile), card); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(p.result, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("galdecon: cannot encode the adaptation: %w", err)
	}
	return p.result, writeFile(filepath.Join(p.dir, AdaptationFile), text)
}

// stopped says that an adaptation can go on, where it was interrupted.
func (p *adapting) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("galdecon: the adaptation was interrupted, and what it has done is in %s; "+
		"run it again to go on: %w", p.dir, err)
}

// moved compares the first candidates with what the last round was fitted to.
func (r *Adapted) moved(rounds []em.Round) {
	if len(rounds) == 0 {
		return
	}
	first, last := rounds[0], rounds[len(rounds)-1]
	target := last.Target()
	for ring, f := range first.Frequency {
		m := Moved{Frequency: f, Ratio: 1, Known: last.Known[ring]}
		if first.Power[ring] > 0 {
			m.Ratio = target[ring] / first.Power[ring]
		}
		r.Moved = append(r.Moved, m)
	}
}

// silent is the share of knowledge below which observations say next to nothing.
const silent = 0.05

// String returns what was done in some lines.
func (r *Adapted) String() string {
	if r.Best == 0 {
		return r.told() + "no round predicts what was left out better than the model before, " +
			"beyond chance\n"
	}
	return fmt.Sprintf("%sround %d predicts what was left out best: %s\n", r.told(), r.Best,
		r.Folder)
}

// told returns what was done, without the name of a folder.
func (r *Adapted) told() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d observations fitted to, %d left out", r.Used, r.Held)
	if n := len(r.Refused); n > 0 {
		fmt.Fprintf(&b, ", %d refused", n)
	}
	b.WriteString("\n")
	for _, c := range r.Checks {
		fmt.Fprintln(&b, c)
	}
	from := -1.0
	for _, m := range r.Moved {
		switch {
		case m.Known < silent && from < 0:
			from = m.Frequency
		case m.Known >= silent:
			from = -1
		}
	}
	if from >= 0 {
		fmt.Fprintf(&b, "from %.2f cycles per pixel on the observations say nothing: the prior is "+
			"as it was there\n", from)
	}
	if r.Noise != nil {
		fmt.Fprintln(&b, r.Noise)
	}
	if r.Collapse != nil {
		fmt.Fprintln(&b, r.Collapse)
	}
	return b.String()
}

// card returns the model card of an adapted model.
func (r *Adapted) card() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# adapted\n\nA model whose prior was fitted to %d observations by %d rounds "+
		"of expectation–maximization (galdecon.Adapt), beginning with the model in %s; no clean "+
		"image was used.\n\n%s\n| cycles per pixel | power of the prior, over that before | known |\n"+
		"|---|---|---|\n", r.Used, r.Best, filepath.Base(r.From),
		strings.ReplaceAll(r.told(), "\n", "\n\n"))
	for _, m := range r.Moved {
		if m.Frequency <= 0.5 {
			fmt.Fprintf(&b, "| %.3f | %.2f | %.2f |\n", m.Frequency, m.Ratio, m.Known)
		}
	}
	if text, err := os.ReadFile(filepath.Join(r.From, CardFile)); err == nil {
		fmt.Fprintf(&b, "\n## The model before\n\n%s", text)
	}
	return b.String()
}
