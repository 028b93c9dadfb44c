package inception

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/floats"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/galaxy"
)

// random1 is the network of the golden features. The tests share it, so that it compiles once.
var random1 = sync.OnceValues(func() (*Network, error) {
	b, err := backend.Default()
	if err != nil {
		return nil, err
	}
	return Random(b, 1)
})

func open(t *testing.T) *Network {
	t.Helper()
	network, err := random1()
	if err != nil {
		t.Fatal(err)
	}
	return network
}

// collect holds all features, which the tests compare one by one.
func collect(features iter.Seq2[[]float64, error]) (all [][]float64, err error) {
	for f, err := range features {
		if err != nil {
			return all, err
		}
		all = append(all, f)
	}
	return all, nil
}

// noise is an image of uniform noise, as golden.py makes it.
func noise(name string, h, w, c int) *galaxy.Images {
	im := galaxy.NewImages(1, h, w, c)
	im.Pixels = uniform(1, name, len(im.Pixels))
	return im
}

// TestFeatures compares with pytorch-fid on the same weights and images, see testdata/golden.py: a
// gray image that is enlarged, and a color one of which one side is enlarged and the other shrinks.
func TestFeatures(t *testing.T) {
	file, err := os.ReadFile("testdata/golden.npy")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, 2*Size)
	if _, err := binary.Decode(file[len(file)-4*len(want):], binary.LittleEndian,
		want); err != nil {
		t.Fatal(err)
	}
	network := open(t)
	if network.Official || !strings.Contains(network.String(),
		"random features, not comparable with the paper") {
		t.Errorf("a random network says that it is %q, official: %v", network, network.Official)
	}
	worst := 0.0
	// testdata/golden.py draws its images from the same names.
	for i, im := range []*galaxy.Images{noise("grey", 32, 32, 1), noise("colour", 48, 340, 3)} {
		got, err := collect(network.Features(t.Context(), im))
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || len(got[0]) != Size {
			t.Fatalf("one image has %d vectors of %d features", len(got), len(got[0]))
		}
		for j, g := range got[0] {
			// The features are of order 1; the floor is for those that the ReLU nearly cuts off.
			w := float64(want[i*Size+j])
			worst = max(worst, math.Abs(g-w)/max(w, 0.01))
		}
	}
	t.Logf("largest relative difference: %.2g", worst)
	if worst > 1e-4 {
		t.Errorf("features differ from pytorch-fid's by %.2g relative, more than 1e-4", worst)
	}
}

// TestBatches checks that the images of a batch, and those that pass after it one by one, come back
// in order.
func TestBatches(t *testing.T) {
	network := open(t)
	images := galaxy.NewImages(batch+2, 9, 7, 3)
	images.Pixels = uniform(1, "batch", len(images.Pixels))
	all, err := collect(network.Features(t.Context(), images))
	if err != nil || len(all) != images.N {
		t.Fatalf("%d features, error %v; want %d", len(all), err, images.N)
	}
	for _, i := range []int{0, batch - 1, batch, batch + 1} {
		one, err := collect(network.Features(t.Context(), images.Select(i)))
		if err != nil {
			t.Fatal(err)
		}
		if !floats.EqualApprox(all[i], one[0], 1e-5) {
			t.Errorf("image %d has other features among others than alone", i)
		}
		if other := all[(i+1)%images.N]; floats.EqualApprox(other, one[0], 1e-2) {
			t.Errorf("image %d and the next have the same features", i)
		}
	}
}

// TestManySizes: images may be of any number of sizes.
func TestManySizes(t *testing.T) {
	network := open(t)
	for n := range 33 {
		if _, err := network.resize.Call1(galaxy.NewImages(1, 1, n+1, 1).Tensor()); err != nil {
			t.Fatalf("the size of %d columns: %v", n+1, err)
		}
	}
}

// TestEndsBetweenBatches checks that features come before all are computed: what ends meanwhile
// ends there.
func TestEndsBetweenBatches(t *testing.T) {
	network := open(t)
	images := galaxy.NewImages(batch+1, 9, 7, 3)
	images.Pixels = uniform(1, "batch", len(images.Pixels))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for f, err := range network.Features(ctx, images) {
		if cancel(); err == nil {
			n++
		} else if f != nil || n != batch || !errors.Is(err, context.Canceled) {
			t.Errorf("after %d images: error %v", n, err)
		}
	}
	if n != batch {
		t.Errorf("%d images have features after an end within the first batch, want that batch "+
			"of %d", n, batch)
	}
	for range network.Features(t.Context(), images) {
		break // must be allowed
	}
}

func TestFeaturesErrors(t *testing.T) {
	network := open(t)
	bad := noise("bad", 8, 8, 3)
	bad.Pixels[5] = float32(math.NaN())
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name, want string
		ctx        context.Context
		images     *galaxy.Images
	}{
		{"no images", "at least 1", t.Context(), galaxy.NewImages(0, 8, 8, 3)},
		{"NaN", "NaN", t.Context(), bad},
		{"two channels", "1 or 3 channels", t.Context(), noise("two", 8, 8, 2)},
		{"canceled", "stopped after 0 of 1", canceled, noise("one", 8, 8, 3)},
	} {
		if all, err := collect(network.Features(c.ctx, c.images)); all != nil || err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// TestResize compares with a bilinear interpolation by hand, which clamps at the edges as torch
// does.
func TestResize(t *testing.T) {
	im := noise("resize", 5, 700, 1)
	got, err := open(t).resize.Call1(im.Tensor())
	if err != nil {
		t.Fatal(err)
	}
	pixels := tensors.MustCopyFlatData[float32](got)
	if len(pixels) != side*side*3 {
		t.Fatalf("resized to %s", got.Shape())
	}
	at := func(i, n int) (low, high int, weight float64) {
		x := max((float64(i)+0.5)*float64(n)/side-0.5, 0)
		low = int(x)
		return low, min(low+1, n-1), x - float64(low)
	}
	for y := range side {
		y0, y1, wy := at(y, im.Height)
		for x := range side {
			x0, x1, wx := at(x, im.Width)
			p := func(y, x int) float64 { return float64(im.Pixels[y*im.Width+x]) }
			want := 2*((1-wy)*((1-wx)*p(y0, x0)+wx*p(y0, x1))+wy*((1-wx)*p(y1, x0)+wx*p(y1, x1))) -
				1
			for c := range 3 {
				if g := float64(pixels[(y*side+x)*3+c]); math.Abs(g-want) > 1e-6 {
					t.Fatalf("row %d, column %d, channel %d: %g, want %g", y, x, c, g, want)
				}
			}
		}
	}
}
