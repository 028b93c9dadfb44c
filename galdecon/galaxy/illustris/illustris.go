// Package illustris downloads the clean images that the paper trains on (Section 3, Experiments):
// stellar mock images of simulated galaxies, from the web API of the Illustris and TNG simulations
// (https://www.tng-project.org/data/docs/api/; Nelson et al. 2015, Torrey et al. 2015).
//
// [Download] fills a folder with PNG pictures, one a galaxy, for a folder source to read. It needs
// a personal key, which the archive gives to whoever registers; [Key] says where it is looked for.
// A download that was interrupted, or killed, goes on where it stopped when it's run again.
package illustris

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"
)

// Config says which images are downloaded, and from where. Its zero value stands for the galaxies
// of the paper.
type Config struct {
	// Simulation is its name at the archive; empty for Illustris-1.
	Simulation string `json:"simulation"`
	// Snapshot is the number of the output of the simulation; 0 for 135, which is redshift 0 in
	// Illustris, the only one that has stellar mocks there.
	Snapshot int `json:"snapshot"`
	// IDs are the numbers of the subhalos, which are the galaxies, in the snapshot. Where there are
	// none, the archive is asked for those above MinMass. Numbers without an image are skipped and
	// counted, so a range of them will do: the program of the paper tries those from 0 to 183,999.
	IDs []int `json:"ids,omitempty"`
	// MinMass is the stellar mass above which subhalos are listed, in the archive's unit, 10¹⁰
	// M☉/h; 0 for 0.35, which is the limit of the mock images of Illustris-1: 10^9.7 M☉, 10,808
	// galaxies (Snyder et al. 2015; h = 0.704).
	MinMass float64 `json:"min_mass"`
	// Limit is the largest number of subhalos that are listed, those with the most stars first; 0
	// for all of them.
	Limit int `json:"limit"`
	// Concurrency is the number of images that are asked for at a time, up to 16; 0 for 4.
	Concurrency int `json:"concurrency"`
	// Address is the archive's; empty for https://www.tng-project.org. The key is sent to it, so it
	// has to be https, other than on this machine itself.
	Address string `json:"address"`

	// firstWait is the time before the first repetition, which then doubles, and timeout that of an
	// attempt; 0 for the defaults.
	firstWait, timeout time.Duration
}

// Origin is what to cite for the images of Illustris.
const Origin = "The Illustris simulation (Vogelsberger et al. 2014), its public data release " +
	"(Nelson et al. 2015) and synthetic images (Torrey et al. 2015)"

const (
	maxConcurrency = 16
	// maxFailures is how many images in a row may fail for good before the archive is taken to be
	// out of reach.
	maxFailures = 10
)

// Progress counts the images of a download. Total is the sum of the next four once it's over.
type Progress struct {
	// Total is the number of images that were asked for.
	Total int
	// Present were in the folder already, Downloaded were added to it.
	Present, Downloaded int
	// Missing are those the archive has no image of (404). They are remembered, and not asked for
	// again.
	Missing int
	// Failed are those that could not be downloaded after several attempts. They are tried again by
	// the next download.
	Failed int
	// Retries is the number of attempts that had to be repeated.
	Retries int
	// Bytes is the size of all that was received, whether it was kept or not.
	Bytes int64
}

// complete returns the configuration with defaults in place of zeros, or what is wrong with it.
func (c Config) complete() (Config, *url.URL, error) {
	c.Simulation = cmp.Or(c.Simulation, "Illustris-1")
	c.Snapshot = cmp.Or(c.Snapshot, 135)
	c.MinMass = cmp.Or(c.MinMass, 0.35)
	c.Concurrency = cmp.Or(c.Concurrency, 4)
	c.Address = cmp.Or(c.Address, "https://www.tng-project.org")
	c.firstWait = cmp.Or(c.firstWait, time.Second)
	c.timeout = cmp.Or(c.timeout, time.Minute)
	switch {
	case !simulationName.MatchString(c.Simulation):
		return c, nil, fmt.Errorf("illustris: %q is not the name of a simulation; write it as "+
			"the archive does, like Illustris-1 or TNG100-1", c.Simulation)
	case c.Snapshot < 0 || c.Limit < 0:
		return c, nil, fmt.Errorf("illustris: snapshot and limit must be at least 0, got %d and %d",
			c.Snapshot, c.Limit)
	case c.Concurrency < 0 || c.Concurrency > maxConcurrency:
		return c, nil, fmt.Errorf("illustris: concurrency must be between 1 and %d, which is "+
			"fair to others that use the archive, got %d", maxConcurrency, c.Concurrency)
	case !(c.MinMass > 0 && c.MinMass < 1e9):
		return c, nil,
			fmt.Errorf("illustris: the least stellar mass must be positive, in 10¹⁰ M☉/h, got %g",
				c.MinMass)
	}
	for _, id := range c.IDs {
		if id < 0 {
			return c, nil, fmt.Errorf("illustris: subhalos are numbered from 0, got %d", id)
		}
	}
	address, err := url.Parse(c.Address)
	if err != nil || address.Host == "" || address.User != nil || address.RawQuery != "" ||
		address.Fragment != "" {
		return c, nil, errors.New("illustris: the address of the archive is not like " +
			"https://www.tng-project.org: a scheme and a host, without user, query or fragment")
	}
	if !private(address) {
		return c, nil, fmt.Errorf("illustris: the address of the archive, %s://%s, is not https, "+
			"so your key would be sent where others can read it; write https://", address.Scheme,
			address.Host)
	}
	return c, address, nil
}

var simulationName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

// private reports whether what is exchanged with the address can't be read or changed on the way:
// it is encrypted, or stays on this machine.
func private(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return u.Scheme == "https" ||
		u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// name returns that of a galaxy's file, without its ending.
func (c Config) name(id int) string { return fmt.Sprintf("%s_%d_%d", c.Simulation, c.Snapshot, id) }

// Download fills the folder dir, which is made if needed, with the images of the configuration, PNG
// files named by simulation, snapshot and subhalo, such as Illustris-1_135_41092.png. A picture is
// there only once it's complete and was decoded. Images that are there already are not downloaded
// again; if all of the IDs of the configuration are, no key is needed. The subfolder .illustris has
// what was begun, and missing.txt, the names of galaxies without an image; delete it to ask for
// them again.
//
// What a busy archive or a broken connection interrupts is repeated up to five times, after waiting
// for 1, 2, 4... seconds, or as long as the archive asks, and continued where it broke off if the
// archive can do that.
//
// Report, which may be nil, is called after each image and each attempt that failed, from one
// goroutine at a time. The progress is returned with an error, too, and what is complete stays in
// the folder. It is an error if the configuration is impossible, if there is no key or the archive
// refuses it, if ctx ends, if an image failed, or if none was found at all.
func Download(ctx context.Context, c Config, dir string, report func(Progress)) (Progress, error) {
	c, address, err := c.complete()
	if err != nil {
		return Progress{}, err
	}
	d := &download{Config: c, dir: dir, report: report}
	if err := d.open(); err != nil {
		return Progress{}, err
	}
	defer d.lock.Unlock()

	ids := c.IDs
	if len(ids) == 0 {
		if err := d.connect(address); err != nil {
			return d.Progress, err
		}
		if ids, err = d.list(ctx); err != nil {
			return d.Progress, d.stopped(ctx, err)
		}
	}
	rest, err := d.rest(ids)
	if err != nil {
		return d.Progress, err
	}
	d.update(func() {})
	if len(rest) > 0 {
		if err := d.connect(address); err != nil {
			return d.Progress, err
		}
		if err := d.all(ctx, rest); err != nil {
			return d.Progress, d.stopped(ctx, err)
		}
	}
	switch {
	case d.Failed > 0:
		return d.Progress, fmt.Errorf("illustris: %d of %d images could not be downloaded; run "+
			"it again to try them once more. The last one was %w", d.Failed, d.Total, d.failure)
	case d.Missing == d.Total:
		return d.Progress, fmt.Errorf("illustris: the archive has no image for any of %d "+
			"subhalos of %s, snapshot %d; check these names, and delete %s where they were right "+
			"but the archive was not", d.Total, c.Simulation, c.Snapshot, d.missingFile())
	}
	return d.Progress, nil
}

// download is a download on its way.
type download struct {
	Config
	dir    string
	lock   *flock.Flock // one download at a time in a folder
	client *client
	report func(Progress)

	mu sync.Mutex // guards the fields below
	Progress
	inARow  int   // failures since the last answer
	failure error // the last of them
}

// open makes the folder ready.
func (d *download) open() error {
	if d.dir == "" {
		return errors.New("illustris: the name of the folder for the images is empty")
	}
	if err := os.MkdirAll(d.stateDir(), 0o777); err != nil {
		return fmt.Errorf("illustris: cannot make the folder for the images: %w", err)
	}
	d.lock = flock.New(filepath.Join(d.stateDir(), "lock"))
	locked, err := d.lock.TryLock()
	if err != nil {
		return fmt.Errorf("illustris: cannot lock the folder: %w", err)
	}
	if !locked {
		return fmt.Errorf("illustris: another download is going on in %s; wait for it, interrupt "+
			"it, or choose another folder", d.dir)
	}
	return nil
}

func (d *download) stateDir() string    { return filepath.Join(d.dir, ".illustris") }
func (d *download) missingFile() string { return filepath.Join(d.stateDir(), "missing.txt") }

// rest counts the images and returns the numbers of those that are neither there nor known to be
// missing.
func (d *download) rest(ids []int) ([]int, error) {
	missing := map[string]bool{}
	data, err := os.ReadFile(d.missingFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("illustris: cannot read which images are missing: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		// A line without its end was cut off when the download was killed.
		if name, whole := strings.CutSuffix(line, "\n"); whole {
			missing[name] = true
		}
	}
	var rest []int
	seen := map[int]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		d.Total++
		if missing[d.name(id)] {
			d.Missing++
			continue
		}
		switch info, err := os.Stat(d.image(id)); {
		case err == nil && info.Size() > 0:
			d.Present++
		case err == nil || errors.Is(err, os.ErrNotExist):
			rest = append(rest, id)
		default:
			return nil, fmt.Errorf("illustris: cannot look for an image: %w", err)
		}
	}
	return rest, nil
}

// all downloads the images with these numbers.
func (d *download) all(ctx context.Context, ids []int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(d.Concurrency)
	for _, id := range ids {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := d.client.retry(ctx, func() error { return d.fetch(ctx, id) })
			return d.count(ctx, id, err)
		})
	}
	return group.Wait()
}

// count counts what became of an image, and returns what ends the whole download.
func (d *download) count(ctx context.Context, id int, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[fatalError](err); ok {
		return err
	}
	var end error
	d.update(func() {
		switch {
		case err == nil:
			d.Downloaded++
			d.inARow = 0
		case errors.Is(err, errNotFound):
			d.Missing++
			d.inARow = 0
			end = d.remember(id)
		default:
			d.Failed++
			d.inARow++
			d.failure = fmt.Errorf("subhalo %d: %w", id, err)
			if d.inARow == maxFailures {
				end = fmt.Errorf("%d images failed one after the other, so the rest was not "+
					"tried; the last one was %w", maxFailures, d.failure)
			}
		}
	})
	return end
}

// remember adds a galaxy to those without an image.
func (d *download) remember(id int) error {
	f, err := os.OpenFile(d.missingFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(d.name(id) + "\n")
	return errors.Join(err, f.Close())
}

// update changes the progress and reports it.
func (d *download) update(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	if d.report != nil {
		d.report(d.Progress)
	}
}

// stopped says how far the download got before the error, and what to do.
func (d *download) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("illustris: stopped with %d of %d images in %s; what is there stays, and "+
		"the next run goes on from it: %w", d.Present+d.Downloaded, d.Total, d.dir, err)
}
