package notebook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Numbered returns the notebooks of a directory that have a number, in their order. What a user
// tries in the same place has another name.
func Numbered(dir string) ([]string, error) {
	names, err := fs.Glob(os.DirFS(dir), "[0-9][0-9]_*.ipynb")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil,
			fmt.Errorf("%s has no numbered notebooks: restore them, for example with git checkout",
				dir)
	}
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, nil
}

// Check reads a notebook as far as to say whether the kernel can execute it.
func Check(path string) error {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: there is no such notebook", path)
	}
	if err != nil {
		return fmt.Errorf("cannot read the notebook: %w", err)
	}
	var nb struct {
		Format   int               `json:"nbformat"`
		Cells    []json.RawMessage `json:"cells"`
		Metadata struct {
			Kernelspec   struct{ Language string } `json:"kernelspec"`
			LanguageInfo struct{ Name string }     `json:"language_info"`
		} `json:"metadata"`
	}
	err = json.Unmarshal(data, &nb)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s is no notebook: at byte %d of %d it stops being JSON (%v); restore "+
			"it, for example with git checkout", path, syntax.Offset, len(data), err)
	case err != nil:
		return fmt.Errorf("%s is no notebook: %v", path, err)
	case nb.Format == 0 || nb.Cells == nil && nb.Format >= 4:
		return fmt.Errorf("%s is JSON but no notebook: it has no cells or no nbformat", path)
	case nb.Format != 4:
		return fmt.Errorf("%s has the notebook format %d; galdecon reads 4: open it in "+
			"JupyterLab and save it again", path, nb.Format)
	}
	for _, language := range []string{nb.Metadata.Kernelspec.Language,
		nb.Metadata.LanguageInfo.Name} {
		if language != "" && language != "go" {
			return fmt.Errorf("%s is a notebook in %s; galdecon's kernel executes Go", path,
				language)
		}
	}
	return nil
}
