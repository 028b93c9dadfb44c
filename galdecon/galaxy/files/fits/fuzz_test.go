package fits

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func FuzzCard(f *testing.F) {
	for _, name := range []string{"numbers", "texts", "odd", "bytes"} {
		file, err := Open("testdata/" + name + ".fits")
		if err != nil {
			f.Fatal(err)
		}
		for c := range file.HDUs[0].Header.Cards() {
			f.Add([]byte(c))
		}
		file.Close()
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := &Header{}
		for len(data) > 0 {
			line := make([]byte, cardSize)
			n := copy(line, data)
			data = data[n:]
			c, _ := asCard(line)
			h.add(c)
		}
		for c := range h.Cards() {
			c.Key()
			c.Comment()
			s := c.standard()
			if len(s)%cardSize != 0 || len(s) == 0 {
				t.Fatalf("%q of %d bytes", s, len(s))
			}
			if again := s.standard(); again != s {
				t.Fatalf("%q is mended to %q, and then to %q", c, s, again)
			}
			switch v := c.Value().(type) {
			case string, bool, int64:
				if _, _, form := c.parts(); form == valued && s[:7] != "COMMENT" && s.Value() != v {
					t.Fatalf("%q: %v became %v in %q", c, v, s.Value(), s)
				}
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	names, _ := filepath.Glob("testdata/*.fits")
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 40000 {
			f.Add(b)
		}
	}
	f.Fuzz(readAll)
}

// FuzzPatched reads files of which some bytes are others, which keeps what is before and after
// them whole.
func FuzzPatched(f *testing.F) {
	var files [][]byte
	names, _ := filepath.Glob("testdata/*.fits")
	for i, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, b)
		step := 7
		if len(b) > 40000 {
			step = 199
		}
		for at := 0; at+cardSize < len(b); at += step * cardSize {
			f.Add(i, at, bytes.Clone(b[at:at+cardSize]))
		}
	}
	f.Fuzz(func(t *testing.T, i, at int, patch []byte) {
		if i < 0 || at < 0 || i >= len(files) || at > len(files[i]) {
			return
		}
		data := bytes.Clone(files[i])
		copy(data[at:], patch)
		readAll(t, data)
	})
}

// readAll reads and writes all of a file that may be damaged.
func readAll(t *testing.T, data []byte) {
	file, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	for _, h := range file.HDUs {
		_ = h.String()
		columns, _ := h.Columns()
		for _, c := range columns {
			c.Numbers()
			c.Integers()
			c.Texts()
		}
		pixels, err := h.Pixels()
		if len(pixels) > 2048*(len(data)+4096) {
			t.Fatalf("%d pixels of %d bytes", len(pixels), len(data))
		}
		if err == nil && h.Planes() > 0 {
			plane, err := h.Plane(0)
			if err != nil || len(plane) > len(pixels) {
				t.Fatal(len(plane), len(pixels), err)
			}
		}
		if len(pixels) < 1000 {
			err := Write(&bytes.Buffer{}, NewImage{h.Header, -64, []int{len(pixels)},
				func(i int) float64 { return pixels[i] }})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// tileBytes returns the compressed tiles of a file.
func tileBytes(f *testing.F, name string) (all [][]byte) {
	file, err := Open("testdata/" + name + ".fits")
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	for _, h := range file.HDUs[1:] {
		row := make([]byte, h.tiles.row)
		if _, err := h.file.ReadAt(row, h.data); err != nil {
			f.Fatal(err)
		}
		b, err := h.tiles.array(h.file, h.tiles.compressed, row)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

func FuzzRice(f *testing.F) {
	for _, b := range tileBytes(f, "rice_1") {
		f.Add(b, 400, byte(2), 32)
	}
	f.Fuzz(func(t *testing.T, data []byte, pixels int, size byte, block int) {
		if pixels < 0 || pixels > 1<<20 || block < 1 || block > 4096 {
			return
		}
		out, err := riceDecode(data, pixels, 1<<(size%3), block)
		if err == nil && len(out) != pixels {
			t.Fatal(len(out))
		}
	})
}

func FuzzPLIO(f *testing.F) {
	for _, b := range tileBytes(f, "plio_1") {
		f.Add(b, 33)
	}
	f.Fuzz(func(t *testing.T, data []byte, pixels int) {
		if pixels < 0 || pixels > 1<<20 {
			return
		}
		out, err := plioDecode(data, pixels)
		if err == nil && len(out) != pixels {
			t.Fatal(len(out))
		}
	})
}

func FuzzHcompress(f *testing.F) {
	for _, b := range tileBytes(f, "hcompress_1") {
		f.Add(b, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, smooth bool) {
		if len(data) < 14 {
			return
		}
		height, width := binary.BigEndian.Uint32(data[2:]), binary.BigEndian.Uint32(data[6:])
		if height == 0 || width == 0 || height > 100 || width > 100 {
			return
		}
		out, err := hcompressDecode(data, int(height), int(width), smooth)
		if err == nil && len(out) != int(height*width) {
			t.Fatal(len(out))
		}
	})
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"a.fits[SCI,2][*,*,3]", "a[0]", "[", "]", "a[][]", "x[*,*,1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		path, s, chosen, err := ParseName(name)
		if err != nil || !chosen {
			return
		}
		again, s2, chosen, err := ParseName(path + s.String())
		if err != nil || !chosen || again != path || s2.String() != s.String() {
			t.Fatalf("%q: %q %v, then %q %v %v", name, path, s, again, s2, err)
		}
	})
}
