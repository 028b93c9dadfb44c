package scorecard_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"galdecon/galdecon/backend"
	"galdecon/galdecon/internal/galtest"
	"galdecon/galdecon/score/inception"
	"galdecon/galdecon/scorecard"
)

// Inception's features come with the remark that random ones can't be compared.
func TestInception(t *testing.T) {
	device, err := backend.Default()
	if err != nil {
		t.Fatal(err)
	}
	network, err := inception.Random(device, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := config(shaky("known", blobs(2, 16), 0.02, nil))
	c.Galaxies, c.Candidates, c.Epsilon, c.Features, c.Methods = blobs(2, 16), 2, 1, network,
		c.Methods[:1]
	card := run(t, c, t.TempDir())
	if v := card.Rows[0].FeatureVariance; v == nil || !(v.Value > 0) || v.Used != 2 {
		t.Errorf("variance %+v", v)
	}
	if !strings.Contains(card.String(), "not comparable with the paper") {
		t.Errorf("the text doesn't say what the features are:\n%s", card)
	}
}

// Scattering coefficients need no download, and the card says what they are.
func TestScattering(t *testing.T) {
	features, err := scorecard.ChooseFeatures(t.Context(), "scattering", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := config(shaky("known", blobs(2, 16), 0.02, nil))
	c.Galaxies, c.Candidates, c.Epsilon, c.Features, c.Methods = blobs(2, 16), 2, 1, features,
		c.Methods[:1]
	card := run(t, c, t.TempDir())
	if v := card.Rows[0].FeatureVariance; v == nil || !(v.Value > 0) || v.Used != 2 {
		t.Errorf("variance %+v", v)
	}
	if !strings.Contains(card.String(), "scattering coefficients") {
		t.Errorf("the text doesn't say what the features are:\n%s", card)
	}
}

func TestChooseFeaturesRefuses(t *testing.T) {
	corrupt := filepath.Join(t.TempDir(), "weights.pth")
	if err := os.WriteFile(corrupt, []byte("not these"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := scorecard.ChooseFeatures(t.Context(), corrupt, nil)
	galtest.Wants(t, "corrupt weights", err, corrupt, "9 bytes")
	_, err = scorecard.ChooseFeatures(t.Context(), corrupt+"?", nil)
	galtest.Wants(t, "no weights", err, "there are no weights")
	_, err = scorecard.ChooseFeatures(t.Context(), "", nil)
	galtest.Wants(t, "unsaid features", err, "scattering, random, official")
	if none, err := scorecard.ChooseFeatures(t.Context(), "none", nil); none != nil || err != nil {
		t.Errorf("no features: %v, %v", none, err)
	}
}
