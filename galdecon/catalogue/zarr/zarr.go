// Package zarr writes folders of arrays in the format Zarr, version 2
// (https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html), with names of dimensions as xarray
// has them, and all metadata in one file, too.
package zarr

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Group is a folder of arrays and groups.
type Group struct {
	Name       string // of the folder; that of the root doesn't count
	Attributes map[string]any
	Arrays     []Array
	Groups     []Group
}

// Array is an array to write.
type Array struct {
	Name string
	// Dimensions name the axes, and Shape is their lengths, the slowest first.
	Dimensions []string
	Shape      []int
	// Data are all values, a []float32, []float64, []int64 or []string, or nil if Part has them.
	Data any
	// Part returns the values of a part of the last axis, from first on up to but not including
	// end, for arrays that aren't in memory whole. PartLength is the length of a part; the last
	// may be shorter.
	Part       func(first, end int) (any, error)
	PartLength int
	Attributes map[string]any
}

// Save writes a group as the folder at dir, which must not be there. It appears when it is
// complete.
func Save(dir string, root Group) (err error) {
	fail := func(err error) error {
		return fmt.Errorf("zarr: cannot write %s: %w", dir, err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return fail(errors.New("there is something already; remove it, or choose another name"))
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(part) // does nothing once the folder has its name
	w := writer{root: part, metadata: map[string]json.RawMessage{}}
	if err := w.group("", root); err != nil {
		return fail(err)
	}
	if err := w.json("", ".zmetadata", map[string]any{
		"zarr_consolidated_format": 1, "metadata": w.metadata,
	}); err != nil {
		return fail(err)
	}
	if err := os.Chmod(part, 0o755); err != nil {
		return fail(err)
	}
	if err := os.Rename(part, dir); err != nil {
		return fail(err)
	}
	return nil
}

type writer struct {
	root     string
	metadata map[string]json.RawMessage // by the path of its file
}

// json writes a file of metadata.
func (w *writer) json(folder, name string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	w.metadata[path.Join(folder, name)] = text
	return os.WriteFile(filepath.Join(w.root, folder, name), text, 0o666)
}

func (w *writer) attributes(folder string, attributes map[string]any) error {
	if len(attributes) == 0 {
		return nil
	}
	return w.json(folder, ".zattrs", attributes)
}

func (w *writer) group(folder string, g Group) error {
	if err := os.MkdirAll(filepath.Join(w.root, folder), 0o777); err != nil {
		return err
	}
	if err := w.json(folder, ".zgroup", map[string]int{"zarr_format": 2}); err != nil {
		return err
	}
	if err := w.attributes(folder, g.Attributes); err != nil {
		return err
	}
	for _, a := range g.Arrays {
		if err := w.array(path.Join(folder, a.Name), a); err != nil {
			return fmt.Errorf("array %s: %w", a.Name, err)
		}
	}
	for _, inner := range g.Groups {
		if err := w.group(path.Join(folder, inner.Name), inner); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) array(folder string, a Array) error {
	if len(a.Dimensions) != len(a.Shape) {
		return fmt.Errorf("it has %d axes, and names of %d", len(a.Shape), len(a.Dimensions))
	}
	if err := os.MkdirAll(filepath.Join(w.root, folder), 0o777); err != nil {
		return err
	}
	last := len(a.Shape) - 1
	chunk := append([]int{}, a.Shape...)
	parts := 1
	if a.Data == nil {
		if last < 0 || a.PartLength < 1 {
			return errors.New("without data it needs an axis, and the length of its parts")
		}
		chunk[last] = min(a.PartLength, max(1, a.Shape[last]))
		parts = (a.Shape[last] + chunk[last] - 1) / chunk[last]
	}
	kind := "<f4" // of an array without values
	for i := range parts {
		data, length := a.Data, 1
		if last >= 0 {
			length = a.Shape[last]
		}
		if data == nil {
			end := min((i+1)*chunk[last], a.Shape[last])
			length = end - i*chunk[last]
			var err error
			if data, err = a.Part(i*chunk[last], end); err != nil {
				return err
			}
		}
		name := "0"
		if last >= 0 {
			name = strings.Repeat("0.", last) + strconv.Itoa(i)
		}
		var err error
		kind, err = w.chunk(filepath.Join(w.root, folder, name), data, chunk, length)
		if err != nil {
			return err
		}
	}
	for i := range chunk {
		chunk[i] = max(1, chunk[i])
	}
	if err := w.json(folder, ".zarray", map[string]any{
		"zarr_format": 2, "shape": append([]int{}, a.Shape...), "chunks": chunk, "dtype": kind,
		"compressor": nil, "fill_value": nil, "order": "C", "filters": nil,
	}); err != nil {
		return err
	}
	attributes := map[string]any{"_ARRAY_DIMENSIONS": append([]string{}, a.Dimensions...)}
	for key, v := range a.Attributes {
		attributes[key] = v
	}
	return w.attributes(folder, attributes)
}

// chunk writes values whose last axis has a length, filled up with zeros to that of the chunk, and
// returns their type.
func (w *writer) chunk(name string, data any, chunk []int, length int) (kind string, err error) {
	n := 1
	for _, axis := range chunk {
		n *= axis
	}
	width := length
	if len(chunk) > 0 {
		width = chunk[len(chunk)-1]
	}
	rows := n / max(1, width)
	var b bytes.Buffer
	values := 0
	write := func(count, size int, row func(first, end int) any) error {
		values = count
		if count != rows*length {
			return fmt.Errorf("it has %d values, its shape %d", count, rows*length)
		}
		for r := range rows {
			if err := binary.Write(&b, binary.LittleEndian,
				row(r*length, (r+1)*length)); err != nil {
				return err
			}
			b.Write(make([]byte, (width-length)*size))
		}
		return nil
	}
	switch v := data.(type) {
	case []float32:
		kind, err = "<f4", write(len(v), 4, func(i, end int) any { return v[i:end] })
	case []float64:
		kind, err = "<f8", write(len(v), 8, func(i, end int) any { return v[i:end] })
	case []int64:
		kind, err = "<i8", write(len(v), 8, func(i, end int) any { return v[i:end] })
	case []string:
		chars := 1
		for _, text := range v {
			chars = max(chars, utf8.RuneCountInString(text))
		}
		kind = "<U" + strconv.Itoa(chars)
		err = write(len(v), 4*chars, func(i, end int) any { return characters(v[i:end], chars) })
	default:
		err = fmt.Errorf("values of type %T can't be written", data)
	}
	if err != nil || values == 0 {
		return kind, err
	}
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	out := bufio.NewWriter(f)
	_, err = out.Write(b.Bytes())
	return kind, errors.Join(err, out.Flush(), f.Close())
}

// characters returns texts as numpy stores them: as so many characters of 32 bits each.
func characters(texts []string, chars int) []uint32 {
	out := make([]uint32, len(texts)*chars)
	for i, text := range texts {
		k := i * chars
		for _, r := range text {
			out[k] = uint32(r)
			k++
		}
	}
	return out
}
