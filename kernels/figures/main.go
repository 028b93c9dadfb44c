// Command figures writes the figures of the documents from stored scorecards, so that README, docs
// and the cards of models can't disagree:
//
//	go run ./kernels/figures
//
// The scorecards lie in docs/scorecards, each as "kernels score --format json" writes it. A document
// quotes them between two comments, which readers don't see:
//
//	fluxes are off by <!--{{galaxy.Points "flux"}}-->4 ± 7<!--/--> points
//
// What is between the braces is a text/template with a function for each scorecard, by the name of
// its file, whose methods are those of [card]. What is between the comments is written anew; all
// else stays. A table is quoted from one comment, alone on its line, to the other.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"galdecon/internal/atomicfile"
)

// documents are those with figures, by their paths in the repository; scorecards is the folder of the
// scorecards.
var documents = []string{"README.md", "docs/accuracy.md", "galdecon/pretrained/galaxy/README.md"}

const scorecards = "docs/scorecards"

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write writes the figures of all documents of the repository in a folder.
func write(root string) error {
	cards, err := load(os.DirFS(filepath.Join(root, scorecards)))
	if err != nil {
		return err
	}
	for _, name := range documents {
		path := filepath.Join(root, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		quoted, err := quote(string(text), cards)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if quoted == string(text) {
			continue
		}
		if err := atomicfile.WriteFile(path, []byte(quoted)); err != nil {
			return err
		}
		fmt.Println("written:", name)
	}
	return nil
}

// load reads the scorecards of a folder, as functions of a template by the names of their files.
func load(folder fs.FS) (template.FuncMap, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	cards := template.FuncMap{}
	for _, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		var c card
		if err := json.Unmarshal(data, &c.StrataCard); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if len(c.Strata) == 0 || c.Strata[0].N == 0 {
			return nil, fmt.Errorf("%s: a scorecard of a survey has strata, and the first is of all "+
				"exposures; write it by \"kernels score --survey --format json\"", name)
		}
		c.stratum = stratum{c.Strata[0]}
		cards[strings.TrimSuffix(name, ".json")] = func() card { return c }
	}
	if len(cards) == 0 {
		return nil, errors.New("there are no scorecards")
	}
	return cards, nil
}

var (
	quotation = regexp.MustCompile(`(?s)<!--(\{\{.*?\}\})-->(.*?)<!--/-->`)
	// A comment that begins a line ends the paragraph before it.
	broken = regexp.MustCompile(`(?m)^ *<!--(?:/|\{\{.*?\}\})-->.+$`)
)

// quote returns a document with its figures written anew.
func quote(text string, cards template.FuncMap) (string, error) {
	if line := broken.FindString(text); line != "" {
		return "", fmt.Errorf("a line begins with a figure, which would end the paragraph: %q", line)
	}
	var failed error
	text = quotation.ReplaceAllStringFunc(text, func(all string) string {
		parts := quotation.FindStringSubmatch(all)
		t, err := template.New("figure").Funcs(cards).Option("missingkey=error").Parse(parts[1])
		var figure bytes.Buffer
		if err == nil {
			err = t.Execute(&figure, nil)
		}
		if err != nil {
			failed = errors.Join(failed, err)
			return all
		}
		value := figure.String()
		if strings.Contains(parts[2], "\n") {
			value = "\n" + strings.TrimSpace(value) + "\n"
		}
		return "<!--" + parts[1] + "-->" + value + "<!--/-->"
	})
	return text, failed
}
