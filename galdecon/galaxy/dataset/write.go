package dataset

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/gofrs/flock"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/npy"
	"galdecon/internal/atomicfile"
)

// Progress is how far [Write] is.
type Progress struct {
	// Done is the fraction of the source, 0 to 1, that is passed.
	Done float64
	// Prepared and Rejected count stamps, those of an earlier run included.
	Prepared, Rejected int
	// ID is the stamp that was prepared or rejected last; empty at the end.
	ID string
}

// Summary counts what is in a set.
type Summary struct {
	// Galaxies is the number of images, and Objects that of the galaxies that they show.
	Galaxies int `json:"galaxies"`
	Objects  int `json:"objects"`
	// Parts counts the images to train on, for the validation and for the test.
	Parts map[Subset]int `json:"parts"`
	// Rejected counts the stamps that were left out, by reason; see [Set.Rejected] for which.
	Rejected map[string]int `json:"rejected,omitempty"`
	// Resumed is how many stamps an interrupted run had prepared or rejected already.
	Resumed int `json:"-"`
}

// Write prepares the galaxies of a source and stores them in the folder dir as a set, which [Open] opens: several at a time on all
// processors, but in the order of the source, with a few in memory. Stamps that can't be used are counted and listed with the
// reason, as are those that have the same pixels as an earlier one; it's an error if none is left. report, which may be nil, is called
// after each stamp, and when the source has ended.
//
// A set that is there already stays as it is until the new one is complete. What a run that was interrupted or killed has prepared
// is used by the next run with the same configuration and source, up to the first stamp that has changed since.
//
// Of two programs that write into one folder at the same time the second gets an error.
func Write(ctx context.Context, dir string, source galaxy.Source, config Config, report func(Progress)) (Summary, error) {
	if source == nil {
		return Summary{}, errors.New("dataset: there is no source to prepare a set of; give a Folder, a SyntheticConfig or another Source")
	}
	if err := config.Validate(); err != nil {
		return Summary{}, err
	}
	summary, err := writeSet(ctx, dir, source, config, report)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return summary, fmt.Errorf("dataset: the preparation of %s was interrupted; run it again to go on: %w", dir, err)
	case err != nil:
		return summary, fmt.Errorf("dataset: cannot prepare the set in %s: %w", dir, err)
	}
	return summary, nil
}

// Names of files in a set. Those with a generation, a hash, are named by the manifest: its replacement is what replaces a set.
const (
	manifestFile = "set.json"
	lockFile     = ".lock"
	partialDir   = "partial"
	imagesFile   = "images"
	indexFile    = "index"
	rejectedFile = "rejected"
	journalFile  = "journal.csv"
)

func writeSet(ctx context.Context, dir string, source galaxy.Source, config Config, report func(Progress)) (Summary, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Summary{}, err
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	if held, err := lock.TryLock(); err != nil {
		return Summary{}, err
	} else if !held {
		return Summary{}, errors.New("another program is writing into it; wait for that, or choose another folder")
	}
	defer lock.Unlock()
	p, err := openPartial(filepath.Join(dir, partialDir), source, config)
	if err != nil {
		return Summary{}, err
	}
	err = p.stream(ctx, source, report)
	if err := errors.Join(err, p.close()); err != nil {
		return Summary{}, err
	}
	return p.finish(dir)
}

// entry is a stamp that was prepared, or rejected if it has a reason.
type entry struct {
	id, object, version, origin, licence string
	reason, detail                       string
	scale, zoom                          float64
	hash                                 string // SHA-256 of the pixels, little-endian
	end                                  int64  // of its line in the journal
}

func (e entry) fields() []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return []string{e.id, e.object, e.version, e.origin, e.licence, e.reason, e.detail, number(e.scale), number(e.zoom), e.hash}
}

func (e entry) line() []byte {
	var b bytes.Buffer // to which writing never fails
	w := csv.NewWriter(&b)
	w.Write(e.fields())
	w.Flush()
	return b.Bytes()
}

func entryOf(f []string) (e entry, err error) {
	if len(f) != 10 {
		return e, fmt.Errorf("%d fields", len(f))
	}
	e = entry{id: f[0], object: f[1], version: f[2], origin: f[3], licence: f[4], reason: f[5], detail: f[6], hash: f[9]}
	if e.scale, err = strconv.ParseFloat(f[7], 64); err != nil {
		return e, err
	}
	e.zoom, err = strconv.ParseFloat(f[8], 64)
	return e, err
}

// partial is a set that's being written: the images in the order of the source, and a journal with a line for each stamp. Pixels are
// written before the line that vouches for them.
type partial struct {
	dir    string
	config Config
	source string

	entries  []entry // all stamps so far
	prepared int     // those that aren't rejected
	resumed  int
	seen     map[string]string // IDs by the hash of pixels
	ids      map[string]bool

	images, journal *os.File
	pixels          *bufio.Writer
	lines           *bufio.Writer
	flushed         time.Time
}

// imageBytes is the size of one image in the file.
func (p *partial) imageBytes() int64 {
	return 4 * int64(p.config.Size) * int64(p.config.Size) * int64(p.config.channels())
}

// pixelsAt is the place of the first value in a file of images: npy.Header stands before it.
var pixelsAt = int64(len(npy.Header(0, 0, 0, 0)))

// openPartial opens what an earlier run with the same source and configuration has left, or begins anew.
func openPartial(dir string, source galaxy.Source, config Config) (*partial, error) {
	p := &partial{dir: dir, config: config, source: source.Describe(), seen: map[string]string{}, ids: map[string]bool{}}
	// The split is decided at the end.
	unsplit := config
	unsplit.Split = SplitConfig{}
	want, err := json.MarshalIndent(manifest{Format: formatName, Version: formatVersion, Source: p.source, Config: unsplit}, "", "  ")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, manifestFile)
	if have, err := os.ReadFile(path); err != nil || !bytes.Equal(have, want) {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		if err := os.Mkdir(dir, 0o777); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, want, 0o666); err != nil {
			return nil, err
		}
	}
	if p.images, err = os.OpenFile(filepath.Join(dir, imagesFile), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	if p.journal, err = os.OpenFile(filepath.Join(dir, journalFile), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, errors.Join(err, p.images.Close())
	}
	if err := p.recover(); err != nil {
		return nil, errors.Join(err, p.images.Close(), p.journal.Close())
	}
	return p, nil
}

// recover reads the journal as far as it is complete and agrees with the pixels.
func (p *partial) recover() error {
	text, err := io.ReadAll(p.journal)
	if err != nil {
		return err
	}
	// A line that was cut off could pass for a shorter one.
	reader := csv.NewReader(bytes.NewReader(text[:bytes.LastIndexByte(text, '\n')+1]))
	if _, err := p.images.Seek(pixelsAt, io.SeekStart); err != nil {
		return err
	}
	pixels, image := bufio.NewReaderSize(p.images, 1<<20), make([]byte, p.imageBytes())
	for {
		fields, err := reader.Read()
		if err != nil {
			break
		}
		e, err := entryOf(fields)
		if err != nil {
			break
		}
		if e.reason == "" {
			if _, err := io.ReadFull(pixels, image); err != nil {
				break
			}
			if sum := sha256.Sum256(image); hex.EncodeToString(sum[:]) != e.hash {
				break
			}
		}
		e.end = reader.InputOffset()
		p.entries = append(p.entries, e)
	}
	return p.keep(len(p.entries))
}

// keep forgets all but the first n stamps, and is ready to write more.
func (p *partial) keep(n int) error {
	p.entries, p.prepared, p.resumed = p.entries[:n], 0, n
	clear(p.seen)
	clear(p.ids)
	for _, e := range p.entries {
		p.note(e)
	}
	for file, size := range map[*os.File]int64{p.journal: p.journalBytes(), p.images: pixelsAt + int64(p.prepared)*p.imageBytes()} {
		if err := file.Truncate(size); err != nil {
			return err
		}
		if _, err := file.Seek(size, io.SeekStart); err != nil {
			return err
		}
	}
	p.pixels, p.lines = bufio.NewWriterSize(p.images, 1<<20), bufio.NewWriter(p.journal)
	return nil
}

// journalBytes is the size of the journal with all stamps so far.
func (p *partial) journalBytes() int64 {
	if len(p.entries) == 0 {
		return 0
	}
	return p.entries[len(p.entries)-1].end
}

func (p *partial) note(e entry) {
	p.ids[e.id] = true
	if e.reason == "" {
		p.prepared++
		p.seen[e.hash] = e.id
	}
}

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

// hashOf is the SHA-256 of pixels as they are stored.
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
			report(Progress{Done: j.stamp.Done, Prepared: p.prepared, Rejected: len(p.entries) - p.prepared, ID: e.id})
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
func (p *partial) produce(ctx context.Context, source galaxy.Source, queue chan<- job, slots chan struct{}) error {
	passed, resuming := 0, true
	for stamp, err := range source.Galaxies(ctx) {
		if err != nil {
			return err
		}
		if resuming && passed < len(p.entries) {
			if e := p.entries[passed]; e.id == stamp.ID && e.version == stamp.Version && e.object == stamp.Object {
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
	e := entry{id: stamp.ID, object: stamp.Object, version: stamp.Version, origin: stamp.Origin, licence: stamp.Licence}
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

// add writes the pixels of a stamp and its line, which reach the file within a tenth of a second.
func (p *partial) add(e entry, r result) error {
	if e.reason == "" {
		buffer := make([]byte, 0, 1<<14)
		for chunk := range slices.Chunk(r.pixels, 1<<12) {
			buffer = appendPixels(buffer[:0], chunk)
			if _, err := p.pixels.Write(buffer); err != nil {
				return err
			}
		}
	}
	line := e.line()
	if _, err := p.lines.Write(line); err != nil {
		return err
	}
	e.end = p.journalBytes() + int64(len(line))
	p.entries = append(p.entries, e)
	p.note(e)
	if time.Since(p.flushed) < time.Second/10 && p.lines.Available() > 1<<10 {
		return nil
	}
	return p.flush()
}

func (p *partial) flush() error {
	p.flushed = time.Now()
	return errors.Join(p.pixels.Flush(), p.lines.Flush())
}

func (p *partial) close() error {
	return errors.Join(p.flush(), p.images.Close(), p.journal.Close())
}

// finish makes the partial set the one of the folder.
func (p *partial) finish(dir string) (Summary, error) {
	var kept, out []entry
	for _, e := range p.entries {
		if e.reason == "" {
			kept = append(kept, e)
		} else {
			out = append(out, e)
		}
	}
	m := manifest{Format: formatName, Version: formatVersion, Source: p.source, Config: p.config}
	m.Summary = Summary{Galaxies: len(kept), Parts: map[Subset]int{}, Resumed: p.resumed}
	for _, e := range out {
		if m.Rejected == nil {
			m.Rejected = map[string]int{}
		}
		m.Rejected[e.reason]++
	}
	if len(kept) == 0 {
		os.RemoveAll(p.dir)
		if len(out) == 0 {
			return m.Summary, errors.New("the source has no galaxies")
		}
		return m.Summary, fmt.Errorf("none of the %d galaxies can be used (%v); the first, %s, is %s: %s", len(out), m.Rejected, out[0].id, out[0].reason, out[0].detail)
	}
	objects := make([]string, len(kept))
	for i, e := range kept {
		objects[i] = e.object
		if e.object == "" {
			objects[i] = e.id
		}
	}
	part, err := p.config.Split.assign(objects)
	if err != nil {
		return m.Summary, err
	}
	m.Objects = len(part)
	// Each part is one run of images, so that it can be mapped into memory by itself.
	var order []int
	for _, which := range subsets {
		for i, object := range objects {
			if part[object] == which {
				order = append(order, i)
				m.Parts[which]++
			}
		}
	}
	m.Shape = [4]int{len(kept), p.config.Size, p.config.Size, p.config.channels()}
	images, err := p.arrange(order, kept, m.Shape)
	if err != nil {
		return m.Summary, err
	}
	defer os.Remove(images)

	var index, rejected bytes.Buffer
	w := csv.NewWriter(&index)
	w.Write(indexFields)
	origins := map[origin]int{}
	for _, i := range order {
		e := kept[i]
		from := origin{e.origin, e.licence}
		at, known := origins[from]
		if !known {
			at = len(m.Origins)
			origins[from] = at
			m.Origins = append(m.Origins, from)
		}
		w.Write([]string{e.id, objects[i], string(part[objects[i]]), strconv.FormatFloat(e.scale, 'g', -1, 64), strconv.FormatFloat(e.zoom, 'g', -1, 64), strconv.Itoa(at), e.hash})
	}
	w.Flush()
	w = csv.NewWriter(&rejected)
	w.Write(rejectedFields)
	for _, e := range out {
		w.Write([]string{e.id, e.reason, e.detail})
	}
	w.Flush()
	sum := sha256.Sum256(index.Bytes())
	m.IndexHash = hex.EncodeToString(sum[:])
	generation := m.IndexHash[:8]
	m.Images = imagesFile + "-" + generation + ".npy"
	m.Index = indexFile + "-" + generation + ".csv"
	m.List = rejectedFile + "-" + generation + ".csv"
	if err := os.Rename(images, filepath.Join(dir, m.Images)); err != nil {
		return m.Summary, err
	}
	for name, content := range map[string][]byte{m.Index: index.Bytes(), m.List: rejected.Bytes()} {
		if err := atomicfile.WriteFile(filepath.Join(dir, name), content); err != nil {
			return m.Summary, err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m.Summary, err
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, manifestFile), append(text, '\n')); err != nil {
		return m.Summary, err
	}
	removeOthers(dir, m)
	return m.Summary, os.RemoveAll(p.dir)
}

// removeOthers removes the files of sets that were replaced, and what killed programs have left. One that can't be, because on some systems a
// file that is mapped can't, is removed by a later run.
func removeOthers(dir string, m manifest) {
	patterns := []string{imagesFile + "-????????.npy", indexFile + "-????????.csv", rejectedFile + "-????????.csv",
		"." + indexFile + "-*", "." + rejectedFile + "-*", "." + manifestFile + "*"} // those of atomicfile
	for _, pattern := range patterns {
		names, _ := fs.Glob(os.DirFS(dir), pattern) // the patterns are well-formed
		for _, name := range names {
			if name != m.Images && name != m.Index && name != m.List {
				os.Remove(filepath.Join(dir, name))
			}
		}
	}
}

// arrange writes the images in their final order and scale, and returns the path of the file. The partial set stays as it was: it's needed if this
// program is killed. With [ScaleSurvey] scaling the scales and hashes in kept are brought up to date.
func (p *partial) arrange(order []int, kept []entry, shape [4]int) (path string, err error) {
	from, err := os.OpenFile(filepath.Join(p.dir, imagesFile), os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer from.Close()
	header := npy.Header(shape[:]...)
	path = filepath.Join(p.dir, "arranged")
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	if p.config.Scaling != ScaleSurvey && slices.IsSorted(order) {
		// The file is right as it is but for its header; a second name for it saves the copy, where the file system has such.
		if _, err := from.WriteAt(header, 0); err != nil {
			return "", err
		}
		if err := from.Sync(); err != nil {
			return "", err
		}
		if os.Link(from.Name(), path) == nil {
			return path, nil
		}
	}
	divisor := 0.0
	for _, e := range kept {
		divisor = max(divisor, e.scale)
	}
	image := make([]byte, p.imageBytes())
	return path, atomicfile.Write(path, func(w io.Writer) error {
		if _, err := w.Write(header); err != nil {
			return err
		}
		for _, i := range order {
			if _, err := from.ReadAt(image, pixelsAt+int64(i)*p.imageBytes()); err != nil {
				return err
			}
			if p.config.Scaling == ScaleSurvey {
				pixels := make([]float32, len(image)/4)
				if _, err := binary.Decode(image, binary.LittleEndian, pixels); err != nil {
					return err
				}
				divide(pixels, divisor)
				image = appendPixels(image[:0], pixels)
				kept[i].scale, kept[i].hash = divisor, hashOf(pixels)
			}
			if _, err := w.Write(image); err != nil {
				return err
			}
		}
		return nil
	})
}
