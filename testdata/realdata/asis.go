package main

import (
	"fmt"

	"galdecon/galdecon"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// chiSquared returns the mean over candidates of the mean (x − Π*y)²/σ² of pixels with data.
func chiSquared(p *galdecon.Posterior) float64 {
	sum, n := 0.0, 0
	for k := range p.Reblurred.N {
		for i, v := range p.Reblurred.At(k) {
			if w := p.InvVar[i]; w > 0 {
				d := float64(p.Observation.Pixels[i] - v)
				sum, n = sum+d*d*w, n+1
			}
		}
	}
	return sum / float64(n)
}

// plain samples one image as it comes.
func (l *lab) plain(part, setting, object string, e observe.Exposure) error {
	return l.do(part, setting, object, func(r *record) error {
		e, err := e.Complete()
		if err != nil {
			return err
		}
		p, err := l.sample(r, observe.Observation{Exposures: []observe.Exposure{e}})
		if err != nil {
			return err
		}
		r.Values["χ²"] = chiSquared(p)
		lost := 0
		for _, w := range p.InvVar {
			if w == 0 {
				lost++
			}
		}
		r.Values["lost"] = float64(lost) / float64(len(p.InvVar))
		return nil
	})
}

// galFiles samples two galaxies with their σ maps, masks and PSFs.
func galFiles(l *lab) error {
	for _, name := range []string{"gal1", "gal2"} {
		image, err := files.Read(l.real(name + "_im.npy"))
		if err != nil {
			return err
		}
		sigmas, err := files.Read(l.real(name + "_sig.npy"))
		if err != nil {
			return err
		}
		mask, err := files.LoadMask(l.real(name + "_mask.npy"))
		if err != nil {
			return err
		}
		p, err := psf.Load(l.real(name + "_psf.npy"))
		if err != nil {
			return err
		}
		e := observe.Exposure{Image: image.Images, PSFs: p,
			InvVar: observe.FromError(sigmas.Images.Pixels)}
		for k, bad := range mask.Bad {
			if bad {
				e.InvVar[k] = 0
			}
		}
		if err := l.plain("gal", "σ map and mask", name, e); err != nil {
			return err
		}
	}
	return nil
}

// hsc samples five bands one by one. Of the mask's bits, whose names the file lacks, those of the
// camera's pipeline count that say that a pixel has no good data.
func hsc(l *lab) error {
	const file = "hsc_cosmos_35.npz"
	const unusable = 1<<0 | 1<<1 | 1<<3 | 1<<4 | 1<<8 // BAD, SAT, CR, EDGE, NO_DATA
	planes := map[string]*galaxy.Images{}
	for _, name := range []string{"images", "variance", "mask"} {
		f, err := files.Read(l.real(file) + "[" + name + "]")
		if err != nil {
			return err
		}
		planes[name] = f.Images
	}
	psfs, err := psf.Load(l.real(file) + "[psfs]")
	if err != nil {
		return err
	}
	for i, band := range []string{"g", "r", "i", "z", "y"} {
		im := planes["images"].Select(i)
		im.Bad = nil // the file's mask marks all that was detected
		e := observe.Exposure{Image: im, PSFs: psfs[i : i+1],
			InvVar: observe.FromVariance(planes["variance"].At(i))}
		for k, v := range planes["mask"].At(i) {
			if int(v)&unusable != 0 {
				e.InvVar[k] = 0
			}
		}
		if err := l.plain("hsc", "variance and mask", band, e); err != nil {
			return err
		}
	}
	return nil
}

// vary samples simulated galaxies with a PSF each. Their noise is estimated.
func vary(l *lab) error {
	images, err := files.Load(l.real("vary_images.npy"))
	if err != nil {
		return err
	}
	psfs, err := psf.Load(l.real("vary_psfs.npy"))
	if err != nil {
		return err
	}
	for i := range l.few(images.N) {
		e := observe.Exposure{Image: images.Select(i), PSFs: psfs[i : i+1]}
		if err := l.plain("vary", "noise estimated", fmt.Sprint(i), e); err != nil {
			return err
		}
	}
	return nil
}
