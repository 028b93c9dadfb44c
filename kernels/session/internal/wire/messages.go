package wire

import (
	"encoding/json"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/fit"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// The host's functions. Start says where the session is, and starts it where there is none. Ended
// says how a session ended that a program has lost. Of an unexpected end, either tells once, by
// ErrEnded.
const (
	Start = "Start"
	Ended = "Ended"
)

// The session's functions. Folders are absolute paths.
const (
	Load        = "Load"
	Sample      = "Sample"
	Observe     = "Observe"
	Standardize = "Standardize"
	Wiener      = "Wiener"
	Evaluate    = "Evaluate"
	Train       = "Train"
	Training    = "Training"
	Watch       = "Watch"
	Pause       = "Pause"
	Resume      = "Resume"
	Stop        = "Stop"
	Overview    = "Overview"
)

// Nothing is the message that says nothing. (gob refuses a struct without fields.)
type Nothing struct{ Nothing bool }

// Folder names a model or a training.
type Folder struct{ Dir string }

// Choice is a model with a sampler: the configuration's if it is nil. Without a version it is the
// model that is in the folder now.
type Choice struct {
	Dir     string
	Version Version
	Sampler *ddpm.Sampler
}

// Version is of the files that a model was read from. It changes with them.
type Version struct{ Config, Checkpoint string }

// Model is what [Load] tells of a model.
type Model struct {
	Version        Version
	Step           int
	Size, Channels int
	Instrument     psf.Instrument
	Sampler        ddpm.Sampler
}

// SampleRequest asks for n candidates for each observation; they are answered as [SampleAnswer],
// one observation after the other.
type SampleRequest struct {
	Choice       Choice
	Observations *posterior.Observations
	N            int
	Seed         int64
}

// SampleAnswer is some candidates of an observation, or its refusal.
type SampleAnswer struct {
	Part    posterior.Part
	Refusal *posterior.Refusal
}

// ObserveRequest asks for observations of clean galaxies.
type ObserveRequest struct {
	Galaxies *galaxy.Images
	PSFs     []psf.PSF
	Noise    float64
	Seed     int64
}

// StandardizeRequest asks for observations in the units of the models.
type StandardizeRequest struct{ Observations *posterior.Observations }

// WienerRequest asks for a classical deconvolution.
type WienerRequest struct {
	Observations *posterior.Observations
	Prior        float64
}

// EvaluateRequest asks for a posterior.Report. The posteriors of all requests of the call are
// compared with the truth of the first.
type EvaluateRequest struct {
	Truth      *galaxy.Images
	Posteriors []posterior.Posterior
}

// TrainRequest starts a training. The galaxies of all requests of the call are those to train on;
// what else is in the first counts. WorkingDir is the caller's, where a relative folder in the
// configuration is.
type TrainRequest struct {
	Dir, WorkingDir string
	Config          json.RawMessage
	Galaxies        *galaxy.Images
}

// State is what a training does.
type State string

// The states of a training. The last three are ends.
const (
	Running  State = "running"
	Paused   State = "paused"
	Finished State = "finished"
	Stopped  State = "stopped"
	Failed   State = "failed"
)

// Ended reports whether the state is one of the ends.
func (s State) Ended() bool { return s != Running && s != Paused }

// Status is how far a training is.
type Status struct {
	Dir   string
	State State
	// Last is the progress after the last step. Before the first in this session it is that of the
	// checkpoint to go on from, with an Elapsed of 0; its Step is 0 where there is none.
	Last fit.Progress
	// Failure is why it failed.
	Failure Failure
}

// History is the loss so far, in at most some 2000 points.
type History struct {
	Status Status
	Points []fit.Point
}

// News are the steps of a training since the last news, and its state.
type News struct {
	Steps  []fit.Progress
	Status Status
}

// Summary is what a session holds.
type Summary struct {
	Models    []string
	Trainings []Status
	Process   int
	// Memory is the resident set, in bytes; 0 where the system doesn't tell.
	Memory int64
}
