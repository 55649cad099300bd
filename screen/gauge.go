package screen

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"
)

// Counts is how far a scan is.
type Counts struct {
	Phase                 string // "": it starts
	Files                 int64
	Objects, ObjectsTotal int64 // a total may be zero, not yet known, or lag behind
	Bytes, BytesTotal     int64
	Candidates            int64
	Message               string // of a server, printable
}

// Gauge turns counts into lines for DrawLine.
type Gauge struct {
	Counts  func() Counts
	Started time.Time
	// The rate is measured between pictures and smoothed over about smoothing.
	lastTime  time.Time
	lastBytes int64
	rate      float64 // bytes per second; zero: not known yet
}

// smoothing is long enough for a steady number and short enough to follow a
// scan from small files to a large pack.
const smoothing = 3 * time.Second

// Line returns what to show at now, at most width columns, the least important
// last so that a narrow terminal cuts it off:
//
//	objects ━━━━━━━━╌╌╌╌  41 %  174k/412k  210/512 MB  88 MB/s  4 s left  3 candidates
func (g *Gauge) Line(now time.Time, width int) string {
	c := g.Counts()
	g.measure(now, c.Bytes)

	parts := []string{cmp.Or(c.Phase, "starting")}
	if c.BytesTotal > 0 {
		done := min(1, float64(c.Bytes)/float64(c.BytesTotal))
		parts[0] += " " + bar(done, 12)
		parts = append(parts, fmt.Sprintf("%3.0f %%", math.Floor(done*100)))
	}
	switch {
	case c.ObjectsTotal > 0:
		parts = append(parts, short(c.Objects)+"/"+short(c.ObjectsTotal))
	case c.Files > 0:
		parts = append(parts, plural(c.Files, "file"))
	}
	if c.BytesTotal > 0 {
		parts = append(parts, short(c.Bytes)+"B/"+short(c.BytesTotal)+"B")
	} else if c.Bytes > 0 {
		parts = append(parts, short(c.Bytes)+"B")
	}
	if g.rate > 0 {
		parts = append(parts, short(int64(g.rate))+"B/s")
	}
	if left := c.BytesTotal - c.Bytes; left > 0 && g.rate > 0 && now.Sub(g.Started) > time.Second {
		parts = append(parts, timeLeft(time.Duration(float64(left)/g.rate*float64(time.Second))))
	}
	if c.Candidates > 0 {
		parts = append(parts, plural(c.Candidates, "candidate"))
	}
	if c.Message != "" {
		parts = append(parts, cut(c.Message, max(0, width-len([]rune(strings.Join(parts, "  ")))-2)))
	}
	line := parts[0]
	for _, part := range parts[1:] {
		longer := line + "  " + part
		if len([]rune(longer)) > width {
			break
		}
		line = longer
	}
	return cut(line, width)
}

func (g *Gauge) measure(now time.Time, bytes int64) {
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

func plural(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return short(n) + " " + thing
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
