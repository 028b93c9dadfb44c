// Package pretrained holds small trained models, so that the first picture needs no training. A
// model's README, see [Card], says what it was trained on and how good it is; the program
// kernels/train made it.
package pretrained

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon"
	"galdecon/internal/home"
)

//go:embed galaxy small tiny tiny-cvae
var models embed.FS

// Names returns the names of the shipped models, which are those of their presets.
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

// Load reads a shipped model, or one of the library, by its name, or the model in a folder, see
// [Folder]. It is an error if there is neither, if a shipped model can't be unpacked, or whatever
// is an error of [galdecon.Load].
func Load(model string) (*galdecon.Model, error) {
	dir, err := Folder(model)
	if err != nil {
		return nil, err
	}
	return galdecon.Load(dir)
}

// Card returns the model card of a shipped model, in Markdown: data, training and figures. Another
// name is an error.
func Card(name string) (string, error) {
	if !shipped(name) {
		return "", fmt.Errorf("pretrained: there is no shipped model %q; choose one of %s", name,
			strings.Join(Names(), ", "))
	}
	text, err := models.ReadFile(name + "/" + galdecon.CardFile)
	if err != nil {
		return "", fmt.Errorf("pretrained: %w", err)
	}
	return string(text), nil
}

func shipped(name string) bool { return slices.Contains(Names(), name) }

// Folder returns the folder of a model for [galdecon.Load]. A shipped model is given by its name,
// and unpacked below the user's directory of galdecon where it isn't there yet; so is one of the
// library, see [Add]. Any other model is given by its folder, which is what is returned: so
// whatever takes a shipped model can take a user's own. (A folder that is named as a model is given
// as ./tiny.) It is an error if there is none of them.
func Folder(model string) (string, error) {
	if shipped(model) {
		return unpack(model)
	}
	if added(model) {
		dir, err := library()
		return filepath.Join(dir, model), err
	}
	if info, err := os.Stat(model); err == nil && info.IsDir() {
		return model, nil
	}
	return "", fmt.Errorf("pretrained: %q is neither a shipped model (%s) nor the folder of one, "+
		"nor in the library; train your own with galdecon.Train, or add one", model,
		strings.Join(Names(), ", "))
}

// unpack returns the folder with the files of a shipped model.
func unpack(name string) (string, error) {
	h, err := home.Open()
	if err != nil {
		return "", err
	}
	model, err := fs.Sub(models, name)
	if err != nil {
		return "", fmt.Errorf("pretrained: %w", err)
	}
	hash, _, err := hashed(model)
	if err != nil {
		return "", fmt.Errorf("pretrained: cannot read the model %s: %w", name, err)
	}
	// A new version of a model has a new folder.
	dir := filepath.Join(h.Dir, "pretrained", name+"-"+hash[:8])
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
	// another process was faster
	if err := os.Rename(part, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	return dir, nil
}
