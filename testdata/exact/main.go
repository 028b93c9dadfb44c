// Command exact compares models with posteriors that aren't Gaussian and are known exactly: fields
// of 16×16 pixels whose distribution is known, blurred, with noise. Gibbs sampling is the
// reference. A diffusion model is trained on the same distribution, and, where a Python has
// deepinv 0.5.0, its DPS, DiffPIR and ΠGDM run with the exact denoiser of that distribution:
//
//	python3 -m venv VENV && VENV/bin/pip install deepinv==0.5.0
//	go run ./testdata/exact -out DIR -python VENV/bin/python
//
// What is in DIR already isn't made again. The tables are printed, and written to DIR/tables.md and
// DIR/results.json.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"galdecon/galdecon/exact"
	"galdecon/galdecon/table"
	"galdecon/internal/atomicfile"
)

// settings are what the command is told.
type settings struct {
	out, python, script string
	fields, candidates  int
	steps               int
}

// references is the number of draws of the exact posterior that all methods are compared with.
const references = 239

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "exact:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var s settings
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	only := flag.String("only", strings.Join(names, ","), "the kinds of fields")
	flag.StringVar(&s.out, "out", "exact-results", "the folder for models, candidates and results")
	flag.StringVar(&s.python, "python", "", "a Python that has deepinv; none leaves the peers out")
	flag.StringVar(&s.script, "script", filepath.Join("testdata", "exact", "peers.py"),
		"the program of the peers")
	flag.IntVar(&s.fields, "n", 100, "fields of each kind")
	flag.IntVar(&s.candidates, "candidates", 39, "candidates of each observation")
	flag.IntVar(&s.steps, "steps", 12000, "steps of each training")
	flag.Parse()
	if err := checkCandidates(s.candidates); err != nil {
		return err
	}
	results := map[string][]result{}
	var tables []table.Table
	for _, k := range kinds {
		if !slices.Contains(strings.Split(*only, ","), k.name) {
			continue
		}
		found, err := s.measure(ctx, k)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		results[k.name] = found
		tables = append(tables, s.tabulate(k, found))
	}
	if len(tables) == 0 {
		return fmt.Errorf("there is none of %q; choose among %s", *only, strings.Join(names, ", "))
	}
	fmt.Print(table.String(tables...))
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteFile(filepath.Join(s.out, "results.json"), text); err != nil {
		return err
	}
	return atomicfile.WriteFile(filepath.Join(s.out, "tables.md"), []byte(table.Markdown(tables...)))
}

// measure compares all methods on fields of a kind.
func (s settings) measure(ctx context.Context, k kind) ([]result, error) {
	p, err := newProblem(k, s.fields, 1, s.out)
	if err != nil {
		return nil, err
	}
	n, each := s.candidates, s.fields*side*side
	long, err := p.kept("reference.f32", each*(references+1), func() ([]float32, error) {
		return p.gibbs(references, exact.Chain{BurnIn: 100, Thin: 3}, 2)
	})
	if err != nil {
		return nil, err
	}
	short, err := p.kept("gibbs.f32", each*(n+1), func() ([]float32, error) {
		return p.gibbs(n, exact.Chain{BurnIn: 100, Thin: 5}, 3)
	})
	if err != nil {
		return nil, err
	}
	reference := known("reference", long, references)
	methods := []method{known("Gibbs, another chain", short, n)}
	own, err := p.kept(fmt.Sprintf("ours-%d.f32", s.steps), each*n, func() ([]float32, error) {
		c, weights, err := p.train(ctx, s.steps)
		if err != nil {
			return nil, err
		}
		return p.ours(c, weights, n)
	})
	if err != nil {
		return nil, err
	}
	methods = append(methods, method{name: "galdecon", candidates: split(own, n)})
	for _, peer := range []struct{ file, name string }{{"dps", "DPS"}, {"diffpir", "DiffPIR"},
		{"pigdm", "ΠGDM"}} {
		if s.python == "" {
			break
		}
		drawn, err := p.kept(peer.file+".f32", each*n, func() ([]float32, error) {
			return s.peer(ctx, p, peer.file)
		})
		if err != nil {
			return nil, err
		}
		methods = append(methods, method{name: peer.name, candidates: split(drawn, n)})
	}
	var results []result
	for _, m := range methods {
		r, err := p.compare(m, reference)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		results = append(results, r)
	}
	return results, nil
}

// known returns a method whose numbers hold n candidates of each field, and then the mean.
func known(name string, values []float32, n int) method {
	m := method{name: name}
	for _, images := range split(values, n+1) {
		m.candidates = append(m.candidates, images[:n])
		m.mean = append(m.mean, images[n])
	}
	return m
}

// peer runs the program of the peers for one of them.
func (s settings) peer(ctx context.Context, p *problem, name string) ([]float32, error) {
	path := filepath.Join(p.dir, name+".drawn")
	defer os.Remove(path)
	cmd := exec.CommandContext(ctx, s.python, s.script, name, filepath.Join(p.dir, "problem.json"),
		fmt.Sprint(s.candidates), path)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s, which needs deepinv 0.5.0, failed for %s: %w", s.script, name,
			err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if want := 4 * s.fields * s.candidates * side * side; len(text) != want {
		return nil, fmt.Errorf("%s drew %d bytes for %s, not %d", s.script, len(text), name, want)
	}
	return floats32(text), nil
}

// tabulate returns the table of a kind.
func (s settings) tabulate(k kind, results []result) table.Table {
	t := table.Table{Title: k.title, Columns: []table.Column{{Name: "method"},
		{Name: "90 % of pixels hold", Unit: "%", Format: table.Decimals(1)},
		{Name: "90 % of fluxes hold", Unit: "%", Format: table.Decimals(0)},
		{Name: "error of the mean above the least", Unit: "dB", Format: table.Decimals(2)},
		{Name: "Kolmogorov's distance", Format: table.Decimals(3)},
		{Name: "error over spread", Format: table.Decimals(2)}}}
	for _, r := range results {
		t.Add(table.Text(r.Method), r.Coverage.cell(), r.Flux.cell(), r.Gap.cell(),
			r.Distance.cell(), table.Measured(r.Spread.Value, r.Spread.Low, r.Spread.High))
	}
	t.Notes = []string{fmt.Sprintf("%d fields, %d candidates each; ± and ranges are intervals of "+
		"95 %%.", s.fields, s.candidates)}
	return t
}

func (e estimate) cell() table.Cell { return table.Uncertain(e.Value, e.Error) }
