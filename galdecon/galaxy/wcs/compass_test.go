package wcs_test

import (
	"math"
	"testing"

	"galdecon/galdecon/galaxy/wcs"
)

// Steps along the compass lead to the north and to the east, a tangent plane is that of the
// neighborhood, and a window's pixels are where they were.
func TestAroundAPixel(t *testing.T) {
	for _, s := range skies(t) {
		w, err := wcs.Parse(header(t, s.Cards))
		if err != nil {
			t.Fatal(err)
		}
		x, y := s.Points[0][0], s.Points[0][1]
		lon, lat := w.Sky(x, y)
		scale := w.PixelScale(x, y) / 3600
		north, east := w.Compass(x, y)
		to := func(d [2]float64) (dlon, dlat float64) {
			lon1, lat1 := w.Sky(x+d[0]/4, y+d[1]/4)
			return math.Remainder(lon1-lon, 360) * math.Cos(lat*math.Pi/180), lat1 - lat
		}
		if math.Abs(lat) < 89.9 { // at a pole each direction is another a pixel away
			if dlon, dlat := to(north); !(dlat > 0) || math.Abs(dlon) > 0.01*dlat {
				t.Errorf("%s: a step to the north leads by (%g, %g)", s.Name, dlon, dlat)
			}
			if dlon, dlat := to(east); !(dlon > 0) || math.Abs(dlat) > 0.01*dlon {
				t.Errorf("%s: a step to the east leads by (%g, %g)", s.Name, dlon, dlat)
			}
		}
		// Four pixels away, distortions of the second order are still small.
		p := w.Tangent(x, y)
		if p.Longitude != lon || p.Latitude != lat {
			t.Errorf("%s: the plane touches at (%g, %g), the pixel is at (%g, %g)", s.Name,
				p.Longitude, p.Latitude, lon, lat)
		}
		det := p.Matrix[0][0]*p.Matrix[1][1] - p.Matrix[0][1]*p.Matrix[1][0]
		if math.Abs(math.Sqrt(math.Abs(det))/scale-1) > 1e-9 {
			t.Errorf("%s: the scale is %g, the plane's %g", s.Name, scale, math.Sqrt(math.Abs(det)))
		}
		lon2, lat2 := w.Sky(x+3, y-2)
		xi := (p.Matrix[0][0]*3 - p.Matrix[0][1]*2) * math.Pi / 180
		eta := (p.Matrix[1][0]*3 - p.Matrix[1][1]*2) * math.Pi / 180
		sin, cos := math.Sincos(lat * math.Pi / 180)
		dec := math.Atan2(sin+eta*cos, math.Hypot(xi, cos-eta*sin)) * 180 / math.Pi
		ra := lon + math.Atan2(xi, cos-eta*sin)*180/math.Pi
		off := math.Hypot(math.Remainder(ra-lon2, 360)*math.Cos(lat2*math.Pi/180), dec-lat2) / scale
		if !(off < 0.01) {
			t.Errorf("%s: on the plane a pixel is off by %g pixels", s.Name, off)
		}
		lon3, lat3 := w.Window(20, -7).Sky(x-20, y+7)
		if math.Abs(math.Remainder(lon3-lon, 360)) > 1e-9 || math.Abs(lat3-lat) > 1e-9 {
			t.Errorf("%s: in a window the pixel is at (%g, %g), not at (%g, %g)", s.Name, lon3, lat3,
				lon, lat)
		}
	}
}
