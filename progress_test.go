package main

import (
	"strings"
	"testing"
	"time"

	"keysweep/scanner"
)

func TestTheLineOfTheBar(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := new(scanner.Progress)
	g := &gauge{progress: p, started: start}
	if got := g.line(start, 80); got != "starting" {
		t.Errorf("at the start: %q", got)
	}
	p.Phase.Store("objects")
	p.ObjectsTotal.Store(412_345)
	p.BytesTotal.Store(512e6)
	p.Objects.Store(174_200)
	p.Bytes.Store(210e6)
	p.Candidates.Store(3)
	want := "objects ━━━━╌╌╌╌╌╌╌╌   41 %  174k/412k  210MB/512MB  105MB/s  3 s left  3 candidates"
	if got := g.line(start.Add(2*time.Second), 90); got != want {
		t.Errorf("%q, want\n%q", got, want)
	}
	for width := range 90 {
		if got := g.line(start.Add(2*time.Second), width); len([]rune(got)) > width {
			t.Errorf("%d columns: %q", width, got)
		} else if !strings.HasPrefix(want, got) {
			t.Errorf("%d columns: %q is no beginning", width, got)
		}
	}
	p.Bytes.Store(600e6) // a total may lag behind
	if got := g.line(start.Add(3*time.Second), 90); !strings.Contains(got, "100 %") || strings.Contains(got, "left") {
		t.Error(got)
	}
}

func TestTheLineOfFiles(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := new(scanner.Progress)
	g := &gauge{progress: p, started: start}
	g.line(start, 80)
	p.Phase.Store("files")
	p.Files.Store(12)
	p.Bytes.Store(3400)
	p.Candidates.Store(1)
	if got, want := g.line(start.Add(time.Second), 80), "files  12 files  3.4kB  3.4kB/s  1 candidate"; got != want {
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
