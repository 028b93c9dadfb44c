package catalogue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
)

// Progress is how far a run is.
type Progress struct {
	// Done of Total rows have results, those of earlier runs counted, and NotMeasured of those of
	// this run have a fate other than [Measured].
	Done, Total, NotMeasured int
	// Rate is how many objects this run has done in a second, and Left how long the rest takes at
	// that rate; both 0 before the first.
	Rate float64
	Left time.Duration
	// ID is that of the object that was done last, Fate what became of it, and Posterior its
	// candidates, if there are any.
	ID        string
	Fate      Fate
	Posterior *posterior.Posterior
}

// String returns how far the run is, for a line of progress.
func (p Progress) String() string {
	text := fmt.Sprintf("%d of %d objects, %d not measured", p.Done, p.Total, p.NotMeasured)
	if p.Rate > 0 {
		text += fmt.Sprintf(", %.3g a second, %v left", p.Rate, p.Left.Round(time.Second))
	}
	return text
}

// Share returns the share of all rows that is done, up to 1.
func (p Progress) Share() float64 { return float64(p.Done) / float64(max(1, p.Total)) }

// all does the rows of the shard that have no results yet.
func (r *run) all(ctx context.Context) error {
	n := r.Table.Rows()
	mine := shard(n, r.Shard, r.Shards)
	done, err := partSpans(r.Dir)
	if err != nil {
		return err
	}
	todo := missing(mine, done)
	progress := Progress{Total: mine.end - mine.first, Done: mine.end - mine.first}
	for _, s := range todo {
		progress.Done -= s.end - s.first
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	start, before := time.Now(), progress.Done
	var one sync.Mutex // a report comes after the other
	report := func(o *result, p *posterior.Posterior) {
		one.Lock()
		defer one.Unlock()
		progress.Done++
		if o.fate != Measured {
			progress.NotMeasured++
		}
		progress.ID, progress.Fate, progress.Posterior = r.ids[o.row], o.fate, p
		progress.Rate = float64(progress.Done-before) / time.Since(start).Seconds()
		progress.Left = time.Duration(float64(progress.Total-progress.Done) / progress.Rate *
			float64(time.Second))
		if r.Report != nil {
			r.Report(progress)
		}
	}
	ahead := r.cutAhead(ctx, todo)
	for _, s := range todo {
		for first := s.first; first < s.end; first += r.Batch {
			batch := span{first, min(first+r.Batch, s.end)}
			results, err := r.batch(ctx, batch, ahead, report)
			if err != nil {
				return err
			}
			if err := r.savePart(batch, results); err != nil {
				return err
			}
		}
	}
	return nil
}

// aheadStamps is how many stamps are cut before the device needs them.
const aheadStamps = 16

// prepared is an object with its stamp, or an error that is about all objects.
type prepared struct {
	*result
	err error
}

// cutAhead cuts the stamps of rows, in their order, while the device works.
func (r *run) cutAhead(ctx context.Context, todo []span) <-chan prepared {
	out := make(chan prepared, aheadStamps)
	go func() {
		defer close(out)
		for _, s := range todo {
			for row := s.first; row < s.end; row++ {
				p := prepared{result: &result{row: row, image: -1}}
				p.err = r.prepare(p.result)
				select {
				case out <- p:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out
}

// prepare cuts the stamp of an object, or sets its fate. An error is about all objects.
func (r *run) prepare(o *result) error {
	image, x, y, fate := r.place(o.row)
	id := r.ids[o.row]
	switch {
	case r.first[id] != o.row:
		o.fail(DuplicateID, fmt.Errorf("row %d has the id %q, too", r.first[id], id))
		return nil
	case fate == Outside && r.sky:
		o.fail(fate, errors.New("no image has its place on the sky"))
		return nil
	case fate == Outside:
		o.fail(fate, fmt.Errorf("column %.1f, row %.1f, of an image of %d columns and %d rows", x,
			y, r.fields[0].image.width, r.fields[0].image.height))
		return nil
	case fate != "":
		o.fail(fate, nil)
		return nil
	}
	o.image = image
	side := r.sideOf(o.row, image)
	s, err := r.fields[image].cut(id, x, y, side)
	var noPSF *psf.Problem
	switch {
	case err != nil && fateOf(err) != "":
		o.fail(fateOf(err), err)
		return nil
	case errors.As(err, &noPSF):
		o.fail(NoPSF, err)
		return nil
	case err != nil:
		return fmt.Errorf("catalogue: the stamp of object %s in %s: %w", id,
			r.Images[image].Path, err)
	}
	o.stamp, o.masked = s, s.masked
	if o.aperture = r.Aperture; o.aperture == 0 {
		o.aperture = float64(side) / 4
	}
	if s.masked > 0 {
		o.flags |= FlagMasked
	}
	if s.edge {
		o.flags |= FlagEdge
	}
	return nil
}

// batch does some rows. Candidates of one object are measured while those of the next are drawn.
func (r *run) batch(ctx context.Context, s span, ahead <-chan prepared,
	report func(*result, *posterior.Posterior)) ([]*result, error) {
	var results []*result
	var wait sync.WaitGroup
	defer wait.Wait()
	free := make(chan struct{}, runtime.GOMAXPROCS(0)) // no more are measured together
	var cubes error                                    // the first that couldn't be written
	var one sync.Mutex
	for row := s.first; row < s.end; row++ {
		p, ok := <-ahead
		if !ok {
			return nil, ctx.Err()
		}
		if p.err != nil {
			return nil, p.err
		}
		o := p.result
		results = append(results, o)
		if o.fate != "" {
			report(o, nil)
			continue
		}
		drawn, err := r.draw(ctx, o, r.Candidates)
		if err != nil {
			return nil, err
		}
		if drawn == nil {
			report(o, nil)
			continue
		}
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			o.measure(*drawn)
			if r.Cubes {
				if err := r.saveCube(o, *drawn); err != nil {
					one.Lock()
					defer one.Unlock()
					cubes = cmp.Or(cubes, err)
					return
				}
			}
			o.stamp = nil
			report(o, drawn)
		})
	}
	wait.Wait()
	return results, cubes
}

// draw returns n candidates of an object, or sets its fate. An error is about all objects.
func (r *run) draw(ctx context.Context, o *result, n int) (*posterior.Posterior, error) {
	id := r.ids[o.row]
	fail := func(err error) (*posterior.Posterior, error) {
		if fate := fateOf(err); fate != "" {
			o.fail(fate, err)
			return nil, nil
		}
		return nil, fmt.Errorf("catalogue: object %s: %w", id, err)
	}
	x, err := o.stamp.observations(Key(id))
	if err != nil {
		return fail(err)
	}
	drawn, err := posterior.Collect(r.model.Stream(ctx, x, n, r.Seed), nil)
	if err != nil {
		return fail(err)
	}
	return &drawn[0], nil
}
