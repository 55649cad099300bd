package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

// filler returns n characters that look random and are the same in each run,
// so that nothing in the tree looks like a key.
func filler(seed byte, n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, n)
	x := uint32(seed)*2654435761 + 12345
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = alphabet[x>>16%62]
	}
	return string(out)
}

func live(seed byte) finding.Secret { return finding.NewSecret("sk_"+"live_", filler(seed, 32)) }
func test(seed byte) finding.Secret { return finding.NewSecret("sk_"+"test_", filler(seed, 24)) }

// id returns a hex object id made of one digit pair.
func id(pair string) string { return strings.Repeat(pair, 20) }

var clock = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func date(days int) time.Time { return clock.AddDate(0, 0, -days) }

// excerpt builds an excerpt as the scanner does.
func excerpt(before string, key finding.Secret, after string) finding.Excerpt {
	return finding.Excerpt{Before: before, Key: key.RedactedWithTail(), After: after}
}

// martis is a production key in HEAD, in the working tree and in many places.
func martis() *finding.Finding {
	key := live(1)
	f := &finding.Finding{
		Secret: key, RuleID: "martis-live", Issuer: "martis", IssuerEvidence: []string{"host api.martis.id on the line"},
		Environment: finding.Production, Confidence: finding.High, Score: -1.23456789,
		FirstSeen: finding.Sighting{Commit: id("3f"), Date: date(268)}, LastSeen: finding.Sighting{Commit: id("9b"), Date: date(1)},
		Exposed: 268*24*time.Hour + time.Hour, InHead: finding.Yes, InBranch: true,
		Listed: []finding.Occurrence{
			{Target: ".", Source: finding.SourceWorktree, Path: "config/payment.go", Line: 42, Column: 14, EndColumn: 54,
				Excerpt: excerpt("const key = \"", key, "\" // api.martis.id")},
			{Target: ".", Source: finding.SourceBlob, Path: "config/payment.go", Line: 42, Column: 14, EndColumn: 54, Object: id("a1"), Versions: 12,
				Commit: id("3f"), Date: date(268), Reachable: finding.Yes, InHead: finding.Yes},
			{Target: ".", Source: finding.SourceBlob, Path: "app/.env", Line: 3, Column: 12, EndColumn: 52, Object: id("a2"), Versions: 1,
				Commit: id("4e"), Date: date(200), Reachable: finding.Yes},
			{Target: ".", Source: finding.SourceCommit, Line: 7, Column: 1, EndColumn: 41, Object: id("c7"), Versions: 1,
				Commit: id("c7"), Date: date(199), Reachable: finding.Yes},
		},
	}
	for i := range 13 {
		f.Listed = append(f.Listed, finding.Occurrence{Target: ".", Source: finding.SourceBlob, Path: "docs/setup.md", Line: 12 + i,
			Column: 3, EndColumn: 43, Object: id("a3"), Versions: 2, Commit: id("5d"), Date: date(100), Reachable: finding.Yes})
	}
	return f
}

// stripe is a sandbox key that was removed from HEAD.
func stripe() *finding.Finding {
	key := test(2)
	return &finding.Finding{
		Secret: key, RuleID: "stripe-test", Issuer: "stripe", IssuerEvidence: []string{"shape: 24 characters", "call of stripe.Charge.create 2 lines below"},
		Environment: finding.Sandbox, Confidence: finding.Medium, Score: -0.5, Encoding: []string{"base64", "utf-16le"},
		FirstSeen: finding.Sighting{Commit: id("77"), Date: date(30)}, LastSeen: finding.Sighting{Commit: id("78"), Date: date(30)},
		Removed: finding.Sighting{Commit: id("79"), Date: date(18)}, Exposed: 30 * 24 * time.Hour,
		Listed: []finding.Occurrence{
			{Target: ".", Source: finding.SourceBlob, Path: "spec/pay_spec.rb", Line: 9, Column: 5, EndColumn: 60, Object: id("b1"), Versions: 1,
				Commit: id("77"), Date: date(30), Reachable: finding.Yes, Excerpt: finding.Excerpt{Before: "\tkey: '", Key: "cwBrAF8…", After: "',\r\n"}},
		},
	}
}

// lost is a key of an unknown issuer in an object that no ref reaches.
func lost() *finding.Finding {
	key := live(3)
	return &finding.Finding{
		Secret: key, RuleID: "generic-live", Issuer: finding.IssuerUnknown,
		Environment: finding.Production, Confidence: finding.Medium, Score: -0.75,
		Listed: []finding.Occurrence{
			{Target: ".", Source: finding.SourceBlob, Path: "notes.txt", Line: 1, Column: 1, EndColumn: 41, Object: id("b9"), Versions: 1,
				Excerpt: excerpt("", key, "")},
		},
	}
}

// typed is a low finding.
func typed() *finding.Finding {
	key := finding.NewSecret("sk_"+"test_", "changeme"+"changeme1234")
	return &finding.Finding{
		Secret: key, RuleID: "generic-test", Issuer: finding.IssuerAmbiguous, IssuerEvidence: []string{"host api.stripe.com", "host api.paystack.co"},
		Environment: finding.Sandbox, Confidence: finding.Low, Typed: true, Score: 1.5,
		Listed: []finding.Occurrence{
			{Target: ".", Source: finding.SourceWorktree, Path: "README.md", Line: 120, Column: 8, EndColumn: 36,
				Excerpt: finding.Excerpt{Before: "export K=", Key: key.Redacted(), After: " && make"}},
		},
	}
}

func rejected() *finding.Finding {
	key := finding.NewSecret("sk_"+"live_", strings.Repeat("x", 24))
	return &finding.Finding{
		Secret: key, RuleID: "generic-live", Issuer: finding.IssuerUnknown, Environment: finding.Production,
		Confidence: finding.Rejected, Score: 2.25, RejectedFor: "one character, repeated",
		Listed: []finding.Occurrence{
			{Target: ".", Source: finding.SourceWorktree, Path: "docs/example.md", Line: 5, Column: 1, EndColumn: 33},
		},
	}
}

// result returns a scan of the tree and history of ".", with findings.
func result(findings ...*finding.Finding) *finding.Result {
	res := &finding.Result{
		Targets: []finding.Target{{Name: ".", Kind: finding.TargetRepository, Tree: true, History: true}},
		Started: clock, Duration: 1340 * time.Millisecond,
		Read:     finding.Counts{Files: 1204, Objects: 18332, Blobs: 7120, Commits: 2911, Trees: 8297, Tags: 4, Refs: 14, Bytes: 48_200_000},
		Findings: findings,
	}
	res.Sort()
	return res
}

func hostile() *finding.Result {
	key := live(6)
	f := &finding.Finding{
		Secret: key, RuleID: "generic-live", Issuer: finding.IssuerUnknown, Environment: finding.Production, Confidence: finding.High,
		IssuerEvidence: []string{"file \x1b]0;owned\x07 near it\n::warning::forged"},
		FirstSeen:      finding.Sighting{Commit: id("3f"), Date: date(2), Author: "\x1b[1mEve \xff <::warning::@example.org>"}, LastSeen: finding.Sighting{Commit: id("3f"), Date: date(2)}, Exposed: 49 * time.Hour,
	}
	for i, path := range []string{
		"x\n::stop-commands::t", "\x1b[2Jcls", "::warning::a", " ::warning::b", "a ::warning::c", "##[group]d", "dir/##vso[task.complete]", "bidi\u202egpj.exe",
		"zero\u200bwidth", "latin1-\xe9", "c1-\u009b31m", "tab\there", "\"quoted\"", "back\\slash", "日本/鍵.txt", ":", "nbsp\u00a0", "del\x7f", "tag\U000e0041",
		"keys/" + key.Reveal() + ".txt", strings.Repeat("long/", 300) + "end",
	} {
		f.Listed = append(f.Listed, finding.Occurrence{Target: "re\x1bpo", Source: finding.SourceBlob, Path: path, Line: i + 1, Column: 1, EndColumn: 41,
			Object: id("ab"), Versions: 1, Commit: id("3f"), Date: date(2), Reachable: finding.Yes,
			Excerpt: excerpt("::error::\x1b[8m\u202e\xff ##[x]\t", key, "\x1b[0m\x00 世界\r")})
	}
	res := result(f)
	res.Targets = []finding.Target{{Name: "re\x1bpo", Kind: finding.TargetRepository, Tree: true, History: true, Notes: []string{"its name holds \x1b[31m"}}}
	res.Skipped = []finding.Skipped{
		{Reason: finding.ReasonUnreadable, Count: 1, Detail: "a\x1b[31m: permission denied"},
		{Reason: finding.ReasonUnreadable, Count: 2, Detail: strings.Repeat("word ", 15) + "::stop-commands::x \xff"},
		{Reason: finding.ReasonSpecialFile, Count: 1, Detail: "pipe\r\n::add-mask::"},
	}
	res.Sort()
	return res
}

// with returns res changed by change.
func with(res *finding.Result, change func(*finding.Result)) *finding.Result {
	change(res)
	res.Sort()
	return res
}

func many() *finding.Result {
	return with(result(martis(), stripe(), lost()), func(r *finding.Result) {
		r.Rejected, r.Below = 37, 12
		r.Skipped = []finding.Skipped{
			{Reason: finding.ReasonIgnored, Count: 412},
			{Reason: finding.ReasonSubmoduleAbsent, Count: 1, Detail: "vendor/lib"},
		}
	})
}

func incomplete(findings ...*finding.Finding) *finding.Result {
	return with(result(findings...), func(r *finding.Result) {
		for _, n := range []string{"1", "2", "3", "4", "5"} {
			r.Skipped = append(r.Skipped, finding.Skipped{Reason: finding.ReasonDamaged, Count: 1, Detail: "objects/pack/pack-" + id("c"+n) + ".pack: entry at 8812: delta base: corrupt"})
		}
		r.Skipped = append(r.Skipped,
			finding.Skipped{Reason: finding.ReasonShallow, Count: 3},
			finding.Skipped{Reason: finding.ReasonMissing, Count: 1204, Detail: "trees of " + id("d0")},
			finding.Skipped{Reason: finding.ReasonIgnored, Count: 1})
	})
}

func targets(res *finding.Result, list ...finding.Target) *finding.Result {
	res.Targets = list
	return res
}

// remedies has a key for each piece of advice.
func remedies() *finding.Result {
	active, public, app, dead := martis(), martis(), stripe(), stripe()
	active.Status, active.CheckedAt = finding.Active, clock
	active.Listed[2].InHead = finding.Yes
	public.Secret = live(11)
	public.Listed = public.Listed[:1]
	public.Listed[0].Path = "public/js/checkout.js"
	public.Listed[0].Excerpt = excerpt("pay('", public.Secret, "')")
	app.Secret = test(12)
	app.Listed[0].Path, app.Encoding = "ios/Pay.swift", nil
	dead.Secret = test(13)
	dead.Status, dead.CheckedAt = finding.Inactive, clock
	return result(active, public, app, dead)
}

// reports are the cases of the golden files.
// repositories is a result of many repositories: the first sixty have keys.
func repositories() *finding.Result {
	return with(result(martis()), func(r *finding.Result) {
		key := "sk_" + "live_" + strings.Repeat("Ab3", 12)
		r.Repositories = []finding.Repository{
			{Name: "a|b/clean", Complete: true}, {Name: "half", Keys: 2},
			{Name: "https://git.example/gone", Failed: "git.example says | \x1b[31m" + key + " `does` <b>not</b> exist"},
			{Name: "part\n## heading " + key, Keys: 1234, Failed: ""},
		}
		for i := range 50 {
			r.Repositories = append(r.Repositories, finding.Repository{Name: fmt.Sprint("with/", 10+i), Keys: 1, Complete: true})
		}
	})
}

var reports = []struct {
	name string
	res  func() *finding.Result
	opts Options
}{
	{"none", func() *finding.Result { return result() }, Options{}},
	{"none-low", func() *finding.Result {
		return with(result(), func(r *finding.Result) { r.Below, r.Rejected = 1, 1 })
	}, Options{}},
	{"one", func() *finding.Result { return result(martis()) }, Options{Exit: ExitReason{Status: 1}}},
	{"many", many, Options{Exit: ExitReason{Status: 1, Words: "3 keys at or above medium confidence"}}},
	{"many-40", many, Options{Width: 40, Exit: ExitReason{Status: 1}}},
	{"many-200", many, Options{Width: 200, Exit: ExitReason{Status: 1}}},
	{"many-color", many, Options{Color: true, Exit: ExitReason{Status: 1}}},
	{"many-verbose", many, Options{Verbose: true, Exit: ExitReason{Status: 1}}},
	{"many-quiet", many, Options{Quiet: true, Exit: ExitReason{Status: 1}}},
	{"incomplete", func() *finding.Result { return incomplete() }, Options{Exit: ExitReason{Status: 3}}},
	{"incomplete-verbose", func() *finding.Result { return incomplete() }, Options{Verbose: true, Exit: ExitReason{Status: 3}}},
	{"incomplete-color", func() *finding.Result { return incomplete() }, Options{Color: true, Exit: ExitReason{Status: 3}}},
	{"incomplete-findings", func() *finding.Result { return incomplete(martis()) }, Options{Exit: ExitReason{Status: 3}}},
	{"repositories", repositories, Options{Exit: ExitReason{Status: 1}}},
	{"repositories-verbose", repositories, Options{Verbose: true, Exit: ExitReason{Status: 1}}},
	{"interrupted", func() *finding.Result {
		return with(result(stripe()), func(r *finding.Result) {
			r.Skipped = []finding.Skipped{{Reason: finding.ReasonInterrupted, Count: 1, Detail: "objects after 2,000 of 18,332"}}
		})
	}, Options{Exit: ExitReason{Status: 130}}},
	{"interrupted-none", func() *finding.Result {
		return with(result(), func(r *finding.Result) { r.Skipped = []finding.Skipped{{Reason: finding.ReasonInterrupted, Count: 1}} })
	}, Options{Exit: ExitReason{Status: 3, Words: "the time limit of 10m struck"}}},
	{"hostile", hostile, Options{Verbose: true, Exit: ExitReason{Status: 3}}},
	{"low", func() *finding.Result { return result(typed()) }, Options{MinConfidence: finding.Low, Exit: ExitReason{Status: 1}}},
	{"rejected", func() *finding.Result {
		return with(result(), func(r *finding.Result) {
			r.Rejected = 1
			r.RejectedFindings = []*finding.Finding{rejected()}
		})
	}, Options{ShowRejected: true}},
	{"extent", func() *finding.Result {
		likely, cut := martis(), stripe()
		likely.Extent, cut.Extent = finding.Likely, finding.Cut
		cut.Listed = cut.Listed[:1]
		cut.Listed[0].Source, cut.Listed[0].Path, cut.Listed[0].Object = finding.SourceBlob, "", strings.Repeat("0b", 20)
		return result(likely, cut)
	}, Options{Exit: ExitReason{Status: 1}}},
	{"suppressed", func() *finding.Result {
		f := stripe()
		f.Suppressed = &finding.Suppression{Kind: "config", Reason: "a fixture of ours", Owner: "pay team", Expires: date(-30)}
		return result(f)
	}, Options{}},
	{"suppressed-shown", func() *finding.Result {
		f := stripe()
		f.Suppressed = &finding.Suppression{Kind: "inline", Reason: "a fixture of ours"}
		return result(f, martis())
	}, Options{ShowSuppressed: true, Exit: ExitReason{Status: 1}}},
	{"exceptions", func() *finding.Result {
		f, g := stripe(), martis()
		f.Suppressed = &finding.Suppression{Kind: "baseline", Reason: "before keysweep"}
		return with(result(f, g), func(r *finding.Result) {
			unused := finding.Exception{Kind: "config", File: ".keysweep.toml", Line: 9, Entry: "testdata/**", Problem: finding.ExceptionUnused, Reason: "fixtures"}
			r.Exceptions = []finding.Exception{
				{Kind: "config", File: ".keysweep.toml", Line: 4, Entry: "0123456789abcdef", Problem: finding.ExceptionExpired, Reason: "old", Owner: "pay team", Expires: date(30)},
				{Kind: "baseline", Entry: "fedcba9876543210", Problem: finding.ExceptionLive, Reason: "old"},
				{Kind: "inline", File: "src/\x1b[2Ja.go", Line: 3, Entry: "fedcba9876543210", Problem: finding.ExceptionNoReason},
				{Kind: "inline", File: "src/\xffb.go", Line: 3, Entry: "fedcba9876543210", Problem: finding.ExceptionUntrusted, Reason: "x"},
				unused, unused, unused, unused,
			}
		})
	}, Options{Exit: ExitReason{Status: 1}}},
	{"status", func() *finding.Result {
		f, g := martis(), stripe()
		f.Status, f.StatusReason, f.CheckedAt = finding.Active, "http_200: a list of charges", clock
		g.Status, g.StatusReason, g.CheckedAt = finding.Unknown, "timeout: no answer in 10 s", clock
		return result(f, g)
	}, Options{Exit: ExitReason{Status: 1}}},
	{"tree-only", func() *finding.Result {
		f := martis()
		f.FirstSeen, f.LastSeen, f.Exposed, f.InHead = finding.Sighting{}, finding.Sighting{}, 0, finding.No
		f.Listed = f.Listed[:1]
		res := targets(result(f), finding.Target{Name: ".", Kind: finding.TargetRepository, Tree: true})
		res.Read = finding.Counts{Files: 1204, Bytes: 3_100_000}
		return res
	}, Options{Exit: ExitReason{Status: 1}}},
	{"history-only", func() *finding.Result {
		res := targets(result(stripe()), finding.Target{Name: ".", Kind: finding.TargetRepository, History: true})
		res.Read.Files = 0
		return res
	}, Options{Exit: ExitReason{Status: 1}}},
	{"folder", func() *finding.Result {
		f, g := martis(), typed()
		f.FirstSeen, f.LastSeen, f.Exposed, f.InHead = finding.Sighting{}, finding.Sighting{}, 0, finding.No
		f.Listed = f.Listed[:1]
		f.Listed[0].Target = "/srv/my files"
		g.Listed[0].Target = "/srv/my files"
		res := targets(result(f, g), finding.Target{Name: "/srv/my files", Kind: finding.TargetFolder, Tree: true,
			Notes: []string{"It lies inside the repository /srv, whose history was not looked at: keysweep scan /srv"}})
		res.Read = finding.Counts{Files: 2, Bytes: 999}
		return res
	}, Options{MinConfidence: finding.Low, Exit: ExitReason{Status: 1}}},
	{"stdin", func() *finding.Result {
		f := martis()
		f.FirstSeen, f.LastSeen, f.Exposed, f.InHead = finding.Sighting{}, finding.Sighting{}, 0, finding.No
		f.Listed = f.Listed[:1]
		f.Listed[0].Source, f.Listed[0].Target, f.Listed[0].Path = finding.SourceStdin, "-", ""
		res := targets(result(f), finding.Target{Name: "-", Kind: finding.TargetStdin})
		res.Read = finding.Counts{Bytes: 1}
		return res
	}, Options{Exit: ExitReason{Status: 1}}},
	{"empty-folder", func() *finding.Result {
		res := targets(result(), finding.Target{Name: "out", Kind: finding.TargetFolder, Tree: true})
		res.Read = finding.Counts{}
		return res
	}, Options{}},
	{"empty-repository", func() *finding.Result {
		res := result()
		res.Read = finding.Counts{}
		return res
	}, Options{}},
	{"long-line", func() *finding.Result {
		f := martis()
		f.Listed = f.Listed[:1]
		e := &f.Listed[0].Excerpt
		e.Before, e.After = strings.Repeat("var a=1;", 30)+"\tk=\"", "\";"+strings.Repeat("世界", 60)
		e.CutLeft, e.CutRight = true, true
		return result(f)
	}, Options{Exit: ExitReason{Status: 1}}},
	{"inside", func() *finding.Result {
		f := martis()
		f.Listed = f.Listed[:1]
		f.Listed[0].Inside = []string{"blobs/sha256/3f1c", "app/\xff\x1b\n.env"}
		f.Listed[0].Layer = finding.Layer{Number: 2, RemovedIn: 7}
		return result(f)
	}, Options{Exit: ExitReason{Status: 1}}},
	{"several-targets", func() *finding.Result {
		f := stripe()
		f.Listed[0].Target = "../other repo"
		return targets(result(f), finding.Target{Name: "../other repo", Kind: finding.TargetRepository, Tree: true, History: true, Notes: []string{"HEAD names no commit."}},
			finding.Target{Name: "notes", Kind: finding.TargetFolder, Tree: true})
	}, Options{Exit: ExitReason{Status: 1}}},
	{"crowd", func() *finding.Result {
		var list []*finding.Finding
		for i := range 24 {
			f := martis()
			f.Secret = live(byte(100 + i))
			f.Listed = f.Listed[:2]
			f.Listed[0].Excerpt = excerpt("key: ", f.Secret, "")
			list = append(list, f)
		}
		return result(list...)
	}, Options{Exit: ExitReason{Status: 1}}},
	{"incomplete-interrupted", func() *finding.Result {
		return with(incomplete(stripe(), lost()), func(r *finding.Result) {
			r.Skipped = append(r.Skipped, finding.Skipped{Reason: finding.ReasonInterrupted, Count: 1})
		})
	}, Options{Program: "go run .", Exit: ExitReason{Status: 130}}},
	{"remedies", remedies, Options{Exit: ExitReason{Status: 1}}},
	{"since", func() *finding.Result {
		return with(result(stripe()), func(r *finding.Result) { r.Since, r.BeforeSince, r.Below = date(40).Truncate(24*time.Hour), 2, 1 })
	}, Options{Exit: ExitReason{Status: 1}}},
	{"since-none", func() *finding.Result {
		return with(result(), func(r *finding.Result) { r.Since, r.BeforeSince = date(7), 1 })
	}, Options{}},
	{"whole-keys", func() *finding.Result { return result(typed()) }, Options{MinConfidence: finding.Low, ShowSecrets: true, Exit: ExitReason{Status: 1}}},
}

// someRules are the rules of the findings above.
var someRules = []*rules.Rule{
	{ID: "martis-live", Issuer: "martis", Advice: "See API keys in its dashboard; set an IP allowlist."},
	{ID: "stripe-test", Issuer: "stripe", Advice: "Roll it in the dashboard, Developers, API keys."},
	{ID: "generic-live", Advice: "Find out whose key it is, and replace it there."},
	{ID: "generic-test", Advice: "Find out whose key it is, and replace it there."},
}

func write(t *testing.T, f Format, res *finding.Result, opts Options) []byte {
	t.Helper()
	opts.Version, opts.RulesSHA256 = "0.1.0", strings.Repeat("e", 64)
	if opts.System == "" {
		opts.System = "linux"
	}
	if opts.Rules == nil {
		opts.Rules = someRules
	}
	var out bytes.Buffer
	if err := Write(&out, f, res, opts); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("differs from %s (-want +got), which -update writes anew:\n%s", path, diff)
	}
}

func TestReportsReadAsInTheGoldenFiles(t *testing.T) {
	for _, c := range reports {
		if c.opts.ShowSecrets {
			continue // the tree holds no whole keys
		}
		t.Run(c.name, func(t *testing.T) {
			golden(t, c.name+".txt", write(t, Text, c.res(), c.opts))
			var summary bytes.Buffer
			opts := c.opts
			opts.Rules = someRules
			opts.System = "linux"
			if err := Summary(&summary, c.res(), opts); err != nil {
				t.Fatal(err)
			}
			golden(t, c.name+".summary", summary.Bytes())
			if !c.opts.Color && c.opts.Width == 0 && !c.opts.Quiet {
				golden(t, c.name+".md", write(t, Markdown, c.res(), c.opts))
			}
			if c.opts.Color || c.opts.Width != 0 || c.opts.Verbose && c.name != "hostile" || c.opts.Quiet {
				return // these change nothing in JSON
			}
			golden(t, c.name+".json", write(t, JSON, c.res(), c.opts))
			golden(t, c.name+".jsonl", write(t, JSONL, c.res(), c.opts))
			golden(t, c.name+".csv", write(t, CSV, c.res(), c.opts))
			if slices.Contains([]string{"many", "hostile", "exceptions", "incomplete-findings", "repositories"}, c.name) {
				golden(t, c.name+".html", withoutPage(write(t, HTML, c.res(), c.opts)))
				golden(t, c.name+".gitlab.json", write(t, GitLab, c.res(), c.opts))
				golden(t, c.name+"-junit.xml", write(t, JUnit, c.res(), c.opts))
			}
		})
	}
}
