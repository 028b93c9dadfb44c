// Package pretrained holds small trained models, so that the first picture needs no training. A model's README, see [Card], says what
// it was trained on and how good it is; the program in the folder train made it.
package pretrained

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"galdecon/galdecon"
	"galdecon/kernels/home"
)

//go:embed small tiny tiny-cvae
var models embed.FS

const card = "README.md"

// Names are the models there are, by the name of their preset.
func Names() []string {
	entries, err := models.ReadDir(".")
	if err != nil {
		panic(err) // what is embedded can be read
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

// Load loads a model by its name.
func Load(name string) (*galdecon.Deconvolver, error) {
	dir, err := Folder(name)
	if err != nil {
		return nil, err
	}
	return galdecon.Load(dir)
}

// Card is the model card: data, training and figures.
func Card(name string) (string, error) {
	if err := known(name); err != nil {
		return "", err
	}
	text, err := models.ReadFile(name + "/" + card)
	if err != nil {
		return "", fmt.Errorf("pretrained: %w", err)
	}
	return string(text), nil
}

func known(name string) error {
	for _, n := range Names() {
		if n == name {
			return nil
		}
	}
	return fmt.Errorf("pretrained: there is no model %q; choose one of %s, or train your own with galdecon.Train", name, strings.Join(Names(), ", "))
}

// Folder is a folder that [galdecon.Load] reads, below the user's directory of galdecon. It is made where it isn't there yet.
func Folder(name string) (string, error) {
	if err := known(name); err != nil {
		return "", err
	}
	h, err := home.Open()
	if err != nil {
		return "", err
	}
	model, err := fs.Sub(models, name)
	if err != nil {
		return "", fmt.Errorf("pretrained: %w", err)
	}
	hash := sha256.New()
	err = fs.WalkDir(model, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(model, path)
		fmt.Fprintln(hash, path, len(content))
		hash.Write(content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("pretrained: cannot read the model %s: %w", name, err)
	}
	// A new version of a model has a new folder.
	dir := filepath.Join(h.Dir, "pretrained", name+"-"+hex.EncodeToString(hash.Sum(nil)[:4]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("pretrained: cannot unpack the model %s: %w", name, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return fail(err)
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "."+name+"-*")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(part)
	if err := errors.Join(os.CopyFS(part, model), os.Chmod(part, 0o755)); err != nil {
		return fail(err)
	}
	if err := os.Rename(part, dir); err != nil && !errors.Is(err, fs.ErrExist) { // another process was faster
		return fail(err)
	}
	return dir, nil
}
