package plotting

import (
	"errors"
	"fmt"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"

	"galdecon/galdecon/table"
)

// ErrNoNotebook is what Show returns in a program that no notebook runs; Figure.Save works
// anywhere.
var ErrNoNotebook = errors.New("plotting: no notebook to show a figure in; " +
	"write it to a file with Figure.Save")

// Show puts figures (what is [Drawable]) and tables (what is [table.Tabular]) into the output of the
// notebook cell that runs, one beneath the other: a figure as a PNG, an [Animation] in motion, a
// [Viewer] as what can be moved and asked, tables as HTML. What is both is a figure above its
// tables. They come after what the cell printed before, and before what it prints next. Outside a
// notebook Show writes tables to standard output, at most 100 columns wide, and returns
// ErrNoNotebook for a figure.
func Show(all ...any) error {
	for _, what := range all {
		if err := show(what); err != nil {
			return err
		}
	}
	return nil
}

func show(what any) error {
	d, drawable := what.(Drawable)
	t, tabular := what.(table.Tabular)
	if !drawable && !tabular {
		return fmt.Errorf("plotting: Show takes figures, such as Mosaic, and tables, such as a "+
			"table.Table; %T is neither", what)
	}
	if drawable {
		if err := showFigure(d); err != nil {
			return err
		}
	}
	if tabular {
		return showTables(t.Tables())
	}
	return nil
}

func showFigure(d Drawable) error {
	f, err := d.Figure()
	if err != nil {
		return err
	}
	if !gonbui.IsNotebook {
		return ErrNoNotebook
	}
	data, err := displayed(d, f)
	if err != nil {
		return err
	}
	return send(data)
}

func showTables(tables []table.Table) error {
	for _, t := range tables {
		if err := t.Validate(); err != nil {
			return fmt.Errorf("plotting: %w", err)
		}
	}
	text := table.String(tables...)
	if !gonbui.IsNotebook {
		_, err := fmt.Print(text)
		return err
	}
	return send(&protocol.DisplayData{Data: map[protocol.MIMEType]any{
		protocol.MIMETextHTML: table.HTML(tables...), protocol.MIMETextPlain: text,
	}})
}

// send displays something between what the cell prints before and after.
func send(data *protocol.DisplayData) error {
	if err := Flush(); err != nil {
		return err
	}
	gonbui.SendData(data)
	return Flush()
}

// displayed returns the message that displays d, whose figure is f.
func displayed(d Drawable, f *Figure) (*protocol.DisplayData, error) {
	if more, ok := d.(interface {
		display(*Figure) (*protocol.DisplayData, error)
	}); ok {
		return more.display(f)
	}
	data, err := f.PNG()
	if err != nil {
		return nil, err
	}
	return pngData(f, data, f.instead(), ""), nil
}

// instead returns the text for where pictures can't be shown.
func (f *Figure) instead() string {
	return fmt.Sprintf("[%s, %.0fx%.0f]", titleOr(f.Title, "figure"), f.Width, f.Height)
}

// pngData returns the message that displays a figure, with a text for where pictures can't be
// shown. The size in the metadata makes the browser show a dense PNG small and sharp. An ID that
// was used before makes it replace that display.
func pngData(f *Figure, png []byte, text, id string) *protocol.DisplayData {
	return &protocol.DisplayData{
		Data: map[protocol.MIMEType]any{protocol.MIMEImagePNG: png, protocol.MIMETextPlain: text},
		Metadata: map[string]any{
			string(protocol.MIMEImagePNG): map[string]int{
				"width": int(f.Width), "height": int(f.Height),
			},
		},
		DisplayID: id,
	}
}

// flushLimit is how long the kernel may take to answer. A live one takes milliseconds; if it died,
// gonbui.Sync would wait for ever, and the cell outlive its kernel.
const flushLimit = 10 * time.Second

// Flush waits until the notebook's kernel has passed on everything that was displayed. What a
// program displays as its last is lost without it where the kernel sees the end of the program
// first. The functions of this package call it themselves.
func Flush() error {
	if err := gonbui.Open(); err != nil {
		return fmt.Errorf("plotting: the notebook can't be reached: %w", err)
	}
	done := make(chan struct{})
	go func() {
		gonbui.Sync()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(flushLimit):
		return fmt.Errorf("plotting: the notebook's kernel gave no answer within %v; did it stop?",
			flushLimit)
	}
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("plotting: the notebook can't be reached: %w", err)
	}
	return nil
}
