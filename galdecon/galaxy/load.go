package galaxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // registers the format with image.Decode
	_ "image/png"  // registers the format with image.Decode
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Load reads images from files and stacks them into one batch, [n, h, w, c], in the order of paths:
//
//   - .npy, .npy.gz: floats of 4 or 8 bytes or integers of up to 4 bytes, of either byte order, [h, w], [n, h, w] or
//     [n, h, w, c];
//   - .fits, .fit, .fts: the first HDU with an image, [h, w] or a cube [n, h, w], of any BITPIX, with BSCALE and BZERO applied
//     and BLANK pixels as NaN; rows stay in the order of the file, the first of which most viewers show at the bottom;
//   - .png, .jpg, .jpeg: of 8 or 16 bits, grey [h, w, 1] or colour [h, w, 3], with values between 0 and 1; what is
//     transparent is composed onto black, as onto dark sky.
//
// IDs are file names without their ending, with the index added for stacks. Values are as in the file:
// [Images.Prepare] crops, averages and scales them. A file that is missing, truncated, empty, of another shape than
// the first, or that has a NaN or infinite value is an error that names it.
func Load(paths ...string) (*Images, error) {
	if len(paths) == 0 {
		return nil, errors.New("galaxy: Load needs at least one file; give .npy, .fits, .png or .jpg files")
	}
	var out *Images
	for _, path := range paths {
		im, err := loadFile(path)
		if err != nil {
			return nil, fmt.Errorf("galaxy: cannot load %s: %w", path, err)
		}
		name := filepath.Base(path)
		name = strings.TrimSuffix(name, fileEnding(name))
		for i := range im.N {
			id := name
			if im.N > 1 {
				id = fmt.Sprintf("%s[%d]", name, i)
			}
			im.IDs = append(im.IDs, id)
		}
		if err := im.Validate(); err != nil {
			return nil, fmt.Errorf("galaxy: cannot load %s: %w", path, err)
		}
		if out == nil {
			out = im
			continue
		}
		if im.Height != out.Height || im.Width != out.Width || im.Channels != out.Channels {
			return nil, fmt.Errorf("galaxy: %s has images of %d x %d pixels with %d channels, but those of %s have %d x %d with %d; load them one by one and Prepare each to the same size",
				path, im.Height, im.Width, im.Channels, paths[0], out.Height, out.Width, out.Channels)
		}
		out.N += im.N
		out.Pixels = append(out.Pixels, im.Pixels...)
		out.IDs = append(out.IDs, im.IDs...)
	}
	return out, nil
}

// fileEnding is the part of the name that says what the file is: its last ending, with .gz the last two.
func fileEnding(name string) string {
	ext := filepath.Ext(name)
	if strings.EqualFold(ext, ".gz") {
		ext = filepath.Ext(strings.TrimSuffix(name, ext)) + ext
	}
	return ext
}

func loadFile(path string) (*Images, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory; give the files in it")
	}
	if info.Size() == 0 {
		return nil, errors.New("the file is empty; fetch or write it again")
	}
	switch ext := strings.ToLower(fileEnding(path)); ext {
	case ".npy":
		return decodeNPY(bufio.NewReader(f), info.Size())
	case ".npy.gz":
		z, err := gzip.NewReader(bufio.NewReader(f))
		if err != nil {
			return nil, fmt.Errorf("it cannot be decompressed: %w", err)
		}
		values := bufio.NewReader(z)
		im, err := decodeNPY(values, info.Size())
		if err != nil {
			return nil, err
		}
		// The checksum is verified at the end.
		if _, err := values.ReadByte(); err != nil && err != io.EOF {
			return nil, fmt.Errorf("the compressed file is damaged or truncated: %w", err)
		}
		return im, nil
	case ".fits", ".fit", ".fts":
		data, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		return decodeFITS(data)
	case ".png", ".jpg", ".jpeg":
		data, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		return decodePicture(data)
	default:
		return nil, fmt.Errorf("the ending %q is not one of .npy, .npy.gz, .fits, .png, .jpg; convert it to one of them", ext)
	}
}

// maxPicture is the largest number of pixels of a PNG or JPEG: a header of a few bytes can ask for any number.
const maxPicture = 1 << 28

// decodePicture reads a PNG or a JPEG file, with values between 0 and 1.
func decodePicture(data []byte) (*Images, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("it is not a PNG or JPEG picture, or truncated: %w", err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPicture/config.Height {
		return nil, fmt.Errorf("the picture has %d x %d pixels; crop it to between 1 and %d in all", config.Height, config.Width, maxPicture)
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the picture is damaged or truncated: %w", err)
	}
	channels := 3
	switch picture.(type) {
	case *image.Gray, *image.Gray16:
		channels = 1
	}
	b := picture.Bounds()
	im := NewImages(1, b.Dy(), b.Dx(), channels)
	pixels := im.Pixels[:0]
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			// The values come multiplied with alpha, which is composition onto black.
			red, green, blue, _ := picture.At(x, y).RGBA()
			if channels == 1 {
				pixels = append(pixels, float32(red)/0xffff)
			} else {
				pixels = append(pixels, float32(red)/0xffff, float32(green)/0xffff, float32(blue)/0xffff)
			}
		}
	}
	return im, nil
}
