package controls_test

import (
	"bytes"
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
	"testing"
	"time"

	"galdecon/internal/browsertest"
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
type page struct{ browsertest.Page }

// open runs the notebook in the page at an address, in which scripts are run first, until its
// controls are there.
func open(t *testing.T, address string, scripts ...string) page {
	t.Helper()
	p := page{browsertest.Open(t, address, scripts...)}
	p.RunAll()
	p.Until(figure + ` && document.querySelector(".jp-OutputArea-output input[type=range]")`)
	return p
}

// move moves the control of an index to a value and waits for another figure.
func (p page) move(index int, value string) {
	p.Helper()
	start := time.Now()
	p.Evaluate("window.before = " + figure)
	p.Evaluate(fmt.Sprintf(set, index, value))
	// A user whose slider does nothing moves it again.
	p.Evaluate(fmt.Sprintf("window.again = setInterval(() => %s, 5000)",
		strings.TrimSuffix(strings.TrimSpace(fmt.Sprintf(set, index, value)), ";")))
	p.Until(figure + " && " + figure + " !== window.before")
	p.Evaluate("clearInterval(window.again)")
	p.Logf("control %d at %s: a new figure after %.2f s", index, value, time.Since(start).Seconds())
}

// finish presses the button and waits for what the cell prints then.
func (p page) finish(words string) {
	p.Helper()
	p.Evaluate(`document.querySelector(".jp-OutputArea-output button").click()`)
	p.Until(fmt.Sprintf(`document.querySelector(".jp-Notebook").textContent.includes(%q)`, words))
}

// TestBehindHTTPS moves a control in a JupyterLab like one of a hub: encrypted, and below a path of
// the user's own.
func TestBehindHTTPS(t *testing.T) {
	cert, key := certificate(t)
	_, address := browsertest.Lab(t, panel, "https://%s/user/me/", "--ServerApp.base_url=/user/me/",
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
	_, address := browsertest.Lab(t, panel, "http://%s/")
	p := open(t, address, deaf)
	p.move(0, "0.8")
	p.Until("window.lost === 2")
}

// TestInABrowser moves the controls in JupyterLab, in Chromium, and looks at the figure and at what
// is saved.
func TestInABrowser(t *testing.T) {
	path, address := browsertest.Lab(t, panel, "http://%s/")
	p := open(t, address)
	p.move(0, "0.8")
	p.move(1, "1")
	p.move(0, "0.3")
	p.finish("drawn true <nil>")
	p.Save()

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
	_, address := browsertest.Lab(t, resample, "http://%s/")
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
