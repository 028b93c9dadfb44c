package fits

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// tiles is how an image is stored in the rows of a table, one compressed tile each (section 10).
type tiles struct {
	layoutTable
	shape  []int // of a tile, slowest axis first; those at the upper edges may be smaller
	counts []int // of tiles along each axis
	codec  string
	option map[string]float64 // by ZNAMEn
	bitpix int

	compressed, gzipped, plain *column // data; the latter two of tiles that don't compress well
	scaleColumn, zeroColumn    *column
	blankColumn                *column
	scale, zero                float64
	quantized                  bool
	blank                      int64 // the stored integer that is no value
	hasBlank                   bool
	dither                     string
	seed                       int
}

// uncover makes a table that holds a compressed image into that image.
func (h *HDU) uncover() error {
	if is, _ := h.Header.Bool("ZIMAGE"); !is {
		return nil
	}
	t := &tiles{}
	header := h.Header
	table, err := h.readColumns(header)
	if err != nil {
		return err
	}
	t.layoutTable = *table
	h.Kind = Image
	if h.Bitpix, h.Shape, err = header.layout(h.Index, "Z"); err != nil {
		return err
	}
	h.Header = imageHeader(header)
	h.scaling = readScaling(h.Header)
	t.bitpix = h.Bitpix
	if err := t.readShape(h, header); err != nil {
		return err
	}
	if err := t.readCodec(h.Index, header); err != nil {
		return err
	}
	t.compressed = t.arrays("COMPRESSED_DATA")
	t.gzipped, t.plain = t.arrays("GZIP_COMPRESSED_DATA"), t.arrays("UNCOMPRESSED_DATA")
	if t.compressed == nil && t.gzipped == nil && t.plain == nil {
		return &KeywordError{h.Index, "TTYPEn", "", "COMPRESSED_DATA for a column of arrays"}
	}
	t.readQuantization(h, header)
	h.tiles = t
	return nil
}

// arrays returns the column of a name if it has arrays of variable length.
func (t *tiles) arrays(name string) *column {
	if c := t.find(name); c != nil && c.inner != 0 && c.width > 0 {
		return c
	}
	return nil
}

// readShape reads the shape of the tiles: by default each row of the image is one.
func (t *tiles) readShape(h *HDU, header *Header) error {
	axes := len(h.Shape)
	t.shape, t.counts = make([]int, axes), make([]int, axes)
	for i := range axes {
		axis := axes - 1 - i
		otherwise := int64(1)
		if i == 0 {
			otherwise = max(1, int64(h.Shape[axis]))
		}
		n, err := header.optional(h.Index, "ZTILE"+strconv.Itoa(i+1), otherwise, 1, maxInt64)
		if err != nil {
			return err
		}
		t.shape[axis] = max(1, min(int(n), h.Shape[axis]))
		t.counts[axis] = (h.Shape[axis] + t.shape[axis] - 1) / t.shape[axis]
	}
	if n, ok := product(t.counts...); axes > 0 && (!ok || n > int64(t.rows)) {
		return &KeywordError{h.Index, "NAXIS2", strconv.Itoa(t.rows),
			fmt.Sprintf("the number of tiles, which is the product of %v", t.counts)}
	}
	if _, ok := product(h.Shape...); !ok {
		return h.tooLarge(h.Shape)
	}
	return nil
}

func (t *tiles) readCodec(hdu int, header *Header) error {
	t.codec, _ = header.Text("ZCMPTYPE")
	t.option = map[string]float64{}
	for i := 1; i <= 999; i++ {
		name, ok := header.Text("ZNAME" + strconv.Itoa(i))
		if !ok {
			break
		}
		t.option[strings.ToUpper(name)], _ = header.Number("ZVAL" + strconv.Itoa(i))
	}
	switch t.codec {
	case "RICE_1", "RICE_ONE":
		t.codec = "RICE_1"
		each, ok := t.option["BYTEPIX"]
		if !ok {
			each = 4
			t.option["BYTEPIX"] = each
		}
		if each != 1 && each != 2 && each != 4 {
			return &KeywordError{hdu, "ZVALn of BYTEPIX", fmt.Sprint(each), "1, 2 or 4"}
		}
		block, ok := t.option["BLOCKSIZE"]
		if !ok {
			block = 32
			t.option["BLOCKSIZE"] = block
		}
		if !(block >= 1 && block <= 4096) || block != math.Trunc(block) {
			return &KeywordError{hdu, "ZVALn of BLOCKSIZE", fmt.Sprint(block),
				"an integer of 1 to 4096"}
		}
	case "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS":
	default:
		c, ok := header.Get("ZCMPTYPE")
		return &KeywordError{hdu, "ZCMPTYPE", found(c, ok), "RICE_1, GZIP_1, GZIP_2, PLIO_1, " +
			"HCOMPRESS_1 or NOCOMPRESS, else uncompress the file with funpack"}
	}
	if header.Has("ZMASKCMP") {
		return &FormatError{hdu, "the image has its blank pixels in a compressed mask, ZMASKCMP",
			"uncompress the file with funpack"}
	}
	return nil
}

// readQuantization reads how integers stand for floating-point numbers (section 10.2).
func (t *tiles) readQuantization(h *HDU, header *Header) {
	t.scaleColumn, t.zeroColumn = t.find("ZSCALE"), t.find("ZZERO")
	t.blankColumn = t.find("ZBLANK")
	scale, hasScale := header.Number("ZSCALE")
	t.scale, t.zero = 1, 0
	if hasScale {
		t.scale = scale
	}
	if zero, ok := header.Number("ZZERO"); ok {
		t.zero = zero
	}
	t.dither, _ = header.Text("ZQUANTIZ")
	t.quantized = t.bitpix < 0 && (t.scaleColumn != nil || hasScale) && t.dither != "NONE"
	if t.blank, t.hasBlank = header.Integer("ZBLANK"); !t.hasBlank {
		t.blank, t.hasBlank = h.blank, h.hasBlank
	}
	seed, _ := header.Integer("ZDITHER0")
	t.seed = int(((seed-1)%randoms + randoms) % randoms)
}

// imageHeader returns the header of the image that a table holds (section 10.1).
func imageHeader(table *Header) *Header {
	first := []string{"XTENSION", "BITPIX", "NAXIS"}
	if table.Has("ZSIMPLE") {
		first[0] = "SIMPLE"
	}
	axes, _ := table.Integer("ZNAXIS")
	for i := range axes {
		first = append(first, "NAXIS"+strconv.FormatInt(i+1, 10))
	}
	if !table.Has("ZSIMPLE") {
		first = append(first, "PCOUNT", "GCOUNT")
	}
	out := &Header{}
	for _, key := range first {
		from := "Z" + key
		if key == "XTENSION" {
			from = "ZTENSION"
		}
		if c, ok := table.Get(from); ok && c.isStandard(from, c.Value()) {
			out.cards = append(out.cards, Card(fmt.Sprintf("%-8s", key))+c[8:])
			continue
		}
		var value any
		switch key {
		case "XTENSION":
			value = "IMAGE"
		case "PCOUNT":
			value = 0
		case "GCOUNT":
			value = 1
		default:
			value = firstValue(table, from)
		}
		c, err := formatCard(key, value, "")
		if err == nil {
			out.cards = append(out.cards, c)
		}
	}
	fields, _ := table.Integer("TFIELDS")
	for c := range table.Cards() {
		key := c.Key()
		switch key {
		case "ZEXTEND":
			c, key = Card("EXTEND  ")+c[8:], "EXTEND"
		case "ZBLOCKED":
			c, key = Card("BLOCKED ")+c[8:], "BLOCKED"
		case "EXTEND", "ZHECKSUM", "ZDATASUM": // sums of the image that it was before
			continue
		case "EXTNAME":
			if name, _ := c.Value().(string); name == "COMPRESSED_IMAGE" {
				continue
			}
		}
		if !slices.Contains(first, key) && !ofTable(key, fields) {
			out.cards = append(out.cards, c)
		}
	}
	blank, ok := table.Integer("ZBLANK")
	if bitpix, _ := table.Integer("ZBITPIX"); ok && bitpix > 0 && !out.Has("BLANK") {
		out.Set("BLANK", blank, "")
	}
	return out
}

func firstValue(h *Header, key string) any {
	c, _ := h.Get(key)
	return c.Value()
}

// ofTable reports whether a keyword describes the table that holds an image, or how that is
// compressed.
func ofTable(key string, fields int64) bool {
	switch key {
	case "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS", "TFIELDS", "THEAP",
		"CHECKSUM", "DATASUM", "ZIMAGE", "ZSIMPLE", "ZTENSION", "ZBITPIX", "ZNAXIS", "ZPCOUNT",
		"ZGCOUNT", "ZCMPTYPE", "ZMASKCMP", "ZQUANTIZ", "ZDITHER0", "ZBLANK", "ZSCALE", "ZZERO":
		return true
	}
	stem := strings.TrimRight(key, "0123456789")
	n, err := strconv.Atoi(key[len(stem):])
	if err != nil {
		return false
	}
	switch stem {
	case "NAXIS", "ZNAXIS", "ZTILE", "ZNAME", "ZVAL":
		return true
	case "TTYPE", "TFORM", "TUNIT", "TSCAL", "TZERO", "TNULL", "TDISP", "TDIM", "TBCOL":
		return int64(n) <= fields
	}
	return false
}

// section decodes the tiles that a box of the image, which begins at from, is in.
func (t *tiles) section(h *HDU, from, box []int) ([]float64, error) {
	axes := len(box)
	first, span := make([]int, axes), make([]int, axes)
	for i := range axes {
		first[i] = from[i] / t.shape[i]
		span[i] = (from[i]+box[i]-1)/t.shape[i] - first[i] + 1
	}
	// All arrays must be there, and long enough for the pixels they are to hold, before there is
	// room made for these.
	var out []float64
	tile := make([]byte, t.row)
	left := t.heapSize // as arrays don't overlap
	for _, check := range []bool{true, false} {
		if !check {
			n, _ := product(box...)
			out = make([]float64, n)
		}
		err := eachRun(t.counts, first, span, axes, func(index int) error {
			if n, err := h.file.ReadAt(tile, h.data+int64(index)*int64(t.row)); n < len(tile) {
				return err
			}
			low, size := t.place(h.Shape, index)
			err := error(nil)
			if check {
				var bytes int64
				bytes, err = t.plausible(tile, size)
				if left -= bytes; left < 0 {
					err = errHeap
				}
			} else {
				err = t.copyTile(h, out, from, box, index, tile, low, size)
			}
			if err != nil && !errors.As(err, new(*DataError)) {
				err = &DataError{h.Index, index, err.Error()}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// place returns where a tile begins, and its size.
func (t *tiles) place(shape []int, index int) (low, size []int) {
	low, size = make([]int, len(shape)), make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		low[i] = index % t.counts[i] * t.shape[i]
		index /= t.counts[i]
		size[i] = min(t.shape[i], shape[i]-low[i])
	}
	return low, size
}

// copyTile decodes a tile and copies what is in the box.
func (t *tiles) copyTile(h *HDU, out []float64, from, box []int, index int, row []byte,
	low, size []int) error {
	values, err := t.decode(h.file, index, row, size)
	if err != nil {
		return err
	}
	axes := len(box)
	start, common := make([]int, axes), make([]int, axes) // within the tile
	inBox := make([]int, axes)                            // the same pixel within the box
	for i := range axes {
		start[i] = max(0, from[i]-low[i])
		common[i] = min(size[i], from[i]+box[i]-low[i]) - start[i]
		inBox[i] = low[i] + start[i] - from[i]
	}
	var targets []int
	eachRun(box, inBox, common, axes-1, func(at int) error {
		targets = append(targets, at)
		return nil
	})
	k := 0
	return eachRun(size, start, common, axes-1, func(at int) error {
		target := out[targets[k]:]
		k++
		for i := range common[axes-1] {
			target[i] = values.pixel(&h.scaling, at+i)
		}
		return nil
	})
}
