package exceptions

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// secret returns a made-up key.
func secret(name string) finding.Secret {
	return finding.NewSecret("sk_live_", name+strings.Repeat("x", 30))
}

// in returns a place in the working tree; comment is what its line says, "-" a
// comment without a reason.
func in(path, comment string) finding.Occurrence {
	return finding.Occurrence{Target: ".", Source: finding.SourceWorktree, Path: path, Line: 3, Comment: commentOf(comment)}
}

// blob returns a place in the history.
func blob(path, comment string, head, newest bool) finding.Occurrence {
	return finding.Occurrence{Target: ".", Source: finding.SourceBlob, Path: path, Line: 3, Object: "0b", Reachable: finding.Yes,
		InHead: finding.AnswerOf(head, true), Newest: newest, Comment: commentOf(comment)}
}

func commentOf(s string) finding.Comment {
	return finding.Comment{Found: s != "", Reason: strings.TrimPrefix(s, "-")}
}

// found returns a key of which every occurrence was met.
func found(key finding.Secret, places ...finding.Occurrence) *finding.Finding {
	f := &finding.Finding{Secret: key, Listed: places}
	f.MeetEvery()
	return f
}

func believe(*finding.Finding, *finding.Occurrence) bool { return true }

func TestWhatIsAccepted(t *testing.T) {
	key := secret("a")
	nameless := finding.Occurrence{Target: ".", Source: finding.SourceBlob, Object: "0c"}
	message := finding.Occurrence{Target: ".", Source: finding.SourceCommit, Object: "0d", Reachable: finding.Yes}
	tagged := finding.Occurrence{Target: ".", Source: finding.SourceBlob, Object: "0e", Reachable: finding.Yes}
	fixtures := Allow{Path: "testdata/**", Reason: "fixtures", Owner: "qa", Expires: now.AddDate(0, 1, 0)}
	old := Allow{Path: "testdata/**", Reason: "old", Expires: now.Add(-time.Second)}
	for _, tt := range []struct {
		name   string
		set    Set
		status finding.Status
		places []finding.Occurrence
		want   string // kind and reason
	}{
		{"nothing", Set{}, 0, []finding.Occurrence{in("a", "")}, ""},
		{"by the whole fingerprint", Set{Allows: []Allow{{Fingerprint: key.SHA256(), Reason: "r"}}}, 0, []finding.Occurrence{in("a", "")}, "config r"},
		{"by the id", Set{Allows: []Allow{{Fingerprint: key.ID(), Reason: "r"}}}, 0, []finding.Occurrence{in("a", "")}, "config r"},
		{"by another key's id", Set{Allows: []Allow{{Fingerprint: secret("b").ID(), Reason: "r"}}}, 0, []finding.Occurrence{in("a", "")}, ""},
		{"an expired fingerprint", Set{Allows: []Allow{{Fingerprint: key.ID(), Reason: "r", Expires: now.Add(-time.Second)}}}, 0, []finding.Occurrence{in("a", "")}, ""},
		{"in its last second", Set{Allows: []Allow{{Fingerprint: key.ID(), Reason: "r", Expires: now}}}, 0, []finding.Occurrence{in("a", "")}, "config r"},
		{"a path", Set{Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("testdata/x/a", "")}, "config fixtures"},
		{"a path, in all versions", Set{Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("testdata/a", ""), blob("testdata/b", "", false, false)}, "config fixtures"},
		{"a path, and elsewhere", Set{Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("testdata/a", ""), blob("src/b", "", false, false)}, ""},
		{"a path, and a commit message", Set{Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("testdata/a", ""), message}, ""},
		{"a path, and a blob of no tree", Set{Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("testdata/a", ""), nameless}, "config fixtures"},
		{"a path, and a blob that a tag points to", Set{Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("testdata/a", ""), tagged}, ""},
		{"only a blob of no tree", Set{Allows: []Allow{{Path: "**", Reason: "all"}}}, 0, []finding.Occurrence{nameless}, ""},
		{"an expired path", Set{Allows: []Allow{old}}, 0, []finding.Occurrence{in("testdata/a", "")}, ""},
		{"an expired path, and one that holds", Set{Allows: []Allow{old, fixtures}}, 0, []finding.Occurrence{in("testdata/a", "")}, "config fixtures"},
		{"this key in a place", Set{Allows: []Allow{{Fingerprint: key.ID(), Path: "testdata/**", Reason: "r"}}}, 0, []finding.Occurrence{in("testdata/a", "")}, "config r"},
		{"another key in a place", Set{Allows: []Allow{{Fingerprint: secret("b").ID(), Path: "testdata/**", Reason: "r"}}}, 0, []finding.Occurrence{in("testdata/a", "")}, ""},
		{"this key in another place", Set{Allows: []Allow{{Fingerprint: key.ID(), Path: "testdata/**", Reason: "r"}}}, 0, []finding.Occurrence{in("src/a", "")}, ""},
		{"this key in a place, and elsewhere", Set{Allows: []Allow{{Fingerprint: key.ID(), Path: "testdata/**", Reason: "r"}}}, 0, []finding.Occurrence{in("testdata/a", ""), in("src/a", "")}, ""},
		{"this key in two places", Set{Allows: []Allow{{Fingerprint: key.ID(), Path: "testdata/**", Reason: "r"}, {Fingerprint: key.SHA256(), Path: "src/*", Reason: "s"}}}, 0,
			[]finding.Occurrence{in("testdata/a", ""), in("src/a", "")}, "config r"},
		{"a comment", Set{Inline: believe}, 0, []finding.Occurrence{in("a", "why")}, "inline why"},
		{"a comment that does not count", Set{}, 0, []finding.Occurrence{in("a", "why")}, ""},
		{"a comment without a reason", Set{Inline: believe}, 0, []finding.Occurrence{in("a", "-")}, ""},
		{"a comment on one of two lines", Set{Inline: believe}, 0, []finding.Occurrence{in("a", "why"), in("a", "")}, ""},
		{"a comment in one of two files", Set{Inline: believe}, 0, []finding.Occurrence{in("a", "why"), in("b", "")}, ""},
		{"a comment and a path", Set{Inline: believe, Allows: []Allow{fixtures}}, 0, []finding.Occurrence{in("a", "why"), in("testdata/a", "")}, "config fixtures"},
		{"HEAD's comment covers the past", Set{Inline: believe}, 0, []finding.Occurrence{blob("a", "why", true, true), blob("a", "", false, false)}, "inline why"},
		{"but not another file's past", Set{Inline: believe}, 0, []finding.Occurrence{blob("a", "why", true, true), blob("b", "", false, true)}, ""},
		{"a comment of the past without HEAD's", Set{Inline: believe}, 0, []finding.Occurrence{blob("a", "", true, true), blob("a", "why", false, false)}, ""},
		{"the working tree is newer than HEAD", Set{Inline: believe}, 0, []finding.Occurrence{in("a", ""), blob("a", "why", true, true)}, ""},
		{"the working tree's comment covers HEAD", Set{Inline: believe}, 0, []finding.Occurrence{in("a", "why"), blob("a", "", true, true)}, "inline why"},
		{"HEAD's comment covers a newer version elsewhere", Set{Inline: believe}, 0, []finding.Occurrence{blob("a", "why", true, false), blob("a", "", false, true)}, "inline why"},
		{"the index is newer than HEAD", Set{Inline: believe}, 0, []finding.Occurrence{{Target: ".", Source: finding.SourceIndex, Path: "a", Line: 1, Object: "0e"}, blob("a", "why", true, true)}, ""},
		{"the newest version of a file that is gone", Set{Inline: believe}, 0, []finding.Occurrence{blob("a", "why", false, true), blob("a", "", false, false)}, "inline why"},
		{"not an older version of it", Set{Inline: believe}, 0, []finding.Occurrence{blob("a", "", false, true), blob("a", "why", false, false)}, ""},
		{"a key that works", Set{Allows: []Allow{{Fingerprint: key.ID(), Reason: "r"}}}, finding.Active, []finding.Occurrence{in("a", "")}, ""},
		{"a key that works, with less leave", Set{Inline: believe}, finding.Restricted, []finding.Occurrence{in("a", "why")}, ""},
		{"a key of which nothing is known", Set{Inline: believe}, finding.Unknown, []finding.Occurrence{in("a", "why")}, "inline why"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := found(key, tt.places...)
			f.Status = tt.status
			res := &finding.Result{Started: now, Findings: []*finding.Finding{f}}
			tt.set.Mark(res)
			got := ""
			if s := f.Suppressed; s != nil {
				got = s.Kind + " " + s.Reason
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if live := len(res.Exceptions) == 1 && res.Exceptions[0].Problem == finding.ExceptionLive; live != (tt.status >= finding.Restricted) {
				t.Errorf("reported: %+v", res.Exceptions)
			}
		})
	}
}

func TestABaselineHoldsWhereverTheKeyIs(t *testing.T) {
	b := NewBaseline(BaselineName)
	b.Add(BaselineLine{Fingerprint: secret("a").SHA256(), Date: "2026-01-31", Reason: "r"})
	a := found(secret("a"), in("moved/to", ""))
	onTheSameLine := found(secret("b"), in("moved/to", ""))
	(&Set{Baseline: b}).Mark(&finding.Result{Started: now, Findings: []*finding.Finding{a, onTheSameLine}})
	if a.Suppressed == nil || a.Suppressed.Kind != finding.KindBaseline || onTheSameLine.Suppressed != nil {
		t.Errorf("%+v, %+v", a.Suppressed, onTheSameLine.Suppressed)
	}
}

func TestWhatOlderVersionsTookForAKeyStaysAccepted(t *testing.T) {
	b := NewBaseline(BaselineName)
	b.Add(BaselineLine{Fingerprint: secret("a_old").SHA256(), Date: "2026-01-31", Reason: "r"})
	set := Set{Baseline: b, Allows: []Allow{{Fingerprint: secret("b_old").ID(), Reason: "r"}}, Whole: true}
	var list []*finding.Finding
	for _, name := range []string{"a", "b", "c"} {
		list = append(list, &finding.Finding{Secret: secret(name), Former: []finding.Secret{secret(name + "_older"), secret(name + "_old")}})
	}
	res := &finding.Result{Started: now, Findings: list}
	set.Mark(res)
	if list[0].Suppressed == nil || list[0].Suppressed.Kind != finding.KindBaseline || list[1].Suppressed == nil || list[2].Suppressed != nil {
		t.Errorf("%+v, %+v, %+v", list[0].Suppressed, list[1].Suppressed, list[2].Suppressed)
	}
	if len(res.Exceptions) > 0 {
		t.Errorf("unused: %+v", res.Exceptions)
	}
}

func TestTheFirstEndOfTimeCounts(t *testing.T) {
	soon, late := now.AddDate(0, 0, 1), now.AddDate(0, 0, 9)
	set := Set{Allows: []Allow{{Path: "a", Reason: "a", Expires: late}, {Path: "b", Reason: "b", Expires: soon}, {Path: "c", Reason: "c"}}}
	f := found(secret("a"), in("a", ""), in("b", ""), in("c", ""))
	set.Mark(&finding.Result{Started: now, Findings: []*finding.Finding{f}})
	if f.Suppressed == nil || !f.Suppressed.Expires.Equal(soon) {
		t.Errorf("%+v", f.Suppressed)
	}
}

func TestWhichExceptionsAreTold(t *testing.T) {
	b := NewBaseline(BaselineName)
	b.Add(BaselineLine{Fingerprint: secret("gone").SHA256(), Date: "2026-01-31", Reason: "r"})
	b.Add(BaselineLine{Fingerprint: secret("below").SHA256(), Date: "2026-01-31", Reason: "r"})
	set := Set{File: ".keysweep.toml", Inline: believe, Baseline: b, Whole: true, Allows: []Allow{
		{Path: "src/**", Reason: "used", Line: 1},
		{Path: "none/**", Reason: "unused", Line: 2},
		{Fingerprint: secret("below").ID(), Reason: "of low confidence", Line: 3},
		{Fingerprint: secret("gone").ID(), Reason: "unused", Line: 4},
		{Path: "src/**", Reason: "old", Line: 5, Expires: now.Add(-time.Hour)},
	}}
	res := func() *finding.Result {
		return &finding.Result{Started: now, BelowFingerprints: []string{secret("below").SHA256()}, Findings: []*finding.Finding{
			{Secret: secret("a"), Listed: []finding.Occurrence{in("src/a", "-"), in("b", "")}},
			{Secret: secret("c"), Listed: []finding.Occurrence{blob("old", "-", false, true)}},
			{Secret: secret("d"), Listed: []finding.Occurrence{blob("committed", "-", true, false)}},
		}}
	}
	told := func(r *finding.Result) (list []string) {
		for _, e := range r.Exceptions {
			list = append(list, string(e.Problem)+" "+e.Kind+" "+e.Entry)
		}
		return list
	}
	whole := res()
	set.Mark(whole)
	want := []string{"expired config src/**", "no-reason inline " + secret("d").ID(), "no-reason inline " + secret("a").ID(), "unused baseline " + secret("gone").ID(),
		"unused config none/**", "unused config " + secret("gone").ID()}
	if d := cmp.Diff(want, told(whole)); d != "" {
		t.Error(d)
	}
	set.Whole = false
	part := res()
	set.Mark(part)
	if d := cmp.Diff(want[:3], told(part)); d != "" {
		t.Error(d)
	}
}

func TestATrustedVersionMustHaveTheCommentToo(t *testing.T) {
	f := &finding.Finding{Secret: secret("a")}
	o := in("a", "why")
	line := "k=" + f.Secret.Reveal()
	for _, tt := range []struct {
		name, trusted string
		ok, want      bool
	}{
		{"with it", "x\n" + line + " # keysweep:allow why\n", true, true},
		{"without it", line + "\n# keysweep:allow why\n", true, false},
		{"on a line that another character ends", line + "\rx # keysweep:allow why\n", true, false},
		{"on a line that U+2028 ends", line + "\u2028x # keysweep:allow why\n", true, false},
		{"without a reason", line + " # keysweep:allow\n", true, false},
		{"on one of two lines", line + " # keysweep:allow why\n" + line + "\n", true, false},
		{"without the key", "k=1 # keysweep:allow why\n", true, false},
		{"that is not there", "", false, false},
	} {
		read := func(at *finding.Occurrence) ([]byte, bool) { return []byte(tt.trusted), tt.ok && at.Path == "a" }
		if got := InTrusted(read, false)(f, &o); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestAddedExceptions(t *testing.T) {
	baseline := func(names ...string) *Baseline {
		b := NewBaseline(BaselineName)
		for _, n := range names {
			b.Add(BaselineLine{Fingerprint: secret(n).SHA256(), Date: "2026-01-31", Reason: "r"})
		}
		return b
	}
	soon, late := now, now.AddDate(1, 0, 0)
	before := &Set{Baseline: baseline("a", "b"), Allows: []Allow{{Path: "same", Reason: "r"}, {Path: "longer", Expires: soon}, {Path: "shorter", Expires: late}, {Path: "for ever", Expires: soon}, {Path: "gone"}}}
	after := &Set{Baseline: baseline("b", "c"), File: ".keysweep.toml", Allows: []Allow{{Path: "same", Reason: "another"}, {Path: "longer", Expires: late}, {Path: "shorter", Expires: soon}, {Path: "for ever"}, {Fingerprint: "0123456789abcdef", Line: 7}}}
	var got []string
	for _, e := range Added(before, after) {
		got = append(got, e.Kind+" "+e.Entry)
	}
	want := []string{"config longer", "config for ever", "config 0123456789abcdef", "baseline " + secret("c").ID()}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := len(Added(&Set{}, after)); n != 7 {
		t.Errorf("%d of all", n)
	}
	if n := len(Added(after, &Set{})); n != 0 {
		t.Errorf("%d of none", n)
	}
}
