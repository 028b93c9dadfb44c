package controls

import (
	"context"
	"testing"

	"galdecon/galdecon/galaxy"
	"galdecon/internal/home"
	"galdecon/plotting"
)

// TestReceive checks what the messages of a page do, also those that come late or twice, and those
// that no panel sends.
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
		moved   bool
		done    bool
	}{
		{`{"moved": 0, "values": [1.5, 0]}`, 1.5, "a", false, false}, // the first word
		{`{"moved": 10, "values": [1.2, 2]}`, 1.2, "c", true, false},
		{`{"moved": 10, "values": [1.2, 2]}`, 1.2, "c", false, false}, // again
		{`{"moved": 12, "values": [9, 7]}`, 2, "c", true, false},
		{`{"moved": 11, "values": [1.7, 1]}`, 2, "c", false, false}, // overtaken
		{`{"moved": 0, "values": [1.5, 0]}`, 2, "c", false, false},
		{`{"moved": 13, "values": [-1, -1]}`, 1, "a", true, false},
		{`{"moved": 14, "values": [1.3]}`, 1, "a", false, false},
		{`{"moved": 15, "values": [1.3, 1`, 1, "a", false, false},
		{`{"moved": 16}`, 1, "a", false, false},
		{`[1.3, 1]`, 1, "a", false, false},
		{`null`, 1, "a", false, false},
		{`{"moved": 17, "done": true, "values": [1, 0]}`, 1, "a", false, true},
	} {
		p.receive(c.message)
		// While a figure is drawn its values stay the same.
		if sigma.Value() != before.sigma || option.Index() != before.index {
			t.Errorf("%s changes what is drawn now to σ = %g, option %d",
				c.message, sigma.Value(), option.Index())
		}
		changed := len(p.changed) == 1
		if changed {
			<-p.changed
		}
		moved, done := p.take()
		before.sigma, before.index = sigma.Value(), option.Index()
		if changed != (c.moved || c.done) || moved != c.moved || done != c.done {
			t.Errorf("after %s there is something to do: %t, to be drawn: %t, the button is "+
				"pressed: %t; want %t, %t, %t", c.message, changed, moved, done, c.moved ||
				c.done, c.moved, c.done)
		}
		if sigma.Value() != c.sigma || option.Option() != c.option {
			t.Errorf("after %s: σ = %g, option %s; want %g, %s",
				c.message, sigma.Value(), option.Option(), c.sigma, c.option)
		}
	}
}

// TestDoneAfterAMove checks that the button has a move drawn whose own message is lost, or comes
// late.
func TestDoneAfterAMove(t *testing.T) {
	p := New()
	sigma := p.Slider("σ", 1, 2, 0.1, 1.5)
	p.receive(`{"moved": 2, "done": true, "values": [1.2]}`)
	p.receive(`{"moved": 1, "values": [1.1]}`)
	<-p.changed // one token for both
	if moved, done := p.take(); !moved || !done || sigma.Value() != 1.2 {
		t.Errorf("to be drawn: %t, done: %t, σ = %g", moved, done, sigma.Value())
	}
}

// TestEnded checks that a panel whose context ends while its figure is drawn ends without an error.
func TestEnded(t *testing.T) {
	p := New()
	p.Slider("σ", 1, 2, 0.1, 1.5)
	ctx, cancel := context.WithCancel(t.Context())
	err := p.Run(ctx, func(ctx context.Context) (plotting.Drawable, error) {
		cancel()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Error(err)
	}
}

// TestHeadless checks that a panel that nobody can move draws once, with its first values, and
// doesn't wait.
func TestHeadless(t *testing.T) {
	t.Setenv(home.HeadlessEnv, "1")
	p := New()
	sigma := p.Slider("σ", 1, 2, 0.1, 1.5)
	draws := 0
	err := p.Run(t.Context(), func(context.Context) (plotting.Drawable, error) {
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
		err := p.Run(t.Context(), func(context.Context) (plotting.Drawable, error) {
			t.Error("drawn")
			return nil, nil
		})
		if err == nil {
			t.Error("no error")
		}
	}
}
