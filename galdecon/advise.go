package galdecon

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/posterior"
	"galdecon/galdecon/psf"
	"galdecon/galdecon/table"
	"galdecon/internal/home"
)

// Advice is what [Advise] sees in a user's files, and what to do with them.
type Advice struct {
	// Field is the image as [Open] reads it.
	Field *Field
	// Seen says what is in the files, and Do what to do, one sentence each. Warnings, which begin
	// Do, say what is probably wrong.
	Seen, Do []string
	// Cell is Go that does it, for a cell of a notebook.
	Cell string
	// photons are how many electrons make a unit, where the image tells.
	photons float64
}

// Advise looks at an image and a PSF, files that [Open] reads, and says what it sees: planes,
// units, scales, noise, how well the PSF is sampled and how wide its wings are, how large the
// galaxies are and what is beside them; what to do with them; and the Go that does it. What the
// model for any galaxy would refuse is foreseen, but for noise, which only candidates tell. Planes
// are those of Open; without any, files beside the image are looked at: those whose names begin
// with the same word, say that they are errors, weights or a mask, and fit the image. Files that
// can't be read are an error, and so is an image in which nothing stands out of the noise.
//
//	fmt.Println(must.M1(galdecon.Advise("mine.fits", "psf.fits")))
func Advise(image, psfPath string, planes ...string) (*Advice, error) {
	f, err := Open(image, psfPath, planes...)
	if err != nil {
		return nil, err
	}
	a := &Advice{}
	if len(planes) == 0 {
		var found []string
		if planes, found = f.findPlanes(image, psfPath); len(planes) > 0 {
			if f, err = Open(image, psfPath, planes...); err != nil {
				return nil, err
			}
		}
		for _, sentence := range found {
			a.see("%s.", sentence)
		}
	}
	a.Field = f
	if kind := files.KindOfFile(image); kind == files.KindMask || kind.TellsNoise() {
		a.do("WARNING: by its name the file has %s, no light: is it the right one?", kind)
	}
	a.seeImage()
	if err := a.seeNoise(); err != nil {
		return nil, err
	}
	a.seePSF()
	all, err := f.sources()
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("galdecon: nothing stands out of the noise of %s: see whether it "+
			"is the right image, and its values are proportional to light. What was read: %s",
			image, strings.Join(f.Notes, "; "))
	}
	targets, stamp := f.targets(all)
	a.seeSources(all, targets, stamp)
	if err := a.advise(all, targets); err != nil {
		return nil, err
	}
	a.Cell = a.cell(append([]string{image, psfPath}, planes...), targets)
	return a, nil
}

func (a *Advice) see(format string, args ...any) {
	a.Seen = append(a.Seen, fmt.Sprintf(format, args...))
}

func (a *Advice) do(format string, args ...any) {
	a.Do = append(a.Do, fmt.Sprintf(format, args...))
}

func (a *Advice) seeImage() {
	f := a.Field
	unit, what := "its unit isn't said", ""
	if f.Header != nil {
		what, _ = f.Header.Text("BUNIT")
	}
	if what != "" {
		unit = "its unit is " + what
	}
	scale := "the width of its pixels isn't said"
	if f.PixelScale > 0 {
		scale = fmt.Sprintf("its pixels are %.3g arcsec wide", f.PixelScale)
	}
	a.see("The image has %d columns and %d rows; %s, and %s.", f.Image.Width, f.Image.Height, unit,
		scale)
	if strings.Contains(what, "/sr") || strings.Contains(what, "arcsec") {
		a.see("That is a surface brightness: a flux is a sum of pixels, times the area of one.")
	}
	for _, note := range f.Notes {
		a.see("%s.", strings.ToUpper(note[:1])+strings.TrimSuffix(note[1:], "."))
	}
}

// seeNoise adds the noise of galaxies' photons where the image tells it.
func (a *Advice) seeNoise() error {
	f := a.Field
	switch {
	case f.filled:
		a.see("Whether pixels share noise can't be told, without sky: it is taken for white.")
	case f.Noise == nil:
		a.see("The noise is white, as far as the sky shows: neighboring pixels share none of it.")
	}
	if f.Sky.Step > 0 {
		a.see("Its values are multiples of %.4g, as counts are.", f.Sky.Step)
	}
	electrons := f.electrons()
	if !f.fromSky || electrons == 0 {
		return nil
	}
	counts := f.Sky.Level / f.Sky.Step
	a.see("They count photons: the sky has %.3g of them in a pixel, and a noise of their root, %.3g.",
		counts, f.Sky.Noise/f.Sky.Step)
	a.do("Add the noise of the galaxy's own photons, which its counts tell: Field.AddPhotons does.")
	a.photons = electrons
	const gaussian = 10
	if counts < gaussian {
		a.do("With less than %d counts in a pixel noise isn't Gaussian, as the model takes it: trust "+
			"fluxes and sizes more than what single pixels show, or average pixels.", gaussian)
	}
	return f.AddPhotons(electrons)
}

func (a *Advice) seePSF() {
	wings := true
	p := a.Field.PSF
	const least = 5
	if p.Size < least {
		a.see("The PSF has %d×%d pixels, too few to tell its shape.", p.Size, p.Size)
		return
	}
	for _, problem := range p.Inspect() {
		if problem.Kind == psf.Pedestal || problem.Kind == psf.Neighbor ||
			problem.Kind == psf.Noisy {
			wings = false // what is far out isn't the PSF's
		}
	}
	fwhm, err := p.FWHM()
	if err != nil {
		return // Open has said what is wrong
	}
	const sampled = 2 // Nyquist's, of a Gaussian, within a few percent
	how := "well sampled"
	if fwhm < sampled {
		how = fmt.Sprintf("undersampled: below %d pixels detail is aliased", sampled)
	}
	a.see("The PSF is %.1f pixels wide at half of its peak, %s.", fwhm, how)
	beyond := 0.0
	for k, v := range p.Pixels {
		r := math.Hypot(float64(k%p.Size-p.Size/2), float64(k/p.Size-p.Size/2))
		if r > 2*fwhm {
			beyond += float64(v)
		}
	}
	const winged = 0.005
	if wings && beyond > winged {
		a.see("It has wings: %.1f %% of its light is farther than two of these widths from its "+
			"center, where a Gaussian has none.", 100*beyond)
	}
}

func (a *Advice) seeSources(all, targets []source, stamp bool) {
	points := 0
	for _, s := range all {
		if s.isPoint() {
			points++
		}
	}
	where := "a field"
	if stamp {
		where = "a stamp, with a galaxy in its middle"
	}
	how := "one peak stands out of the noise"
	if len(all) > 1 {
		most := ""
		if len(all) == maxSources {
			most = "at least "
		}
		how = fmt.Sprintf("%s%d peaks stand out of the noise, %d of them as narrow as the PSF, such "+
			"as stars", most, len(all), points)
	}
	a.see("It is %s: %s.", where, how)
	for _, s := range targets {
		a.see("At column %.1f, row %.1f there is %s, %.0f times as bright as the noise, with a "+
			"half-light radius of %.1f pixels as observed.", s.column, s.row, s.what(), s.bright,
			s.radius)
		if s.coreless > 0 {
			a.see("Its core has no data in %d pixels.", s.coreless)
		}
		switch near := s.nearest(); {
		case math.IsInf(near, 1):
		case s.blended:
			a.see("It is blended: it has no peak of its own in the light of a brighter one, %.1f "+
				"pixels away.", near)
		default:
			a.see("Beside it there is another peak, %.1f pixels away%s.", near, s.more())
		}
		if s.lopsided {
			a.see("It has more light on one side than on the other: an arm, or a neighbor.")
		}
	}
}

func (s source) what() string {
	if s.isPoint() {
		return "a point"
	}
	return "a galaxy"
}

// more says how many other peaks there are but the nearest.
func (s source) more() string {
	if len(s.beside) == 1 {
		return ""
	}
	return fmt.Sprintf(", and %d more in its stamp", len(s.beside)-1)
}

// advise says what to do.
func (a *Advice) advise(all, targets []source) error {
	f := a.Field
	narrow := math.Inf(1)
	for _, s := range all {
		if s.bright > measurable && s.width > 0 {
			narrow = min(narrow, s.width)
		}
	}
	if narrow < tooNarrow {
		a.do("WARNING: a peak is only %.2f times as wide as the PSF, which is impossible: the PSF "+
			"is on finer pixels, %.0f or more of them along one of the image's, or of another "+
			"band. Its card OVERSAMP or PIXELSCL can say so, or field.PSF.Rescale mend it.",
			narrow, math.Ceil(1/narrow))
	}
	if f.masked > mostlyBad {
		a.do("WARNING: masks say that %.0f %% of the image is bad. Their values may be flags that "+
			"mean more than bad, such as detected: keep those that mean bad.", 100*f.masked)
	}
	with := []string{}
	for _, w := range f.InvVar {
		if w == 0 {
			with = append(with, "the gaps")
			break
		}
	}
	with = append(with, "the noise of each pixel")
	if f.Noise != nil {
		with = append(with, "what neighbors share of it")
	}
	a.do("Take the model galaxy, and give it %s: Open has them ready.", strings.Join(with, ", "))
	said := map[string]bool{} // what is wrong with the PSF is so for all galaxies
	for _, s := range targets {
		whole := s.side >= min(f.Image.Width, f.Image.Height)
		if whole {
			a.do("Take all of the image for the galaxy at column %.0f, row %.0f.", s.column, s.row)
		} else {
			a.do("Cut %d×%d pixels around column %.0f, row %.0f.", s.side, s.side, s.column, s.row)
		}
		if float64(s.side) < stampRadii*s.radius || whole && s.cut {
			a.do("Its light probably reaches the border: take a larger image if there is one, or " +
				"count fluxes and sizes as those of what is seen.")
		}
		if s.coreless > 0 {
			a.do("Believe its core and its flux less than their error bars: there the candidates " +
				"show what the model knows of galaxies, not what was seen. An exposure in which " +
				"the core has data is better.")
		}
		if s.blended {
			a.do("WARNING: its light can't be told from its neighbor's: candidates show both, and " +
				"fluxes and shapes are those of a mixture. Take the image of another band, or a " +
				"sharper one.")
		}
		if aperture := s.aperture(); !s.blended && aperture+1.5 >= s.nearest()-1 {
			a.do("Measure it within %.0f pixels: farther out its neighbor's light counts.", aperture)
		}
		refusal, err := f.refusal(s)
		if err != nil {
			return err
		}
		if refusal != nil && !said[refusal.What] {
			said[refusal.What] = true
			a.do("WARNING: the model would refuse it: %s. What to do: %s.", refusal.What, refusal.Hint)
			largest := max(f.Image.Width, f.Image.Height)
			if refusal.Reason == posterior.RefusedPSF && f.PSF.Size > largest {
				a.do("The grid of the PSF is wider than the image, %d pixels: it is probably on "+
					"finer pixels. Its card OVERSAMP can say so, or field.PSF.Rescale mend it.",
					f.PSF.Size)
			}
		}
	}
	if f.Sky.Noise == 0 {
		return nil
	}
	if brightest := targets[0].bright; brightest > 50 && f.fromSky && a.photons == 0 {
		a.do("The noise is the sky's, but a galaxy that is %.0f times as bright adds that of its "+
			"photons: a plane of errors, or Field.AddPhotons with the gain, knows it.", brightest)
	}
	return nil
}

// cell returns Go that draws and measures candidates of the targets. Paths are those that Open
// takes.
func (a *Advice) cell(paths []string, targets []source) string {
	f := a.Field
	var places, apertures, quoted []string
	for _, s := range targets {
		places = append(places, fmt.Sprintf("\tmust.M1(field.At(%.0f, %.0f, %d)),", s.column, s.row,
			s.side))
		apertures = append(apertures, fmt.Sprintf("%.0f", s.aperture()))
	}
	for _, path := range paths {
		quoted = append(quoted, strconv.Quote(path))
	}
	observations := "[]observe.Observation{\n" + strings.Join(places, "\n") + "\n}"
	packages := []string{"galdecon", "galdecon/observe", "galdecon/pretrained", "plotting"}
	if f.Image.Width != f.Image.Height && targets[0].side >= min(f.Image.Width, f.Image.Height) {
		observations = "field.Whole()"
		packages = slices.Delete(packages, 1, 2)
		apertures = apertures[:1]
	}
	photons := ""
	if a.photons > 0 {
		photons = fmt.Sprintf("must.M(field.AddPhotons(%.6g))\n", a.photons)
	}
	var imports []string
	for _, p := range packages {
		imports = append(imports, fmt.Sprintf("\t%q\n", home.Package(p)))
	}
	return fmt.Sprintf(`import (
%s
	"github.com/janpfeifer/must"
)

%%%%
field := must.M1(galdecon.Open(%s))
%smodel := must.M1(pretrained.Load("galaxy"))
stamps := %s
posteriors, err := model.SampleLooks(galdecon.Interruptible(), stamps, 32, 7)
must.M(plotting.Refusals(err))
apertures := []float64{%s}
for _, p := range posteriors {
	answer := must.M1(field.Measure(p, apertures[p.Index]))
	must.M(plotting.Show(plotting.Posterior(p, nil), answer))
}`, strings.Join(imports, ""), strings.Join(quoted, ", "), photons, observations,
		strings.Join(apertures, ", "))
}

// String returns what is seen, what to do, and the cell, at most 100 columns wide but for the cell.
func (a *Advice) String() string {
	var text strings.Builder
	list := func(title string, sentences []string) {
		fmt.Fprintln(&text, title)
		for _, s := range sentences {
			fmt.Fprintln(&text, table.Fold(s, "- ", "  "))
		}
		fmt.Fprintln(&text)
	}
	list("What is there", a.Seen)
	list("What to do", a.Do)
	fmt.Fprint(&text, "The cell that does it\n\n", a.Cell)
	return text.String()
}
