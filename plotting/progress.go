package plotting

import (
	"fmt"
	"html"
	"os"
	"sync"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Progress follows work that takes a while: a bar with a line of text and the time that is left, in
// one display of the notebook cell that is updated in place, at most twice a second. Outside a
// notebook the line goes to standard error every 10 seconds. For a training see [Training].
//
//	bar := plotting.NewProgress()
//	for … {
//		bar.Update(done, "17 of 20 galaxies")
//	}
//
// Its method may be called from several goroutines.
type Progress struct {
	mu             sync.Mutex
	show           func(done float64, line string)
	period         time.Duration
	now            func() time.Time
	started, shown time.Time
	from           float64
}

const progressBar = `<div><progress value="%.4f" max="1" style="width:12em"></progress> %s</div>`

// NewProgress returns a bar that takes no room before its first update.
func NewProgress() *Progress {
	if !gonbui.IsNotebook {
		return &Progress{period: logPeriod, now: time.Now, show: func(_ float64, line string) {
			_, _ = fmt.Fprintln(os.Stderr, line) // A full disk must not stop the work.
		}}
	}
	id := "galdecon-progress-" + gonbui.UniqueId()
	return &Progress{period: linePeriod, now: time.Now, show: func(done float64, line string) {
		gonbui.SendData(&protocol.DisplayData{
			Data: map[protocol.MIMEType]any{
				protocol.MIMETextHTML:  fmt.Sprintf(progressBar, done, html.EscapeString(line)),
				protocol.MIMETextPlain: line,
			},
			DisplayID: id,
		})
		if done >= 1 {
			// What the cell prints next comes below. A notebook that can't be reached must not stop
			// the work.
			_ = Flush()
		}
	}}
}

// Update tells which part of the work is done, 0 to 1, and says in words how far it is. A part of 1
// or more is always shown.
func (p *Progress) Update(done float64, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.started.IsZero() {
		// What was done before, in an interrupted run, doesn't count for the rate.
		p.started, p.from = now, done
	}
	if done < 1 && now.Sub(p.shown) < p.period {
		return
	}
	p.shown = now
	elapsed := now.Sub(p.started).Seconds()
	if made := done - p.from; done < 1 && made > 0 && elapsed > 0 {
		text += fmt.Sprintf(", %v left", seconds((1-done)*elapsed/made))
	} else if done >= 1 {
		text += fmt.Sprintf(", in %.1f s", elapsed)
	}
	p.show(min(done, 1), text)
}
