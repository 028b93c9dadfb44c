package dataset

import (
	"bytes"
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
	"slices"
	"strconv"

	"galdecon/galdecon/internal/npy"
	"galdecon/internal/atomicfile"
)

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
		return m.Summary,
			fmt.Errorf("none of the %d galaxies can be used (%v); the first, %s, is %s: %s",
				len(out), m.Rejected, out[0].id, out[0].reason, out[0].detail)
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
		from := origin{e.origin, e.license}
		at, known := origins[from]
		if !known {
			at = len(m.Origins)
			origins[from] = at
			m.Origins = append(m.Origins, from)
		}
		w.Write([]string{e.id, objects[i], string(part[objects[i]]),
			strconv.FormatFloat(e.scale, 'g', -1, 64), strconv.FormatFloat(e.zoom, 'g', -1, 64),
			strconv.Itoa(at), e.hash})
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
	if err := atomicfile.WriteFile(filepath.Join(dir, manifestFile),
		append(text, '\n')); err != nil {
		return m.Summary, err
	}
	removeOthers(dir, m)
	return m.Summary, os.RemoveAll(p.dir)
}

// removeOthers removes the files of sets that were replaced, and what killed programs have left.
// One that can't be, because on some systems a file that is mapped can't, is removed by a later
// run.
func removeOthers(dir string, m manifest) {
	patterns := []string{imagesFile + "-????????.npy", indexFile + "-????????.csv",
		rejectedFile + "-????????.csv",
		// those of atomicfile
		"." + indexFile + "-*", "." + rejectedFile + "-*", "." + manifestFile + "*"}
	for _, pattern := range patterns {
		names, _ := fs.Glob(os.DirFS(dir), pattern) // the patterns are well-formed
		for _, name := range names {
			if name != m.Images && name != m.Index && name != m.List {
				os.Remove(filepath.Join(dir, name))
			}
		}
	}
}

// arrange writes the images in their final order and scale, and returns the path of the file. The
// partial set stays as it was: it's needed if this program is killed. With [ScaleSurvey] scaling
// the scales and hashes in kept are brought up to date.
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
		// The file is right as it is but for its header; a second name for it saves the copy, where
		// the file system has such.
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
