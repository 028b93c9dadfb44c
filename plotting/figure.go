package plotting

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"

	"galdecon/internal/atomicfile"
)

const (
	// cssDPI is how many CSS pixels make an inch, by definition.
	cssDPI = 96
	// css is the length of one CSS pixel.
	css = vg.Inch / cssDPI
	// sharp is the resolution of a PNG: two dots for a CSS pixel, what high-DPI screens show.
	sharp = 2 * cssDPI
)

// Figure is a finished drawing of a fixed size. It is drawn anew for each format: PNG for the
// screen, SVG and PDF, whose letters are outlines and need no installed fonts, for papers.
type Figure struct {
	// Title says in one line what is shown; where a picture can't be shown, it stands for it.
	Title string
	// Width and Height are the size to show the figure at, in CSS pixels.
	Width, Height float64

	dpi    int           // of the PNG, near sharp
	colors color.Palette // of the PNG; nil for any colors
	draw   func(draw.Canvas)
}

// Drawable is what can be shown as a picture: a Figure, or the description of one.
type Drawable interface {
	Figure() (*Figure, error)
}

// Figure returns f itself, so that a Figure is a Drawable.
func (f *Figure) Figure() (*Figure, error) { return f, nil }

// PNG renders the figure at about two dots for each CSS pixel.
func (f *Figure) PNG() ([]byte, error) {
	return f.render(func(w, h vg.Length, out io.Writer) error {
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		return encoder.Encode(out, f.raster(w, h))
	})
}

// raster draws the dots of the figure, which is w x h large.
func (f *Figure) raster(w, h vg.Length) image.Image {
	c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(f.dpi))
	f.draw(draw.NewCanvas(crisp{c}, w, h))
	if f.colors != nil {
		return paletted(dots(c), f.colors)
	}
	if lines, ok := reduced(dots(c)); ok {
		return lines
	}
	return c.Image()
}

// dots returns what a canvas is drawn on.
func dots(c *vgimg.Canvas) *image.RGBA { return c.Image().(*image.RGBA) }

// SVG renders the figure as an SVG document.
func (f *Figure) SVG() ([]byte, error) {
	svg, err := f.render(func(w, h vg.Length, out io.Writer) error {
		c := vgsvg.New(w, h)
		f.draw(draw.NewCanvas(outlined{c}, w, h))
		_, err := c.WriteTo(out)
		return err
	})
	// vgsvg embeds images as PNG but declares them to be JPEG, which strict readers refuse.
	return bytes.ReplaceAll(svg, []byte("data:image/jpg;"), []byte("data:image/png;")), err
}

// PDF renders the figure as a PDF document of one page.
func (f *Figure) PDF() ([]byte, error) {
	return f.render(func(w, h vg.Length, out io.Writer) error {
		c := vgpdf.New(w, h)
		f.draw(draw.NewCanvas(outlined{upright{c}}, w, h))
		_, err := c.WriteTo(out)
		return err
	})
}

// render stops the panics of the drawing library here.
func (f *Figure) render(to func(w, h vg.Length, out io.Writer) error) (data []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			data, err = nil, fmt.Errorf("plotting: drawing %q failed: %v", f.Title, r)
		}
	}()
	if f.draw == nil {
		return nil, fmt.Errorf("plotting: this Figure is empty; " +
			"figures come from the Figure method of Mosaic, Candidates, Loss and the like")
	}
	var buf bytes.Buffer
	if err := to(vg.Length(f.Width)*css, vg.Length(f.Height)*css, &buf); err != nil {
		return nil, fmt.Errorf("plotting: drawing %q: %w", f.Title, err)
	}
	return buf.Bytes(), nil
}

// Save writes the figure to a file, in the format that the name ends in: .png, .svg or .pdf. The
// file appears complete or not at all.
func (f *Figure) Save(path string) error {
	var data []byte
	var err error
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".png":
		data, err = f.PNG()
	case ".svg":
		data, err = f.SVG()
	case ".pdf":
		data, err = f.PDF()
	default:
		return fmt.Errorf("plotting: cannot save %s: the name must end in .png, .svg or .pdf, "+
			"not %q", path, ext)
	}
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(path, data); err != nil {
		return fmt.Errorf("plotting: cannot save %s: %w", path, err)
	}
	return nil
}
