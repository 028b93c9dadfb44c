package galaxy

import (
	"fmt"
	"math"

	"galdecon/galdecon/galaxy/internal/raster"
)

// Subtract subtracts a number of its own from each image, in place, as the level of its sky. Take
// it away before anything is scaled. It is an error, and nothing is changed, if there isn't a
// finite number for each image.
func (im *Images) Subtract(levels []float64) error {
	if err := im.checkPerImage("level", levels); err != nil {
		return err
	}
	for i, level := range levels {
		pixels := im.At(i)
		for k, v := range pixels {
			pixels[k] = float32(float64(v) - level)
		}
	}
	return nil
}

// Peaks returns the largest value of each image within its central half, rows and columns, bad
// pixels apart. It is an error if one isn't positive.
func (im *Images) Peaks() ([]float64, error) {
	if err := im.Validate(); err != nil {
		return nil, err
	}
	peaks := make([]float64, im.N)
	for i := range peaks {
		peaks[i] = im.centralMax(i)
		if peaks[i] <= 0 {
			return nil, fmt.Errorf("galaxy: %s (index %d) has no positive value within its "+
				"central half; is the galaxy in the center?", im.ID(i), i)
		}
	}
	return peaks, nil
}

// Divide divides each image by a number of its own, in place, and multiplies its Scale, if there is
// one, by it. Bad pixels stay bad. It is an error, and nothing is changed, if there isn't a number
// for each image, if one is 0 or not finite, or so small that a pixel would become infinite.
func (im *Images) Divide(by []float64) error {
	if err := im.checkPerImage("divisor", by); err != nil {
		return err
	}
	for i, d := range by {
		if d == 0 {
			return fmt.Errorf("galaxy: %s (index %d) can't be divided by 0", im.ID(i), i)
		}
		first := i * len(im.At(i))
		for k, v := range im.At(i) {
			if q := float32(float64(v) / d); raster.IsBad(q) && !im.isBad(first+k) {
				return fmt.Errorf("galaxy: %s (index %d) has the value %g, too large to be "+
					"divided by %g in float32", im.ID(i), i, v, d)
			}
		}
	}
	for i, d := range by {
		pixels := im.At(i)
		for k, v := range pixels {
			pixels[k] = float32(float64(v) / d)
		}
		if im.Scale != nil {
			im.Scale[i] *= d
		}
	}
	return nil
}

// checkPerImage returns an error unless there is a finite number for each image.
func (im *Images) checkPerImage(what string, numbers []float64) error {
	if err := im.CheckShape(); err != nil {
		return err
	}
	if len(numbers) != im.N {
		return fmt.Errorf("galaxy: %d images need a %s each, got %d", im.N, what, len(numbers))
	}
	for i, v := range numbers {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("galaxy: the %s of %s (index %d) is %g; it must be finite", what,
				im.ID(i), i, v)
		}
	}
	return nil
}
