package main

import (
	"fmt"
	"math"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// cutSide is the side of a part of a stamp, in its own pixels.
const cutSide = 48

// own samples the galaxies as they come, each with the PSF that was measured for it: on their own
// pixels and averaged over 2×2 and 3×3, whole and cut to 48 of their own pixels. Averaging changes
// what the candidates are, galaxies averaged over such pixels: candidates on the galaxy's own
// pixels are therefore measured as they are, and averaged alike.
func own(l *lab) error {
	galaxies, err := l.cosmosGalaxies()
	if err != nil {
		return err
	}
	for _, g := range galaxies {
		file, err := psf.Read(fmt.Sprintf("%s[%d]", l.real("cosmos_psfs.fits"), g.index+1))
		if err != nil {
			return err
		}
		p, err := file.PSFs[0].Recenter()
		if err != nil {
			return err
		}
		if err := l.setUps(g, p); err != nil {
			return err
		}
	}
	return nil
}

// setUps samples one galaxy in each set-up.
func (l *lab) setUps(g cosmosGalaxy, p psf.PSF) error {
	for _, cut := range []bool{false, true} {
		stamp := g.Images
		side := min(stamp.Height, stamp.Width)
		if cut && side <= cutSide {
			continue
		}
		if cut {
			stamp, _, _ = stamp.Crop((g.Width-cutSide)/2, (g.Height-cutSide)/2, cutSide)
		}
		aperture := 0.4 * float64(min(side, cutSide)) // the same in all
		for bin := 1; bin <= 3; bin++ {
			name := fmt.Sprintf("%d×%d", bin, bin)
			if cut {
				name += " cut"
			}
			err := l.do("own", name, g.id, func(r *record) error {
				return l.setUp(r, stamp, p, g.noise, bin, aperture)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// setUp samples a stamp that is averaged over bin×bin pixels. The aperture is in the stamp's own.
func (l *lab) setUp(r *record, stamp *galaxy.Images, p psf.PSF, noise grain, bin int,
	aperture float64) error {
	image := stamp
	if bin > 1 {
		var err error
		if image, err = stamp.Average(bin); err != nil {
			return err
		}
		if p, err = p.Rescale(float64(bin)); err != nil {
			return err
		}
		noise = noise.averaged(bin)
	}
	correlation, err := noise.correlation()
	if err != nil {
		return err
	}
	posterior, err := l.sample(r, observe.Observation{Exposures: []observe.Exposure{{
		Image: image, PSFs: []psf.PSF{p}, InvVar: even(noise.sigma, len(image.Pixels)),
		Noise: correlation}}})
	if err != nil {
		return err
	}
	r.Values["χ²"] = chiSquared(posterior)
	keep(r, "", posterior.Samples, bin, aperture)
	for after := 2; bin == 1 && after <= 3; after++ {
		averaged, err := posterior.Samples.Average(after)
		if err != nil {
			return err
		}
		keep(r, fmt.Sprintf(" @%d", after), averaged, after, aperture)
	}
	return nil
}

// keep measures candidates of pixels that are bin×bin of the galaxy's own, in units of these and of
// arcseconds.
func keep(r *record, suffix string, candidates *galaxy.Images, bin int, aperture float64) {
	b := float64(bin)
	units := map[string]float64{"flux": b * b, "radius": b * cosmosPixel, "g1": 1, "g2": 1}
	q := photometry(candidates, aperture/b)
	r.Values["measured"+suffix] = q["measured"]
	if q["measured"] < float64(candidates.N)/2 {
		return
	}
	for _, name := range quantities {
		r.Values[name+suffix] = q[name] * units[name]
		r.Values[name+" ±"+suffix] = q[name+" ±"] * units[name]
	}
}

// pairs of set-ups that must agree. The second sees less than the first, or as much.
var pairs = []struct{ first, suffix, second, title string }{
	{"1×1", " @2", "2×2", "1×1, candidates averaged, and 2×2"},
	{"1×1", " @3", "3×3", "1×1, candidates averaged, and 3×3"},
	{"1×1", "", "1×1 cut", "1×1, whole and cut"},
	{"2×2", "", "2×2 cut", "2×2, whole and cut"},
	{"3×3", "", "3×3 cut", "3×3, whole and cut"},
	{"1×1", "", "2×2", "1×1 and 2×2 as they are"},
	{"1×1", "", "3×3", "1×1 and 3×3 as they are"},
}

// ownTables compares set-ups. Two that see one image err alike: pulls by their joint error scatter
// by less than 1 where both are right. What the second lacks of the first is what the mean of the
// second may stray by, so that (Δ²) is on average the variance of the second less that of the
// first.
func ownTables(title string, records []record) []table {
	by := map[string]map[string]record{}
	for _, r := range records {
		if by[r.Setting] == nil {
			by[r.Setting] = map[string]record{}
		}
		by[r.Setting][r.Object] = r
	}
	out := table{Title: title + ": pulls between set-ups", Head: []string{"", "quantity", "n",
		"median Δ", "pulls", "Δ/lacking"},
		Notes: "pulls: standard deviation of differences over joint errors; they share their " +
			"data, so less\nthan 1 is right. Δ/lacking: root of ΣΔ² over the sum of what the " +
			"second's variance exceeds\nthe first's by, 1 if both are right. Radii in " +
			"arcseconds, fluxes as parts of the galaxy's.\nAveraged pixels make another target: " +
			"a galaxy averaged over them.\n"}
	var joint []float64
	for _, pair := range pairs {
		for _, name := range quantities {
			var deltas, pulls []float64
			squares, lacking := 0.0, 0.0
			for object, a := range by[pair.first] {
				b, ok := by[pair.second][object]
				sa, okA := a.Values[name+" ±"+pair.suffix]
				sb, okB := b.Values[name+" ±"]
				if !ok || !okA || !okB {
					continue
				}
				d := b.Values[name] - a.Values[name+pair.suffix]
				pulls = append(pulls, d/math.Hypot(sa, sb))
				squares, lacking = squares+d*d/(sa*sa+sb*sb),
					lacking+(sb*sb-sa*sa)/(sa*sa+sb*sb)
				if name == "flux" {
					d /= math.Abs(a.Values[name+pair.suffix])
				}
				deltas = append(deltas, d)
			}
			if len(pulls) == 0 {
				continue
			}
			ratio := math.NaN()
			if lacking > 0 {
				ratio = math.Sqrt(squares / lacking)
			}
			out.add(pair.title, name, count(len(pulls)), number(median(deltas)),
				number(deviation(pulls)), number(ratio))
			joint = append(joint, pulls...)
		}
	}
	out.Notes += fmt.Sprintf("All pulls together: %s.\n", number(deviation(joint)))
	return []table{out, refusals(title, records)}
}
