package galaxy

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// fieldOf is a field of testdata/skies.json: what other estimators make of its sky.
type fieldOf struct {
	Kind              string
	Seed              uint64
	Level, Noise, Sum float64
	Others            map[string]float64
}

const fieldSide = 96

// uniform returns n outputs of SplitMix64 from number first on, above 0 and below 1.
func uniform(seed uint64, first, n int) []float64 {
	out := make([]float64, n)
	for k := range out {
		z := seed + 0x9E3779B97F4A7C15*uint64(first+k+1)
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		out[k] = (float64(z>>11) + 0.5) / (1 << 53)
	}
	return out
}

// image makes the field from its seed, as testdata/skies.py does, and where it has no data.
func (f fieldOf) image() (*Images, []bool) {
	const side, n = fieldSide, fieldSide * fieldSide
	u := uniform(f.Seed, 0, 10)
	galaxies := 8
	if f.Kind == "crowded" {
		galaxies = 80
	}
	mean := make([]float64, n)
	for k := range mean {
		mean[k] = f.Level
	}
	each := func(angle float64, do func(k int, along float64)) {
		for k := range n {
			do(k, (float64(k%side)-47.5)*math.Cos(angle)+(float64(k/side)-47.5)*math.Sin(angle))
		}
	}
	if f.Kind == "sloping" {
		each(2*math.Pi*u[2], func(k int, along float64) {
			mean[k] += f.Noise * (1 + 5*u[3]) * along / side
		})
	}
	g := uniform(f.Seed, 10, 10*galaxies)
	for ; len(g) > 0; g = g[10:] {
		peak := min(0.5*f.Noise/g[2], 100*f.Noise)
		scale, q, turn := 1+2*g[3], 0.4+0.6*g[4], math.Pi*g[5]
		for k := range mean {
			dx, dy := float64(k%side)-side*g[0], float64(k/side)-side*g[1]
			along := dx*math.Cos(turn) + dy*math.Sin(turn)
			across := (dy*math.Cos(turn) - dx*math.Sin(turn)) / q
			mean[k] += peak * math.Exp(-math.Sqrt(along*along+across*across+1)/scale)
		}
	}
	a, b := uniform(f.Seed, 2000, n), uniform(f.Seed, 2000+n, n)
	im, bad := NewImages(1, side, side, 1), make([]bool, n)
	for k, m := range mean {
		if f.Kind != "counts" {
			normal := math.Sqrt(-2*math.Log(a[k])) * math.Cos(2*math.Pi*b[k])
			im.Pixels[k] = float32(m + f.Noise*normal)
			continue
		}
		term := math.Exp(-m)
		for total, c := term, 0.0; a[k] > total && c < 999; total += term {
			c++
			term *= m / c
			im.Pixels[k] = float32(c)
		}
	}
	if f.Kind == "masked" {
		away := make([]float64, n)
		each(2*math.Pi*u[4], func(k int, along float64) { away[k] = along })
		sorted := append([]float64(nil), away...)
		median(sorted) // sorts
		cut := sorted[int((0.3+0.4*u[5])*n)]
		for k, v := range away {
			if bad[k] = v < cut; bad[k] {
				im.Pixels[k] = 0
				if f.Seed%2 == 1 {
					im.Pixels[k] = float32(math.NaN())
				}
			}
		}
	}
	return im, bad
}

// Of fields with known sky ours is nearer to it, in the mean of each kind, than other estimators.
func TestSkyOfFields(t *testing.T) {
	data, err := os.ReadFile("testdata/skies.json")
	if err != nil {
		t.Fatal(err)
	}
	var fields []fieldOf
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	errors := map[string]map[string][]float64{} // by kind and estimator, in units of the noise
	sizes := map[string][]float64{}             // in units of the stated error
	noises := map[string][]float64{}
	for _, f := range fields {
		im, bad := f.image()
		sum := 0.0
		for _, v := range im.Pixels {
			if v == v {
				sum += float64(v)
			}
		}
		if math.Abs(sum-f.Sum) > 1e-5*math.Abs(f.Sum)+1e-3*f.Noise {
			t.Fatalf("field %d has a sum of %.9g, in Python %.9g", f.Seed, sum, f.Sum)
		}
		skies, err := im.Sky()
		if err != nil {
			t.Fatal(err)
		}
		if errors[f.Kind] == nil {
			errors[f.Kind] = map[string][]float64{}
		}
		of := errors[f.Kind]
		of["ours"] = append(of["ours"], (skies[0].Level-f.Level)/f.Noise)
		for name, level := range f.Others {
			of[name] = append(of[name], (level-f.Level)/f.Noise)
		}
		sizes[f.Kind] = append(sizes[f.Kind], (skies[0].Level-f.Level)/skies[0].StdErr)
		noises[f.Kind] = append(noises[f.Kind], skies[0].Noise/f.Noise-1)
		levels, err := im.NoiseLevels()
		if err != nil {
			t.Fatal(err)
		}
		noises[f.Kind+" (NoiseLevels)"] = append(noises[f.Kind+" (NoiseLevels)"],
			levels[0]/f.Noise-1)
		marks, err := im.MarkNoData()
		if err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for k, b := range bad {
			if b != (im.Bad != nil && im.Bad[k]) {
				wrong++
			}
		}
		if wrong > 0 {
			t.Errorf("%s field %d: %s, %d of them wrongly", f.Kind, f.Seed, marks[0], wrong)
		}
	}
	for kind, of := range errors {
		ours, rms := meanAndRMS(of["ours"])
		_, sigmas := meanAndRMS(sizes[kind])
		t.Logf("%-8s %+.3f, rms %.3f, %.2f stated errors", kind, ours, rms, sigmas)
		for name, values := range of {
			if mean, _ := meanAndRMS(values); math.Abs(ours) > math.Abs(mean) {
				t.Errorf("%s: a mean error of %.3f, but %s has %.3f", kind, ours, name, mean)
			}
		}
		if sigmas > 1.6 || sigmas < 0.4 {
			t.Errorf("%s: errors are %.2f times the stated ones", kind, sigmas)
		}
	}
	for kind, of := range noises {
		mean, rms := meanAndRMS(of)
		t.Logf("noise of %s %+.3f, rms %.3f", kind, mean, rms)
	}
}

func meanAndRMS(values []float64) (mean, rms float64) {
	for _, v := range values {
		mean += v / float64(len(values))
		rms += v * v / float64(len(values))
	}
	return mean, math.Sqrt(rms)
}
