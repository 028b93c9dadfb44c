package fits

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	// Distortions of Paper IV, as astropy reads them and Hubble's pipeline writes them.
	lookup = regexp.MustCompile(`^(?:C[PQ]DIS[1-9]|C[PQ]ERR[1-9]|DVERR[1-9]?|D[PQ][1-9])[A-Z]?$|` +
		`^D[PQ][1-9][A-Z]?\.|^D2IM(?:DIS|ERR)?[12](?:$|\.)|^D2IMEXT$|^AXISCORR$`)
	lookupError = regexp.MustCompile(`^(?:C[PQ]ERR|D2IMERR)[1-9][A-Z]?$`)
	tabular     = regexp.MustCompile(`^CTYPE([1-9])([A-Z]?)$`)
)

// DropLookups removes what refers to tables in other HDUs, without which world coordinates can't be
// computed: distortions, CPDIS, CQDIS, D2IM and what belongs to them, and axes of the type -TAB. It
// returns a sentence for each of both that was there.
func (h *Header) DropLookups() (notes []string) {
	var keys []string
	most, of := 0.0, ""
	for c := range h.Cards() {
		key := c.Key()
		if !lookup.MatchString(key) {
			continue
		}
		key, _, _ = strings.Cut(key, ".")
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		if v, ok := asFloat(c.Value()); ok && lookupError.MatchString(key) && v > most {
			most, of = v, key
		}
	}
	if len(keys) > 0 {
		h.DeleteFunc(func(c Card) bool { return lookup.MatchString(c.Key()) })
		off := ""
		if most > 0 {
			off = fmt.Sprintf(": world coordinates are off by up to %.3g pixels (%s)", most, of)
		}
		notes = append(notes, fmt.Sprintf("distortions that other parts of the file hold can't go "+
			"along and are left out of the header (%s)%s", strings.Join(keys, ", "), off))
	}
	if axes := h.dropTabular(); len(axes) > 0 {
		notes = append(notes, fmt.Sprintf("coordinates that a table of the file holds can't go "+
			"along and are left out of the header (%s)", strings.Join(axes, ", ")))
	}
	return notes
}

// dropTabular removes the types of axes whose coordinates are in a table (Greisen et al. 2006, A&A
// 446, 747), and returns their cards' keywords.
func (h *Header) dropTabular() (axes []string) {
	if h == nil {
		return nil
	}
	var parameters []*regexp.Regexp
	for _, c := range h.cards {
		name, _ := c.Value().(string)
		if m := tabular.FindStringSubmatch(c.Key()); m != nil && strings.HasSuffix(name, "-TAB") {
			axes = append(axes, c.Key())
			parameters = append(parameters,
				regexp.MustCompile("^P[SV]"+m[1]+"_[0-9]+"+m[2]+"$"))
		}
	}
	if len(axes) > 0 {
		h.DeleteFunc(func(c Card) bool {
			key := c.Key()
			return slices.Contains(axes, key) ||
				slices.ContainsFunc(parameters,
					func(p *regexp.Regexp) bool { return p.MatchString(key) })
		})
	}
	return axes
}
