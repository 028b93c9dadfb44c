package ddpm_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"galdecon/galdecon/ddpm"
	"galdecon/galdecon/unet"
)

func schedules(t *testing.T, T int) map[string]ddpm.Schedule {
	t.Helper()
	all := map[string]ddpm.Schedule{}
	for name, make := range map[string]func(int) (ddpm.Schedule, error){"linear": ddpm.Linear,
		"cosine": ddpm.Cosine} {
		s, err := make(T)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	return all
}

func beta(s ddpm.Schedule, t int) float64 { return 1 - s.AlphaBar[t]/s.AlphaBar[t-1] }

// ᾱ falls from 1 to nearly 0, for few and many noise levels.
func TestSchedulesFallToNoise(t *testing.T) {
	for _, T := range []int{2, 3, 10, 50, 200, 950, 1000, 4000} {
		for name, s := range schedules(t, T) {
			if s.T() != T || s.AlphaBar[0] != 1 {
				t.Errorf("%s, T = %d: T() is %d, ᾱ_0 is %g", name, T, s.T(), s.AlphaBar[0])
			}
			for i := 1; i <= T; i++ {
				if b := beta(s, i); !(b > 0 && b < 0.9991) {
					t.Errorf("%s, T = %d: β_%d is %g", name, T, i, b)
				}
			}
			if last := s.AlphaBar[T]; !(last > 0 && last < 1e-3) {
				t.Errorf("%s, T = %d: ᾱ_T is %g, want nearly 0", name, T, last)
			}
		}
	}
}

// The paper's numbers: β from 1e-4 to 0.02 in equal steps.
func TestLinear(t *testing.T) {
	s := schedules(t, 1000)["linear"]
	product := 1.0
	for i := 1; i <= 1000; i++ {
		want := 1e-4 + (0.02-1e-4)*float64(i-1)/999
		if got := beta(s, i); math.Abs(got-want) > 1e-12 {
			t.Fatalf("β_%d is %g, want %g", i, got, want)
		}
		product *= 1 - want
	}
	if got := s.AlphaBar[1000]; math.Abs(got/product-1) > 1e-12 || math.Abs(got-4.036e-5) > 1e-8 {
		t.Errorf("ᾱ_T is %g, want %g", got, product)
	}
	// At another T, ᾱ is the same function of t/T, up to its discretization.
	other := schedules(t, 500)["linear"]
	for _, i := range []int{50, 250, 400} {
		if a, b := other.LogSNR(i), s.LogSNR(2*i); math.Abs(a-b) > 0.03 {
			t.Errorf("log-SNR at t/T = %g is %g for T = 500, %g for T = 1000", float64(i)/500, a, b)
		}
	}
}

// Nichol and Dhariwal (2021), Eq. 17: ᾱ_t = f(t)/f(0), f(t) = cos²((t/T + s)/(1 + s)·π/2), s =
// 0.008, with β at most 0.999.
func TestCosine(t *testing.T) {
	for _, T := range []int{100, 950, 4000} {
		s := schedules(t, T)["cosine"]
		f := func(t int) float64 {
			return math.Pow(math.Cos((float64(t)/float64(T)+0.008)/1.008*math.Pi/2), 2)
		}
		for i := 1; i < T; i++ {
			if want := f(i) / f(0); math.Abs(s.AlphaBar[i]-want) > 1e-12 {
				t.Fatalf("T = %d: ᾱ_%d is %g, want %g", T, i, s.AlphaBar[i], want)
			}
		}
		if got := beta(s, T); math.Abs(got-0.999) > 1e-9 {
			t.Errorf("T = %d: the last β is %g, want 0.999", T, got)
		}
	}
}

func TestLogSNR(t *testing.T) {
	s := ddpm.Schedule{AlphaBar: []float64{1, 0.8, 0.5, 0.1}}
	for i, want := range []float64{math.Inf(1), math.Log(2), 0, -math.Log(3)} {
		if got := s.LogSNR(i); got != want && !(math.Abs(got-want) < 1e-12) {
			t.Errorf("λ_%d is %g, want %g", i, got, want)
		}
	}
}

// A sampler's times begin at T, end at 0, and fall; they are close to even in log-SNR where there
// are many to choose from.
func TestTimes(t *testing.T) {
	for _, T := range []int{2, 10, 950} {
		for name, s := range schedules(t, T) {
			for n := 1; n <= T; n = max(n+1, n*3/2) {
				times, err := s.Times(n)
				if err != nil {
					t.Fatal(err)
				}
				if len(times) != n+1 || times[0] != T || times[n] != 0 {
					t.Fatalf("%s, T = %d: the times of %d steps are %v", name, T, n, times)
				}
				for i := 1; i <= n; i++ {
					if times[i] >= times[i-1] {
						t.Fatalf("%s, T = %d: the times of %d steps don't fall: %v", name, T, n,
							times)
					}
				}
				if n > 1 && times[n-1] != 1 {
					t.Errorf("%s, T = %d: the last step of %d is from %d, want 1", name, T, n,
						times[n-1])
				}
			}
			all, err := s.Times(T)
			if err != nil {
				t.Fatal(err)
			}
			for i, time := range all {
				if time != T-i {
					t.Fatalf("%s: all %d steps are %v", name, T, all)
				}
			}
			for _, n := range []int{-1, 0, T + 1} {
				if _, err := s.Times(n); err == nil || !strings.HasPrefix(err.Error(), "ddpm: ") {
					t.Errorf("%s: %d of %d steps: error %v", name, n, T, err)
				}
			}
		}
	}
	s := schedules(t, 950)["linear"]
	times, err := s.Times(10)
	if err != nil {
		t.Fatal(err)
	}
	step := (s.LogSNR(1) - s.LogSNR(950)) / 9
	for i := range 9 {
		// Near the end whole times are coarse: from 2 to 1 log-SNR jumps by 0.4.
		if got := s.LogSNR(times[i+1]) - s.LogSNR(times[i]); math.Abs(got-step) > 0.45 {
			t.Errorf("step %d is %g in log-SNR, want %g: %v", i, got, step, times)
		}
	}
}

func TestConfigsThatCannotBe(t *testing.T) {
	good := ddpm.Config{T: 10, Prediction: ddpm.Epsilon, Mean: 0.1, Std: 0.2,
		Network: unet.Config{Features: []int{4}, Blocks: 1, Embedding: 4}}
	if err := good.Validate(8); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*ddpm.Config)
		want   string
	}{
		"one noise level":    {func(c *ddpm.Config) { c.T = 1 }, "T ≥ 2"},
		"one cosine level":   {func(c *ddpm.Config) { c.T, c.Cosine = 1, true }, "T ≥ 2"},
		"no spread":          {func(c *ddpm.Config) { c.Std = 0 }, "positive"},
		"NaN spread":         {func(c *ddpm.Config) { c.Std = math.NaN() }, "finite"},
		"infinite spread":    {func(c *ddpm.Config) { c.Std = math.Inf(1) }, "finite"},
		"NaN mean":           {func(c *ddpm.Config) { c.Mean = math.NaN() }, "finite"},
		"no prediction":      {func(c *ddpm.Config) { c.Prediction = "noise" }, `not "noise"`},
		"always without PSF": {func(c *ddpm.Config) { c.Dropout = 1 }, "probability"},
		"paper's network": {func(c *ddpm.Config) {
			c.Paper = &unet.Paper{Channels: 1,
				Features: 7, PSFSize: 3}
		}, "multiple of 8"},
		"impossible network": {func(c *ddpm.Config) { c.Network.Blocks = 0 }, "one block"},
		"network of other size": {func(c *ddpm.Config) { c.Network.Features = []int{1, 2, 3, 4} },
			"got 8"},
	} {
		c := good
		test.change(&c)
		if err := c.Validate(8); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, test.want)
		}
	}
	schedule := schedules(t, 10)["linear"]
	for _, s := range []ddpm.Sampler{{Steps: 0}, {Steps: 11}, {Steps: 5, Eta: -0.1},
		{Steps: 5, Eta: 1.1}, {Steps: 5, Eta: math.NaN()},
		{Steps: 5, LargeVariance: true}, {Steps: 5, Eta: 1, SecondOrder: true, LargeVariance: true},
		{Steps: 5, Guidance: -1}, {Steps: 5, Guidance: math.Inf(1)}} {
		if err := s.Validate(schedule); err == nil || !strings.HasPrefix(err.Error(), "ddpm: ") {
			t.Errorf("%+v: error %v", s, err)
		}
	}
	if !slices.Equal(good.Network.Features, []int{4}) {
		t.Error("Validate changed the configuration")
	}
}

// Each time is the highest whole one that isn't noisier than its evenly spaced log-SNR.
func TestTimesByLogSNR(t *testing.T) {
	for name, s := range schedules(t, 950) {
		times := s.ByLogSNR()
		if len(times) != s.T() || int(times[0]) != s.T() || times[len(times)-1] != 1 {
			t.Fatalf("%s: %d times from %d to %d", name, len(times), times[0], times[len(times)-1])
		}
		first, last := s.LogSNR(s.T()), s.LogSNR(1)
		for i, at := range times {
			want := first + (last-first)*float64(i)/float64(len(times)-1)
			if got := s.LogSNR(int(at)); got < want-1e-6 {
				t.Errorf("%s: time %d of log-SNR %.3f stands for %.3f", name, at, got, want)
			} else if int(at) < s.T() && s.LogSNR(int(at)+1) >= want {
				t.Errorf("%s: time %d isn't the highest for a log-SNR of %.3f", name, at, want)
			}
		}
	}
}
