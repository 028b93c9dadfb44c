package notebook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"galdecon/internal/atomicfile"
)

// browsers are the names of Chromium and its relatives, which print pages without a window.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
	"microsoft-edge"}

// ErrNoBrowser says that there is no browser to print a page with.
var ErrNoBrowser = errors.New("there is no Chromium or Chrome on the PATH to print it with: " +
	"install one, or print the page from your browser")

// PDF prints a page that [Export] made, beside it, and returns the path of the PDF. Tables and
// figures are printed as the page shows them, without what is only for a screen. Without a browser
// it is [ErrNoBrowser].
func PDF(ctx context.Context, page string) (pdf string, err error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("%s can't be printed: %w", page, err)
	}
	page, err = filepath.Abs(page)
	if err != nil {
		return fail(err)
	}
	if _, err := os.Stat(page); err != nil {
		return fail(err)
	}
	browser := ""
	for _, name := range browsers {
		if browser, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if browser == "" {
		return fail(ErrNoBrowser)
	}
	dir, err := os.MkdirTemp("", "galdecon-pdf-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	printed := filepath.Join(dir, "page.pdf")
	// Scripts have ten seconds of the page's own time: for formulas, and for viewers.
	args := []string{"--headless", "--disable-gpu", "--no-pdf-header-footer",
		"--virtual-time-budget=10000", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--print-to-pdf=" + printed}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // as root it doesn't start otherwise
	}
	address := url.URL{Scheme: "file", Path: filepath.ToSlash(page)}
	cmd := exec.CommandContext(ctx, browser, append(args, address.String())...)
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return fail(errors.New("interrupted"))
	}
	data, readErr := os.ReadFile(printed)
	if !bytes.HasPrefix(data, []byte("%PDF-")) {
		return fail(fmt.Errorf("%s: %w\n%s", browser, errors.Join(err, readErr),
			strings.TrimSpace(string(said))))
	}
	pdf = strings.TrimSuffix(page, filepath.Ext(page)) + ".pdf"
	return pdf, atomicfile.WriteFile(pdf, data)
}
