// Package override changes settings by JSON in the environment: it is how a notebook that runs
// headless is given parameters.
package override

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// FromEnv changes the fields of settings, a pointer to a struct, that the JSON in an environment
// variable names. It returns an error, which has the example, if that isn't JSON or has other
// fields. Without the variable nothing changes.
func FromEnv(variable, example string, settings any) error {
	change := os.Getenv(variable)
	if change == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(change))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(settings)
	if err == nil && decoder.More() {
		err = errors.New("there is more behind it")
	}
	if err != nil {
		return fmt.Errorf("%s must be JSON such as %s, with fields of %T: %w", variable, example,
			settings, err)
	}
	return nil
}
