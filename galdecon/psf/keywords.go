package psf

import (
	"fmt"

	"galdecon/galdecon/galaxy/files/fits"
)

// keywords reads the values of keywords that are needed, up to the first that is missing or wrong:
// then err is a [*fits.KeywordError].
type keywords struct {
	hdu *fits.HDU
	err error
}

// refuse notes that a keyword isn't what it must be, unless another was wrong before.
func (r *keywords) refuse(key, want string) {
	if r.err != nil {
		return
	}
	found := ""
	if card, ok := r.hdu.Header.Get(key); ok {
		found = fmt.Sprintf("%#v", card.Value())
	}
	r.err = &fits.KeywordError{HDU: r.hdu.Index, Key: key, Found: found, Want: want}
}

func (r *keywords) number(key, want string, ok func(float64) bool) float64 {
	v, found := r.hdu.Header.Number(key)
	if !found || !ok(v) {
		r.refuse(key, want)
		return 1
	}
	return v
}

func (r *keywords) integer(key, want string, ok func(int) bool) int {
	v, found := r.hdu.Header.Integer(key)
	if !found || int64(int32(v)) != v || !ok(int(v)) {
		r.refuse(key, want)
		return 1
	}
	return int(v)
}

func (r *keywords) text(key, want string, ok func(string) bool) string {
	v, found := r.hdu.Header.Text(key)
	if !found || !ok(v) {
		r.refuse(key, want)
	}
	return v
}
