package npy

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestHeaderIsReadBack(t *testing.T) {
	for _, shape := range [][]int{{3}, {2, 3}, {1, 2, 3}, {7774, 128, 128, 3},
		{1 << 30, 1 << 20, 10, 10}} {
		header := Header(shape...)
		if len(header) != 128 || header[127] != '\n' {
			t.Errorf("%v: the header has %d bytes and ends with %q", shape, len(header),
				header[len(header)-1])
		}
		a, err := NewArray(bytes.NewReader(header))
		if err != nil || !slices.Equal(a.Shape, shape) || a.Type != "f4" {
			t.Errorf("%v: %+v, %v", shape, a, err)
		}
	}
	// What numpy.save writes before numpy.zeros((2, 3), "f4").
	if want := "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
		strings.Repeat(" ", 58) + "\n"; string(Header(2, 3)) != want {
		t.Errorf("got %q, want %q", Header(2, 3), want)
	}
}

func TestReadInParts(t *testing.T) {
	values := make([]float64, 10_000)
	for i := range values {
		values[i] = float64(i) - 0.5
	}
	file := bytes.NewBuffer(bytes.Replace(Header(100, 100), []byte("<f4"), []byte(">f8"), 1))
	binary.Write(file, binary.BigEndian, values)
	a, err := NewArray(file)
	if err != nil {
		t.Fatal(err)
	}
	first, rest := make([]float32, 7), make([]float32, 9993)
	if err := a.Read(first); err != nil {
		t.Fatal(err)
	}
	if err := a.Read(rest); err != nil {
		t.Fatal(err)
	}
	if first[6] != 5.5 || rest[0] != 6.5 || rest[9992] != 9998.5 {
		t.Errorf("got %v, %v and %v", first[6], rest[0], rest[9992])
	}
	if err := a.Read(first); err == nil || !strings.Contains(err.Error(), "truncated") ||
		!strings.HasPrefix(err.Error(), "npy: ") {
		t.Errorf("error %v behind the end", err)
	}
}

func TestTypes(t *testing.T) {
	for descr, values := range map[string]any{
		"|b1": []bool{true, false}, "<f2": []uint16{0x3c00, 0}, ">f2": []uint16{0x3c00, 0},
		"<u8": []uint64{1, 0}, ">i8": []int64{1, 0}, "|i1": []int8{1, 0},
	} {
		var order binary.ByteOrder = binary.LittleEndian
		if descr[0] == '>' {
			order = binary.BigEndian
		}
		file := bytes.NewBuffer(bytes.Replace(Header(2), []byte("<f4"), []byte(descr), 1))
		binary.Write(file, order, values)
		got := make([]float32, 2)
		a, err := NewArray(file)
		if err == nil {
			err = a.Read(got)
		}
		if err != nil || got[0] != 1 || got[1] != 0 || a.Type != descr[1:] {
			t.Errorf("%s: %v, %v", descr, got, err)
		}
	}
}

// What numpy.save writes of numpy.asfortranarray(a): the first axis varies fastest.
func TestFortranOrder(t *testing.T) {
	file := bytes.NewBuffer(bytes.Replace(Header(2, 3, 4), []byte("False"), []byte("True "), 1))
	for k := range 4 {
		for j := range 3 {
			for i := range 2 {
				binary.Write(file, binary.LittleEndian, float32(100*i+10*j+k))
			}
		}
	}
	whole := file.Bytes()
	a, err := NewArray(file)
	if err != nil {
		t.Fatal(err)
	}
	first, rest := make([]float64, 5), make([]float32, 19)
	if err := a.ReadFloat64(first); err != nil {
		t.Fatal(err)
	}
	if err := a.Read(rest); err != nil {
		t.Fatal(err)
	}
	if want := []float64{0, 1, 2, 3, 10}; !slices.Equal(first, want) || rest[18] != 123 ||
		rest[7] != 100 {
		t.Errorf("got %v and %v", first, rest)
	}
	if err := a.Read(rest[:1]); err == nil {
		t.Error("there is a value behind the end")
	}
	if a, err = NewArray(bytes.NewReader(whole[:len(whole)-1])); err != nil {
		t.Fatal(err)
	}
	if err := a.ReadFloat64(first); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("error %v of a truncated file", err)
	}
}

func TestRefuses(t *testing.T) {
	good := string(Header(2, 3))
	for want, file := range map[string]string{
		"not a NumPy file":  "hello, world",
		"version 1 to 3":    strings.Replace(good, "\x01\x00", "\x04\x00", 1),
		"within its header": good[:50],
		"more than the":     "\x93NUMPY\x02\x00\xff\xff\xff\xff",
		"no type of number": strings.Replace(good, "<f4", "<c8", 1),
		"no shape":          strings.Replace(good, "shape", "shade", 1),
		"more than any":     strings.Replace(good, "(2, 3)", "(9223372036854775807, 3)", 1),
		"more than any compu": strings.Replace(good, "(2, 3)",
			"(2147483647, 2147483647, 2147483647)", 1),
	} {
		if _, err := NewArray(strings.NewReader(file)); err == nil ||
			!strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "npy: ") {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestHeaderRefuses(t *testing.T) {
	for want, shape := range map[string][]int{"at most four axes": {1, 1, 1, 1, 1}, "[-1]": {-1},
		"[2147483648]": {1 << 31}} {
		func() {
			defer func() {
				message, _ := recover().(string)
				if !strings.HasPrefix(message, "npy: ") || !strings.Contains(message, want) {
					t.Errorf("%v: the panic is %q, want one with %q", shape, message, want)
				}
			}()
			Header(shape...)
		}()
	}
	if longest := Header(math.MaxInt32, math.MaxInt32, math.MaxInt32,
		math.MaxInt32); len(longest) != headerSize {
		t.Errorf("the longest header has %d bytes", len(longest))
	}
}

func FuzzNewArray(f *testing.F) {
	f.Add(append(Header(1, 2), 0, 0, 128, 63, 0, 0, 0, 64))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Add(append(bytes.Replace(Header(1, 2), []byte("False"), []byte("True "), 1), 0, 0, 128, 63, 0,
		0, 0, 64))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := NewArray(bytes.NewReader(data))
		if err != nil {
			return
		}
		count := 1
		for _, d := range a.Shape {
			if count *= d; count < 0 || count > math.MaxInt/8 {
				t.Fatalf("the shape %v overflows", a.Shape)
			}
		}
		values := make([]float32, min(count, len(data)+1))
		if err := a.Read(values); err == nil && len(values) > len(data) {
			t.Fatalf("%d values from %d bytes", len(values), len(data))
		}
	})
}
