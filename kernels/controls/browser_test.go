package controls_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"galdecon/internal/console"
	"galdecon/internal/home"
	"galdecon/internal/home/hometest"
	notebooks "galdecon/kernels/notebook"
)

// The notebooks of testdata: one whose figure costs nothing, and one that draws candidates in the
// session.
const (
	panel    = "panel.ipynb"
	resample = "resample.ipynb"
)

// certificate writes a certificate for this machine, which no one has signed, and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}),
			0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", secret)
}

// lab starts JupyterLab on a folder with a copy of a notebook of testdata, and returns the copy's
// path and its page's address below a root such as http://%s/, whose host it fills in.
func lab(t *testing.T, notebook, root string, options ...string) (path, page string) {
	t.Helper()
	h, repo := hometest.Installed(t)
	folder := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", notebook))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, notebook)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	const token = "test"
	cmd := exec.Command(h.Python(), "-I", "-m", "jupyterlab", "--no-browser", "--allow-root",
		"--LabApp.expose_app_in_browser=True", "--ServerApp.ip=127.0.0.1",
		fmt.Sprintf("--ServerApp.port=%d", address.Port), "--IdentityProvider.token="+token,
		"--ServerApp.root_dir="+folder)
	cmd.Args = append(cmd.Args, options...)
	cmd.Env = append(h.Env(repo), "JUPYTER_CONFIG_DIR="+t.TempDir(), home.HeadlessEnv+"=")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("JupyterLab says:\n%s", &log)
		}
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		conn, err := net.Dial("tcp", address.String())
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("JupyterLab doesn't start")
		}
	}
	return path, fmt.Sprintf(root+"lab/tree/%s?token=%s", address, notebook, token)
}

// browser starts Chromium.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on the PATH to test the controls in")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path),
		chromedp.NoSandbox, chromedp.WindowSize(1200, 1200),
		chromedp.Flag("ignore-certificate-errors", true))
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	ctx, end = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(end)
	return ctx
}

const (
	// figure is the figure that is shown, as a URL with its data.
	figure = `document.querySelector(".jp-OutputArea-output img")?.src`
	// set moves the control of an index, as a user does.
	set = `(() => {
		const control = document.querySelectorAll(".jp-OutputArea-output input, .jp-OutputArea-output select")[%d];
		control.value = %q;
		control.dispatchEvent(new Event("input", {bubbles: true}));
	})()`
)

// page is the notebook in JupyterLab, in Chromium.
type page struct {
	*testing.T
	ctx context.Context
}

// open runs the notebook in the page at an address, in which scripts are run first, until its
// controls are there.
func open(t *testing.T, address string, scripts ...string) page {
	t.Helper()
	p := page{t, browser(t)}
	for _, script := range scripts {
		first := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, cdppage.AddScriptToEvaluateOnNewDocument,
				cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
			return chromedp.Void{}, err
		}
		if err := chromedp.Do(p.ctx, first); err != nil {
			t.Fatal(err)
		}
	}
	// As if someone sat before it: JupyterLab runs the notebook that has the focus.
	focus := func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled,
			emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(p.ctx, focus, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	p.until(`window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady`)
	p.evaluate(`window.jupyterapp.commands.execute("notebook:run-all-cells")`)
	p.until(figure + ` && document.querySelector(".jp-OutputArea-output input[type=range]")`)
	return p
}

// evaluate evaluates an expression in the page.
func (p page) evaluate(expression string) {
	p.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[int](expression+"; 0")); err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
}

// until waits for an expression to be true.
func (p page) until(condition string) {
	p.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		// Not by chromedp's Poll, which sees nothing of the page's variables.
		holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+condition+")"))
		if err != nil || time.Now().After(end) {
			p.Fatalf("until %s: %v", condition, err)
		}
		if holds {
			return
		}
	}
}

// move moves the control of an index to a value and waits for another figure.
func (p page) move(index int, value string) {
	p.Helper()
	start := time.Now()
	p.evaluate("window.before = " + figure)
	p.evaluate(fmt.Sprintf(set, index, value))
	// A user whose slider does nothing moves it again.
	p.evaluate(fmt.Sprintf("window.again = setInterval(() => %s, 5000)",
		strings.TrimSuffix(strings.TrimSpace(fmt.Sprintf(set, index, value)), ";")))
	p.until(figure + " && " + figure + " !== window.before")
	p.evaluate("clearInterval(window.again)")
	p.Logf("control %d at %s: a new figure after %.2f s", index, value, time.Since(start).Seconds())
}

// finish presses the button and waits for what the cell prints then.
func (p page) finish(words string) {
	p.Helper()
	p.evaluate(`document.querySelector(".jp-OutputArea-output button").click()`)
	p.until(fmt.Sprintf(`document.querySelector(".jp-Notebook").textContent.includes(%q)`, words))
}

// TestBehindHTTPS moves a control in a JupyterLab like one of a hub: encrypted, and below a path of
// the user's own.
func TestBehindHTTPS(t *testing.T) {
	cert, key := certificate(t)
	_, address := lab(t, panel, "https://%s/user/me/", "--ServerApp.base_url=/user/me/",
		"--ServerApp.certfile="+cert, "--ServerApp.keyfile="+key)
	open(t, address).move(0, "0.8")
}

// deaf loses the first two answers of the kernel to a page that asks for a connection, as a page
// does whose Jupyter hasn't subscribed to the kernel's messages yet.
const deaf = `
	globalThis.lost = 0;
	globalThis.WebSocket = class extends WebSocket {
		set onmessage(handler) {
			super.onmessage = (event) => {
				if (globalThis.lost < 2 && typeof event.data === "string" && event.data.includes("#comm_open_ack")) {
					globalThis.lost++;
				} else {
					handler?.call(this, event);
				}
			};
		}
	};`

// TestLostAnswer moves a control where the kernel's first answers are lost.
func TestLostAnswer(t *testing.T) {
	_, address := lab(t, panel, "http://%s/")
	p := open(t, address, deaf)
	p.move(0, "0.8")
	p.until("window.lost === 2")
}

// TestInABrowser moves the controls in JupyterLab, in Chromium, and looks at the figure and at what
// is saved.
func TestInABrowser(t *testing.T) {
	path, address := lab(t, panel, "http://%s/")
	p := open(t, address)
	p.move(0, "0.8")
	p.move(1, "1")
	p.move(0, "0.3")
	p.finish("drawn true <nil>")
	p.evaluate(`window.jupyterapp.commands.execute("docmanager:save").then(() => window.saved = true)`)
	p.until("window.saved")

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var nb struct {
		Cells []struct {
			Outputs []struct {
				Data map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(text, &nb); err != nil {
		t.Fatal(err)
	}
	// Beside these, gonb leaves an empty output where its connection was.
	figures, values := 0, 0
	for _, output := range nb.Cells[0].Outputs {
		if output.Data["image/png"] != nil {
			figures++
		}
		if strings.Contains(string(output.Data["text/html"]), "brightness: 0.3; size: large") {
			values++
		}
	}
	if figures != 1 || values != 1 {
		t.Errorf("saved are %d figures and %d lines with the values, want the last ones: %s",
			figures, values, text)
	}
	if bytes.Contains(text, []byte("<script>")) || len(text) > 100_000 {
		t.Errorf("%d bytes are saved, with the script or more than the last figure:\n%s", len(text),
			text)
	}
}

// TestResample moves controls whose figure is drawn anew by the shipped model, in the session: the
// σ of the PSF and the seed. The log has the times from a control to its figure in the browser.
func TestResample(t *testing.T) {
	_, address := lab(t, resample, "http://%s/")
	p := open(t, address)
	p.move(0, "1.2")
	p.move(0, "2")
	p.move(2, "1")
	p.finish("drawn 4 <nil>")
}

// TestNobodyAnswers executes the notebook by nbconvert, which neither has a page nor says so: the
// cell says that it has waited.
func TestNobodyAnswers(t *testing.T) {
	h, repo := hometest.Installed(t)
	executed := filepath.Join(t.TempDir(), "executed.ipynb")
	cmd := exec.Command(h.Python(), "-I", "-m", "nbconvert", "--to=notebook", "--execute",
		"--output="+executed, filepath.Join("testdata", panel))
	cmd.Env = append(h.Env(repo), "JUPYTER_CONFIG_DIR="+t.TempDir(), home.HeadlessEnv+"=")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	text, err := os.ReadFile(executed)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"drawn false <nil>",
		"brightness: 0.5; size: small<br>No page answered within 10 s", `"image/png": "`} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the executed notebook lacks %q:\n%s", want, text)
		}
	}
	if bytes.Contains(text, []byte("<input")) {
		t.Errorf("the controls are left, which nobody can move:\n%s", text)
	}
}

// TestInAHeadlessRun executes the notebook as "kernels run" does: its figure is drawn once and
// nothing waits.
func TestInAHeadlessRun(t *testing.T) {
	h, repo := hometest.Installed(t)
	result, err := notebooks.Run(t.Context(), filepath.Join("testdata", panel),
		notebooks.Options{Home: h, Repo: repo, Out: t.TempDir(),
			Console: console.NewLog(t.Output())})
	if err != nil {
		t.Fatal(err)
	}
	if result.Failed != nil {
		t.Fatal(result.Failed)
	}
	text, err := os.ReadFile(result.Notebook)
	if err != nil {
		t.Fatal(err)
	}
	// data and its size
	if !bytes.Contains(text, []byte("drawn false <nil>")) ||
		bytes.Count(text, []byte(`"image/png"`)) != 2 || bytes.Contains(text, []byte("<script>")) {
		t.Errorf("the executed notebook is\n%s", text)
	}
}
