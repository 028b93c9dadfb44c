package inception

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"galdecon/internal/download"
)

// FileName is the name of the file of the official weights.
const FileName = "pt_inception-2015-12-05-6726825d.pth"

// weightsFile says where a file is and what it holds.
type weightsFile struct {
	url    string
	size   int64
	sha256 string
}

// official are the weights of TensorFlow's Inception of 2015-12-05, as pytorch-fid publishes them.
var official = weightsFile{
	url:    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/" + FileName,
	size:   95_628_359,
	sha256: "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
}

// Fetch returns the path of the official weights in a directory, where it downloads them (96 MB) if
// they aren't there or aren't intact. The file appears once it is complete and its SHA-256 is
// right. progress, if not nil, is told the bytes of the download so far and of all. Without a
// network the error says where to get the file and where to put it.
func Fetch(
	ctx context.Context, dir string, progress func(done, total int64),
) (path string, err error) {
	return official.fetch(ctx, dir, progress)
}

func (w weightsFile) fetch(
	ctx context.Context, dir string, progress func(done, total int64),
) (path string, err error) {
	path = filepath.Join(dir, FileName)
	if w.check(path) == nil {
		return path, nil
	}
	if err := w.download(ctx, path, progress); err != nil {
		return "", fmt.Errorf("inception: cannot download %s: %w; or get the file by other means "+
			"and put it at %s", w.url, err, path)
	}
	return path, nil
}

// download writes the file under another name, checks it and renames it.
func (w weightsFile) download(
	ctx context.Context, path string, progress func(done, total int64),
) error {
	body, err := download.Open(ctx, w.url)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), FileName+".*.part")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // of no effect once it is renamed
	defer file.Close()
	counter := &counter{total: w.size, report: progress}
	// One byte more than expected is enough to see that the file is another.
	if _, err := io.Copy(io.MultiWriter(file, counter),
		io.LimitReader(body, w.size+1)); err != nil {
		return fmt.Errorf("after %d of %d bytes: %w", counter.done, w.size, err)
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := w.check(file.Name()); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// counter tells the bytes that are written to it.
type counter struct {
	done, total int64
	report      func(done, total int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.done += int64(len(p))
	if c.report != nil {
		c.report(c.done, c.total)
	}
	return len(p), nil
}

// check returns an error if a file isn't there, or has another size or SHA-256.
func (w weightsFile) check(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("inception: there are no weights at %s; get them from %s", path, w.url)
	}
	if err != nil {
		return fmt.Errorf("inception: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("inception: %w", err)
	}
	if info.Size() != w.size {
		return fmt.Errorf("inception: %s has %d bytes, not the %d of %s", path, info.Size(), w.size,
			w.url)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return fmt.Errorf("inception: %w", err)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != w.sha256 {
		return fmt.Errorf("inception: %s has the SHA-256 %s, not the %s of %s", path, sum, w.sha256,
			w.url)
	}
	return nil
}
