package moments_test

import (
	"errors"
	"math"
	"testing"

	"galdecon/galdecon/moments"
)

// gaussian samples an elliptical Gaussian of unit peak.
func gaussian(height, width int, m moments.Moments) moments.Image {
	image := moments.Image{Height: height, Width: width, Pixels: make([]float64, height*width)}
	for i := range image.Pixels {
		dx, dy := float64(i%width)-m.X, float64(i/width)-m.Y
		r2 := m.Shear().Radius2(dx, dy)
		image.Pixels[i] = math.Exp(-r2 / (2 * m.Sigma() * m.Sigma()))
	}
	return image
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v within %g", what, got, want, tolerance)
	}
}

func fromShear(x, y, sigma float64, s moments.Shear) moments.Moments {
	g2 := s.G1*s.G1 + s.G2*s.G2
	unit := sigma * sigma / (1 - g2)
	return moments.Moments{X: x, Y: y,
		XX: unit * (1 + g2 + 2*s.G1), YY: unit * (1 + g2 - 2*s.G1), XY: unit * 2 * s.G2}
}

func TestShear(t *testing.T) {
	for _, q := range []float64{1, 0.7, 0.1} {
		for _, angle := range []float64{-1.5, 0, 0.3, 1.2} {
			s := moments.Ellipse(q, angle)
			near(t, "the axis ratio", s.AxisRatio(), q, 1e-12)
			if q < 1 {
				near(t, "the angle", s.Angle(), angle, 1e-12)
				// The end of the long axis of the ellipse is on the unit circle.
				a := 1 / math.Sqrt(q)
				near(t, "r² of the axis' end", s.Radius2(a*math.Cos(angle), a*math.Sin(angle)), 1,
					1e-12)
			}
			e := (1 - q*q) / (1 + q*q)
			g := moments.FromDistortion(e*math.Cos(2*angle), e*math.Sin(2*angle))
			near(t, "g1", g.G1, s.G1, 1e-12)
			near(t, "g2", g.G2, s.G2, 1e-12)
			m := fromShear(0, 0, 2, s)
			near(t, "σ", m.Sigma(), 2, 1e-12)
			near(t, "g of moments", math.Hypot(m.Shear().G1-s.G1, m.Shear().G2-s.G2), 0, 1e-12)
		}
	}
	for _, s := range []moments.Shear{{G1: 1}, {G1: 0.8, G2: -0.8}, {G1: math.NaN()}} {
		if s.Validate() == nil {
			t.Errorf("%+v is taken for an ellipse", s)
		}
	}
}

// A Gaussian is its own best Gaussian, wherever the search starts.
func TestAdaptiveOfGaussians(t *testing.T) {
	for _, s := range []moments.Shear{{}, {G1: 0.2, G2: -0.1}, {G2: 0.5}} {
		want := fromShear(23.3, 17.9, 2.5, s)
		image := gaussian(40, 50, want)
		for _, start := range []moments.Moments{moments.Round(24, 18, 2),
			moments.Round(21, 20, 5)} {
			m, err := moments.Adaptive(image, start, moments.Limits{MaxSteps: 500})
			if err != nil {
				t.Fatal(err)
			}
			near(t, "x", m.X, want.X, 1e-5)
			near(t, "y", m.Y, want.Y, 1e-5)
			near(t, "xx", m.XX, want.XX, 1e-5)
			near(t, "yy", m.YY, want.YY, 1e-5)
			near(t, "xy", m.XY, want.XY, 1e-5)
		}
	}
}

// With weights of a fixed width s a Gaussian of width σ < s has 2·(1/σ² + 1/s²)⁻¹.
func TestMinWeight(t *testing.T) {
	const sigma, least = 1.5, 3.0
	m, err := moments.Adaptive(gaussian(31, 31, moments.Round(15, 15, sigma)),
		moments.Round(15, 15, 2),
		moments.Limits{MinWeight: least, MaxSteps: 100})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "σ²", m.XX, 2/(1/(sigma*sigma)+1/(least*least)), 1e-6)
	// Only the short axis is widened.
	long := moments.Moments{X: 20, Y: 20, XX: 16, YY: 1}
	m, err = moments.Adaptive(gaussian(41, 41, long), long,
		moments.Limits{MinWeight: 2, MaxSteps: 300})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the long axis", m.XX, 16, 1e-4)
	near(t, "the short axis", m.YY, 2/(1+1./4), 1e-4)
}

func TestAdaptiveRefuses(t *testing.T) {
	start := moments.Round(15, 15, 3)
	source := gaussian(31, 31, moments.Round(15, 15, 2))
	dark := moments.Image{Height: 31, Width: 31, Pixels: make([]float64, 31*31)}
	for name, test := range map[string]struct {
		image  moments.Image
		limits moments.Limits
		want   error
	}{
		"dark":     {dark, moments.Limits{MaxSteps: 9}, moments.ErrDark},
		"narrow":   {source, moments.Limits{MinWidth: 2.5, MaxSteps: 99}, moments.ErrNarrow},
		"wide":     {source, moments.Limits{MaxWidth: 1.5, MaxSteps: 99}, moments.ErrWide},
		"no steps": {source, moments.Limits{MaxSteps: 1}, moments.ErrUnclear},
		"moved": {gaussian(31, 31, moments.Round(19, 15, 2)),
			moments.Limits{MaxShift: 2, MaxSteps: 99}, moments.ErrMoved},
	} {
		if _, err := moments.Adaptive(test.image, start, test.limits); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
}
