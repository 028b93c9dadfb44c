package files

import (
	"archive/zip"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// input is a file as it may come from anywhere, and what should become of it.
type input struct {
	name string // of the file, with what may follow it
	data []byte
	want []float32 // the pixels; nil where an error is right
}

// corpus are bad and odd inputs: whole files with what programs write into them that is odd, and
// files damaged in each way that occurred to us, of each format.
func corpus(t *testing.T) (all []input) {
	t.Helper()
	add := func(name string, data []byte, want []float32) {
		all = append(all, input{name: name, data: data, want: want})
	}
	ramp := []float32{1, 2, 3, 4, 5, 6}
	header := func(cards ...string) []byte { return hduOf(ramp, 3, cards...) }
	plain := header()

	// Headers that are odd, and none of the image's business.
	for _, card := range []string{
		"", "COMMENT", "HISTORY", "END?", "lower   = 1.0", "Obs Mode= 'x'", "OBJECT  = 'it''s'",
		"OBJECT  = 'no end",
		"OBJECT  = M51", "OBJECT  =", "OBJECT", "OBJECT = 'early'", "OBJECT=  'M51'",
		"OBJECT  = 'caf\xe9'",
		"OBJECT  = 'L0\xce\xb3'", "OBSERVER= '\x00\x00\x00'", "NAN     = NaN", "INF     = -Inf",
		"HUGE    = 1D+300",
		"HUGER   = 1E999", "BIG     = 123456789012345678901234567890",
		"SITELAT = -17:34:28 / latitude",
		"DATE-OBS= 2016-08-12T05:59:30", "CPLX    = (1.0, 2.0)", "CPLX    = (1.0,",
		"BOOL    = TRUE", "BOOL    = Y",
		"HIERARCH ESO OBS NTPL = 5", "HIERARCH = 5", "HIERARCH", "LONG    = 'goes on &'",
		"CONTINUE  'alone'", "= 5", "        = 5",
		"CRPIX1  = 'text'", "CRPIX1  = 1 2", "CD1_1   = ----", "EXTNAME = 5", "EXTNAME = 'SCI",
		"EXTVER  = 'x'", "EXTVER  = 1.5",
		"BLANK   = 'none'", "BLANK   = 0", "BSCALE  = 'one'", "BZERO   = text", "BSCALE  =",
		"DATAMAX = NaN", "CHECKSUM= 'wrong'",
		"DATASUM = 'wrong'", "COLOURS = 'x'", "PCOUNT  = 0", "GCOUNT  = 1", "GROUPS  = F",
		"EXTEND  = 5", "NAXIS3  = 9",
		"CTYPE1  = 5",
		"PIPELINE_DR9_954a179-z-20160812T055930_oi[S29,noinherit][2046,4094][real]: a",
		"A_ORDER = 999999999999", "A_9_9   = 1E300", "CPDIS1  = 5", "DP1     =",
		"CTYPE3  = 'WAVE-TAB'", "LTV1    = 'x'",
	} {
		add("header.fits", header(card), ramp)
	}
	add("padding.fits", bytes.Replace(plain, []byte("END      "),
		[]byte("END\x00\x00\x00\x00\x00\x00"), 1), ramp)
	add("long.fits", header(slices.Repeat([]string{"COMMENT a long history"}, 2000)...), ramp)
	add("continued.fits", header(append([]string{"LONG    = 'begins &'"},
		slices.Repeat([]string{"CONTINUE  'and goes on &'"}, 900)...)...), ramp)
	add("unfilled.fits", plain[:2880+24], ramp)
	add("longer.fits", append(slices.Clone(plain), "what follows isn't FITS"...), ramp)
	add("zeros.fits", append(slices.Clone(plain), make([]byte, 5760)...), ramp)
	add("twice.fits", header("NAXIS1  =                  999", "BITPIX  =                    8"),
		ramp)

	// What says where the data are.
	for _, key := range []string{"BITPIX", "NAXIS", "NAXIS1", "NAXIS2"} {
		for _, value := range []string{"-1", "0", "999999999999", "9223372036854775807", "1E9",
			"x", "", "NaN", "2.5", "'2'"} {
			name := fmt.Sprintf("%s is %s.fits", key, strings.Trim(value, "'"))
			in := input{name: name, data: setCard(plain, key, value)}
			all = append(all, in)
		}
		add(key+" is missing.fits", setCard(plain, key, "DELETE"), nil)
	}
	for _, at := range []int{1, 79, 80, 400, 2879, 2880, 2881, 2880 + 23} {
		add(fmt.Sprintf("cut at %d.fits", at), plain[:at], nil)
	}

	// Other formats.
	array := numpy("<f4", "1, 2, 3", ramp)
	archive := npz(t, zip.Deflate, map[string][]byte{"a.npy": array})
	packed := gzipped(t, array)
	for at := 0; at < len(array); at += 9 {
		add(fmt.Sprintf("cut at %d.npy", at), array[:at], nil)
	}
	for at := 0; at < len(archive); at += 16 {
		add(fmt.Sprintf("cut at %d.npz", at), archive[:at], nil)
	}
	for at := 0; at < len(packed)-1; at += 12 {
		add(fmt.Sprintf("cut at %d.npy.gz", at), packed[:at], nil)
	}
	for _, shape := range []string{"", "-1, 3", "2, 3.5", "9999999999999, 1", "0, 3", "2",
		"1, 1, 1, 2, 3", "x", "2, 3, "} {
		want := map[string][]float32{"2, 3, ": ramp}[shape]
		add("shape.npy", numpy("<f4", shape, ramp), want)
	}
	for _, descr := range []string{"<c8", "|O", "|S4", "<U4", "<M8[s]", "<f16", "|V4", "<f3", "f",
		""} {
		if descr == "" {
			descr = " "
		}
		add("type.npy", numpy(descr, "2, 3", ramp), nil)
	}
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		add("not finite.npy", numpy("<f8", "1, 1", []float64{value}), nil)
	}
	png := samples(t)["png8.png"]
	for at := 0; at < len(png)-12; at += 8 { // without the last chunk it's whole
		all = append(all, input{name: fmt.Sprintf("cut at %d.png", at), data: png[:at]})
	}

	// The contents of one format under the name of another, and of none.
	for _, name := range []string{"a.fits", "a.fits.gz", "a.fits.fz", "a.npy", "a.npy.gz",
		"a.npz", "a.png", "a.tif", "a.jpg"} {
		for _, c := range []struct {
			data []byte
			are  string
			want []float32
		}{{plain, ".fits .fits.gz .fits.fz", ramp}, {array, ".npy .npy.gz", ramp}, {archive,
			".npz", ramp}, {packed, ".npy .npy.gz", ramp},
			{gzipped(t, plain), ".fits .fits.gz .fits.fz", ramp},
			{[]byte("<html>404 Not Found</html>"), "", nil}, {nil, "", nil},
			{make([]byte, 9000), "", nil}, {[]byte("SIMPLE"), "", nil}, {[]byte("BZh91AY&SY"), "",
				nil},
			{[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), "",
				nil}} {
			want := c.want
			if !slices.Contains(strings.Fields(c.are), fileEnding(name)) {
				want = nil
			}
			add(name, c.data, want)
		}
	}

	// Names of parts.
	for part, want := range map[string][]float32{"[0]": ramp, "[PRIMARY]": ramp,
		"[primary,1]": ramp, "[ 0 ]": ramp, "[0][*,*,1]": nil,
		"[]": nil, "[[0]]": nil, "[-1]": nil, "[1]": nil, "[SCI]": nil, "[0,0]": nil,
		"[0][*,*,0]": nil, "[0][1:2,1:2]": nil,
		"[99999999999999999999]": nil, "[*,*,1]": nil, "[0": nil, "0]": nil, "[PRIMARY,2]": nil,
		"[0][*,*,2]": nil, "[é]": nil} {
		add("part.fits"+part, plain, want)
	}
	return all
}

// hduOf is a primary HDU with values, in rows of a width.
func hduOf(values []float32, width int, cards ...string) []byte {
	data := hdu("", len(values), 0, cards...)
	data = setCard(data, "NAXIS1", fmt.Sprint(width))
	data = setCard(data, "NAXIS2", fmt.Sprint(len(values)/width))
	at := len(data) - 2880
	for _, v := range values {
		bits := math.Float32bits(v)
		copy(data[at:], []byte{byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
		at += 4
	}
	return data
}

// setCard gives the first card with a keyword another value, or blanks it.
func setCard(data []byte, key, value string) []byte {
	out := slices.Clone(data)
	at := bytes.Index(out, []byte(fmt.Sprintf("%-8s=", key)))
	card := fmt.Sprintf("%-8s= %20s", key, value)
	if value == "DELETE" {
		card = ""
	}
	copy(out[at:at+80], fmt.Sprintf("%-80s", card))
	return out
}

// Every input ends in the right value or in one sentence, and what is saved is whole.
func TestCorpus(t *testing.T) {
	inputs := corpus(t)
	if len(inputs) < 200 {
		t.Errorf("there are %d inputs", len(inputs))
	}
	dir, out := t.TempDir(), t.TempDir()
	saved := filepath.Join(out, "saved.fits")
	refused := 0
	for _, in := range inputs {
		name, _, _ := strings.Cut(in.name, "[")
		if err := os.WriteFile(filepath.Join(dir, name), in.data, 0o666); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, in.name)
		f, err := Read(path)
		im, errLoad := Load(path)
		if err != nil {
			refused++
			text := err.Error()
			if in.want != nil || !strings.HasPrefix(text, "files: ") || !strings.Contains(text,
				path) ||
				strings.ContainsAny(text, "\n\x00") || len(text) > 600 {
				t.Errorf("%s %.90q: error %q", in.name, in.data, text)
			}
			if errLoad == nil {
				t.Errorf("%s: Load gave %v, Read %v", in.name, im, err)
			}
			continue
		}
		finite := f.Images.CheckFinite() == nil
		if in.want == nil && finite || in.want != nil && !slices.Equal(f.Images.Pixels,
			in.want) || finite != (errLoad == nil) {
			t.Errorf("%s %.90q: pixels %v, want %v; Load said %v", in.name, in.data,
				f.Images.Pixels, in.want, errLoad)
			continue
		}
		err = SaveFITS(saved, f.Images, f.Header.Window(1, 1, 2))
		left, _ := os.ReadDir(out)
		if !finite {
			if err == nil || len(left) > 0 {
				t.Errorf("%s: saved with %v, files %v", in.name, err, left)
			}
			continue
		}
		back, errBack := Read(saved)
		if err != nil || errBack != nil || len(left) != 1 || !slices.Equal(back.Images.Pixels,
			f.Images.Pixels) {
			t.Errorf("%s %.90q: saved with %v, files %v, read back with %v", in.name, in.data,
				err, left, errBack)
		} else if len(back.Notes) > 0 {
			t.Errorf("%s: saved, it has the notes %q", in.name, back.Notes)
		}
		os.Remove(saved)
	}
	t.Logf("%d inputs, %d of them refused", len(inputs), refused)
}
