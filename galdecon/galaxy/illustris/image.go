package illustris

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxBytes is the largest size of a picture's file, and maxPixels that of the picture, of which
	// a few bytes can claim any.
	maxBytes  = 1 << 25
	maxPixels = 1 << 26
)

// image returns the path of a complete image.
func (d *download) image(id int) string { return filepath.Join(d.dir, d.name(id)+".png") }

// fetch makes one attempt to download an image, or to complete what an earlier one left.
func (d *download) fetch(ctx context.Context, id int) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	p := part{filepath.Join(d.stateDir(), d.name(id))}
	have, version := p.begun()
	header := http.Header{}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		header.Set("If-Range", version)
	}
	resp, err := d.client.get(ctx,
		fmt.Sprintf("%s%d/stellar_mocks/image_subhalo.png", d.path(), id), "", header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); strings.HasPrefix(kind,
		"text/") || strings.HasPrefix(kind, "multipart/") || kind == "application/json" {
		return fmt.Errorf("the archive answers with %s, not with a picture", kind)
	}

	total := resp.ContentLength // -1 where it isn't known
	if resp.StatusCode == http.StatusOK {
		have = 0
		err = p.start(versionOf(resp.Header))
	} else if total, err = continues(resp, have, version); err != nil {
		// What is there can't be completed, so the next attempt is from the start.
		return errors.Join(err, p.discard())
	}
	if err != nil {
		return fatalError{err}
	}
	n, err := p.append(io.LimitReader(resp.Body, maxBytes-have+1))
	d.update(func() { d.Bytes += n })
	have += n
	if _, ok := errors.AsType[*fs.PathError](err); ok { // of the file, not of the network
		return fatalError{err}
	}
	switch {
	case have > maxBytes:
		p.discard()
		return backoff.Permanent(fmt.Errorf("the picture is larger than %d MiB", maxBytes>>20))
	case err != nil:
		return fmt.Errorf("the picture breaks off after %d bytes: %w", have, d.client.discreet(err))
	case have < total:
		return fmt.Errorf("the picture breaks off after %d of %d bytes", have, total)
	}

	data, err := os.ReadFile(p.data())
	if err != nil {
		return fatalError{err}
	}
	if err := checkPicture(data); err != nil {
		return errors.Join(err, p.discard())
	}
	if err := os.Rename(p.data(), d.image(id)); err != nil {
		return fatalError{err}
	}
	p.discard()
	return nil
}

// continues returns the size of the whole, or -1, if the answer to a request for a range adds to
// the bytes that are there, of that version.
func continues(resp *http.Response, have int64, version string) (total int64, err error) {
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return 0, errors.New("the archive does not continue what was begun (416)")
	}
	var from, to int64
	if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to,
		&total); err != nil {
		total = -1 // as in bytes 10-19/*
	}
	if have == 0 || from != have {
		return 0, fmt.Errorf("the archive continues from byte %d what broke off after %d", from,
			have)
	}
	if v := versionOf(resp.Header); v != "" && v != version {
		return 0, errors.New("the archive continues with another version of the picture")
	}
	return total, nil
}

// versionOf returns what tells one version of a picture from any other, byte by byte: a strong
// ETag, or a date of last modification that is old enough (RFC 9110, Section 8.8). It is empty
// where there is none.
func versionOf(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	date, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil || date.Sub(modified) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}

// checkPicture returns an error if the data isn't a PNG picture. Each of its parts has a checksum,
// so damage doesn't go unseen.
func checkPicture(data []byte) error {
	c, err := png.DecodeConfig(bytes.NewReader(data))
	if err == nil && c.Width > maxPixels/c.Height {
		return backoff.Permanent(fmt.Errorf("the picture has %d x %d pixels, more than %d in all",
			c.Height, c.Width, maxPixels))
	}
	if err == nil {
		_, err = png.Decode(bytes.NewReader(data))
	}
	if err != nil {
		return fmt.Errorf("what arrives is not a whole PNG picture: %w", err)
	}
	return nil
}

// part is an image on its way: a file with the first of its bytes, and one with the version that
// they are of.
type part struct{ base string }

func (p part) data() string    { return p.base + ".part" }
func (p part) version() string { return p.base + ".version" }

// begun returns the number of bytes that are there, and their version; 0 if they can't be
// continued. Where the file with the version was cut off itself, it is that of no picture, and the
// archive sends a new one.
func (p part) begun() (int64, string) {
	version, err := os.ReadFile(p.version())
	info, err2 := os.Stat(p.data())
	if err != nil || err2 != nil || len(version) == 0 || info.Size() > maxBytes {
		return 0, ""
	}
	return info.Size(), string(version)
}

// start begins anew. The old bytes go first, so at no time are there bytes with the version of
// others.
func (p part) start(version string) error {
	if err := p.discard(); err != nil || version == "" {
		return err
	}
	return os.WriteFile(p.version(), []byte(version), 0o666)
}

// append adds what the reader has to the file, and returns how much that was.
func (p part) append(r io.Reader) (int64, error) {
	f, err := os.OpenFile(p.data(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if err == nil {
		err = f.Sync() // a rename may reach the disk before the data
	}
	return n, errors.Join(err, f.Close())
}

// discard removes what is there.
func (p part) discard() error {
	for _, path := range []string{p.data(), p.version()} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
