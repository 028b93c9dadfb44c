package plotting

import (
	"slices"
	"testing"
)

func TestLossTerms(t *testing.T) {
	down := falling(300)
	for i := range down {
		down[i].Loss *= -1000
	}
	terms := map[string][]Point{"KL": falling(300), "clean": down}
	f := mustDraw(t, LossTerms{Terms: terms, Title: "Eq. 1"})
	texts := written(t, f)
	for _, want := range []string{"Eq. 1", "|KL|", "|clean|", "training step"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the figure lacks %q; it has %q", want, texts)
		}
	}
	if data, err := f.PNG(); err != nil || len(data) > 100_000 {
		t.Errorf("the figure takes %d bytes (%v), want at most 100000", len(data), err)
	}

	_, err := LossTerms{}.Figure()
	wantError(t, err, "1 to 6")
	few := []Point{{Step: 1}, {Step: 2}, {Step: 3, Loss: 1}}
	_, err = LossTerms{Terms: map[string][]Point{"KL": few}}.Figure()
	wantError(t, err, `"KL"`)
}
