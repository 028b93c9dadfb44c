package table

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"galdecon/galdecon/galaxy/files/fits"
)

// ErrParquet says that a file is a Parquet table, which package parquet reads.
var ErrParquet = errors.New("it is a Parquet table; read it by package parquet beside this one")

// Load reads a table, whose format shows in its contents:
//
//   - a FITS binary table, the only one of the file, but for what SExtractor's FITS_LDAC writes
//     before it, or the one that is named, as in "catalogue.fits[OBJECTS]"; the file may be packed
//     by gzip;
//   - CSV with a line of names, the separator being a comma, tab, semicolon or blanks, and ECSV,
//     which states units, types and descriptions before it (Astropy Proposal for Enhancement 6);
//     without it columns are integers if all values are, numbers, truth values or texts, and empty
//     values are missing;
//   - SExtractor's ASCII_HEAD.
//
// A Parquet table is [ErrParquet].
func Load(path string) (*Table, error) {
	name, selector, chosen, err := fits.ParseName(path)
	if err != nil {
		return nil, fmt.Errorf("table: %w", err)
	}
	t, err := load(name, selector, chosen)
	if err != nil {
		return nil, fmt.Errorf("table: cannot read %s: %w", path, err)
	}
	return t, nil
}

func load(name string, selector fits.Selector, chosen bool) (*Table, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	start, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte("PAR1")):
		return nil, ErrParquet
	case bytes.Equal(start, []byte("SIMPLE")), bytes.HasPrefix(start, []byte{0x1f, 0x8b}),
		bytes.HasPrefix(start, []byte("BZh")):
		file, err := fits.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		return ofFITS(file, selector, chosen)
	case bytes.HasPrefix(bytes.TrimLeft(start, " \n"), []byte("<")):
		return nil, errors.New("it is XML, perhaps a VOTable; write it as FITS, Parquet or CSV, " +
			"as astropy.table.Table.write does")
	case chosen:
		return nil, errors.New("only FITS files have several tables to choose from")
	case bytes.IndexByte(start, 0) >= 0:
		return nil, errors.New("it is neither FITS nor text")
	}
	return readText(r)
}

// readText reads a table of text, and decides of which kind.
func readText(r *bufio.Reader) (*Table, error) {
	var comments []string // at the beginning, without their sign
	for {
		start, err := r.Peek(1)
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if start[0] != '#' && start[0] != '\n' && start[0] != '\r' {
			break
		}
		line, err := r.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if text, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "#"); ok {
			comments = append(comments, text)
		}
	}
	if len(comments) > 0 && strings.HasPrefix(strings.TrimSpace(comments[0]), "%ECSV") {
		return readECSV(r, comments[1:])
	}
	if names := sextractorNames(comments); names != nil {
		return readSExtractor(r, names)
	}
	return readCSV(r)
}
