package screen

import (
	"cmp"
	"io"
	"time"
)

// Refresh is the time between two pictures of a line: no reader is faster, and
// the scan pays for each.
const Refresh = 150 * time.Millisecond

// defaultColumns is the width of a terminal that does not say.
const defaultColumns = 80

// DrawLine draws what line returns, at most width columns, on the terminal w
// until the function that it returns is called, which erases it. What takes less
// than Refresh draws nothing.
func DrawLine(w io.Writer, line func(now time.Time, width int) string) (erase func()) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(Refresh)
		defer tick.Stop()
		end := ""
		for {
			select {
			case now := <-tick.C:
				// One column less: some terminals wrap a line as soon as it is full.
				width := cmp.Or(Columns(w), defaultColumns) - 1
				_, _ = io.WriteString(w, "\r"+cut(line(now, width), width)+"\x1b[K")
				end = "\r\x1b[J"
			case <-stop:
				_, _ = io.WriteString(w, end)
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// cut returns the first width characters of s.
func cut(s string, width int) string {
	runes := []rune(s)
	return string(runes[:min(len(runes), max(width, 0))])
}
