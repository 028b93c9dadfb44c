package main

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"galdecon/galdecon/scorecard"
	"galdecon/galdecon/table"
	"galdecon/internal/atomicfile"
	"galdecon/plotting"
)

//go:embed report.html
var reportText string

var report = template.Must(template.New("report").Parse(reportText))

// page is a report in one file, which needs nothing else. It has tables or text.
type page struct {
	Title, Text string
	Tables      template.HTML
	Figures     []picture
}

// picture is a figure as a data URL.
type picture struct {
	Caption string
	Source  template.URL
}

func (p *page) add(caption string, d plotting.Drawable) error {
	f, err := d.Figure()
	if err != nil {
		return err
	}
	svg, err := f.SVG()
	if err != nil {
		return err
	}
	p.Figures = append(p.Figures, picture{caption,
		template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg))})
	return nil
}

func (p *page) write(path string) error {
	err := atomicfile.Write(path, func(w io.Writer) error { return report.Execute(w, p) })
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

const (
	coverageCaption = "How often intervals hold the truth: on the diagonal if they are right, below " +
		"it if they are too narrow or biased."
	ranksCaption = "Ranks of the truth among the candidates: flat if they are right, a valley if " +
		"too narrow, a slope if biased."
	pullsCaption = "Pulls: how far medians are from the truth, in error bars."
)

// surveyPage is the report of a model over its survey.
func surveyPage(card scorecard.StrataCard) (*page, error) {
	p := &page{Title: fmt.Sprintf("%s over its survey: %d galaxies", card.Model, card.Galaxies),
		Text: card.String()}
	all := card.Strata[0]
	if err := p.calibration("", all.Calibration); err != nil {
		return nil, err
	}
	var recalibrated []scorecard.Calibration
	for _, of := range all.Recalibrated {
		recalibrated = append(recalibrated, of.Calibration)
	}
	if err := p.calibration("Recalibrated. ", recalibrated); err != nil {
		return nil, err
	}
	const fewest = 3 // pulls of a histogram
	var pulls plotting.Pulls
	for _, of := range card.Pulls {
		for _, h := range []plotting.PullHistogram{{Name: of.Quantity, Pulls: of.Drawn},
			{Name: of.Quantity + ", recalibrated", Pulls: of.Recalibrated}} {
			if len(h.Pulls) >= fewest {
				pulls.Histograms = append(pulls.Histograms, h)
			}
		}
	}
	if len(pulls.Histograms) == 0 {
		return p, nil
	}
	return p, p.add(pullsCaption, pulls)
}

// comparisonPage is the report of a comparison of methods.
func comparisonPage(card scorecard.Card) (*page, error) {
	p := &page{Title: fmt.Sprintf("%d galaxies, %s", card.Galaxies, card.Source),
		Tables: template.HTML(table.HTML(card.Tables()...))}
	for _, r := range card.Rows {
		name := fmt.Sprintf("%s, %v. ", r.Method, r.Setting)
		if err := p.calibration(name, r.Calibration); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// calibration adds figures of quantities, none where nothing could be measured.
func (p *page) calibration(of string, all []scorecard.Calibration) error {
	var coverage plotting.Coverage
	var ranks plotting.Ranks
	for _, c := range all {
		if c.Coverage == nil || c.Ranks == nil {
			continue
		}
		coverage.Curves = append(coverage.Curves, plotting.CoverageCurve{Name: c.Quantity,
			Coverage: *c.Coverage})
		ranks.Histograms = append(ranks.Histograms, plotting.RankHistogram{Name: c.Quantity,
			Histogram: *c.Ranks})
	}
	if len(coverage.Curves) == 0 {
		return nil
	}
	if err := p.add(of+coverageCaption, coverage); err != nil {
		return err
	}
	return p.add(of+ranksCaption, ranks)
}
