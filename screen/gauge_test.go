package screen

import (
	"strings"
	"testing"
	"time"
)

func TestTheLineOfTheBar(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var c Counts
	g := &Gauge{Counts: func() Counts { return c }, Started: start}
	if got := g.Line(start, 80); got != "starting" {
		t.Errorf("at the start: %q", got)
	}
	c.Phase = "objects"
	c.ObjectsTotal = 412_345
	c.BytesTotal = 512e6
	c.Objects = 174_200
	c.Bytes = 210e6
	c.Candidates = 3
	want := "objects ━━━━╌╌╌╌╌╌╌╌   41 %  174k/412k  210MB/512MB  105MB/s  3 s left  3 candidates"
	if got := g.Line(start.Add(2*time.Second), 90); got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
	for width := range 90 {
		if got := g.Line(start.Add(2*time.Second), width); len([]rune(got)) > width {
			t.Errorf("%d columns: %q", width, got)
		} else if !strings.HasPrefix(want, got) {
			t.Errorf("%d columns: %q is no beginning", width, got)
		}
	}
	c.Bytes = 600e6 // a total may lag behind
	if got := g.Line(start.Add(3*time.Second), 90); !strings.Contains(got, "100 %") || strings.Contains(got, "left") {
		t.Error(got)
	}
}

func TestTheLineOfFiles(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var c Counts
	g := &Gauge{Counts: func() Counts { return c }, Started: start}
	g.Line(start, 80)
	c.Phase = "files"
	c.Files = 12
	c.Bytes = 3400
	c.Candidates = 1
	if got, want := g.Line(start.Add(time.Second), 80), "files  12 files  3.4kB  3.4kB/s  1 candidate"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestShortNumbers(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1.0k", 9949: "9.9k", 9951: "10k", 12_345: "12k", 999_499: "999k", 999_500: "1.0M",
		3_400_000: "3.4M", 1 << 62: "4.6E",
	} {
		if got := short(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTimeLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{
		100 * time.Millisecond: "1 s left", 59 * time.Second: "59 s left", 61 * time.Second: "2 min left", 3 * time.Hour: "over an hour left",
	} {
		if got := timeLeft(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
