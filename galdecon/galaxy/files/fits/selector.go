package fits

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Selector says which HDU of a file is meant, and which plane of its image.
type Selector struct {
	// Name is the EXTNAME, in any case; if it's empty, Number counts.
	Name string
	// Version is the EXTVER; 0 for the first HDU with the name.
	Version int
	// Number is the index of the HDU, 0 for the primary one.
	Number int
	// Plane has the index of each axis before the last two, the slowest first and counted from 0,
	// as [HDU.Shape] has them; it's empty for all planes.
	Plane []int
}

// String returns the selector as it's written after a file's name, such as "[SCI,2][*,*,3]".
func (s Selector) String() string {
	var b strings.Builder
	switch {
	case s.Name == "":
		fmt.Fprintf(&b, "[%d]", s.Number)
	case s.Version != 0:
		fmt.Fprintf(&b, "[%s,%d]", s.Name, s.Version)
	default:
		fmt.Fprintf(&b, "[%s]", s.Name)
	}
	if len(s.Plane) > 0 {
		b.WriteString("[*,*")
		for i := range s.Plane {
			fmt.Fprintf(&b, ",%d", s.Plane[len(s.Plane)-1-i]+1)
		}
		b.WriteString("]")
	}
	return b.String()
}

// ParseName splits a file's name from the selector that may follow it, as in cfitsio
// (https://heasarc.gsfc.nasa.gov/docs/software/fitsio/c/c_user, chapter 10):
//
//	image.fits[SCI]            the HDU with EXTNAME SCI
//	image.fits[SCI,2]          and with EXTVER 2
//	image.fits[3]              the third HDU after the primary one, which is [0]
//	image.fits[SCI][*,*,5]     the fifth plane of its cube, counted from 1 as FITS does
//
// chosen is false if there is none. A file that exists under the whole name is that, whatever
// brackets are in its name.
func ParseName(name string) (path string, s Selector, chosen bool, err error) {
	if !strings.HasSuffix(name, "]") {
		return name, s, false, nil
	}
	if _, err := os.Lstat(name); err == nil || !errors.Is(err, fs.ErrNotExist) && len(name) < 4096 {
		return name, s, false, nil
	}
	path, inner := cutBrackets(name)
	if plane, ok := parsePlane(inner); ok {
		s.Plane = plane
		if !strings.HasSuffix(path, "]") {
			return "", s, false, fmt.Errorf("%s: name the HDU before the plane, as in %s[SCI][%s]",
				name, path, inner)
		}
		path, inner = cutBrackets(path)
	}
	if path == "" || !s.parse(inner) {
		return "", s, false, fmt.Errorf("%s: [%s] names no HDU; write [NAME], [NAME,VERSION] "+
			"or [NUMBER], and after it [*,*,PLANE] for one of a cube", name, inner)
	}
	return path, s, true, nil
}

// cutBrackets splits the last pair of brackets from a name that ends with one.
func cutBrackets(name string) (before, inner string) {
	open := strings.LastIndexByte(name, '[')
	if open < 0 {
		return "", name
	}
	return name[:open], name[open+1 : len(name)-1]
}

// parse understands what stands between the brackets.
func (s *Selector) parse(inner string) bool {
	inner = strings.TrimSpace(inner)
	if n, err := strconv.Atoi(inner); err == nil {
		s.Number = n
		return n >= 0
	}
	name, version, ok := strings.Cut(inner, ",")
	s.Name = strings.TrimSpace(name)
	if ok {
		n, err := strconv.Atoi(strings.TrimSpace(version))
		if err != nil || n < 1 {
			return false
		}
		s.Version = n
	}
	return s.Name != "" && !strings.ContainsAny(s.Name, "[]")
}

// parsePlane understands "*,*,3".
func parsePlane(inner string) (plane []int, ok bool) {
	parts := strings.Split(strings.ReplaceAll(inner, " ", ""), ",")
	if len(parts) < 3 || parts[0] != "*" || parts[1] != "*" {
		return nil, false
	}
	for i := len(parts) - 1; i >= 2; i-- {
		n, err := strconv.Atoi(parts[i])
		if err != nil || n < 1 {
			return nil, false
		}
		plane = append(plane, n-1)
	}
	return plane, true
}

// Select returns the HDU that a selector names, the first of several. It's a [*SelectError] if
// there is none. What the HDU holds, and whether it has the plane, it doesn't tell.
func (f *File) Select(s Selector) (*HDU, error) {
	for _, h := range f.HDUs {
		if s.Name == "" && h.Index == s.Number ||
			s.Name != "" && strings.EqualFold(h.Name(), s.Name) &&
				(s.Version == 0 || s.Version == h.Version()) {
			return h, nil
		}
	}
	err := &SelectError{Selector: s, Rest: f.Rest}
	for _, h := range f.HDUs {
		err.Have = append(err.Have, h.String())
	}
	return nil, err
}

// PlaneIndex returns the index for [HDU.Plane] of the plane that a selector names.
func (h *HDU) PlaneIndex(s Selector) (int, error) {
	outer := h.Shape[:max(0, len(h.Shape)-2)]
	// Axes of length 1 need not be named.
	plane := s.Plane
	for len(plane) < len(outer) && outer[len(outer)-len(plane)-1] == 1 {
		plane = append([]int{0}, plane...)
	}
	index := 0
	for i, n := range plane {
		if len(plane) != len(outer) || n >= outer[i] || n < 0 {
			break
		}
		index = index*outer[i] + n
		if i == len(plane)-1 {
			return index, nil
		}
	}
	return 0, fmt.Errorf("%s has no plane %s of its own", h, s)
}
