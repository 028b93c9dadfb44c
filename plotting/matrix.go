package plotting

import (
	"fmt"

	"galdecon/galdecon/galaxy"
)

// Matrix shows images by two variables, such as the weights of a loss in the paper's Figure 4: a
// row for each value of the one, a column for each of the other.
type Matrix struct {
	// Rows and Columns name the values.
	Rows, Columns []string
	// Images are those of the first row, then of the second, and so on: [rows·columns, height,
	// width, channels].
	Images *galaxy.Images
	// Stretch is common to all images. If it is zero, they get an [AutoStretch] together.
	Stretch Stretch
	// Title stands above the matrix; it may be empty.
	Title string
}

// Figure draws the matrix. It is an error if there is not one image for each row and column, or if
// they aren't valid.
func (m Matrix) Figure() (*Figure, error) {
	if err := check("Matrix.Images", m.Images); err != nil {
		return nil, err
	}
	im := m.Images
	if n := len(m.Rows) * len(m.Columns); im.N != n {
		return nil, fmt.Errorf("plotting: a Matrix of %d rows and %d columns has %d images, not %d",
			len(m.Rows), len(m.Columns), n, im.N)
	}
	if im.N > maxMosaic {
		return nil, fmt.Errorf("plotting: a Matrix shows up to %d images, not %d", maxMosaic, im.N)
	}
	stretch, err := m.Stretch.or(im)
	if err != nil {
		return nil, err
	}
	g := newGrid(m.Title, stretch.String(), im)
	for r, name := range m.Rows {
		next := row{label: name}
		for c, caption := range m.Columns {
			i := r*len(m.Columns) + c
			p := panel{img: picture(im.At(i), im.Width, im.Channels, stretch)}
			if r == 0 {
				p.caption = caption
			}
			next.panels = append(next.panels, p)
		}
		g.rows = append(g.rows, next)
	}
	return g.figure(), nil
}
