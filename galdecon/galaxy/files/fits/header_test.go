package fits

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

// headerOf returns a header of the lines.
func headerOf(lines ...string) *Header {
	h := &Header{}
	for _, line := range lines {
		c, _ := asCard([]byte(fmt.Sprintf("%-80s", line)))
		h.add(c)
	}
	return h
}

func TestGet(t *testing.T) {
	h := headerOf("A       = 1.5", "a2      = 'text'", "HIERARCH ESO Key = 3.0",
		"FREE    = in words",
		"YES     = T", "EMPTY   =", "A       = 2", "TT      = 5", "CONTINUE  'orphan'")
	if v, ok := h.Number("a"); v != 1.5 || !ok {
		t.Errorf("the first of two is 1.5, not %v", v)
	}
	if v, ok := h.Text("A2"); v != "text" || !ok {
		t.Error(v, ok)
	}
	for _, key := range []string{"ESO KEY", "HIERARCH eso key"} {
		if v, ok := h.Integer(key); v != 3 || !ok {
			t.Error(key, v, ok)
		}
	}
	if v, ok := h.Text("FREE"); v != "in words" || !ok {
		t.Error(v, ok)
	}
	if v, ok := h.Bool("YES"); !v || !ok {
		t.Error(v, ok)
	}
	for _, key := range []string{"EMPTY", "MISSING", "FREE"} {
		if v, ok := h.Number(key); ok {
			t.Errorf("%s is %v", key, v)
		}
	}
	if v, ok := h.Text("MISSING"); ok {
		t.Errorf("a missing text is %q", v)
	}
	if v, ok := h.Integer("TT"); v != 5 || !ok {
		t.Error("a number with an orphan after it isn't read", v, ok)
	}
	var none *Header
	if none.Len() != 0 || none.Has("A") || none.Copy().Len() != 0 {
		t.Error("a nil header isn't empty")
	}
}

func TestEndlessContinuation(t *testing.T) {
	h := headerOf("A       = '&'")
	for range 100_000 {
		h.add(Card(fmt.Sprintf("%-80s", "CONTINUE  'x&'")))
	}
	if text, _ := h.Text("A"); len(text) != maxCard/cardSize || h.Len() != 100_001-len(text) {
		t.Errorf("%d characters in one of %d cards", len(text), h.Len())
	}
}

func TestSetReadsBack(t *testing.T) {
	long := strings.Repeat("it's a 'long' text, ", 30) + "'"
	for key, value := range map[string]any{
		"B": true, "I": int64(-5), "F": 1e-300, "G": 0.1, "BIG": math.MaxFloat64,
		"C": complex(1, -2e9),
		"S": "it's", "E": "", "Q": "''", "L": long, "AMP": "ends with &", "N": nil,
		"A LONG KEY OF ESO": 2.5, "ANOTHER LONG KEY": long, "lower": int64(7), "SLASH": "a / b",
		"PAD": strings.Repeat("'", 200), "FULL": strings.Repeat("x", 68),
		"OVER": strings.Repeat("x", 69),
	} {
		h := &Header{}
		if err := h.Set(key, value, "a comment"); err != nil {
			t.Error(key, err)
			continue
		}
		c, ok := h.Get(key)
		if !ok || c.Value() != value {
			t.Errorf("%s: %v became %v in %q", key, value, c.Value(), c)
		}
		if len(c)%cardSize != 0 || c.standard() != c {
			t.Errorf("%s: %q isn't standard, but %q", key, c, c.standard())
		}
		// As a file has it, one card after the other.
		again := &Header{}
		for rest := string(c); rest != ""; rest = rest[cardSize:] {
			again.add(Card(rest[:cardSize]))
		}
		if d, _ := again.Get(key); d != c || again.Len() != 1 {
			t.Errorf("%s: %q is read as %q", key, c, again.cards)
		}
	}
	h := &Header{}
	for key, value := range map[string]any{"NAN": math.NaN(), "INF": math.Inf(1), "T": []int{1},
		"": 1, "END": 1, "HISTORY": "a", "A=B": 1, strings.Repeat("KEY", 20): 1} {
		if err := h.Set(key, value, ""); err == nil || h.Len() > 0 {
			t.Errorf("%q = %v can be set: %q", key, value, h.cards)
		}
	}
}

func TestEdit(t *testing.T) {
	h := headerOf("A       =                  1.5 / old", "B       = 'text'",
		"HISTORY one", "B       = 'two'")
	if err := h.Set("a", 2.0, ""); err != nil {
		t.Fatal(err)
	}
	if want := "A       =                  2.0 / old"; strings.TrimSpace(string(h.cards[0])) != want {
		t.Errorf("%q, want %q", h.cards[0], want)
	}
	if ok, err := h.Rename("A", "OTHER"); !ok || err != nil {
		t.Error(ok, err)
	}
	if want := "OTHER   =                  2.0 / old"; strings.TrimSpace(string(h.cards[0])) != want {
		t.Errorf("%q, want %q", h.cards[0], want)
	}
	if ok, err := h.Rename("OTHER", "A long one"); !ok || err != nil {
		t.Error(ok, err)
	}
	if v, _ := h.Number("A LONG ONE"); v != 2 {
		t.Errorf("%q", h.cards[0])
	}
	copied := h.Copy()
	h.Delete("b")
	if h.Has("B") || h.Len() != 2 || copied.Len() != 4 {
		t.Errorf("%q, copy %q", h.cards, copied.cards)
	}
	h.AddHistory(strings.Repeat("word ", 30) + "\nσ and " + strings.Repeat("y", 100))
	h.AddComment("said")
	lines := h.Lines("history")
	if len(lines) != 7 || lines[4] != "? and" || len(lines[5]) != 72 ||
		h.Lines("COMMENT")[0] != "said" {
		t.Errorf("%q", lines)
	}
}

func TestBytesBecomeASCII(t *testing.T) {
	f, err := Open("testdata/bytes.fits")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := f.HDUs[0].Header
	for key, want := range map[string]string{
		"OBSERVER": "caf? site", "PADDING": "L0??", "CTRL": "a b c",
	} {
		if got, _ := h.Text(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "CTRL, HISTORY, OBSERVER, PADDING") {
		t.Errorf("notes %q", f.Notes)
	}
	if err := Write(&bytes.Buffer{}, NewImage{Header: h, Bitpix: 8}); err != nil {
		t.Error(err)
	}
}

func TestNeededKeywordsRefuseByName(t *testing.T) {
	whole, err := os.ReadFile("testdata/types.fits")
	if err != nil {
		t.Fatal(err)
	}
	card := func(text string) []byte { return []byte(fmt.Sprintf("%-80s", text)) }
	line := func(key string, hdu int) int {
		from := 0
		for range hdu {
			from += bytes.Index(whole[from:], []byte("XTENSION")) + 1
		}
		return from + bytes.Index(whole[from:], []byte(fmt.Sprintf("%-8s=", key)))
	}
	for _, c := range []struct {
		key, text string
		found     string
	}{
		{"BITPIX", "BITPIX  =                   17", "17"},
		{"BITPIX", "BITPIX  = NaN / oh", "NaN"},
		{"BITPIX", "BITPIX  = 'eight'", "'eight'"},
		{"NAXIS", "COMMENT", ""},
		{"NAXIS", "NAXIS   = -1", "-1"},
		{"NAXIS1", "NAXIS1  =", "without a value"},
		{"NAXIS2", "NAXIS2  = 1.5", "1.5"},
		{"NAXIS2", "NAXIS2  = T", "T"},
	} {
		data := bytes.Clone(whole)
		copy(data[line(c.key, 1):], card(c.text))
		f, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Error(err)
			continue
		}
		var e *KeywordError
		if err := f.HDUs[1].Check(); !errors.As(err, &e) || e.Key != c.key ||
			e.Found != c.found || e.HDU != 1 {
			t.Errorf("%q: %v", c.text, err)
		}
		if _, err := f.HDUs[1].Pixels(); !errors.As(err, &e) {
			t.Errorf("%q: pixels: %v", c.text, err)
		}
		if _, err := f.HDUs[0].Pixels(); err != nil || !errors.As(f.Rest, &e) {
			t.Errorf("%q: the primary HDU: %v, rest %v", c.text, err, f.Rest)
		}
	}
	// Nothing is allocated for axes that the file can't have.
	for _, text := range []string{"NAXIS1  = 1000000000000", "NAXIS1  = 9223372036854775807"} {
		data := bytes.Clone(whole)
		copy(data[line("NAXIS1", 1):], card(text))
		f, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.HDUs[1].Pixels()
		var k *KeywordError
		var cut *TruncatedError
		if !errors.As(err, &k) && !errors.As(err, &cut) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTruncated(t *testing.T) {
	whole, err := os.ReadFile("testdata/types.fits")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ size, announced, present int }{
		{2880 + 100, 143, 100}, {2880, 143, 0},
	} {
		f, err := Read(bytes.NewReader(whole), int64(c.size))
		if err != nil {
			t.Fatal(err)
		}
		var e *TruncatedError
		if _, err := f.HDUs[0].Pixels(); !errors.As(err, &e) || e.Announced != int64(c.announced) ||
			e.Present != int64(c.present) {
			t.Errorf("%d bytes: %v", c.size, err)
		}
	}
	// The last block need not be full.
	f, err := Read(bytes.NewReader(whole), 2880+143)
	if err != nil || f.Rest != nil {
		t.Fatal(err, f.Rest)
	}
	if pixels, err := f.HDUs[0].Pixels(); err != nil || pixels[142] != 142 {
		t.Error(err)
	}
	var format *FormatError
	for _, size := range []int{0, 10, 300} {
		if _, err := Read(bytes.NewReader(whole), int64(size)); !errors.As(err, &format) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	for _, text := range []string{"<html>", "PK\x03\x04 and so on", "\xfd7zXZ\x00", "\x1f\x8bno"} {
		if _, err := Read(strings.NewReader(text), int64(len(text))); err == nil {
			t.Errorf("%q is FITS", text)
		}
	}
}
