package controls

import (
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/internal/home"
	"galdecon/plotting"
)

// TestReceive checks what the messages of a browser do, also those that no panel sends.
func TestReceive(t *testing.T) {
	p := New()
	sigma, option := p.Slider("σ", 1, 2, 0.1, 1.5), p.Select("sampler", "a", "b", "c")
	before := struct {
		sigma float64
		index int
	}{1.5, 0}
	for _, c := range []struct {
		message string
		sigma   float64
		option  string
		change  bool
	}{
		{"[1.5, 0]", 1.5, "a", false}, // the greeting
		{"[1.2, 2]", 1.2, "c", true},
		{"[1.2, 2]", 1.2, "c", false},
		{"[9, 7]", 2, "c", true},
		{"[-1, -1]", 1, "a", true},
		{"[1.3]", 1, "a", false},
		{"[1.3, 1", 1, "a", false},
		{`{"a": 1}`, 1, "a", false},
		{"null", 1, "a", true},
	} {
		p.receive(c.message)
		changed := false
		select {
		case <-p.changed:
			changed = true
		default:
		}
		// While a figure is drawn its values stay the same.
		if value, index := sigma.Value(), option.Index(); value != before.sigma || index != before.index {
			t.Errorf("%s changes what is drawn now to σ = %g, option %d", c.message, value, index)
		}
		moved, pressed := p.take()
		before.sigma, before.index = sigma.Value(), option.Index()
		if moved != (c.change && !pressed) {
			t.Errorf("after %s it is to be drawn: %t", c.message, moved)
		}
		if sigma.Value() != c.sigma || option.Option() != c.option || changed != c.change {
			t.Errorf("after %s: σ = %g, option %s, changed %t; want %g, %s, %t", c.message, sigma.Value(), option.Option(), changed, c.sigma, c.option, c.change)
		}
		if pressed != (c.message == "null") {
			t.Errorf("after %s the button is pressed: %t", c.message, pressed)
		}
	}
}

// TestDoneAfterAMove checks that the button, pressed before a move is drawn, has it drawn first.
func TestDoneAfterAMove(t *testing.T) {
	p := New()
	sigma := p.Slider("σ", 1, 2, 0.1, 1.5)
	p.receive("[1.2]")
	p.receive("null")
	<-p.changed // one token for both
	if moved, done := p.take(); !moved || !done || sigma.Value() != 1.2 {
		t.Errorf("to be drawn: %t, done: %t, σ = %g", moved, done, sigma.Value())
	}
}

// TestHeadless checks that a panel that nobody can move draws once, with its first values, and doesn't wait.
func TestHeadless(t *testing.T) {
	t.Setenv(home.HeadlessEnv, "1")
	p := New()
	sigma := p.Slider("σ", 1, 2, 0.1, 1.5)
	draws := 0
	err := p.Run(t.Context(), func() (plotting.Drawable, error) {
		draws++
		if sigma.Value() != 1.5 {
			t.Errorf("σ = %g", sigma.Value())
		}
		return plotting.Mosaic{Images: galaxy.NewImages(1, 8, 8, 1)}, nil
	})
	if err != plotting.ErrNoNotebook || draws != 1 {
		t.Errorf("drawn %d times, %v; want once, and that there is no notebook", draws, err)
	}
}

// TestBadControls checks that controls that can't be are an error of Run.
func TestBadControls(t *testing.T) {
	for _, add := range []func(p *Panel){
		func(p *Panel) { p.Slider("σ", 2, 1, 0.1, 1.5) },
		func(p *Panel) { p.Slider("σ", 1, 2, 0, 1.5) },
		func(p *Panel) { p.Slider("σ", 1, 2, 0.1, 3) },
		func(p *Panel) { p.Select("none") },
	} {
		p := New()
		add(p)
		err := p.Run(t.Context(), func() (plotting.Drawable, error) {
			t.Error("drawn")
			return nil, nil
		})
		if err == nil {
			t.Error("no error")
		}
	}
}
