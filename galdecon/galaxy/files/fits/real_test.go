package fits

import (
	"encoding/json"
	"math"
	"os/exec"
	"path/filepath"
	"testing"
)

// sums prints of each HDU of files the number of pixels, their sum and that of their absolute
// values, each weighted by its place, and how many aren't finite.
const sums = `
import json, sys, warnings
import numpy as np
from astropy.io import fits
warnings.simplefilter("ignore")
out = []
for name in sys.argv[1:]:
    out.append([])
    for h in fits.open(name):
        d = np.zeros(0) if h.data is None or not h.is_image else np.asarray(h.data, "f8").ravel()
        ok = np.isfinite(d)
        w = np.where(ok, d, 0) * (1 + np.arange(d.size) % 1009)
        out[-1].append([d.size, float(w.sum()), float(np.abs(w).sum()), int((~ok).sum())])
json.dump(out, sys.stdout)
`

func TestRealFiles(t *testing.T) {
	names, _ := filepath.Glob("../../../../../shared/data/real/*.fits")
	if len(names) == 0 {
		t.Skip("shared/data/real isn't beside the repository")
	}
	program := python(t)
	out, err := exec.Command(program, append([]string{"-c", sums}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][][4]float64
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		want := all[i]
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if len(f.HDUs) != len(want) || f.Rest != nil {
			t.Fatalf("%s: %d HDUs, want %d: %v", name, len(f.HDUs), len(want), f.Rest)
		}
		for i, h := range f.HDUs {
			if want[i][0] == 0 {
				continue
			}
			pixels, err := h.Pixels()
			if err != nil {
				t.Fatal(err)
			}
			sum, bad := 0.0, 0
			for k, v := range pixels {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					bad++
				} else {
					sum += v * float64(1+k%1009)
				}
			}
			if len(pixels) != int(want[i][0]) || bad != int(want[i][3]) ||
				math.Abs(sum-want[i][1]) > 1e-9*want[i][2] {
				t.Errorf("%s[%d]: %d pixels, sum %v, %d bad, want %v", name, i, len(pixels), sum,
					bad, want[i])
			}
		}
	}
}
