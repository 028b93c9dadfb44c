package plotting

import "github.com/janpfeifer/gonb/gonbui"

// Live is a figure in the output of the notebook cell that runs, which is drawn anew in its place:
// samples of a model in training, or what depends on a slider. The last one stays in the notebook.
//
//	live := plotting.NewLive()
//	for … {
//		err := live.Show(figure)
//	}
type Live struct{ id string }

// NewLive returns a place for a figure. It takes no room before the first is shown.
func NewLive() *Live { return &Live{id: "galdecon-live-" + gonbui.UniqueId()} }

// Show draws a figure in the place of the last one. Outside a notebook it returns ErrNoNotebook.
func (l *Live) Show(d Drawable) error {
	f, err := d.Figure()
	if err != nil {
		return err
	}
	if !gonbui.IsNotebook {
		return ErrNoNotebook
	}
	data, err := f.PNG()
	if err != nil {
		return err
	}
	gonbui.SendData(pngData(f, data, f.instead(), l.id))
	return Flush()
}
