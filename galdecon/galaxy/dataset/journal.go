package dataset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/internal/npy"
)

// entry is a stamp that was prepared, or rejected if it has a reason.
type entry struct {
	id, object, version, origin, license string
	reason, detail                       string
	scale, zoom                          float64
	hash                                 string // SHA-256 of the pixels, little-endian
	end                                  int64  // of its line in the journal
}

func (e entry) fields() []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return []string{e.id, e.object, e.version, e.origin, e.license, e.reason, e.detail,
		number(e.scale), number(e.zoom), e.hash}
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
	e = entry{id: f[0], object: f[1], version: f[2], origin: f[3], license: f[4], reason: f[5],
		detail: f[6], hash: f[9]}
	if e.scale, err = strconv.ParseFloat(f[7], 64); err != nil {
		return e, err
	}
	e.zoom, err = strconv.ParseFloat(f[8], 64)
	return e, err
}

// partial is a set that's being written: the images in the order of the source, and a journal with
// a line for each stamp. Pixels are written before the line that vouches for them.
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

// imageBytes returns the size of one image in the file.
func (p *partial) imageBytes() int64 {
	return 4 * int64(p.config.Size) * int64(p.config.Size) * int64(p.config.channels())
}

// pixelsAt is the place of the first value in a file of images: npy.Header stands before it.
var pixelsAt = int64(len(npy.Header(0, 0, 0, 0)))

// openPartial opens what an earlier run with the same source and configuration has left, or begins
// anew.
func openPartial(dir string, source galaxy.Source, config Config) (*partial, error) {
	p := &partial{dir: dir, config: config, source: source.Describe(), seen: map[string]string{},
		ids: map[string]bool{}}
	// The split is decided at the end.
	unsplit := config
	unsplit.Split = SplitConfig{}
	want, err := json.MarshalIndent(manifest{Format: formatName, Version: formatVersion,
		Source: p.source, Config: unsplit}, "", "  ")
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
	if p.images, err = os.OpenFile(filepath.Join(dir, imagesFile), os.O_RDWR|os.O_CREATE,
		0o666); err != nil {
		return nil, err
	}
	if p.journal, err = os.OpenFile(filepath.Join(dir, journalFile), os.O_RDWR|os.O_CREATE,
		0o666); err != nil {
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
	for file, size := range map[*os.File]int64{p.journal: p.journalBytes(),
		p.images: pixelsAt + int64(p.prepared)*p.imageBytes()} {
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

// journalBytes returns the size of the journal with all stamps so far.
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
