package scorecard

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/dataset"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/files/fits"
	"galdecon/galdecon/galaxy/hst"
	"galdecon/galdecon/galaxy/synthetic"
)

// galaxies returns the truth, and appends to notes what a user should know of the file that it's
// from.
func (o Options) galaxies(model galdecon.Config, notes *[]string) (*galaxy.Images, error) {
	switch o.Galaxies {
	case "synthetic":
		if o.SubtractSky {
			return nil, errors.New("scorecard: synthetic galaxies have no sky to subtract")
		}
		return synthetic.Galaxies(model.SyntheticGalaxies(o.N, heldOut))
	case "hst":
		images, err := hst.Galaxies(model.Size)
		if err != nil {
			return nil, err
		}
		return o.first(images, model)
	case "":
		return nil, errors.New("scorecard: say which galaxies: synthetic, hst or the path of a " +
			"file")
	}
	name, _, _, err := fits.ParseName(o.Galaxies)
	if err != nil {
		return nil, fmt.Errorf("scorecard: the galaxies can't be read: %w", err)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("scorecard: there are no galaxies %q: give synthetic, hst, or the "+
			"path of a file, a folder or a set: %w", o.Galaxies, err)
	}
	if !info.IsDir() {
		file, err := files.Read(o.Galaxies)
		if err != nil {
			return nil, err
		}
		if file.Chosen != "" {
			*notes = append(*notes, filepath.Base(name)+": "+file.Chosen+" is read")
		}
		*notes = append(*notes, file.Notes...)
		return o.first(file.Images, model)
	}
	if _, err := os.Stat(filepath.Join(name, "set.json")); err != nil {
		return o.loose(model)
	}
	set, err := dataset.Open(o.Galaxies)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	images, err := set.Subset(dataset.Testing)
	if err != nil {
		images, err = set.Subset(dataset.Validation)
	}
	if err != nil {
		return nil, err
	}
	return o.first(images, model)
}

// first prepares the first N images.
func (o Options) first(images *galaxy.Images, model galdecon.Config) (*galaxy.Images, error) {
	var chosen []int
	for i := range min(o.N, images.N) {
		chosen = append(chosen, i)
	}
	return o.prepare(images.Select(chosen...), model)
}

// loose prepares the first N images of a folder of files. They may be of any size, as each is
// prepared by itself.
func (o Options) loose(model galdecon.Config) (*galaxy.Images, error) {
	all := galaxy.NewImages(0, model.Size, model.Size, model.Channels)
	for stamp, err := range (files.Folder{Path: o.Galaxies}).Galaxies(context.Background()) {
		if err != nil {
			return nil, err
		}
		if all.N == o.N {
			break
		}
		image, err := stamp.Read()
		if err != nil {
			return nil, fmt.Errorf("scorecard: cannot read %s in %s: %w", stamp.ID, o.Galaxies, err)
		}
		image.IDs = []string{stamp.ID}
		if image, err = o.prepare(image, model); err != nil {
			return nil, err
		}
		all.N, all.Pixels, all.IDs = all.N+1, append(all.Pixels, image.Pixels...),
			append(all.IDs, stamp.ID)
	}
	return all, nil
}

// prepare makes images those that the model takes, gray ones without color for one that takes
// colored ones, without their sky if that is asked for.
func (o Options) prepare(images *galaxy.Images, model galdecon.Config) (*galaxy.Images, error) {
	images, err := images.WithChannels(model.Channels)
	if err != nil {
		return nil, fmt.Errorf("scorecard: the model takes images of %d channel(s), those of %s "+
			"have others: %w", model.Channels, o.Galaxies, err)
	}
	if images, err = images.Fill(galaxy.BadInterpolate, galaxy.MaxBad); err != nil {
		return nil, fmt.Errorf("scorecard: the galaxies of %s can't be used: %w", o.Galaxies, err)
	}
	if o.SubtractSky {
		levels, err := skyLevels(images)
		if err != nil {
			return nil, err
		}
		if err := images.Subtract(levels); err != nil {
			return nil, err
		}
	}
	return images.Prepare(model.Size)
}

// source says which galaxies they are.
func (o Options) source() string {
	source := filepath.Base(o.Galaxies)
	if o.SubtractSky {
		source += ", without sky"
	}
	return source
}

// skyLevels returns estimates of the sky of stamps: of two, the lower, as a galaxy that fills its
// stamp makes both too high. They are the median of the pixels at the edge, and
// [galaxy.Images.Sky], which needs sky in half of the stamp.
func skyLevels(images *galaxy.Images) ([]float64, error) {
	levels := images.Edges()
	skies, err := images.Sky()
	if err != nil && !galaxy.NoNoise.Only(err) { // pictures may have none
		return nil, err
	}
	for i, s := range skies {
		levels[i] = min(levels[i], s.Level)
	}
	return levels, nil
}
