package posterior

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/observe"
	"galdecon/galdecon/psf"
)

// Observations are blurred images x = Π*y + n, with what must be known of each to ask for y. They
// are made by [NewObservations], which checks them.
type Observations struct {
	images *galaxy.Images
	psfs   []psf.PSF
	noise  []float64
	// invVar and correlations are empty where nobody gave them.
	invVar       []float64
	correlations []observe.Correlation
	keys         []uint64
}

// NewObservations returns observations x [n, height, width, channels] with their PSFs Π, one for
// each image or one for all, on the pixel grid of the images. noise is the standard deviation of
// the white noise n in units of the pixels, ≥ 0, one for each image or one for all; where it is
// empty it is estimated from the images ([galaxy.Images.NoiseLevels]). The images aren't copied.
//
// It is an error if there are no images, if one has a pixel that isn't finite, or if the numbers of
// images, PSFs and noise levels don't fit together.
func NewObservations(images *galaxy.Images, psfs []psf.PSF, noise []float64) (*Observations,
	error) {
	o := &Observations{images: images, psfs: psfs, noise: noise}
	if images != nil && len(noise) == 0 {
		levels, err := images.NoiseLevels()
		if err != nil {
			return nil, err
		}
		o.noise = levels
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return o, nil
}

// Validate returns an error if the observations weren't made by [NewObservations], or their pixels
// have been spoiled since.
func (o *Observations) Validate() error {
	if o == nil || o.images == nil {
		return errors.New("posterior: there are no observations; make them by NewObservations, " +
			"of images and PSFs")
	}
	if err := o.images.Validate(); err != nil {
		return err
	}
	n := o.images.N
	if len(o.psfs) != 1 && len(o.psfs) != n {
		return fmt.Errorf("posterior: %d images need as many PSFs, or one for all; got %d", n,
			len(o.psfs))
	}
	for i, p := range o.psfs {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("posterior: the PSF of %s: %w", o.images.ID(i), err)
		}
	}
	if len(o.noise) != 1 && len(o.noise) != n {
		return fmt.Errorf("posterior: %d images need as many noise levels, or one for all, or "+
			"none to have them estimated; got %d", n, len(o.noise))
	}
	if len(o.keys) != 0 && len(o.keys) != n {
		return fmt.Errorf("posterior: %d images need as many keys, or none; got %d", n,
			len(o.keys))
	}
	for i, v := range o.noise {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("posterior: the noise of %s must be finite and ≥ 0 in units of its "+
				"pixels, got %g",
				o.images.ID(i), v)
		}
	}
	return nil
}

// N returns the number of observations, 0 where none were made by [NewObservations].
func (o *Observations) N() int {
	if o == nil || o.images == nil {
		return 0
	}
	return o.images.N
}

// Images returns x, [n, height, width, channels], which isn't copied.
func (o *Observations) Images() *galaxy.Images { return o.images }

// PSFs returns the PSFs, one for each image or one for all.
func (o *Observations) PSFs() []psf.PSF { return o.psfs }

// Noise returns the standard deviations of the noise in units of the pixels, one for each image or
// one for all.
func (o *Observations) Noise() []float64 { return o.noise }

// At returns the PSF and the noise of image i. Like a slice it panics where i is not within [0, N).
func (o *Observations) At(i int) (p psf.PSF, noise float64) {
	if i < 0 || i >= o.N() {
		panic(fmt.Sprintf("posterior: there is no observation %d; there are %d, counted from 0",
			i, o.N()))
	}
	return o.psfs[i%len(o.psfs)], o.noise[i%len(o.noise)]
}

// WithPSFs returns the same images and noise with other PSFs, one for each image or one for all.
func (o *Observations) WithPSFs(psfs []psf.PSF) (*Observations, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	out := *o
	out.psfs = psfs
	return &out, out.Validate()
}

// WithInvVar returns the same observations with the inverse variance 1/σ² of the noise of each
// value, [n, height, width, channels], in place of one noise level for an image; 0 is no data. The
// noise of an image, [Observations.Noise], is then the median of its σ. A value that is negative or
// not finite is an error, and so is an image without data.
func (o *Observations) WithInvVar(invVar []float64) (*Observations, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(invVar) != len(o.images.Pixels) {
		return nil, fmt.Errorf("posterior: there are %d inverse variances for %d values of the "+
			"images; give one for each", len(invVar), len(o.images.Pixels))
	}
	each := len(invVar) / o.images.N
	out := *o
	out.invVar, out.noise = slices.Clone(invVar), make([]float64, o.images.N)
	for i := range out.noise {
		own := invVar[i*each : (i+1)*each]
		for k, w := range own {
			if !(w >= 0) || math.IsInf(w, 0) {
				return nil, fmt.Errorf("posterior: an inverse variance of %s, value %d, must be "+
					"finite and ≥ 0, got %g", o.images.ID(i), k, w)
			}
		}
		if out.noise[i] = MedianNoise(own); math.IsInf(out.noise[i], 0) {
			return nil, fmt.Errorf("posterior: no value of %s has data: all of its inverse "+
				"variances are 0", o.images.ID(i))
		}
	}
	return &out, nil
}

// MedianNoise returns the σ of the median inverse variance 1/σ² of the values with data, those
// above 0; +Inf where there are none.
func MedianNoise(invVar []float64) float64 {
	var seen []float64
	for _, w := range invVar {
		if w > 0 {
			seen = append(seen, w)
		}
	}
	if len(seen) == 0 {
		return math.Inf(1)
	}
	slices.Sort(seen)
	return 1 / math.Sqrt(stat.Quantile(0.5, stat.LinInterp, seen, nil))
}

// WithCorrelations returns the same observations whose noise is shared by neighboring pixels as
// the correlations say, one for each image or one for all.
func (o *Observations) WithCorrelations(c ...observe.Correlation) (*Observations, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if len(c) != 1 && len(c) != o.images.N {
		return nil, fmt.Errorf("posterior: %d images need as many correlations of noise, or one "+
			"for all; got %d", o.images.N, len(c))
	}
	for _, one := range c {
		if err := one.Validate(); err != nil {
			return nil, err
		}
	}
	out := *o
	out.correlations = slices.Clone(c)
	return &out, nil
}

// InvVarAt returns the inverse variance of each value of image i, 0 where a pixel is marked as bad.
// Where the observations have one noise level for an image, it must be at least least.
func (o *Observations) InvVarAt(i int, least float64) []float64 {
	each := len(o.images.Pixels) / o.images.N
	out := make([]float64, each)
	_, noise := o.At(i)
	noise = max(noise, least)
	bad := o.images.BadAt(i)
	for k := range out {
		out[k] = 1 / (noise * noise)
		if o.invVar != nil {
			out[k] = o.invVar[i*each+k]
		}
		if bad != nil && bad[k/o.images.Channels] {
			out[k] = 0
		}
	}
	return out
}

// CorrelationAt returns how neighboring pixels of image i share their noise, nil where they don't.
func (o *Observations) CorrelationAt(i int) *observe.Correlation {
	if len(o.correlations) == 0 {
		return nil
	}
	return &o.correlations[i%len(o.correlations)]
}

// WithKeys returns the same observations with a key for each. The random numbers of a candidate
// follow from the seed and the key of its observation plus its own number, wherever among others
// the observation stands. Keys of observations that are drawn with one seed should lie further
// apart than any has candidates: take 64 bits of a hash. It is an error if there aren't as many as
// observations.
func (o *Observations) WithKeys(keys []uint64) (*Observations, error) {
	if len(keys) != o.N() {
		return nil, fmt.Errorf("posterior: %d images need as many keys; got %d", o.N(), len(keys))
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	out := *o
	out.keys = slices.Clone(keys)
	return &out, nil
}

// Key returns the key of observation i, which is its place i times 2³² where none was given.
func (o *Observations) Key(i int) uint64 {
	if len(o.keys) == 0 {
		return uint64(i) << 32
	}
	return o.keys[i]
}

// Select returns the observations of the given images, in their order, each with its PSF and noise.
// Pixels are copied. An index that is not within [0, N) is an error.
func (o *Observations) Select(indices ...int) (*Observations, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	out := &Observations{}
	for _, i := range indices {
		if i < 0 || i >= o.images.N {
			return nil,
				fmt.Errorf("posterior: there is no observation %d; there are %d, counted from 0", i,
					o.images.N)
		}
		p, noise := o.At(i)
		out.psfs, out.noise = append(out.psfs, p), append(out.noise, noise)
		if len(o.keys) > 0 {
			out.keys = append(out.keys, o.keys[i])
		}
		if o.invVar != nil {
			each := len(o.invVar) / o.images.N
			out.invVar = append(out.invVar, o.invVar[i*each:(i+1)*each]...)
		}
		if c := o.CorrelationAt(i); c != nil {
			out.correlations = append(out.correlations, *c)
		}
	}
	out.images = o.images.Select(indices...)
	return out, nil
}

// stored is what is sent of observations.
type stored struct {
	Images *galaxy.Images
	PSFs   []psf.PSF
	Noise  []float64
	Keys   []uint64

	InvVar       []float64
	Correlations []observe.Correlation
}

// GobEncode encodes the observations, to be sent to a session. Its receiver is no pointer: of those
// encoding/gob panics where it is given a pointer to one.
func (o Observations) GobEncode() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(stored{Images: o.images, PSFs: o.psfs, Noise: o.noise,
		Keys: o.keys, InvVar: o.invVar, Correlations: o.correlations})
	return b.Bytes(), err
}

// GobDecode decodes what [Observations.GobEncode] has encoded. Whoever uses it validates it.
func (o *Observations) GobDecode(data []byte) error {
	var s stored
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&s); err != nil {
		return err
	}
	o.images, o.psfs, o.noise, o.keys = s.Images, s.PSFs, s.Noise, s.Keys
	o.invVar, o.correlations = s.InvVar, s.Correlations
	return nil
}

// Tensors returns the images [n, height, width, channels] and their PSFs [n, k, k], or [1, k, k] of
// one for all, as graph functions take them. PSFs of different sizes are an error.
func (o *Observations) Tensors() (images, psfs *tensors.Tensor, err error) {
	stacked, err := psf.Stack(o.psfs...)
	if err != nil {
		return nil, nil, err
	}
	size := o.psfs[0].Size
	return o.images.Tensor(), tensors.FromFlatDataAndDimensions(stacked, len(o.psfs), size,
		size), nil
}
