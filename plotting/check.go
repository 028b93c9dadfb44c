package plotting

import (
	"fmt"

	"galdecon/galdecon/galaxy"
)

// check tells what is wrong with a batch of images, called by its role in the figure.
func check(role string, im *galaxy.Images) error {
	if im == nil {
		return fmt.Errorf("plotting: %s: no images given (nil)", role)
	}
	if err := im.Validate(); err != nil {
		return fmt.Errorf("plotting: %s: %w", role, err)
	}
	if im.Channels != 1 && im.Channels != 3 {
		return fmt.Errorf("plotting: %s: images have %d channels, but only 1 (gray) or 3 (red, "+
			"green, blue) can be drawn; pick one band", role, im.Channels)
	}
	return nil
}

// checkLike is check, and also that im holds n images of the shape of the reference.
func checkLike(role string, im *galaxy.Images, n int, reference string, ref *galaxy.Images) error {
	if err := check(role, im); err != nil {
		return err
	}
	if im.N != n {
		return fmt.Errorf("plotting: %s: %d images, but %d are needed", role, im.N, n)
	}
	if im.Height != ref.Height || im.Width != ref.Width || im.Channels != ref.Channels {
		return fmt.Errorf("plotting: %s: images are %dx%dx%d, but %s is %dx%dx%d (height, width, "+
			"channels); they must agree",
			role, im.Height, im.Width, im.Channels, reference, ref.Height, ref.Width, ref.Channels)
	}
	return nil
}
