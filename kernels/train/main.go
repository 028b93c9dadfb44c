// Command train makes the models of package pretrained anew: each preset, on synthetic galaxies,
// into its folder.
//
//	go run ./kernels/train -work DIR tiny tiny-cvae small
//
// It takes half an hour to an hour for each on two cores, and goes on where it was interrupted. The
// model small begins with the weights of tiny, and galaxy with those of stamps of half the size. To
// train a model further, take a copy of it out of its folder and begin with that:
//
//	go run ./kernels/train -work DIR -begin COPY galaxy
//
// The exchange between bands of the model galaxy is trained in a quarter of an hour, into the model's
// folder, and again whenever the model has new weights:
//
//	go run ./kernels/train -work DIR bands
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"galdecon/galdecon"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/internal/home"
	"galdecon/plotting"
)

func main() {
	work := flag.String("work", "checkpoints", "folder of the trainings")
	begin := flag.String("begin", "", "folder of the model to begin with, or of "+
		"that whose bands exchange, in place of the usual")
	flag.Parse()
	for _, preset := range flag.Args() {
		run := train
		if preset == bandsName {
			run = trainBands
		}
		if err := run(preset, *work, *begin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// models is the folder of the models in the repository.
var models = filepath.Join("galdecon", "pretrained")

// begins is which model's weights another begins with, by preset: those of smaller images.
var begins = map[string]string{"small": "tiny"}

// bandsName stands for the exchange between bands.
const bandsName = "bands"

// trainBands trains the exchange between bands of the model galaxy, or of that in the folder model.
func trainBands(_, work, model string) error {
	if model == "" {
		repo, err := home.FindRepo()
		if err != nil {
			return err
		}
		model = filepath.Join(repo, models, "galaxy")
	}
	config := galdecon.DefaultBands()
	live := plotting.NewTraining(config.HalfSteps + config.Fit.Steps)
	err := galdecon.TrainBands(galdecon.Interruptible(), config, model, work,
		func(p fit.Progress) {
			// Of the steps on smaller stamps, which come first, there is another number.
			if p.Steps == config.Fit.Steps {
				p.Step += config.HalfSteps
			}
			live.Update(p.Step, p.Loss)
		})
	return errors.Join(err, live.Close())
}

func train(preset, work, begin string) error {
	repo, err := home.FindRepo()
	if err != nil {
		return err
	}
	config, err := galdecon.Preset(preset)
	if err != nil {
		return err
	}
	config.Fit.WorkingDir = repo
	if from := begins[preset]; from != "" {
		config.Fit.InitialModel = filepath.Join(models, from)
	}
	to := filepath.Join(repo, models, preset)
	if _, err := os.Stat(to); err == nil {
		return fmt.Errorf("there is a model in %s; delete it to train anew", to)
	}
	if work, err = filepath.Abs(work); err != nil {
		return err
	}
	if begin != "" {
		if config.Fit.InitialModel, err = filepath.Abs(begin); err != nil {
			return err
		}
	} else if config.Survey != nil {
		// First on stamps of half the size, of which a step has twice as many.
		half := config
		half.Size /= 2
		half.Fit.Batch *= 2
		half.Fit.LearningRate *= 2
		half.Fit.Steps = half.Fit.Steps * 9 / 20
		dir, err := fitted(half, work)
		if err != nil {
			return err
		}
		config.Fit.InitialModel, config.Fit.WorkingDir = filepath.Base(dir), work
	}
	dir, err := fitted(config, work)
	if err != nil {
		return err
	}
	return galdecon.Export(dir, to)
}

// fitted trains a model, or goes on with it, and returns its folder.
func fitted(config galdecon.Config, work string) (dir string, err error) {
	galaxies, err := synthetic.Galaxies(config.SyntheticGalaxies(40000, 1))
	if err != nil {
		return "", err
	}
	dir = config.Folder(work)
	history, err := fit.History(dir)
	if err != nil {
		return "", err
	}
	live := plotting.NewTraining(config.Fit.Steps, history...)
	err = galdecon.Train(galdecon.Interruptible(), config, galaxies, dir,
		func(p fit.Progress) { live.Update(p.Step, p.Loss) })
	return dir, errors.Join(err, live.Close())
}
