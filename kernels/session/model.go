package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/kernels/session/internal/wire"
)

// Observations are galdecon.Observations, named here for cells that don't import galdecon itself.
type Observations = posterior.Observations

// Model is a model in the session.
type Model struct {
	// Dir is its folder, and Step the training step that its weights are of.
	Dir  string
	Step int
	// Size and Channels are those of its images, [n, Size, Size, Channels]; Instrument is what it
	// was trained to look through, see galdecon.Config.SeenThrough.
	Size, Channels int
	Instrument     psf.Instrument
	// Sampler is what it draws candidates with.
	Sampler ddpm.Sampler

	session *Session
	choice  wire.Choice
}

// ErrReplaced says that the session has no longer what a [Model] was loaded with: its folder had
// other files by the time that it was loaded again, here or by another attachment, as that of a
// training has with each checkpoint. The message says of which step it is now.
var ErrReplaced = wire.ErrReplaced

// Load reads the model in the folder dir. A model that the session holds is read again only if its
// files have changed, as those of a training do: then it has the weights of the last checkpoint,
// and takes the place of the one before, see [ErrReplaced]. What is compiled for it is kept, also
// then, unless its configuration changes.
func (s *Session) Load(dir string) (*Model, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return s.model(wire.Choice{Dir: path})
}

// WithSampler returns the same diffusion model, of the same step, with another sampler. Each is
// compiled once. It is [ErrReplaced] if the session has another step by now.
func (m *Model) WithSampler(sampler ddpm.Sampler) (*Model, error) {
	choice := m.choice
	choice.Sampler = &sampler
	return m.session.model(choice)
}

func (s *Session) model(choice wire.Choice) (*Model, error) {
	found, err := call[wire.Model](context.Background(), s, wire.Load, choice)
	if err != nil {
		return nil, err
	}
	choice.Version = found.Version
	return &Model{Dir: choice.Dir, Step: found.Step, Size: found.Size, Channels: found.Channels,
		Instrument: found.Instrument,
		Sampler:    found.Sampler, session: s, choice: choice}, nil
}

// Sample draws n candidates for each observation x [m, Size, Size, Channels], as
// galdecon.Model.Sample does, with the same candidates for the same seed and the same refusals. The
// first drawing compiles; later ones, also of another number of candidates, mostly don't.
//
// Observations that are refused have no posterior; the error is then [posterior.Refusals], beside
// the posteriors of the others. Of any other error there are no posteriors: it is [ErrReplaced] if
// the session has another step of the model by now, and [ErrEnded] if the session has ended.
func (m *Model) Sample(ctx context.Context, observations *Observations, n int,
	seed int64) ([]posterior.Posterior, error) {
	return posterior.Collect(m.Stream(ctx, observations, n, seed), nil)
}

// errEnough ends a call whose further answers nobody wants.
var errEnough = errors.New("enough")

// Stream draws what [Model.Sample] draws, and yields the candidates as they come, as
// galdecon.Model.Stream does. Several drawings of a session take turns, a few candidates each: one
// may begin, and end, in a loop over another.
func (m *Model) Stream(ctx context.Context, observations *Observations, n int,
	seed int64) iter.Seq2[posterior.Part, error] {
	return func(yield func(posterior.Part, error) bool) {
		request := wire.SampleRequest{Choice: m.choice, Observations: observations, N: n,
			Seed: seed}
		err := wire.Stream(ctx, m.session.address, wire.Sample,
			func(answer wire.SampleAnswer) error {
				var err error
				if answer.Refusal != nil {
					err = answer.Refusal
				}
				if !yield(answer.Part, err) {
					return errEnough
				}
				return nil
			}, request)
		if err != nil && !errors.Is(err, errEnough) {
			yield(posterior.Part{}, m.session.explain(err))
		}
	}
}
