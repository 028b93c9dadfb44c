package main

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"galdecon/galdecon"
	"galdecon/galdecon/catalogue/parquet"
	"galdecon/galdecon/catalogue/table"
	"galdecon/galdecon/galaxy"
	"galdecon/galdecon/galaxy/files"
	"galdecon/galdecon/galaxy/synthetic"
	"galdecon/galdecon/psf"
	"galdecon/kernels/internal/helptest"
)

// commandEnv makes the test's program the command, for other processes.
const commandEnv = "GALDECON_TEST_DECONVOLVE"

func TestMain(m *testing.M) {
	if os.Getenv(commandEnv) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func execute(ctx context.Context, args ...string) (string, error) {
	return helptest.Execute(ctx, command(), args...)
}

// TestHelp checks that the help that the galdecon command has of this program is its own. -update
// writes it.
func TestHelp(t *testing.T) {
	helptest.Check(t, command(), "./kernels/deconvolve")
}

// field writes an image with galaxies in a grid, 32 pixels apart, their PSF and a CSV table of
// them, and returns the names of the files.
func field(t testing.TB, dir string, n int) (image, psfs, catalogue string) {
	t.Helper()
	const cell = 32
	truth, err := synthetic.Galaxies(synthetic.Config{N: n * n, Size: cell, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	p, err := psf.Gaussian{Sigma: 1.5}.Render(15)
	if err != nil {
		t.Fatal(err)
	}
	x, err := galdecon.Observe(truth, []psf.PSF{p}, 0.01, 1)
	if err != nil {
		t.Fatal(err)
	}
	side := n * cell
	whole := galaxy.NewImages(1, side, side, 1)
	lines := []string{"label,x_centroid,y_centroid"}
	for i := range n * n {
		left, top := i%n*cell, i/n*cell
		for k, v := range x.Images().At(i) {
			whole.Pixels[(top+k/cell)*side+left+k%cell] = v
		}
		lines = append(lines, strings.Join([]string{strconv.Itoa(i + 1), strconv.Itoa(left+15) + ".5",
			strconv.Itoa(top+15) + ".5"}, ","))
	}
	kernel := galaxy.NewImages(1, 15, 15, 1)
	copy(kernel.Pixels, p.Pixels)
	image, psfs = filepath.Join(dir, "field.fits"), filepath.Join(dir, "psf.fits")
	catalogue = filepath.Join(dir, "field.csv")
	if err := errors.Join(files.SaveFITS(image, whole, nil), files.SaveFITS(psfs, kernel, nil),
		os.WriteFile(catalogue, []byte(strings.Join(lines, "\n")+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return image, psfs, catalogue
}

// Shards of several processes at once, merged, are what one process makes, to the bit.
func TestShards(t *testing.T) {
	dir := t.TempDir()
	image, psfs, catalogue := field(t, dir, 3)
	args := func(out string, more ...string) []string {
		return append([]string{image, "--catalogue", catalogue, "--psf", psfs, "--candidates", "8",
			"--out", filepath.Join(dir, out), "--draws"}, more...)
	}
	said, err := execute(t.Context(), args("one")...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(said, "9 objects: ") || !strings.Contains(said, "catalogue.parquet") {
		t.Errorf("it says %q", said)
	}
	figures(t, filepath.Join(dir, "one"), "worst.png")
	for _, processes := range []int{2, 4} {
		out := "of" + strconv.Itoa(processes)
		var all []*exec.Cmd
		for i := range processes {
			cmd := exec.Command(os.Args[0], args(out, "--shards", strconv.Itoa(processes), "--shard",
				strconv.Itoa(i), "--batch", strconv.Itoa(i+1))...)
			cmd.Env = append(os.Environ(), commandEnv+"=1")
			cmd.Stderr = t.Output()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			all = append(all, cmd)
		}
		for _, cmd := range all {
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := execute(t.Context(), "merge", "--catalogue", catalogue, "--out",
			filepath.Join(dir, out)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"catalogue.fits", "catalogue.parquet",
			"draws.zarr/posterior/flux/0.0.0"} {
			want, err := os.ReadFile(filepath.Join(dir, "one", name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(dir, out, name))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d processes: %s is another: %v", processes, name, err)
			}
		}
	}
	one, err := parquet.Load(filepath.Join(dir, "one", "catalogue.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if c := one.Column("flux"); c == nil || c.Description == "" || one.Column("label") == nil {
		t.Errorf("the table has the columns %v", one.Names())
	}
}

// figures checks that pictures are in a folder.
func figures(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		picture, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if config, err := png.DecodeConfig(picture); err != nil || config.Width < 900 {
			t.Errorf("%s: %d dots wide, %v", name, config.Width, err)
		}
		picture.Close()
	}
}

// A whole stamp is one object.
func TestStamp(t *testing.T) {
	dir := t.TempDir()
	image, psfs, _ := field(t, dir, 1)
	out := filepath.Join(dir, "out")
	if _, err := execute(t.Context(), image, "--psf", psfs, "--candidates", "2", "--out",
		out); err != nil {
		t.Fatal(err)
	}
	got, err := table.Load(filepath.Join(out, "catalogue.fits[CATALOGUE]"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows() != 1 || got.Column("id").Texts[0] != "field.fits" ||
		got.Column("fate").Texts[0] != "measured" {
		t.Errorf("%v: %q, %q", got.Names(), got.Column("fate").Texts,
			got.Column("fate_detail").Texts)
	}
}

func TestBadFlags(t *testing.T) {
	dir := t.TempDir()
	image, psfs, catalogue := field(t, dir, 1)
	for want, args := range map[string][]string{
		"as many --psf":       {image},
		"as many --weight":    {image, "--psf", psfs, "--weight", image, "--weight", image},
		"not \"2\"":           {image, "--psf", psfs, "--origin", "2"},
		"needs a --catalogue": {image, image, "--psf", psfs},
		"no such file":        {image, "--psf", psfs, "--catalogue", "nothing.csv"},
		"no column RA": {image, "--psf", psfs, "--catalogue", catalogue, "--ra", "RA",
			"--dec", "DEC"},
		"there are no results":  {"merge", "--catalogue", catalogue, "--out", dir},
		"neither a shipped":     {image, "--psf", psfs, "--model", "nothing"},
		"no shard 3 of 2":       {image, "--psf", psfs, "--shards", "2", "--shard", "3"},
		"requires at least 1 a": {},
	} {
		if args = append(args, "--candidates", "1"); want != "there are no results" {
			args = append(args, "--out", filepath.Join(dir, "out"))
		}
		if want == "requires at least 1 a" {
			args = []string{}
		}
		_, err := execute(t.Context(), args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}
