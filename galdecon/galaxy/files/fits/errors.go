package fits

import (
	"fmt"
	"strings"
)

// KeywordError says that a keyword that is needed to find or decode the data is missing or has a
// value that can't be used.
type KeywordError struct {
	HDU   int    // index of the HDU, 0 for the primary one
	Key   string // such as "NAXIS1"
	Found string // the value as it stands in the file; empty if there is none
	Want  string // what the value must be
}

func (e *KeywordError) Error() string {
	found := "is missing"
	if e.Found != "" {
		found = "is " + e.Found
	}
	return fmt.Sprintf("HDU %d: %s %s; it must be %s; write the file again, or mend the header",
		e.HDU, e.Key, found, e.Want)
}

// TruncatedError says that a file ends before its data do.
type TruncatedError struct {
	HDU                int
	Announced, Present int64 // bytes of data that the header announces, and that are there
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("HDU %d: the file is truncated: the header announces %d bytes of data, "+
		"%d are there; fetch the file again", e.HDU, e.Announced, e.Present)
}

// FormatError says that a file isn't FITS, or that what is in it is none of the forms that the
// package reads.
type FormatError struct {
	HDU     int
	Problem string
	Hint    string // what to do
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("HDU %d: %s; %s", e.HDU, e.Problem, e.Hint)
}

// DataError says that data are damaged: they don't have the form that the header says they have.
type DataError struct {
	HDU     int
	Tile    int // index of the tile of a compressed image; -1 if it isn't one
	Problem string
}

func (e *DataError) Error() string {
	where := ""
	if e.Tile >= 0 {
		where = fmt.Sprintf("tile %d: ", e.Tile)
	}
	return fmt.Sprintf("HDU %d: %sthe data are damaged: %s; fetch the file again",
		e.HDU, where, e.Problem)
}

// SelectError says that a file has no HDU as it was asked for.
type SelectError struct {
	Selector Selector
	Have     []string // what is there, as [HDU.String] says it
	Rest     error    // what kept the HDUs after the last of these from being read, or nil
}

func (e *SelectError) Error() string {
	text := fmt.Sprintf("there is no HDU %s; there are %s",
		e.Selector, strings.Join(e.Have, ", "))
	if e.Rest != nil {
		text += fmt.Sprintf("; what follows can't be read: %v", e.Rest)
	}
	return text
}

// Unwrap returns what kept the rest of the file from being read, or nil.
func (e *SelectError) Unwrap() error { return e.Rest }
