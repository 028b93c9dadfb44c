package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"runtime"
	"slices"

	"galdecon/galdecon/galaxy"
)

// job is a stamp that's being prepared.
type job struct {
	stamp  galaxy.Stamp
	result chan result
}

type result struct {
	*prepared
	hash string
	err  error
}

func (j job) run(config Config) {
	var r result
	var im *galaxy.Images
	err := error(&rejection{Unreadable, "the source gave no way to read it"})
	if j.stamp.Read != nil {
		im, err = j.stamp.Read()
	}
	if err == nil {
		r.prepared, err = config.prepare(im)
	}
	if err == nil {
		r.hash = hashOf(r.pixels)
	}
	r.err = err
	j.result <- r
}

// hashOf returns the SHA-256 of pixels as they are stored.
func hashOf(pixels []float32) string {
	hash := sha256.New()
	buffer := make([]byte, 0, 1<<14)
	for chunk := range slices.Chunk(pixels, 1<<12) {
		buffer = appendPixels(buffer[:0], chunk)
		hash.Write(buffer)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

func appendPixels(b []byte, pixels []float32) []byte {
	b, _ = binary.Append(b, binary.LittleEndian, pixels) // floats can always be encoded
	return b
}

// stream prepares the stamps of the source that aren't in the journal yet.
func (p *partial) stream(ctx context.Context, source galaxy.Source, report func(Progress)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	queue, slots := make(chan job, workers), make(chan struct{}, workers)
	ended := make(chan error, 1)
	go func() {
		defer close(queue)
		ended <- p.produce(ctx, source, queue, slots)
	}()
	var failed error
	for j := range queue {
		r := <-j.result
		if failed != nil {
			continue // what is still in the queue is lost
		}
		e, err := p.judge(ctx, j.stamp, r)
		if err == nil {
			err = p.add(e, r)
		}
		if err != nil {
			failed = err
			cancel()
			continue
		}
		if report != nil {
			report(Progress{Done: j.stamp.Done, Prepared: p.prepared,
				Rejected: len(p.entries) - p.prepared, ID: e.id})
		}
	}
	if err := <-ended; failed == nil {
		failed = err
	}
	if failed == nil && report != nil {
		report(Progress{Done: 1, Prepared: p.prepared, Rejected: len(p.entries) - p.prepared})
	}
	return failed
}

// produce passes over the stamps that the journal has, and starts the preparation of the others.
func (p *partial) produce(ctx context.Context, source galaxy.Source, queue chan<- job,
	slots chan struct{}) error {
	passed, resuming := 0, true
	for stamp, err := range source.Galaxies(ctx) {
		if err != nil {
			return err
		}
		if resuming && passed < len(p.entries) {
			if e := p.entries[passed]; e.id == stamp.ID && e.version == stamp.Version &&
				e.object == stamp.Object {
				passed++
				continue
			}
		}
		if resuming {
			// Nothing is in the queue yet, so nobody else is writing.
			resuming = false
			if err := p.keep(passed); err != nil {
				return err
			}
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		j := job{stamp, make(chan result, 1)}
		go func() {
			j.run(p.config)
			<-slots
		}()
		queue <- j
	}
	if resuming {
		return p.keep(passed)
	}
	return ctx.Err()
}

// judge makes an entry of what became of a stamp, or returns the error of ctx.
func (p *partial) judge(ctx context.Context, stamp galaxy.Stamp, r result) (entry, error) {
	e := entry{id: stamp.ID, object: stamp.Object, version: stamp.Version, origin: stamp.Origin,
		license: stamp.License}
	var why *rejection
	switch {
	case ctx.Err() != nil:
		return e, ctx.Err() // which may be why the stamp couldn't be read
	case errors.As(r.err, &why):
		e.reason, e.detail = why.reason, why.detail
	case r.err != nil:
		e.reason, e.detail = Unreadable, r.err.Error()
	case p.ids[stamp.ID]:
		e.reason, e.detail = Duplicate, "another stamp has the same ID"
	case p.seen[r.hash] != "":
		e.reason, e.detail = Duplicate, "it has the pixels of "+p.seen[r.hash]
	default:
		e.scale, e.zoom, e.hash = r.scale, r.zoom, r.hash
	}
	return e, nil
}
