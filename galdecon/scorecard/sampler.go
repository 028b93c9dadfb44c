package scorecard

import (
	"fmt"
	"strconv"
	"strings"

	"galdecon/galdecon"
	"galdecon/galdecon/ddpm"
)

// defaultSampler names the sampler that a model has by itself.
const defaultSampler = "own"

// samplers by name, for a model with its own sampler and T times.
var samplers = []struct {
	name string
	make func(own ddpm.Sampler, t int) ddpm.Sampler
}{
	{defaultSampler, func(own ddpm.Sampler, _ int) ddpm.Sampler { return own }},
	{"dpm-solver", func(own ddpm.Sampler, _ int) ddpm.Sampler {
		return ddpm.Sampler{Steps: own.Steps, SecondOrder: true}
	}},
	{"stochastic", func(own ddpm.Sampler, _ int) ddpm.Sampler {
		return ddpm.Sampler{Steps: own.Steps, Eta: 1, SecondOrder: true}
	}},
	{"ddim", func(own ddpm.Sampler, _ int) ddpm.Sampler { return ddpm.Sampler{Steps: own.Steps} }},
	{"ancestral", func(own ddpm.Sampler, t int) ddpm.Sampler {
		return ddpm.Sampler{Steps: min(5*own.Steps, t), Eta: 1}
	}},
	{"ancestral-beta", func(_ ddpm.Sampler, t int) ddpm.Sampler {
		return ddpm.Sampler{Steps: t, Eta: 1, LargeVariance: true}
	}},
	{"consistent", func(own ddpm.Sampler, _ int) ddpm.Sampler {
		own.DataConsistency = true
		return own
	}},
}

// SamplerNames returns those that [Sampler] knows.
func SamplerNames() (names []string) {
	for _, s := range samplers {
		names = append(names, s.name)
	}
	return names
}

// Sampler returns a way to draw candidates from a diffusion model by its name, with the number of
// the network's evaluations behind a colon if it is to be another: "ddim", "dpm-solver:10",
// "ancestral:950".
//
//	own             the model's own, as it was trained with
//	dpm-solver      DPM-Solver++(2M), deterministic; as many evaluations as the model's own, as
//	                in all that follow but the ancestral ones
//	stochastic      the same with fresh noise in each step
//	ddim            DDIM, deterministic and of first order
//	ancestral       the DDPM's, with fresh noise of variance β̃; five times as many
//	ancestral-beta  the same with variance β, at all T times: the paper's
//	consistent      the model's own, corrected towards Π*y = x in every step
func Sampler(name string, model galdecon.Config) (ddpm.Sampler, error) {
	if model.CVAE != nil {
		return ddpm.Sampler{}, fmt.Errorf("scorecard: a CVAE has no sampler %q", name)
	}
	base, count, counted := strings.Cut(name, ":")
	for _, s := range samplers {
		if s.name != base {
			continue
		}
		sampler := s.make(model.Sampler, model.Diffusion.T)
		if counted {
			steps, err := strconv.Atoi(count)
			if err != nil {
				return ddpm.Sampler{}, fmt.Errorf("scorecard: the sampler %q has no number of "+
					"steps behind its colon; give for example %s:20", name, base)
			}
			sampler.Steps = steps
		}
		schedule, err := model.Diffusion.Schedule()
		if err == nil {
			err = sampler.Validate(schedule)
		}
		if err != nil {
			return ddpm.Sampler{}, fmt.Errorf("scorecard: the sampler %q: %w", name, err)
		}
		return sampler, nil
	}
	return ddpm.Sampler{}, fmt.Errorf("scorecard: there is no sampler %q; choose one of %s", name,
		strings.Join(SamplerNames(), ", "))
}
