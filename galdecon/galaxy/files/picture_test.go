package files

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"galdecon/galdecon/internal/galtest"
)

func TestLoadPictures(t *testing.T) {
	encode := func(m image.Image) []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	gray16 := image.NewGray16(image.Rect(0, 0, 2, 1))
	gray16.SetGray16(1, 0, color.Gray16{Y: 0x1234})
	gray8 := image.NewGray(image.Rect(0, 0, 2, 1))
	gray8.SetGray(1, 0, color.Gray{Y: 51})
	rgb16 := image.NewNRGBA64(image.Rect(0, 0, 1, 2))
	rgb16.SetNRGBA64(0, 0, color.NRGBA64{R: 0xffff, G: 0x8000, B: 1, A: 0xffff})
	rgb16.SetNRGBA64(0, 1, color.NRGBA64{R: 0xffff, G: 0xffff, B: 0xffff, A: 0}) // transparent
	grayRGB := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	grayRGB.SetNRGBA(0, 0, color.NRGBA{R: 51, G: 51, B: 51, A: 255})
	paletted := func(colors ...color.Color) image.Image { // shows each once
		m := image.NewPaletted(image.Rect(0, 0, len(colors), 1), colors)
		for k := range colors {
			m.SetColorIndex(k, 0, uint8(k))
		}
		return m
	}
	for name, c := range map[string]struct {
		picture  image.Image
		channels int
		want     []float32
	}{
		"gray 16 bit":       {gray16, 1, []float32{0, 0x1234 / 65535.0}},
		"gray 8 bit":        {gray8, 1, []float32{0, 0.2}},
		"color 16 bit":      {rgb16, 3, []float32{1, 0x8000 / 65535.0, 1 / 65535.0, 0, 0, 0}},
		"color that's gray": {grayRGB, 3, []float32{0.2, 0.2, 0.2}},
		"palette of grays":  {paletted(color.Gray{Y: 51}, color.White), 1, []float32{0.2, 1}},
		"palette": {paletted(color.Gray{Y: 51}, color.NRGBA{R: 255, A: 255}), 3,
			[]float32{0.2, 0.2, 0.2, 1, 0, 0}},
	} {
		im, err := Load(write(t, "a.png", encode(c.picture)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if im.Channels != c.channels || !slices.Equal(im.Pixels, c.want) {
			t.Errorf("%s: got %+v, want %v", name, im, c.want)
		}
	}
	var b bytes.Buffer
	flat := image.NewGray(image.Rect(0, 0, 8, 8))
	for k := range flat.Pix {
		flat.Pix[k] = 128
	}
	if err := jpeg.Encode(&b, flat, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	im, err := Load(write(t, "a.JPEG", b.Bytes()))
	if err != nil || im.Channels != 1 || math.Abs(float64(im.Pixels[20])-128/255.0) > 0.01 {
		t.Errorf("jpeg: %+v, %v", im, err)
	}
	// The filter of the row, then value and alpha of each pixel.
	transparent := grayAlphaPNG(3, []byte{0, 51, 255, 255, 0, 255, 51})
	im, err = Load(write(t, "a.png", transparent))
	if err != nil || im.Channels != 1 || !slices.Equal(im.Pixels, []float32{0.2, 0, 0.2}) {
		t.Errorf("gray with transparency: %+v, %v", im, err)
	}
}

// grayAlphaPNG is a PNG of one row of 8 bits gray with alpha, which image/png reads but doesn't
// write.
func grayAlphaPNG(width uint32, row []byte) []byte {
	b := bytes.NewBufferString("\x89PNG\r\n\x1a\n")
	chunk := func(name string, data []byte) {
		binary.Write(b, binary.BigEndian, uint32(len(data)))
		checked := append([]byte(name), data...)
		b.Write(checked)
		binary.Write(b, binary.BigEndian, crc32.ChecksumIEEE(checked))
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write(row)
	z.Close()
	const depth, grayAlpha = 8, 4
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), 1)
	chunk("IHDR", append(header, depth, grayAlpha, 0, 0, 0))
	chunk("IDAT", packed.Bytes())
	chunk("IEND", nil)
	return b.Bytes()
}

// grayTIFF is a TIFF of one pixel of so many bits in a format, 1 for integers and 3 for floats,
// with the place of the next page.
func grayTIFF(bits, format uint16, next uint32) []byte {
	const short, long = 3, 4
	entries := [][4]uint32{
		{256, short, 1, 1}, {257, short, 1, 1}, {258, short, 1, uint32(bits)}, {259, short, 1, 1},
		{262, short, 1, 1},
		{273, long, 1, 8 + 2 + 9*12 + 4}, {278, short, 1, 1}, {279, long, 1, uint32(bits / 8)},
		{339, short, 1, uint32(format)},
	}
	b := []byte("II*\x00\x08\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entries)))
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, uint16(e[0])),
			uint16(e[1]))
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, e[2]), e[3])
	}
	return append(binary.LittleEndian.AppendUint32(b, next), 0, 0, 0x80, 0x3f)
}

func TestLoadTIFFOfOnePage(t *testing.T) {
	im, err := Load(write(t, "a.tif", grayTIFF(16, 1, 0)))
	if err != nil || im.Channels != 1 || len(im.Pixels) != 1 {
		t.Errorf("%+v, error %v", im, err)
	}
}

// enlargePNG makes the header announce 60000 x 60000 pixels.
func enlargePNG(data []byte) []byte {
	binary.BigEndian.PutUint32(data[16:], 60000)
	binary.BigEndian.PutUint32(data[20:], 60000)
	binary.BigEndian.PutUint32(data[29:], crc32.ChecksumIEEE(data[12:29]))
	return data
}

func TestLoadSharedPictures(t *testing.T) {
	paths, _ := filepath.Glob(galtest.Shared(t, "data", "illustris_jpeg/*.jp*g"))
	im, err := Load(paths[:3]...)
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := im.Gray().Prepare(128)
	if err != nil {
		t.Fatal(err)
	}
	if im.Channels != 3 || prepared.N != 3 || prepared.Channels != 1 {
		t.Errorf("%d channels of the pictures, %d images with %d prepared", im.Channels, prepared.N,
			prepared.Channels)
	}
}
