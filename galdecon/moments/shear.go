package moments

import (
	"fmt"
	"math"
)

// Shear is the ellipticity g = (1−q)/(1+q) of an ellipse with the axis ratio q, as a vector at
// twice the position angle of its long axis: G1 > 0 stretches along a row of the image (across its
// columns), G2 > 0 along the diagonal of growing row and column. The zero value is round. As a
// shear it makes the ellipse from a circle of the same area: an axis is 1/√q times, the other √q
// times the radius. (The reduced shear of Bernstein & Jarvis 2002, Section 2. The distortion
// (1−q²)/(1+q²) is another measure, about twice as large.)
type Shear struct{ G1, G2 float64 }

// Ellipse returns the shear of an ellipse of axis ratio 0 < q ≤ 1 whose long axis lies at an angle
// in radians from a row of the image, counted from growing columns towards growing rows.
func Ellipse(q, angle float64) Shear {
	g := (1 - q) / (1 + q)
	return Shear{g * math.Cos(2*angle), g * math.Sin(2*angle)}
}

// FromDistortion returns the shear g = e/(1+√(1−|e|²)) for the distortion e, |e| ≤ 1.
func FromDistortion(e1, e2 float64) Shear {
	g := 1 + math.Sqrt(1-e1*e1-e2*e2)
	return Shear{e1 / g, e2 / g}
}

// Norm returns |g|, between 0 and 1.
func (s Shear) Norm() float64 { return math.Hypot(s.G1, s.G2) }

// AxisRatio returns the ratio of the short to the long axis.
func (s Shear) AxisRatio() float64 { return (1 - s.Norm()) / (1 + s.Norm()) }

// Angle returns that of the long axis, in radians within ±π/2, see [Ellipse].
func (s Shear) Angle() float64 { return math.Atan2(s.G2, s.G1) / 2 }

// Validate returns an error if the shear isn't that of an ellipse.
func (s Shear) Validate() error {
	if !(s.Norm() < 1-1e-9) { // an Ellipse of axis ratio 0 may be rounded below 1
		return fmt.Errorf("moments: an ellipticity must be |g| < 1, an axis ratio above 0; got "+
			"(%g, %g)",
			s.G1, s.G2)
	}
	return nil
}

// Radius2 returns r² of the point dx columns and dy rows from the center, in the frame where the
// ellipse is the circle of the same area.
func (s Shear) Radius2(dx, dy float64) float64 {
	g2 := s.G1*s.G1 + s.G2*s.G2
	return ((1+g2)*(dx*dx+dy*dy) - 2*s.G1*(dx*dx-dy*dy) - 4*s.G2*dx*dy) / (1 - g2)
}
