package plotting

import (
	"encoding/base64"
	"fmt"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// cell shows a run in the output of a notebook cell: one display, updated in place.
type cell struct {
	id  string
	img string // the loss curve, as HTML
}

func newCell() *cell { return &cell{id: "galdecon-training-" + gonbui.UniqueId()} }

// line sends the line twice, in HTML for a browser and as text for a program that runs the notebook
// without one.
func (c *cell) line(p progress) {
	bar := ""
	if p.total > 0 {
		bar = fmt.Sprintf(`<progress value="%d" max="%d" style="width:12em"></progress> `,
			p.step, p.total)
	}
	gonbui.SendData(&protocol.DisplayData{
		Data: map[protocol.MIMEType]any{
			protocol.MIMETextHTML:  fmt.Sprintf("<div>%s%s</div>%s", bar, p, c.img),
			protocol.MIMETextPlain: p.String(),
		},
		DisplayID: c.id,
	})
}

func (c *cell) curve(l Loss) {
	f, err := l.Figure()
	if err != nil {
		return // Nothing to draw yet, as when every loss is NaN: the line tells.
	}
	png, err := f.PNG()
	if err != nil {
		return
	}
	c.img = fmt.Sprintf(`<img width="%.0f" height="%.0f" src="data:image/png;base64,%s">`,
		f.Width, f.Height, base64.StdEncoding.EncodeToString(png))
}

// finish leaves the curve as a PNG, which shows everywhere, where HTML may be stripped; or the line
// alone if there is no curve.
func (c *cell) finish(l Loss) error {
	data := &protocol.DisplayData{
		Data:      map[protocol.MIMEType]any{protocol.MIMETextPlain: l.Title},
		DisplayID: c.id,
	}
	if f, err := l.Figure(); err == nil {
		png, err := f.PNG()
		if err != nil {
			return err
		}
		data = pngData(f, png, l.Title, c.id)
	}
	gonbui.SendData(data)
	return Flush()
}
