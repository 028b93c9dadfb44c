package posterior

// ChiSquared returns for each candidate the mean over pixels with data of (Π*y − x)², in units of
// the variance of the noise there, that of InvVar. It is about 1 where a candidate explains the
// observation, whether neighbors share the noise or not; where they do it scatters more. It is nil
// if no pixel has data.
func (p Posterior) ChiSquared() []float64 {
	weight := func(k int) float64 { return 1 / (p.Noise * p.Noise) }
	if p.InvVar != nil {
		weight = func(k int) float64 { return p.InvVar[k] }
	}
	all := make([]float64, p.Reblurred.N)
	for i := range all {
		seen := 0
		for k, v := range p.Reblurred.At(i) {
			w := weight(k)
			if !(w > 0) || p.Observation.Bad != nil && p.Observation.Bad[k/p.Observation.Channels] {
				continue
			}
			off := float64(v) - float64(p.Observation.Pixels[k])
			all[i] += w * off * off
			seen++
		}
		if seen == 0 {
			return nil
		}
		all[i] /= float64(seen)
	}
	return all
}
