package galdecon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"galdecon/galdecon/catalogue"
	"galdecon/galdecon/catalogue/table"
)

// Catalogue draws candidates of each object of a table, by [catalogue.Job.Run], and returns the
// table with what they say, by [catalogue.Merge]. The job's shards, if there are several, are done
// one after the other; those that other processes have done in the same folder aren't done again.
//
//	t, err := table.Load("field.cat")
//	measured, err := galdecon.Catalogue(ctx, model, catalogue.Job{
//		Images: []catalogue.Image{{Path: "field.fits", PSF: catalogue.Constant(p)}},
//		Table:  t, Candidates: 32, Dir: "results",
//	})
func Catalogue(ctx context.Context, m *Model, job catalogue.Job) (*table.Table, error) {
	of, err := m.OfCatalogue()
	if err != nil {
		return nil, err
	}
	job.Shards = max(1, job.Shards)
	for job.Shard = range job.Shards {
		if err := job.Run(ctx, of); err != nil {
			return nil, err
		}
	}
	return catalogue.Merge(job.Dir, job.Table)
}

// OfCatalogue returns the model for [catalogue.Job.Run]. It is called by its preset, and its hash
// is that of its configuration, with the sampler, and its weights.
func (m *Model) OfCatalogue() (catalogue.Model, error) {
	hash, err := m.hash()
	if err != nil {
		return catalogue.Model{}, err
	}
	of := catalogue.Model{Sampler: m, Name: m.Config.Preset, Hash: hash}
	if m.Config.Survey == nil {
		of.Side = m.Config.Size
	}
	if m.recalibration != nil {
		text, err := m.recalibration.Encode()
		if err != nil {
			return catalogue.Model{}, err
		}
		sum := sha256.Sum256(text)
		of.Recalibration = hex.EncodeToString(sum[:])
	}
	return of, nil
}

// hash returns the SHA-256 of all that the candidates of a model depend on.
func (m *Model) hash() (string, error) {
	h := sha256.New()
	c := m.Config
	if err := json.NewEncoder(h).Encode(c); err != nil {
		return "", fmt.Errorf("galdecon: cannot hash the model: %w", err)
	}
	return hashWeights(h, m.executables.scope)
}
