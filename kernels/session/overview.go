package session

import (
	"context"
	"fmt"
	"strings"

	"galdecon/kernels/session/internal/wire"
)

// Overview is what a session holds.
type Overview struct {
	// Process is its process ID, and Memory the memory that it takes, in bytes; 0 where the system
	// doesn't tell.
	Process int
	Memory  int64
	// Models are the folders of the loaded models.
	Models []string
	// Trainings are those that it has begun, also the ended ones.
	Trainings []*Training
	states    []wire.Status
}

// Overview returns what the session holds.
func (s *Session) Overview() (Overview, error) {
	found, err := call[wire.Summary](context.Background(), s, wire.Overview, wire.Nothing{})
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Process: found.Process, Memory: found.Memory, Models: found.Models,
		states: found.Trainings}
	for _, t := range found.Trainings {
		o.Trainings = append(o.Trainings, &Training{Dir: t.Dir, Steps: t.Last.Steps, session: s})
	}
	return o, nil
}

// String returns the overview as text.
func (o Overview) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "session: process %d, %.0f MB\n", o.Process, float64(o.Memory)/1e6)
	for _, dir := range o.Models {
		fmt.Fprintf(&text, "model in %s\n", dir)
	}
	for _, t := range o.states {
		fmt.Fprintf(&text, "training in %s: %s, step %d of %d\n", t.Dir, t.State, t.Last.Step,
			t.Last.Steps)
	}
	return text.String()
}
