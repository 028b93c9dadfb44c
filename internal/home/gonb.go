package home

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gonbFiles are what galdecon's gonb has besides, for [gonbChanges] to call: a file for each of its
// packages, by the package's name.
//
//go:embed gonb/*.go
var gonbFiles embed.FS

// gonbAdditions returns the files of [gonbFiles] by their packages.
func gonbAdditions() (map[string]string, error) {
	files, err := gonbFiles.ReadDir("gonb")
	if err != nil {
		return nil, err
	}
	additions := map[string]string{}
	for _, file := range files {
		text, err := gonbFiles.ReadFile("gonb/" + file.Name())
		if err != nil {
			return nil, err
		}
		// Without the line by which go ignores it here.
		_, added, _ := strings.Cut(string(text), "\n")
		additions[strings.TrimSuffix(file.Name(), ".go")] = added
	}
	return additions, nil
}

// gonbChanges are what galdecon's gonb has otherwise than the module.
var gonbChanges = []struct{ file, old, new string }{
	// Sliders behind https, or on a hub: gonb's script in the notebook's page connects to the
	// kernel without encryption, at the root of the host. Ours takes the address of the page's
	// Jupyter, as JupyterLab, or the classic notebook, says it in the page.
	{
		"internal/websocket/websocket.js",
		`"ws://" + document.location.host + "/`,
		`new URL(JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}")` +
			`.baseUrl || document.body.dataset.baseUrl || "/", document.location).href.replace(/^http/, "ws") + "`,
	},
	// Jupyter's server subscribes to a busy kernel's messages without waiting for the subscription,
	// so the kernel's answer to the page's comm_open may be lost; the page would wait for it 0.5 s,
	// and give up for good. Ours asks again until there is an answer, and the kernel takes what it
	// is asked again as the same.
	{
		"internal/websocket/websocket.js",
		`await this._wait_open_ack();`,
		`const again = setInterval(() => this._send(msg), 250);
            try {
                await this._wait_open_ack();
            } finally {
                clearInterval(again);
            }`,
	},
	{"internal/websocket/websocket.js", `500, // milliseconds`, `30000, // milliseconds`},
	{"internal/comms/comms.go", "if s.Opened {\n\t\t// Close the previous",
		"if s.Opened && s.CommId != commId {\n\t\t// Close the previous"},

	// Completion after a dot, and in a cell that can't be parsed, knows what other cells import.
	{inspectFile, "nil, cellId, cellLines, skipLines, cursorInCell)",
		"nil, cellId, withBlank(cellLines, cursorInCell), skipLines, cursorInCell)"},
	{inspectFile, "\t_ = cursorInFile\n", ""},
	{inspectFile, "\tctx := context.Background()\n\terr = s.notify",
		"\tctx := context.Background()\n" +
			"\tif err = s.withoutBlank(cursorInFile); err != nil {\n\t\treturn\n\t}\n" +
			"\terr = s.notify"},
	{inspectFile, "for auto-complete: %+v\", err)\n\t\terr = nil\n",
		"for auto-complete: %+v\", err)\n" + importDefinitions},
	{inspectFile, "for InspectRequest: %+v\", err)\n\t\terr = nil\n",
		"for InspectRequest: %+v\", err)\n" + importDefinitions},
	// It connects to gopls as soon as that is there, and not 12 s after the kernel's start, and
	// waits longer for its first answer, for which it reads all packages.
	{"internal/goexec/goplsclient/exec.go",
		"case <-time.After(ConnectTimeout):", "case <-time.After(100 * time.Millisecond):"},
	{"internal/goexec/goplsclient/exec.go",
		"\t\t<-time.After(ConnectTimeout)\n", "\t\t<-time.After(100 * time.Millisecond)\n"},
	{"internal/goexec/goplsclient/conn.go",
		"= 8000 * time.Millisecond", "= 20000 * time.Millisecond"},
	// Help on what isn't known, as a name that is half typed, is none.
	{inspectFile, "\tmessages := s.gopls.ConsumeMessages()\n", "\ts.gopls.ConsumeMessages()\n"},
	{
		inspectFile,
		`		parts := []string{errors.Cause(err).Error()}
		if len(messages) > 0 {
			parts = append(parts, messages...)
		}
		return kernel.MIMEMap{string(protocol.MIMETextPlain): strings.Join(parts, "\n\n")}, nil
`,
		`		klog.Infof("no help: %v", err)
		return make(kernel.MIMEMap), nil
`,
	},
	{inspectFile, "\t\"strings\"\n", ""},
	// It is looked for backward from the cursor, and not for ever in a cell that begins with
	// nothing.
	{inspectFile, "\t\t// Move to previous line, skipping",
		"\t\tif cursor.Line == 0 {\n\t\t\tcursor = NoCursor\n\t\t\treturn\n\t\t}\n" +
			"\t\t// Move to previous line, skipping"},

	// The errors of the compiler show the cells' lines.
	{"internal/goexec/gonberror.go", "nbErr.Lines[ii] = parsed\n\t}\n",
		"nbErr.Lines[ii] = parsed\n\t}\n\tnbErr.tidy(codeLines, fileToCellIdAndLine)\n"},

	// An interrupt also ends the building of a cell, which then doesn't run.
	{"internal/dispatcher/dispatcher.go",
		"\t\t\tmsg.Kernel().CallInterruptSubscribers()\n\t\t\treply",
		"\t\t\tmsg.Kernel().Interrupted.Store(true)\n" +
			"\t\t\tmsg.Kernel().CallInterruptSubscribers()\n\t\t\treply"},
	{"internal/dispatcher/dispatcher.go",
		"\tmsg.Kernel().Interrupted.Store(false)\n\tlines :=", "\tlines :="},
	{"internal/dispatcher/dispatcher.go",
		"\t// Tell the front-end what the kernel is about to execute.\n",
		"\tmsg.Kernel().Interrupted.Store(false)\n" +
			"\t// Tell the front-end what the kernel is about to execute.\n"},
	{"internal/goexec/execcode.go", "output, err := cmd.CombinedOutput()\n",
		"output, err := interruptible(msg, cmd)\n" +
			"\tif msg.Kernel().Interrupted.Load() {\n\t\treturn errInterrupted\n\t}\n"},
	{"internal/jpyexec/jpyexec.go", "\tif exec.stdinContent != nil {\n\t\texec.handleStatic",
		"\tif exec.Msg.Kernel().Interrupted.Load() {\n\t\t_ = " +
			"cmd.Process.Signal(os.Interrupt)\n\t}\n\tif exec.stdinContent != nil " +
			"{\n\t\texec.handleStatic"},

	// What a program displays at its end isn't lost: gonb stops reading when the program has ended,
	// whatever is left in the pipe.
	{"internal/jpyexec/jpyexec.go", "\tdoneChan  chan struct{}\n",
		"\tdoneChan  chan struct{}\n\tdrained   chan struct{} // closed when all is read\n"},
	{"internal/jpyexec/jpyexec.go", "\texec.doneChan = make(chan struct{})\n",
		"\texec.doneChan = make(chan struct{})\n\texec.drained = make(chan struct{})\n"},
	{"internal/jpyexec/jpyexec.go", "\texec.exitError = cmd.Wait()\n",
		"\texec.exitError = cmd.Wait()\n\texec.drain()\n"},
	{"internal/jpyexec/namedpipes.go", "pollNamedPipeReader() {\n",
		"pollNamedPipeReader() {\n\tdefer close(exec.drained)\n"},
}

const (
	// inspectFile is where gonb completes names and helps.
	inspectFile = "internal/goexec/inspect.go"
	// importDefinitions has a cell that can't be parsed import what others do.
	importDefinitions = "\t\tif err = s.importDefinitions(); err != nil {\n\t\t\treturn\n\t\t}\n"
)

// gonbModfile writes a gonb with [gonbChanges] to dir, and a go.mod like the repository's tools.mod
// that takes it, whose path it returns. (go build's overlays don't reach into the cache of
// modules.)
func gonbModfile(ctx context.Context, repo, dir string) (string, error) {
	module, err := downloaded(ctx, repo, tools["gonb"])
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "gonb")
	if err := os.CopyFS(changed, os.DirFS(module)); err != nil {
		return "", err
	}
	for _, change := range gonbChanges {
		file := filepath.Join(changed, filepath.FromSlash(change.file))
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if bytes.Count(text, []byte(change.old)) != 1 {
			return "",
				fmt.Errorf("%s in %s isn't that of the gonb that galdecon is made for; run `go "+
					"mod verify`", change.file, module)
		}
		// The copy may be read-only, as the cache is.
		if err := os.Chmod(file, 0o644); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, bytes.Replace(text, []byte(change.old), []byte(change.new), 1),
			0o644); err != nil {
			return "", err
		}
	}
	additions, err := gonbAdditions()
	if err != nil {
		return "", err
	}
	for name, text := range additions {
		file := filepath.Join(changed, "internal", name, "galdecon.go")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	versions, err := os.ReadFile(filepath.Join(repo, toolsMod))
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(repo, toolsSum))
	if err != nil {
		return "", err
	}
	versions = fmt.Appendf(versions, "\nreplace %s => %q\n", tools["gonb"], changed)
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "go.mod")
	return file, os.WriteFile(file, versions, 0o644)
}

// downloaded returns the folder of a module in the version that tools.mod pins, which is downloaded
// where it isn't there.
func downloaded(ctx context.Context, repo, path string) (string, error) {
	cmd, err := goCommand(ctx, repo, "mod", "download", "-modfile="+toolsMod, "-json", path)
	if err != nil {
		return "", err
	}
	said, err := cmd.Output()
	var module struct{ Dir, Error string }
	if errJSON := json.Unmarshal(said, &module); errJSON == nil && module.Error != "" {
		return "", fmt.Errorf("cannot download %s: %s", path, module.Error)
	}
	if exit, ok := err.(*exec.ExitError); ok {
		return "", fmt.Errorf("cannot download %s: %s", path, bytes.TrimSpace(exit.Stderr))
	}
	return module.Dir, err
}
