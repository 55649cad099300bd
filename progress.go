package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"keysweep/scanner"
)

// refresh is the time between two pictures of the bar: nobody reads faster, and
// the scan pays for each.
const refresh = 150 * time.Millisecond

// showBar draws a bar for p on the terminal w until the function that it
// returns is called, which erases it.
func showBar(w io.Writer, p *scanner.Progress) (erase func()) {
	container := mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(refresh))
	gauge := &gauge{progress: p, started: time.Now()}
	bar, err := container.Add(0, mpb.BarFillerFunc(func(w io.Writer, stat decor.Statistics) error {
		if stat.Aborted {
			return nil
		}
		_, err := io.WriteString(w, gauge.line(time.Now(), stat.AvailableWidth))
		return err
	}))
	if err != nil {
		return func() {}
	}
	return func() {
		bar.Abort(true)
		container.Wait()
	}
}

// showAsking draws how many keys have been asked about on the terminal w, as
// showBar does.
func showAsking(w io.Writer) (progress func(done, total int), erase func()) {
	var state atomic.Int64 // done<<32 | total
	container := mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(refresh))
	bar, err := container.Add(0, mpb.BarFillerFunc(func(w io.Writer, stat decor.Statistics) error {
		if stat.Aborted {
			return nil
		}
		s := state.Load()
		_, err := fmt.Fprintf(w, "asking issuers  %d of %s", s>>32, keys(int(s&math.MaxInt32)))
		return err
	}))
	if err != nil {
		return func(int, int) {}, func() {}
	}
	return func(done, total int) { state.Store(int64(done)<<32 | int64(total)) }, func() {
		bar.Abort(true)
		container.Wait()
	}
}

// gauge turns the counters of a scan into a line.
type gauge struct {
	progress *scanner.Progress
	started  time.Time
	// The rate is measured between pictures and smoothed over about smoothing.
	lastTime  time.Time
	lastBytes int64
	rate      float64 // bytes per second; zero: not known yet
}

// smoothing is long enough for a steady number and short enough to follow a
// scan from small files to a large pack.
const smoothing = 3 * time.Second

// line returns what to show at now, at most width columns, the least important
// last so that a narrow terminal cuts it off:
//
//	objects ━━━━━━━━╌╌╌╌  41 %  174k/412k  210/512 MB  88 MB/s  4 s left  3 candidates
func (g *gauge) line(now time.Time, width int) string {
	p := g.progress
	phase, _ := p.Phase.Load().(string)
	if phase == "" {
		phase = "starting"
	}
	files, objects, objectsTotal := p.Files.Load(), p.Objects.Load(), p.ObjectsTotal.Load()
	bytes, bytesTotal := p.Bytes.Load(), p.BytesTotal.Load()
	g.measure(now, bytes)

	parts := []string{phase}
	if bytesTotal > 0 {
		done := min(1, float64(bytes)/float64(bytesTotal))
		parts[0] += " " + bar(done, 12)
		parts = append(parts, fmt.Sprintf("%3.0f %%", math.Floor(done*100)))
	}
	switch {
	case objectsTotal > 0:
		parts = append(parts, short(objects)+"/"+short(objectsTotal))
	case files == 1:
		parts = append(parts, "1 file")
	case files > 1:
		parts = append(parts, short(files)+" files")
	}
	if bytesTotal > 0 {
		parts = append(parts, short(bytes)+"B/"+short(bytesTotal)+"B")
	} else if bytes > 0 {
		parts = append(parts, short(bytes)+"B")
	}
	if g.rate > 0 {
		parts = append(parts, short(int64(g.rate))+"B/s")
	}
	if left := bytesTotal - bytes; left > 0 && g.rate > 0 && now.Sub(g.started) > time.Second {
		parts = append(parts, timeLeft(time.Duration(float64(left)/g.rate*float64(time.Second))))
	}
	if n := p.Candidates.Load(); n == 1 {
		parts = append(parts, "1 candidate")
	} else if n > 1 {
		parts = append(parts, short(n)+" candidates")
	}
	line := parts[0]
	for _, part := range parts[1:] {
		longer := line + "  " + part
		if len([]rune(longer)) > width {
			break
		}
		line = longer
	}
	if runes := []rune(line); len(runes) > width {
		line = string(runes[:max(0, width)])
	}
	return line
}

func (g *gauge) measure(now time.Time, bytes int64) {
	if g.lastTime.IsZero() {
		g.lastTime, g.lastBytes = now, bytes
		return
	}
	passed := now.Sub(g.lastTime)
	if passed <= 0 {
		return
	}
	rate := float64(bytes-g.lastBytes) / passed.Seconds()
	if g.rate == 0 {
		g.rate = rate
	} else {
		weight := 1 - math.Exp(-passed.Seconds()/smoothing.Seconds())
		g.rate += weight * (rate - g.rate)
	}
	g.lastTime, g.lastBytes = now, bytes
}

// bar returns done (0 to 1) as a bar of width columns.
func bar(done float64, width int) string {
	full := int(done * float64(width))
	return strings.Repeat("━", full) + strings.Repeat("╌", width-full)
}

// short returns n in at most four characters and a decimal unit: 950, 12k, 3.4M.
func short(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	v, units := float64(n)/1000, "kMGTPE"
	for v >= 999.5 && len(units) > 1 {
		v /= 1000
		units = units[1:]
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f%c", v, units[0])
	}
	return fmt.Sprintf("%.0f%c", v, units[0])
}

func timeLeft(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s left", math.Ceil(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%.0f min left", math.Ceil(d.Minutes()))
	}
	return "over an hour left"
}
