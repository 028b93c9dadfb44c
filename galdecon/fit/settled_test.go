package fit

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A checkpoint that a training replaces while it is read is no damage: the new one is read.
func TestReadingWhatIsReplaced(t *testing.T) {
	dir := t.TempDir()
	at := func(step string) string {
		return filepath.Join(dir, "checkpoint-n00000000"+step+".json")
	}
	if err := os.WriteFile(at("1"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	damage := errors.New("damaged")
	var steps []int
	err := settled(dir, func(step int) error {
		steps = append(steps, step)
		if step == 1 {
			return errors.Join(damage, os.Rename(at("1"), at("2")))
		}
		return nil
	})
	if err != nil || !slices.Equal(steps, []int{1, 2}) {
		t.Errorf("read are steps %v, %v; want 1, and then 2", steps, err)
	}
	steps = nil
	err = settled(dir, func(step int) error {
		steps = append(steps, step)
		return damage
	})
	if err != damage || !slices.Equal(steps, []int{2}) {
		t.Errorf("of damage that stays: steps %v, %v; want it once", steps, err)
	}
}
