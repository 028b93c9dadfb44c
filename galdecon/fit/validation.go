package fit

import (
	"math"
)

func last(points []Point) float64 {
	if len(points) == 0 {
		return math.NaN()
	}
	return points[len(points)-1].Loss
}

// validateShare is the number of held-out galaxies that are looked at for one that is trained on.
// It bounds the time of validation to about a third of this share, because no gradient is computed,
// and says at which steps it comes, whatever the clock says.
const validateShare = 0.1

// validates reports whether the validation loss is computed after a step: now and then, where a
// point of the history ends, and after the last.
func (t *Trainer) validates(step, every int) bool {
	if len(t.held) == 0 {
		return false
	}
	steps := float64(len(t.held)) / (validateShare * float64(t.config.Batch))
	period := int(math.Ceil(steps/float64(every))) * every
	return step%period == 0 || step == t.config.Steps
}

// validate returns the mean loss of the held-out galaxies, with the same random numbers every time
// so that its curve is smooth.
func (t *Trainer) validate() (float64, error) {
	part, n := t.config.part(), len(t.held)
	mean := 0.0
	for from := 0; from < n; from += part {
		loss, err := t.call(t.validation, stack(t.problem.Images, t.held[from:from+part]),
			t.random(validationStream, from/part))
		if err != nil {
			return 0, err
		}
		mean += loss * float64(part) / float64(n)
	}
	return mean, nil
}
