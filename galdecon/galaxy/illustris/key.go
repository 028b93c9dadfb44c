package illustris

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// howToGetKey is the remedy wherever the key is wanted.
const howToGetKey = "register at https://www.tng-project.org/users/register/ and copy the API " +
	"key that your profile page shows"

// Key returns the personal key for the archive: what the environment variable TNG_API_KEY holds, or
// else the content of the file galdecon/tng_api_key in the user's folder of configurations
// ($XDG_CONFIG_HOME, or ~/.config). It is an error if there is neither, or if the file can be read
// by others than its owner.
//
// The key is meant for [Download], which calls Key by itself. Show it nowhere: a notebook keeps
// what its cells print.
func Key() (string, error) {
	if key := strings.TrimSpace(os.Getenv("TNG_API_KEY")); key != "" {
		return checkKey(key, "in TNG_API_KEY")
	}
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("illustris: TNG_API_KEY is not set, and there is no folder of "+
			"configurations to look for a file with the key: %w; %s, then set the variable", err,
			howToGetKey)
	}
	path := filepath.Join(folder, "galdecon", "tng_api_key")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("illustris: there is no key for the archive: TNG_API_KEY is not "+
			"set, and there is no file %s; %s, then set the variable, or write the key to the "+
			"file and run: chmod 600 %s", path, howToGetKey, path)
	}
	if err != nil {
		return "", fmt.Errorf("illustris: cannot open the file with the key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("illustris: cannot read the file with the key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "",
			fmt.Errorf("illustris: others can read the file with the key, %s (mode %04o); run: "+
				"chmod 600 %s", path, mode, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return "", fmt.Errorf("illustris: cannot read the file with the key: %w", err)
	}
	return checkKey(strings.TrimSpace(string(data)), "in "+path)
}

// checkKey returns the key if it can be sent, in a header. What is wrong with it is said without
// showing it.
func checkKey(key, where string) (string, error) {
	printable := func(r rune) bool { return r > ' ' && r <= '~' }
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return !printable(r) }) {
		return "",
			fmt.Errorf("illustris: the key %s is empty or has blanks or unusual characters "+
				"within it; %s again", where, howToGetKey)
	}
	return key, nil
}
