package recalibration

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"galdecon/galdecon/score"
	"galdecon/galdecon/table"
)

// Recalibration moves candidates so that their quantiles hold the truth as often as they say. It
// is stored as JSON beside the model that it is of. A nil one changes nothing.
type Recalibration struct {
	// Model is the SHA-256 of the model, hexadecimal: candidates of others are off otherwise.
	Model string `json:"model"`
	// Galaxies is how many it was learned of, with Candidates of each, drawn from Seed.
	Galaxies   int   `json:"galaxies"`
	Candidates int   `json:"candidates"`
	Seed       int64 `json:"seed"`
	// Spread is where the strata lie: the standard deviation of the logarithm of the flux, the
	// median of each stratum, in rising order.
	Spread []float64 `json:"spread"`
	// Quantities are what is measured: see [Names].
	Quantities []Quantity `json:"quantities"`
}

// Quantity is how candidates are moved in one quantity.
type Quantity struct {
	Name string `json:"name"`
	// Score is the continuous ranked probability score of galaxies that weren't learned of, in
	// units of the spread, over that of the candidates as they are; Width is that of intervals of
	// 68 %, likewise: what it costs in sharpness.
	Score float64 `json:"score"`
	Width float64 `json:"width"`
	// Draws are the quantiles of candidates among the others, and Truths [strata] those of truths
	// among many candidates, to which they are moved. Both are empty where the quantity is left as
	// it is.
	Draws  []float64   `json:"draws,omitempty"`
	Truths [][]float64 `json:"truths,omitempty"`
}

// part is a quantity of the photometry: the values that it has, on the scale on which they are
// compared, and back.
type part struct {
	name   string
	values []func(p *score.Photometry) *float64
	log    bool // positive, and compared by logarithms; others have no preferred direction
}

var parts = []part{
	{"flux", []func(p *score.Photometry) *float64{
		func(p *score.Photometry) *float64 { return &p.Aperture }}, true},
	{"half-light radius", []func(p *score.Photometry) *float64{
		func(p *score.Photometry) *float64 { return &p.HalfLight }}, true},
	{"ellipticity", []func(p *score.Photometry) *float64{
		func(p *score.Photometry) *float64 { return &p.G1 },
		func(p *score.Photometry) *float64 { return &p.G2 }}, false},
	{"position", []func(p *score.Photometry) *float64{
		func(p *score.Photometry) *float64 { return &p.X },
		func(p *score.Photometry) *float64 { return &p.Y }}, false},
}

// Names returns the names of the quantities: flux within the aperture, half-light radius,
// ellipticity (both components) and position (column and row).
func Names() []string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// get returns a value of each candidate on the scale on which it is compared.
func (p part) get(of func(p *score.Photometry) *float64, all []score.Photometry) []float64 {
	values := make([]float64, len(all))
	for i := range all {
		values[i] = *of(&all[i])
		if p.log {
			values[i] = math.Log(values[i])
		}
	}
	return values
}

// Apply returns what is measured of the candidates of one galaxy, moved. The flux of the whole
// stamp stays. Candidates that all have the same value of a quantity, or of the flux, tell no
// spread, and stay; so does a single one.
func (r *Recalibration) Apply(candidates []score.Photometry) []score.Photometry {
	moved := slices.Clone(candidates)
	if r == nil || len(candidates) < 2 {
		return moved
	}
	at, ok := spreadOf(candidates)
	if !ok {
		return moved
	}
	for i, q := range r.Quantities {
		if len(q.Draws) == 0 {
			continue
		}
		truths := q.at(r.Spread, at)
		p := parts[i]
		for _, of := range p.values {
			for k, v := range move(p.get(of, candidates), q.Draws, truths) {
				if p.log {
					v = math.Exp(v)
				}
				*of(&moved[k]) = v
			}
		}
	}
	return moved
}

// spreadOf returns the standard deviation of the logarithm of the flux; false if there is none.
func spreadOf(candidates []score.Photometry) (spread float64, ok bool) {
	spread = stat.StdDev(parts[0].get(parts[0].values[0], candidates), nil)
	return spread, spread > 0 && !math.IsInf(spread, 1)
}

// at returns the truths' quantiles of a galaxy whose flux has some spread: linear in its logarithm
// between the strata, and beyond them those of the last.
func (q Quantity) at(strata []float64, spread float64) []float64 {
	k, exact := slices.BinarySearch(strata, spread)
	switch {
	case k == 0 || exact:
		return q.Truths[k]
	case k == len(strata):
		return q.Truths[k-1]
	}
	share := math.Log(spread/strata[k-1]) / math.Log(strata[k]/strata[k-1])
	between := make([]float64, len(q.Draws))
	for i := range between {
		between[i] = (1-share)*q.Truths[k-1][i] + share*q.Truths[k][i]
	}
	return between
}

// move returns values of candidates, moved from quantiles to others.
func move(values, from, to []float64) []float64 {
	mean, deviation := stat.MeanStdDev(values, nil)
	moved := slices.Clone(values)
	if !(deviation > 0) {
		return moved
	}
	unit := deviation * math.Sqrt(1+1/float64(len(values)))
	to = limited(from, to, len(values))
	for i, v := range values {
		moved[i] = mean + unit*bend((v-mean)/unit, from, to)
	}
	return moved
}

// unlimited returns the truths' quantiles among many candidates, for those that are seen among n.
// The mean of n is off by 1/√n of their spread, which is part of how far the truth is from it, and
// doesn't grow where the truth is farther: seen at ρ times the distance of candidates, it is among
// many at √(ρ²·(1+1/n) − 1/n) times.
func unlimited(draws, seen []float64, n int) []float64 {
	few := 1 / float64(n)
	return rescale(draws, seen, func(ratio float64) float64 {
		return math.Sqrt(max(ratio*ratio*(1+few)-few, 0))
	})
}

// limited undoes unlimited.
func limited(draws, truths []float64, n int) []float64 {
	few := 1 / float64(n)
	return rescale(draws, truths, func(ratio float64) float64 {
		return math.Sqrt((ratio*ratio + few) / (1 + few))
	})
}

// rescale returns quantiles whose distance from the median, in units of that of the candidates'
// quantiles, is another, and which still rise.
func rescale(draws, truths []float64, by func(ratio float64) float64) []float64 {
	middle := len(draws) / 2
	out := slices.Clone(truths)
	for i := range out {
		if i != middle {
			far := draws[i] - draws[middle]
			out[i] = truths[middle] + far*by((truths[i]-truths[middle])/far)
		}
	}
	for i := middle + 1; i < len(out); i++ {
		out[i] = max(out[i], out[i-1])
	}
	for i := middle - 1; i >= 0; i-- {
		out[i] = min(out[i], out[i+1])
	}
	return out
}

// bend maps from onto to, linearly between them and on with the outermost slopes.
func bend(z float64, from, to []float64) float64 {
	k, _ := slices.BinarySearch(from, z)
	k = min(max(k, 1), len(from)-1)
	slope := (to[k] - to[k-1]) / (from[k] - from[k-1])
	return to[k] + slope*(z-from[k])
}

// Validate returns an error if candidates can't be moved by it.
func (r *Recalibration) Validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("recalibration: %s; learn it again", fmt.Sprintf(format, args...))
	}
	rising := func(values []float64, strictly bool) bool {
		for i, v := range values {
			if math.IsNaN(v) || math.IsInf(v, 0) || i > 0 && (v < values[i-1] ||
				strictly && v == values[i-1]) {
				return false
			}
		}
		return true
	}
	if len(r.Spread) == 0 || !rising(r.Spread, true) || r.Spread[0] <= 0 {
		return fail("the spreads of its strata, %v, aren't positive and rising", r.Spread)
	}
	if len(r.Quantities) != len(parts) {
		return fail("it has %d quantities, not %d", len(r.Quantities), len(parts))
	}
	for i, q := range r.Quantities {
		if q.Name != parts[i].name {
			return fail("quantity %d is %q, not %q", i, q.Name, parts[i].name)
		}
		if len(q.Draws) == 0 && len(q.Truths) == 0 {
			continue
		}
		if len(q.Draws) < 3 || !rising(q.Draws, true) || len(q.Truths) != len(r.Spread) {
			return fail("%s has no map from rising quantiles for each of %d strata", q.Name,
				len(r.Spread))
		}
		for _, truths := range q.Truths {
			if len(truths) != len(q.Draws) || !rising(truths, false) {
				return fail("%s is moved to quantiles that don't rise, %v", q.Name, truths)
			}
		}
	}
	return nil
}

// Decode reads what [Recalibration.Encode] wrote.
func Decode(text []byte) (*Recalibration, error) {
	var r Recalibration
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("recalibration: it can't be read; learn it again: %w", err)
	}
	return &r, r.Validate()
}

// Encode returns it as JSON.
func (r *Recalibration) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// String returns what was learned as text, at most 100 columns wide.
func (r *Recalibration) String() string { return table.String(r.Tables()...) }

// Tables returns what was learned as a table, a row for each quantity.
func (r *Recalibration) Tables() []table.Table {
	t := table.Table{
		Title: "Recalibration",
		Columns: []table.Column{{Name: "quantity"}, {Name: "is"},
			{Name: "score", Format: table.Decimals(3)},
			{Name: "width", Format: table.Decimals(2)}},
		Notes: []string{fmt.Sprintf("Learned of %d simulated galaxies with %d candidates, seed "+
			"%d. Score: continuous ranked probability score over that of the candidates as they "+
			"are, by cross-validation; below 1 it improves, otherwise the quantity is left as it "+
			"is. Width: of 68 %% intervals, likewise.", r.Galaxies, r.Candidates, r.Seed)},
	}
	for _, q := range r.Quantities {
		is := "recalibrated"
		if len(q.Draws) == 0 {
			is = "left as it is"
		}
		t.Add(table.Text(q.Name), table.Text(is), table.Number(q.Score), table.Number(q.Width))
	}
	return []table.Table{t}
}
