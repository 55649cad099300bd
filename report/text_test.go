package report

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"keysweep/finding"
	"keysweep/quote"
)

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestTextIsSafe checks every line of every report of the golden files.
func TestExceptionsThatAreNotListedAreCounted(t *testing.T) {
	res := result()
	res.Findings, res.AddedMore = nil, 1500
	for i := range 1000 {
		res.Added = append(res.Added, finding.Exception{Kind: finding.KindInline, File: "f", Line: i + 1, Reason: "a"})
	}
	for verbose, want := range map[bool]string{false: "2,480 more (-v lists them)", true: "1,500 more in the same files"} {
		if got := string(write(t, Text, res, Options{Hook: true, Verbose: verbose})); !strings.Contains(got, want) {
			t.Errorf("verbose %v: no %q", verbose, want)
		}
	}
	if got := string(write(t, Text, res, Options{Hook: true})); !strings.Contains(got, "the commit adds 2,500 exceptions:") {
		t.Error(got[:200])
	}
}

func TestTextIsSafe(t *testing.T) {
	for _, c := range reports {
		for _, color := range []bool{false, true} {
			opts := c.opts
			opts.Color = color
			out := string(write(t, Text, c.res(), opts))
			if color {
				if !strings.Contains(out, string(bold)) && !strings.Contains(out, string(boldRed)) && !strings.Contains(out, string(boldYellow)) {
					t.Errorf("%s: no colour", c.name)
				}
				out = sgr.ReplaceAllString(out, "")
			}
			for _, line := range strings.Split(out, "\n") {
				start := strings.TrimSpace(line)
				if strings.HasPrefix(start, "::") || strings.HasPrefix(start, "##[") || strings.Contains(line, "##[") {
					t.Errorf("%s: a runner obeys %q", c.name, line)
				}
				for _, r := range line {
					if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
						t.Errorf("%s: %U in %q", c.name, r, line)
					}
				}
				if strings.TrimRight(line, " ") != line {
					t.Errorf("%s: space at the end of %q", c.name, line)
				}
			}
		}
	}
}

// TestColourAddsNothingButColour: who sees no colour reads the same words.
func TestColourAddsNothingButColour(t *testing.T) {
	for _, c := range reports {
		opts := c.opts
		opts.Color = false
		plainText := string(write(t, Text, c.res(), opts))
		opts.Color = true
		if got := sgr.ReplaceAllString(string(write(t, Text, c.res(), opts)), ""); got != plainText {
			t.Errorf("%s: the words differ in colour:\n%s", c.name, got)
		}
	}
}

// TestTextFits: no line is wider than asked for, but for what must stay whole
// to be copied (places and commands) and single long words.
func TestTextFits(t *testing.T) {
	for _, columns := range []int{40, 60, 80, 132, 200} {
		for _, c := range reports {
			if c.name == "hostile" {
				continue // holds paths longer than any line
			}
			opts := c.opts
			opts.Width, opts.Color = columns, false
			for _, line := range strings.Split(string(write(t, Text, c.res(), opts)), "\n") {
				words := strings.TrimSpace(line)
				if width(line) <= columns || !strings.Contains(words, " ") {
					continue
				}
				command := strings.HasPrefix(words, "Next ") || strings.HasPrefix(words, "git ") || strings.HasPrefix(words, "go run ")
				if command || strings.Contains(words, "text of commit") || strings.Contains(words, "/srv/my files/") || strings.Contains(words, ".pack:") {
					continue
				}
				if strings.Contains(words, "trees of d0d0") || regexp.MustCompile(`^[0-9a-f]{40} `).MatchString(words) {
					continue
				}
				t.Errorf("%s: %d columns in %d: %q", c.name, width(line), columns, line)
			}
		}
	}
}

// TestNoReportHoldsAKey searches every format for every body.
func TestNoReportHoldsAKey(t *testing.T) {
	for _, c := range reports {
		if c.opts.ShowSecrets {
			continue
		}
		res := c.res()
		var out bytes.Buffer
		for f := range formats {
			out.Write(write(t, Format(f), c.res(), c.opts))
		}
		if err := Summary(&out, res, c.opts); err != nil {
			t.Fatal(err)
		}
		for _, f := range append(res.Findings, res.RejectedFindings...) {
			body := strings.TrimPrefix(f.Secret.Reveal(), f.Secret.Prefix())
			if bytes.Contains(out.Bytes(), []byte(body[:8])) {
				t.Errorf("%s: the body of %v is printed", c.name, f.Secret)
			}
		}
	}
}

func TestWholeKeysAreShownOnlyWhenAskedFor(t *testing.T) {
	key := live(1).Reveal()
	for f := range formats {
		shown := bytes.Contains(write(t, Format(f), result(martis()), Options{ShowSecrets: true}), []byte(key))
		if asked := !slices.Contains([]Format{SARIF, HTML, GitLab, JUnit}, Format(f)); shown != asked { // which travel
			t.Errorf("%v: the key is shown: %v", Format(f), shown)
		}
	}
}

func TestQuietSaysNothingWhenThereIsNothing(t *testing.T) {
	var summary bytes.Buffer
	if err := Summary(&summary, result(), Options{Quiet: true}); err != nil {
		t.Fatal(err)
	}
	if out := write(t, Text, result(), Options{Quiet: true}); len(out) > 0 || summary.Len() > 0 {
		t.Errorf("says %q and %q", out, summary.Bytes())
	}
	for _, res := range []*finding.Result{incomplete(), result(martis())} {
		if out := write(t, Text, res, Options{Quiet: true}); !bytes.Contains(out, []byte("exit status")) {
			t.Errorf("says %q", out)
		}
	}
}

// broken is a writer that fails after some bytes, as a full disk or a pipe
// that nobody reads does.
type broken struct {
	left int
	err  error
}

func (b *broken) Write(p []byte) (int, error) {
	if len(p) > b.left {
		n := b.left
		b.left = 0
		return n, b.err
	}
	b.left -= len(p)
	return len(p), nil
}

func TestWriteErrorsAreReturned(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EPIPE, io.ErrClosedPipe} {
		for f := range formats {
			var all bytes.Buffer
			if err := Write(&all, Format(f), many(), Options{ShowRejected: true}); err != nil {
				t.Fatal(err)
			}
			whole := all.Len()
			for _, room := range []int{0, 1, whole / 2, whole - 1} {
				if err := Write(&broken{room, cause}, Format(f), many(), Options{ShowRejected: true}); !errors.Is(err, cause) {
					t.Errorf("%v with room for %d bytes: %v, want %v", Format(f), room, err, cause)
				}
			}
		}
		if err := Summary(&broken{0, cause}, many(), Options{}); !errors.Is(err, cause) {
			t.Errorf("Summary: %v, want %v", err, cause)
		}
	}
}

func TestVerdicts(t *testing.T) {
	sandboxInHead := func(n byte) *finding.Finding {
		f := stripe()
		f.Secret, f.InHead = test(n), finding.Yes
		return f
	}
	noEnvironment := stripe()
	noEnvironment.Environment = finding.EnvironmentUnknown
	empty := func(list ...finding.Target) *finding.Result {
		res := targets(result(), list...)
		res.Read = finding.Counts{}
		return res
	}
	folder := finding.Target{Name: "out", Kind: finding.TargetFolder, Tree: true}
	for _, c := range []struct {
		res  *finding.Result
		want string
	}{
		{result(martis(), stripe(), lost()), "3 keys found: 1 production key of high confidence is still in HEAD."},
		{result(sandboxInHead(20), sandboxInHead(21), stripe()), "3 keys found: 2 sandbox keys of medium confidence are still in HEAD."},
		{result(sandboxInHead(20), sandboxInHead(21)), "2 keys found, both sandbox keys of medium confidence, still in HEAD."},
		{result(sandboxInHead(20), sandboxInHead(21), sandboxInHead(22)), "3 keys found, all sandbox keys of medium confidence, still in HEAD."},
		{result(noEnvironment), "1 key found, a key of medium confidence, in the history, not in HEAD."},
		{result(lost()), "1 key found, a production key of medium confidence, in objects that no ref reaches."},
		{incomplete(lost()), "1 key found, a production key of medium confidence, in objects that no ref reaches; the scan is incomplete."},
		{result(), "No keys found."},
		{incomplete(), "No keys found in what could be read: the scan is incomplete."},
		{empty(folder), "Nothing to scan: the folder out is empty."},
		{empty(folder, folder), "Nothing to scan: all 2 are empty."},
		{empty(finding.Target{Name: "a b", Kind: finding.TargetRepository, Tree: true, History: true}), "Nothing to scan: the repository a b is empty."},
		{empty(finding.Target{Name: "r", Kind: finding.TargetRepository, Tree: true}), "Nothing to scan: the working tree of r is empty."},
		{empty(finding.Target{Name: "r", Kind: finding.TargetRepository, History: true}), "Nothing to scan: the history of r is empty."},
		{empty(finding.Target{Name: "-", Kind: finding.TargetStdin}), "Nothing to scan: standard input is empty."},
		{with(empty(folder), func(r *finding.Result) { r.Skipped = []finding.Skipped{{Reason: finding.ReasonIgnored, Count: 2}} }), "Nothing to scan: everything was left out (see below)."},
		{with(empty(folder), func(r *finding.Result) { r.Skipped = []finding.Skipped{{Reason: finding.ReasonUnreadable, Count: 2}} }), "No keys found in what could be read: the scan is incomplete."},
	} {
		got, _, _ := strings.Cut(string(write(t, Text, c.res, Options{Width: 200})), "\n\n")
		got = strings.ReplaceAll(got, "\n", " ")
		if got != c.want {
			t.Errorf("says  %s\nwant %s", got, c.want)
		}
	}
}

func TestNextStepAnswersWhatWasMissed(t *testing.T) {
	for reason, want := range map[finding.Reason]string{
		finding.ReasonShallow:     "git -C 'my repo' fetch --unshallow",
		finding.ReasonPromisor:    "git -C 'my repo' fetch --refetch --no-filter",
		finding.ReasonDamaged:     "git -C 'my repo' fsck --full",
		finding.ReasonMissing:     "git -C 'my repo' fsck --full",
		finding.ReasonInterrupted: "keysweep scan 'my repo'",
		finding.ReasonChanged:     "keysweep scan 'my repo'",
		finding.ReasonUnreadable:  "keysweep scan -v 'my repo'",
	} {
		res := targets(result(), finding.Target{Name: "my repo", Kind: finding.TargetRepository, Tree: true, History: true})
		res.Skipped = []finding.Skipped{{Reason: reason, Count: 1}}
		if out := write(t, Text, res, Options{}); !bytes.Contains(out, []byte("Next        "+want+"\n")) {
			t.Errorf("%s: no %q in\n%s", reason, want, out)
		}
	}
	bare := targets(result(), finding.Target{Name: "a.git", Kind: finding.TargetRepository, History: true, Bare: []string{""}})
	bare.Skipped = []finding.Skipped{{Reason: finding.ReasonMissing, Count: 1}}
	if out := write(t, Text, bare, Options{}); !bytes.Contains(out, []byte("Next        git --git-dir a.git fsck --full\n")) {
		t.Errorf("a bare repository is named otherwise in\n%s", out)
	}
	res := targets(result(), finding.Target{Name: "-x", Kind: finding.TargetFolder, Tree: true})
	res.Below = 2
	if out := write(t, Text, res, Options{}); !bytes.Contains(out, []byte("scan --min-confidence low ./-x\n")) {
		t.Errorf("a folder named as an option is one in\n%s", out)
	}
	if out := write(t, Text, res, Options{Next: []Step{{Command: "make it so"}}}); !bytes.Contains(out, []byte("Next        make it so\n")) {
		t.Errorf("the caller's step is not in\n%s", out)
	}
	if out := write(t, Text, res, Options{Next: []Step{}}); bytes.Contains(out, []byte("Next ")) {
		t.Errorf("an unwanted step in\n%s", out)
	}
}

func TestWrapBreaksAtSpacesOnly(t *testing.T) {
	c := newCanvas(io.Discard, Options{Width: 40}, quote.NewRedactor(nil, nil, false))
	for in, want := range map[string]string{
		"": "", "a": "a", "0123456789 0123456789 0123456789 0123456789": "0123456789 0123456789|0123456789 0123456789",
		"01234567890123456789012345  0123456789": "01234567890123456789012345|0123456789",
		"a " + strings.Repeat("b", 50) + " c":    "a|" + strings.Repeat("b", 50) + "|c",
	} {
		if got := strings.Join(c.wrap(in, 13), "|"); got != want {
			t.Errorf("wrap(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsNotListedIsCounted(t *testing.T) {
	f := martis()
	f.Listed = f.Listed[:5] // four places
	if out := write(t, Text, result(f), Options{}); !bytes.Contains(out, []byte("            + 1 more\n")) {
		t.Errorf("the fourth place is not counted in\n%s", out)
	}
	res := result()
	for _, detail := range []string{"a", "b", "c", "d", "e"} {
		res.Skipped = append(res.Skipped, finding.Skipped{Reason: finding.ReasonMissing, Count: 1000, Detail: detail})
	}
	if out := write(t, Text, res, Options{}); !bytes.Contains(out, []byte("+ 2,000 more (-v lists them)\n")) {
		t.Errorf("the hidden details are not counted in\n%s", out)
	}
}

func TestRefusedKeysNeedNoRemedy(t *testing.T) {
	f, g := martis(), stripe()
	f.Status = finding.Inactive
	if out := write(t, Text, result(f), Options{}); bytes.Contains(out, []byte("Remedy")) {
		t.Errorf("advice on a dead key in\n%s", out)
	}
	if out := write(t, Text, result(f, g), Options{}); !bytes.Contains(out, []byte("revoke the old one")) {
		t.Errorf("no advice on one key in\n%s", out)
	}
}

func TestEveryReasonHasWords(t *testing.T) {
	for _, r := range []finding.Reason{
		finding.ReasonMissing, finding.ReasonDamaged, finding.ReasonUnreadable, finding.ReasonTooLarge, finding.ReasonShallow,
		finding.ReasonPromisor, finding.ReasonChanged, finding.ReasonUnknownFormat, finding.ReasonCloudFile, finding.ReasonInterrupted,
		finding.ReasonExcluded, finding.ReasonIgnored, finding.ReasonSpecialFile, finding.ReasonSubmoduleAbsent, finding.ReasonLFSPointer,
		finding.ReasonReaderFailed, finding.ReasonNotFetched, finding.ReasonUnopened, finding.ReasonEncrypted, finding.ReasonDamagedMember, finding.ReasonFormat,
	} {
		if w := reasonWords[r]; w.one == "" || w.many == "" {
			t.Errorf("%s has none", r)
		}
	}
}

func TestNumbersReadWell(t *testing.T) {
	for in, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234"} {
		if got := number(in); got != want {
			t.Errorf("number(%d) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 99_949: "99.9 kB", 123_456: "123 kB", 999_499: "999 kB", 999_500: "1.0 MB", 48_200_000: "48.2 MB", 1 << 62: "4.6 EB"} {
		if got := size(in); got != want {
			t.Errorf("size(%d) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[time.Duration]string{0: "under 1 ms", 5 * time.Millisecond: "5 ms", 1340 * time.Millisecond: "1.3 s", 59960 * time.Millisecond: "1 min 0 s", 125 * time.Second: "2 min 5 s", 2*time.Hour + 3*time.Minute: "2 h 3 min"} {
		if got := elapsed(in); got != want {
			t.Errorf("elapsed(%v) = %s, want %s", in, got, want)
		}
	}
}

func TestFormatsByNameAndExtension(t *testing.T) {
	for i := range formats {
		f := Format(i)
		if got, err := ParseFormat(f.String()); err != nil || got != f {
			t.Errorf("ParseFormat(%s) = %v, %v", f, got, err)
		}
	}
	if _, err := ParseFormat("x\x1b"); err == nil || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), "text, json, jsonl") {
		t.Errorf("an unknown format gives %v", err)
	}
	for path, want := range map[string]Format{"a.json": JSON, "x/y.JSONL": JSONL, "r.txt": Text} {
		if got, ok := FormatOf(path); !ok || got != want {
			t.Errorf("FormatOf(%s) = %v, %v", path, got, ok)
		}
	}
	for _, path := range []string{"", "json", "a.sarifx", "dir.json/out"} {
		if got, ok := FormatOf(path); ok {
			t.Errorf("FormatOf(%s) = %v", path, got)
		}
	}
	if err := Write(io.Discard, Format(200), result(), Options{}); err == nil {
		t.Error("a format that does not exist is written")
	}
}

func TestACommandOfWindowsHasNoNameThatNoQuotingKeeps(t *testing.T) {
	res := result()
	res.Findings, res.RejectedFindings, res.Below = nil, nil, 1
	res.Skipped = nil
	res.Targets = []finding.Target{{Name: `a$b`, Kind: finding.TargetFolder, Tree: true}}
	for system, want := range map[string]string{
		"linux":   "scan --min-confidence low 'a$b'\n",
		"windows": "scan --min-confidence low PATH\n            also lists what looks less like a key; PATH is a$b.\n",
	} {
		if out := write(t, Text, res, Options{System: system}); !bytes.Contains(out, []byte(want)) {
			t.Errorf("%s:\n%s", system, out)
		}
	}
}

func TestAKeyThatABranchStillHoldsIsNotRemoved(t *testing.T) {
	f := stripe()
	f.InBranch, f.FirstSeen.Author = true, "Ada <ada@example.org>"
	for name := range formats {
		out := string(write(t, Format(name), result(f), Options{}))
		if strings.Contains(out, f.Removed.Commit[:12]) || strings.Contains(out, "in files for") {
			t.Errorf("%v: it is removed", Format(name))
		}
		if said := strings.Contains(out, "ada@example.org"); said == (Format(name) == SARIF) {
			t.Errorf("%v: says who added it: %v", Format(name), said)
		}
	}
}
