package scorecard

import "fmt"

const formatName = "galdecon scores 2"

// header is the first line of the file: what all results in it have in common.
type header struct {
	Format     string  `json:"format"`
	Galaxies   string  `json:"galaxies_sha256"`
	Prior      string  `json:"prior_sha256"`
	PSFSize    int     `json:"psf_size"`
	Candidates int     `json:"candidates"`
	Epsilon    float64 `json:"epsilon"`
	Features   string  `json:"features"`
	Seed       int64   `json:"seed"`
}

// differs says what two headers differ in.
func (h header) differs(want header) string {
	switch {
	case h.Format != want.Format:
		return fmt.Sprintf("of the format %q instead of %q", h.Format, want.Format)
	case h.Galaxies != want.Galaxies:
		return "of other galaxies"
	case h.Prior != want.Prior:
		return "with other galaxies for the prior"
	case h.PSFSize != want.PSFSize:
		return fmt.Sprintf("with PSFs of %d instead of %d pixels", h.PSFSize, want.PSFSize)
	case h.Candidates != want.Candidates:
		return fmt.Sprintf("of %d instead of %d candidates", h.Candidates, want.Candidates)
	case h.Epsilon != want.Epsilon:
		return fmt.Sprintf("with ε = %g instead of %g", h.Epsilon, want.Epsilon)
	case h.Features != want.Features:
		return fmt.Sprintf("with the features %q instead of %q", h.Features, want.Features)
	case h.Seed != want.Seed:
		return fmt.Sprintf("with the seed %d instead of %d", h.Seed, want.Seed)
	}
	return ""
}

// store keeps the results of a comparison.
type store struct {
	*lines
	results map[key]*Result
}

type key struct {
	method  string
	setting Setting
	galaxy  int
}

// open opens the store in a folder, which it makes. What is there must have the same header, and
// come from these methods as far as they have the same names.
func open(dir string, want header, methods []Method) (*store, error) {
	identities := map[string]string{}
	for _, m := range methods {
		identities[m.Name] = m.Identity
	}
	s := &store{results: map[key]*Result{}}
	var err error
	s.lines, err = openLines(dir, want, header.differs, func(r *Result, path string) error {
		if identity, ok := identities[r.Method]; ok && identity != r.Identity {
			return fmt.Errorf("scorecard: %s holds results of another %s (%s there, %s "+
				"here); give it another name or choose another folder",
				path, r.Method, r.Identity, identity)
		}
		s.results[key{r.Method, r.Setting, r.Galaxy}] = r
		return nil
	})
	return s, err
}

// get returns the result of a method on a galaxy, nil if there is none yet.
func (s *store) get(method string, setting Setting, galaxy int) *Result {
	return s.results[key{method, setting, galaxy}]
}

// add stores results, all of them or, where the program ends meanwhile, some.
func (s *store) add(results []Result) error {
	lines := make([]any, len(results))
	for i := range results {
		lines[i] = results[i]
	}
	if err := s.write(lines...); err != nil {
		return err
	}
	for i, r := range results {
		s.results[key{r.Method, r.Setting, r.Galaxy}] = &results[i]
	}
	return nil
}
