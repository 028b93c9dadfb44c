package pretrained

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"galdecon/galdecon"
	"galdecon/internal/atomicfile"
	"galdecon/internal/download"
	"galdecon/internal/home"
)

// Model is a model that is here: a shipped one, or one that [Add] has put into the library, the
// folder models in galdecon's per-user directory.
type Model struct {
	Name string
	// Origin is where it comes from: "shipped", or the folder, file or URL that it was added from.
	Origin string
	// Folder is what [galdecon.Load] reads.
	Folder string
	Config galdecon.Config
	// Bytes is the size of its files, and SHA256 the hash of their names, sizes and contents.
	Bytes  int64
	SHA256 string
	// Card says what it was trained on and how good it is, in Markdown; "" where nobody wrote one.
	Card string
}

// shippedOrigin is the Origin of a model that comes with galdecon.
const shippedOrigin = "shipped"

// originFile holds the Origin of a model in the library.
const originFile = "origin.json"

// HashError says that a file isn't the one that was asked for.
type HashError struct {
	Source    string
	Got, Want string // SHA-256, hexadecimal
}

func (e *HashError) Error() string {
	return fmt.Sprintf("pretrained: %s has the SHA-256 %s, not %s: it is another file, or "+
		"damaged; compare the hash with what its author says", e.Source, e.Got, e.Want)
}

// List returns the models that are here: those that are shipped, then those of the library, by
// their names.
func List() ([]Model, error) {
	var all []Model
	for _, name := range Names() {
		m, err := Find(name)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	dir, err := library()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("pretrained: cannot read the library: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !allowed.MatchString(e.Name()) {
			continue // what an interrupted Add has left
		}
		m, err := Find(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Find returns the model of a name, or that in a folder, see [Folder].
func Find(name string) (Model, error) {
	dir, err := Folder(name)
	if err != nil {
		return Model{}, err
	}
	m := Model{Name: name, Folder: dir, Origin: dir}
	if m.Config, err = galdecon.LoadConfig(dir); err != nil {
		return Model{}, err
	}
	switch text, err := os.ReadFile(filepath.Join(dir, originFile)); {
	case shipped(name):
		m.Origin = shippedOrigin
	case err == nil:
		if err := json.Unmarshal(text, &m.Origin); err != nil {
			return Model{}, fmt.Errorf("pretrained: %s is damaged: %w", originFile, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return Model{}, fmt.Errorf("pretrained: %w", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, galdecon.CardFile)); err == nil {
		m.Card = string(text)
	}
	m.SHA256, m.Bytes, err = hashed(os.DirFS(dir))
	if err != nil {
		return Model{}, fmt.Errorf("pretrained: cannot read the model %s: %w", name, err)
	}
	return m, nil
}

// Knows says in a line what the model takes.
func (m Model) Knows() string {
	c := m.Config
	i := c.SeenThrough()
	stamps := fmt.Sprintf("stamps of %d pixels", c.Size)
	if c.Survey != nil {
		stamps = "stamps of any size, weights, gaps"
	}
	return fmt.Sprintf("%s; %d channel(s); PSFs of σ %g to %g pixels; noise of %g to %g of the peak",
		stamps, c.Channels, i.SigmaMin, i.SigmaMax, i.NoiseMin, i.NoiseMax)
}

// allowed are the names of models in the library.
var allowed = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Add puts a model into the library under a name, by which [Load] and all commands find it then.
// Its source is a folder that [galdecon.Train] or [galdecon.Export] left, or a file that
// [galdecon.Pack] wrote, or the URL of one. hash is the SHA-256 of the file, hexadecimal: that of a
// URL must be given, "" is any file. Another content is a [*HashError]. It is an error if the name
// is taken, or the source holds no model that can be loaded; nothing is left then.
func Add(ctx context.Context, name, source, hash string) (m Model, err error) {
	if !allowed.MatchString(name) || shipped(name) {
		return Model{}, fmt.Errorf("pretrained: a model can't be named %q: take up to 64 letters, "+
			"digits, points, dashes and underscores, and no shipped model's name (%s)", name,
			strings.Join(Names(), ", "))
	}
	dir, err := library()
	if err != nil {
		return Model{}, err
	}
	to := filepath.Join(dir, name)
	if _, err := os.Stat(to); err == nil {
		return Model{}, fmt.Errorf("pretrained: there is a model %s already; choose another name, "+
			"or remove it", name)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("pretrained: cannot add the model %s: %w", name, err)
		}
	}()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Model{}, err
	}
	part, err := os.MkdirTemp(dir, "."+name+"-*")
	if err != nil {
		return Model{}, err
	}
	defer os.RemoveAll(part)
	made := filepath.Join(part, "model")
	if err := put(ctx, made, source, hash, part); err != nil {
		return Model{}, err
	}
	if _, err := galdecon.Load(made); err != nil {
		return Model{}, err
	}
	origin, err := json.Marshal(source)
	if err != nil {
		return Model{}, err
	}
	if err := atomicfile.WriteFile(filepath.Join(made, originFile), origin); err != nil {
		return Model{}, err
	}
	if err := os.Rename(made, to); err != nil {
		return Model{}, err
	}
	return Find(name)
}

// put makes a model in the folder made, with the folder part for what it takes on the way.
func put(ctx context.Context, made, source, hash, part string) error {
	if info, err := os.Stat(source); err == nil && info.IsDir() {
		if hash != "" {
			return errors.New("a folder has no SHA-256 to compare; give it for a file or a URL")
		}
		return galdecon.Export(source, made)
	}
	file := source
	if remote(source) {
		if hash == "" {
			return fmt.Errorf("the SHA-256 of %s must be given: what comes from a network may be "+
				"anything", source)
		}
		file = filepath.Join(part, "downloaded.safetensors")
		if err := fetch(ctx, source, file); err != nil {
			return fmt.Errorf("cannot download %s: %w", source, err)
		}
	}
	if hash != "" {
		got, err := hashOf(file)
		if err != nil {
			return err
		}
		if !strings.EqualFold(got, hash) {
			return &HashError{Source: source, Got: got, Want: hash}
		}
	}
	return galdecon.Unpack(file, made)
}

func remote(source string) bool {
	return strings.HasPrefix(source, "https://") || strings.HasPrefix(source, "http://")
}

// maxDownload is the size in bytes of the largest file that is downloaded.
const maxDownload = 4 << 30

func fetch(ctx context.Context, url, path string) error {
	body, err := download.Open(ctx, url)
	if err != nil {
		return err
	}
	defer body.Close()
	return atomicfile.Write(path, func(w io.Writer) error {
		n, err := io.Copy(w, io.LimitReader(body, maxDownload+1))
		if n > maxDownload {
			return fmt.Errorf("it has more than %d GiB", maxDownload>>30)
		}
		return err
	})
}

// Remove takes a model out of the library. Shipped models stay.
func Remove(name string) error {
	dir, err := library()
	if err != nil {
		return err
	}
	if !allowed.MatchString(name) || !added(name) {
		return fmt.Errorf("pretrained: there is no model %q in the library", name)
	}
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("pretrained: cannot remove the model %s: %w", name, err)
	}
	return nil
}

// library returns the folder of models that were added.
func library() (string, error) {
	h, err := home.Open()
	if err != nil {
		return "", err
	}
	return filepath.Join(h.Dir, "models"), nil
}

// added reports whether there is a model of a name in the library.
func added(name string) bool {
	dir, err := library()
	if err != nil || !allowed.MatchString(name) {
		return false
	}
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.IsDir()
}

// hashOf returns the SHA-256 of a file.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// hashed returns the SHA-256 of the names, sizes and contents of a model's files, and their size
// together. Hidden files don't belong to it.
func hashed(model fs.FS) (sum string, bytes int64, err error) {
	hash := sha256.New()
	err = fs.WalkDir(model, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.ContainsFunc(strings.Split(path, "/"),
			func(part string) bool { return strings.HasPrefix(part, ".") }) {
			return err
		}
		content, err := fs.ReadFile(model, path)
		fmt.Fprintln(hash, path, len(content))
		hash.Write(content)
		bytes += int64(len(content))
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)), bytes, err
}
