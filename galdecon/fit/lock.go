package fit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lock makes the folder, and has it for this training alone.
func lock(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("fit: cannot make the checkpoint folder: %w", err)
	}
	lock := flock.New(filepath.Join(dir, lockFile))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("fit: cannot lock the checkpoint folder: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("fit: another training is going on in %s, that of %s; wait for "+
			"it, interrupt it, or choose another folder: %w", dir, lockOwner(lock.Path()), ErrBusy)
	}
	// In place, since the lock is the file's. A training that can't say whose it is may go on.
	_ = os.WriteFile(lock.Path(), []byte(thisOwner()+"\n"), 0o666)
	return lock, nil
}

// OwnerEnv names the environment variable that says in words whose program this is, such as "the
// kernel of first.ipynb"; the error that refuses a second training in a folder passes it on.
const OwnerEnv = "GALDECON_OWNER"

// thisOwner returns what others are told of this program.
func thisOwner() string {
	owner := strings.Join(strings.Fields(os.Getenv(OwnerEnv)), " ")
	if owner == "" {
		owner = "the program " + filepath.Base(os.Args[0])
	}
	return fmt.Sprintf("%s, in process %d since %s", owner, os.Getpid(),
		time.Now().Format(time.DateTime))
}

// lockOwner returns who holds a lock, in words.
func lockOwner(path string) string {
	text, err := os.ReadFile(path)
	if owner := strings.TrimSpace(string(text)); err == nil && owner != "" {
		return owner
	}
	return "an unknown program" // it has just begun
}
