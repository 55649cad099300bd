package report

import (
	"fmt"
	"strconv"
	"time"

	"keysweep/quote"
)

// number returns n with a comma between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count returns "1 key" or "2 keys".
func count[N int | int64](n N, one, many string) string {
	return number(int64(n)) + " " + plural(n, one, many)
}

// plural returns one or many.
func plural[N int | int64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// size returns n bytes in decimal units, as disks and networks count.
func size(n int64) string {
	const step = 1000
	if n < step {
		return count(n, "byte", "bytes")
	}
	v, unit := float64(n)/step, 0
	units := [...]string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for v >= step-0.5 && unit < len(units)-1 {
		v /= step
		unit++
	}
	if v < 99.95 {
		return fmt.Sprintf("%.1f %s", v, units[unit])
	}
	return fmt.Sprintf("%.0f %s", v, units[unit])
}

// elapsed returns d as a person would say it.
func elapsed(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "under 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 59950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	if d < time.Hour {
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
}

// day returns the UTC day of t, or "no date".
func day(t time.Time) string {
	if t.IsZero() {
		return "no date"
	}
	return t.UTC().Format(time.DateOnly)
}

// moment returns t in UTC as a person would write it: the day, and the time if
// it is not midnight.
func moment(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// days returns the whole days of d.
func days(d time.Duration) int64 { return int64(d / (24 * time.Hour)) }

// short returns the first 12 digits of an object id, enough to be unique in
// any repository we know of.
func short(id string) string {
	return quote.Text(id[:min(len(id), 12)])
}
