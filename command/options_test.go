package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/report"
)

// parsed returns what the options of a scan mean.
func parsed(t *testing.T, args ...string) (*scanOptions, error) {
	t.Helper()
	p := newProgram(discarded)
	l, err := p.parse(append([]string{"scan"}, args...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.call(context.Background(), l)
	if err != nil {
		return nil, err
	}
	return parseScan(c)
}

func TestOptionsReachTheScan(t *testing.T) {
	plain(t)
	opts, err := parsed(t, "a", "--history", "--ignored", "--exclude", "**/{a,b}.txt", "b", "--exclude=*.c,*.d",
		"--min-confidence", "low", "--show-rejected", "-j", "3", "--max-object", "1MiB", "--verify-objects",
		"--follow-alternates", "--rules", "x.toml", "--rules", "y,z.toml", "--timeout", "90s", "--fail-on", "none", "--exit-code", "7", "-v",
		"--since", "2026-01-31")
	if err != nil {
		t.Fatal(err)
	}
	s := opts.audit.Scan
	for name, ok := range map[string]bool{
		"paths":      slices.Equal(s.Paths, []string{"a", "b"}),
		"history":    s.History && !s.Tree,
		"ignored":    s.Ignored,
		"exclude":    slices.Equal(s.Exclude, []string{"**/{a,b}.txt", "*.c,*.d"}),
		"confidence": s.MinConfidence == finding.Low && opts.report.MinConfidence == finding.Low,
		"rejected":   s.KeepRejected && opts.report.ShowRejected,
		"jobs":       s.Workers == 3,
		"max-object": s.MaxObject == 1<<20,
		"verify":     s.VerifyObjects,
		"alternates": s.FollowAlternates,
		"rules":      slices.Equal(opts.audit.Sources.Rules, []string{"x.toml", "y,z.toml"}),
		"timeout":    opts.timeout == 90*time.Second,
		"fail-on":    opts.failOn == failOnNone,
		"since":      s.Since.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)),
		"exit-code":  opts.exitCode == 7,
		"verbose":    opts.report.Verbose,
	} {
		if !ok {
			t.Errorf("%s did not arrive: %+v", name, opts)
		}
	}
}

func TestWithoutOptionsTheZeroValuesHold(t *testing.T) {
	plain(t)
	opts, err := parsed(t)
	if err != nil {
		t.Fatal(err)
	}
	s := opts.audit.Scan
	if len(s.Paths) > 0 || s.Tree || s.History || s.Ignored || s.MinConfidence != 0 || s.Workers != 0 || s.MaxObject != 0 || s.Progress != nil {
		t.Errorf("%+v", s)
	}
	if opts.failOn != failOnAny || opts.exitCode != StatusFound || opts.timeout != 0 || opts.audit.Scan.Progress != nil {
		t.Errorf("%+v", opts)
	}
	if diff := cmp.Diff([]output{{"-", report.Text}}, opts.outputs, cmp.AllowUnexported(output{})); diff != "" {
		t.Error(diff)
	}
}

func TestWrongValuesAreRefusedInWords(t *testing.T) {
	plain(t)
	folder := t.TempDir()
	for _, tt := range []struct{ typed, want string }{
		{"--min-confidence none", "none is not low, medium or high"},
		{"--fail-on active", "--fail-on active needs --verify or --verify-issuer"},
		{"--fail-on alive", "alive is not any, active or none"},
		{"--verify --fail-on active --dry-run", "--fail-on active and --dry-run exclude each other"},
		{"--dry-run", "--dry-run has no effect without --verify or --verify-issuer"},
		{"--endpoint martis=https://localhost", "--endpoint has no effect without --verify"},
		{"-f json -f sarif", "--format is given twice: json and sarif"},
		{"--min-confidence low . --min-confidence=high", "--min-confidence is given twice: low and high"},
		{"--issuer martis", "--issuer has no effect without --verify"},
		{"--verify --endpoint martis", "--endpoint: martis is not NAME=URL"},
		{"--verify --endpoint =https://localhost", "is not NAME=URL"},
		{"--verify --endpoint martis=", "is not NAME=URL"},
		{"--verify --issuer=", "--issuer: its value is empty"},
		{"--verify --ca-file=", "--ca-file: its value is empty"},
		{"--verify --egress-log=", "--egress-log: its value is empty"},
		{"--verify-issuer=", "--verify-issuer: its value is empty"},
		{"--verify --dry-run --egress-log FOLDER/log", "--egress-log has no effect with --dry-run"},
		{"--verify --verify-limit 0", "0 is not a number from 1 to 100000"},
		{"--verify --verify-limit many", "many is not a number from 1"},
		{"--verify --verify-timeout 5", "5 is not a duration"},
		{"--verify --verify-timeout 0s", "0s is no time at all"},
		{"--exit-code -1", "-1 is not a number from 0 to 255"},
		{"--exit-code 256", "256 is not a number from 0 to 255"},
		{"--exit-code one", "one is not a number"},
		{"--jobs 0", "0 is not a number from 1 to 1024"},
		{"--jobs -3", "-3 is not a number"},
		{"-j 99999999999999999999", "is not a number from 1"},
		{"--timeout 30", "30 is not a duration, as 90s or 10m"},
		{"--timeout 0s", "0s is no time at all"},
		{"--timeout -5s", "-5s is no time at all"},
		{"--since yesterday", "yesterday is not a date, as 2026-01-31 or 2026-01-31T10:00:00Z, nor a span back from now, as 12h, 30d or 2w"},
		{"--since 30d --tree", "--since and --tree exclude each other"},
		{"--max-object 0", "0 is not a size"},
		{"--max-object -1MiB", "-1MiB is not a size"},
		{"--max-object 10XB", "10XB is not a size"},
		{"--max-object 9999999999GiB", "is not a size"},
		{"--color blue", "blue is not auto, always or never"},
		{"--format xml", "unknown format xml"},
		{"--exclude [", "[ is not a glob"},
		{`--exclude a\b\**`, `separated by "/" on every system`},
		{"--exclude=", "--exclude: its value is empty"},
		{"--rules=", "--rules: its value is empty"},
		{"--output=", "--output: its value is empty"},
		{"-q -v", "--quiet and --verbose exclude each other"},
		{"--show-secrets", "needs a terminal"},
		{"-o - -o -", "two reports to standard output"},
		{"-o - -o /dev/stdout", "two reports to standard output"},
		{"-o FOLDER/a.json -o FOLDER/./a.json", "is named twice"},
		{"-o FOLDER", "is a directory"},
		{"-o FOLDER/missing/a.json", "a.json: " + map[bool]string{false: "no such file"}[runtime.GOOS == "windows"]}, // the system's words
		{"-f json -o FOLDER/a.txt", "--format json has no effect"},
		{"-f text -o options_test.go ../main/options_test.go options_test.go", "is to be scanned, and would be overwritten"},
	} {
		args := strings.Fields(strings.ReplaceAll(tt.typed, "FOLDER", folder))
		if _, err := parsed(t, args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.typed, err, tt.want)
		}
	}
	if _, err := parsed(t, "a", ""); err == nil || !strings.Contains(err.Error(), "a path is empty") {
		t.Error(err)
	}
	if entries, _ := filepath.Glob(filepath.Join(folder, "*")); len(entries) > 0 {
		t.Errorf("checking outputs left %v", entries)
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{
		"1": 1, "10B": 10, "64k": 64 << 10, "64K": 64 << 10, "64KiB": 64 << 10, "64kB": 64e3, "64KB": 64e3,
		"2M": 2 << 20, "2MiB": 2 << 20, "2MB": 2e6, "3g": 3 << 30, "3GiB": 3 << 30, "3 GB": 3e9, "256MiB": 256 << 20,
	} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
}

func TestOutputsTakeTheFormatOfTheirExtension(t *testing.T) {
	for _, tt := range []struct {
		paths  []string
		format string
		want   []output
	}{
		{nil, "", []output{{"-", report.Text}}},
		{nil, "json", []output{{"-", report.JSON}}},
		{[]string{"a.json"}, "", []output{{"a.json", report.JSON}}},
		{[]string{"a.JSON", "-"}, "", []output{{"a.JSON", report.JSON}, {"-", report.Text}}},
		{[]string{"a.json", "-"}, "jsonl", []output{{"a.json", report.JSON}, {"-", report.JSONL}}},
		{[]string{"a.jsonl", "b.txt", "/dev/stdout"}, "json", []output{{"a.jsonl", report.JSONL}, {"b.txt", report.Text}, {"-", report.JSON}}},
		{[]string{"report"}, "json", []output{{"report", report.JSON}}},
		{[]string{"report"}, "", []output{{"report", report.Text}}},
		{[]string{"v1.2/.report", "/dev/fd/3"}, "", []output{{"v1.2/.report", report.Text}, {"/dev/fd/3", report.Text}}},
		{[]string{"report.log"}, "text", []output{{"report.log", report.Text}}},
		{[]string{"report.page"}, "markdown", []output{{"report.page", report.Markdown}}},
		{[]string{"a.json"}, "json", []output{{"a.json", report.JSON}}},
	} {
		var format report.Format
		if tt.format != "" {
			format, _ = report.ParseFormat(tt.format)
		}
		got, err := parseOutputs(tt.paths, format, tt.format != "")
		if err != nil {
			t.Errorf("%q: %v", tt.paths, err)
		} else if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(output{})); diff != "" {
			t.Errorf("%q, --format %q (-want +got):\n%s", tt.paths, tt.format, diff)
		}
	}
}

func TestAnExtensionThatNamesNoFormatIsRefused(t *testing.T) {
	for _, name := range []string{"r.pdf", "r.xml", "r.yaml", "r.log", "a/r.json.bak", "r.sarif.gz", ".r.toml"} {
		_, err := parseOutputs([]string{"ok.json", name}, report.Text, false)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), ".txt, .json, .jsonl, .csv, .md, .markdown, .sarif, .sarif.json, .html, .htm, gl-secret-detection-report.json, .gitlab.json or junit.xml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// keysweep scan -o r.json -o - >r.json
func TestStandardOutputMayNotBeTheFileOfAReport(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"r.json", "other.json", "to"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("r.json", "link.json"), os.Link("r.json", "hard.json")); err != nil {
		t.Fatal(err)
	}
	open := func(name string) *os.File {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	both := func(name string) []output { return []output{{"-", report.Text}, {name, report.JSON}} }
	for _, tt := range []struct {
		name    string
		outputs []output
		stdout  string
		refused bool
	}{
		{"the same file", both("r.json"), "r.json", true},
		{"a link to it", both("link.json"), "r.json", true},
		{"another name of it", both("hard.json"), "r.json", true},
		{"another file", both("other.json"), "r.json", false},
		{"one that is not there yet", both("new.json"), "r.json", false},
		{"a device", both(os.DevNull), os.DevNull, false},
		{"no report to standard output", []output{{"r.json", report.JSON}}, "r.json", false},
	} {
		err := checkOutputs(tt.outputs, nil, open(tt.stdout))
		if (err != nil) != tt.refused || tt.refused && !strings.Contains(err.Error(), "is where standard output goes") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestExitStatus(t *testing.T) {
	finding1 := []*finding.Finding{{}}
	missing := []finding.Skipped{{Reason: finding.ReasonMissing, Count: 1}}
	stopped := []finding.Skipped{{Reason: finding.ReasonInterrupted, Count: 1}}
	noted := []finding.Skipped{{Reason: finding.ReasonIgnored, Count: 9}}
	for _, tt := range []struct {
		name     string
		findings []*finding.Finding
		skipped  []finding.Skipped
		failOn   bool
		exitCode int
		want     int
	}{
		{"nothing", nil, nil, true, 1, 0},
		{"nothing, and something noted", nil, noted, true, 1, 0},
		{"a finding", finding1, nil, true, 1, 1},
		{"a finding, replaced", finding1, nil, true, 9, 9},
		{"a finding, replaced by 0", finding1, nil, true, 0, 0},
		{"a finding that does not count", finding1, nil, false, 1, 0},
		{"incomplete", nil, missing, true, 1, 3},
		{"incomplete and a finding", finding1, missing, true, 1, 1},
		{"incomplete and a finding, replaced", finding1, missing, true, 9, 3},
		{"incomplete and a finding, replaced by 0", finding1, missing, true, 0, 3},
		{"incomplete and a finding that does not count", finding1, missing, false, 1, 3},
		{"out of time", nil, stopped, true, 1, 3},
		{"out of time with a finding", finding1, stopped, true, 1, 3},
	} {
		res := &finding.Result{Read: finding.Counts{Files: 1, Bytes: 1}, Findings: tt.findings, Skipped: tt.skipped}
		opts := &scanOptions{failOn: map[bool]failOn{true: failOnAny, false: failOnNone}[tt.failOn], exitCode: tt.exitCode, timeout: time.Second}
		got := opts.scanReason(t.Context(), res)
		if got.Status != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got.Status, tt.want)
		}
	}
	res := &finding.Result{Skipped: []finding.Skipped{{Reason: finding.ReasonUnreadable, Count: 1}}}
	if got := (&scanOptions{exitCode: 1}).scanReason(t.Context(), res); got.Status != StatusUse {
		t.Errorf("nothing read: status %d, want 2", got.Status)
	}
}

func TestSinceIsADayATimeOrASpan(t *testing.T) {
	now := time.Date(2026, 11, 24, 23, 30, 0, 0, time.UTC)
	for _, tt := range []struct{ typed, want string }{
		{"2026-11-01", "2026-11-01T00:00:00Z"},
		{"2026-11-24", "2026-11-24T00:00:00Z"},
		{"2026-11-25", "2026-11-25T00:00:00Z"}, // today, east of here
		{"2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00Z"},
		{"12h", "2026-11-24T11:30:00Z"},
		{"30d", "2026-10-25T23:30:00Z"},
		{"2w", "2026-11-10T23:30:00Z"},
		{"2026-11-26", "2026-11-26 is in the future"},
		{"2026-11-24T23:31:00Z", "2026-11-24T23:31:00Z is in the future"},
		{"0d", "0d is no time at all"},
		{"9999999w", "9999999w is further back than any commit"},
		{"99999999999999999999w", "is not a date"},
		{"-3d", "is not a date"},
		{"+3d", "is not a date"},
		{"3m", "3m is not a date"},
		{"1d12h", "is not a date"},
		{"2026-02-30", "is not a date"},
		{"d", "is not a date"},
		{"", "is not a date"},
		{"24.11.2026", "is not a date"},
		{"é", "is not a date"},
		{"2026-11-01\x1b[31m", `is not a date`},
	} {
		got, err := parseSince(tt.typed, now)
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			said = got.UTC().Format(time.RFC3339)
		}
		if !strings.Contains(said, tt.want) || strings.Contains(said, "\x1b") {
			t.Errorf("%q: %s, want %s", tt.typed, said, tt.want)
		}
	}
}
