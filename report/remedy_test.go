package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/rules"
)

// found returns a key of high confidence in the working tree at paths.
func found(paths ...string) *finding.Finding {
	f := &finding.Finding{Secret: live(1), RuleID: "r", Issuer: "martis", Environment: finding.Production, Confidence: finding.High}
	for _, p := range paths {
		f.Listed = append(f.Listed, finding.Occurrence{Target: ".", Source: finding.SourceWorktree, Path: p, Line: 1})
	}
	return f
}

func TestAdviceFollowsFromTheFinding(t *testing.T) {
	seen := func(f *finding.Finding, days int) *finding.Finding {
		f.FirstSeen = finding.Sighting{Commit: id("3f"), Date: date(days)}
		return f
	}
	change := func(f *finding.Finding, change func(*finding.Finding)) *finding.Finding {
		change(f)
		return f
	}
	const history = "It is in the git history: deleting the line does not undo that."
	for _, c := range []struct {
		name string
		f    *finding.Finding
		want []string
	}{
		{"a new key in one file", found("a.go"), nil},
		{"a key in two files of the working tree", found("a.go", "b.go"), []string{"2 files hold it: switch each."}},
		{"twice in one file", found("a.go", "a.go"), nil},
		{"in two targets", change(found("a.go", "a.go"), func(f *finding.Finding) { f.Listed[1].Target = "../b" }),
			[]string{"2 files in 2 targets hold it: switch each."}},
		{"in a file, and in another that only the history has", change(found("a.go", "b.go"), func(f *finding.Finding) {
			f.Listed[1].Source, f.Listed[1].Object = finding.SourceBlob, id("b1")
		}), []string{history}},
		{"in two files of HEAD", change(found("a.go", "b.go"), func(f *finding.Finding) {
			for i := range f.Listed {
				f.Listed[i].Source, f.Listed[i].Object, f.Listed[i].InHead = finding.SourceBlob, id("b1"), finding.Yes
			}
		}), []string{"2 files hold it: switch each.", history}},
		{"staged", change(found("a.go"), func(f *finding.Finding) {
			f.Listed[0].Source, f.Listed[0].Object = finding.SourceIndex, id("b1")
		}), nil},
		{"90 days old", seen(found("a.go"), 90), []string{history}},
		{"91 days old", seen(found("a.go"), 91), []string{"It is 91 days old: replace keys after 90.", history}},
		{"of a commit without a date", change(seen(found("a.go"), 91), func(f *finding.Finding) { f.FirstSeen.Date = time.Unix(0, 0) }), []string{history}},
		{"of a commit from the future", seen(found("a.go"), -400), []string{history}},
		{"for browsers", found("public/app.js"), []string{"Its path suggests that it reaches browsers: treat it as public."}},
		{"for an app", found("ios/App/Info.plist"), []string{"Its path suggests that it reaches phones: treat it as public."}},
		{"a sandbox key", change(found("a.go"), func(f *finding.Finding) { f.Environment = finding.Sandbox }),
			[]string{"It is a sandbox key: less urgent, but replace it too."}},
		{"active", change(found("a.go"), func(f *finding.Finding) { f.Status = finding.Active }), []string{"It works now: replace it first."}},
		{"restricted", change(found("a.go"), func(f *finding.Finding) { f.Status = finding.Restricted }),
			[]string{"It works now, with limited rights: replace it first."}},
		{"inactive, old and in many files", change(seen(found("a.go", "b.go"), 300), func(f *finding.Finding) { f.Status = finding.Inactive }),
			[]string{"Its issuer refuses it: there is nothing to revoke; remove it."}},
		{"accepted by a person", change(seen(found("a.go"), 300), func(f *finding.Finding) { f.Suppressed = &finding.Suppression{Kind: "config"} }), nil},
		{"rejected", change(found("public/a.js"), func(f *finding.Finding) { f.Confidence = finding.Rejected }), nil},
	} {
		got := remedyOf(c.f, Options{}, clock)
		if !slices.Equal(got.Marks, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got.Marks, c.want)
		}
		if steps := len(got.Steps) > 0; steps != (c.f.Status != finding.Inactive && c.f.Suppressed == nil && c.f.Confidence != finding.Rejected) {
			t.Errorf("%s: steps %q", c.name, got.Steps)
		}
	}
}

func TestStepsAreInTheOrderThatStopsNothing(t *testing.T) {
	opts := Options{Rules: []*rules.Rule{{ID: "other", Advice: "Not this."}, {ID: "r", Advice: "Give it an IP allowlist."}}}
	got := strings.Join(remedyOf(found("a.go"), opts, clock).Steps, " ")
	at := -1
	for _, words := range []string{"Create a new key at Martis.", "Switch to it", "check that it works", "Then revoke the old one", "Give it an IP allowlist.", "environment variables or a secrets manager, one for each service", "every 90 days"} {
		next := strings.Index(got, words)
		if next <= at {
			t.Errorf("%q is not in its place in %q", words, got)
		}
		at = next
	}
	if strings.Contains(got, "Not this.") {
		t.Errorf("the advice of another rule is in %q", got)
	}
	f := found("a.go")
	f.Issuer = finding.IssuerUnknown
	if got := remedyOf(f, Options{}, clock).Steps[0]; got != "Create a new key at its issuer." {
		t.Errorf("an unknown issuer gives %q", got)
	}
}

func TestWhoSeesAFile(t *testing.T) {
	for p, want := range map[string]audience{
		"index.html": browsers, "a/B.HTM": browsers, "public/env.json": browsers, "web/static/app.css": browsers, "dist/server.js": browsers,
		"src/Pay.jsx": browsers, "src/Pay.tsx": browsers, "src/Pay.vue": browsers, "src/Pay.svelte": browsers,
		"js/app.min.js": browsers, "main.3f9a2c1d.js": browsers, "build/app.js": browsers, "x/vendor.bundle.js": browsers,
		"App.swift": apps, "app/src/main/java/Pay.kt": apps, "Info.plist": apps, "app/src/main/AndroidManifest.xml": apps,
		"app/src/main/res/values/strings.xml": apps, "lib/main.dart": apps, "android/app/build.gradle": apps, "ios/Podfile": apps,

		"public/index.php": ourselves, "static/views.py": ourselves, "server.js": ourselves, "src/pay.ts": ourselves, "config.env": ourselves,
		"publicity/a.js": ourselves, "build/notes.txt": ourselves, "build.gradle": ourselves, "src/Pay.test.tsx": ourselves, "src/__tests__/Pay.jsx": ourselves,
		"tests/public/a.html": ourselves, ".js": ourselves, "": ourselves, "min.js": ourselves, "a.deadbeefs.js": ourselves, "dashboard.js": ourselves,
	} {
		if got := audienceOfPath(p); got != want {
			t.Errorf("%q: %d, want %d", p, got, want)
		}
	}
	f := found("lib/main.dart", "public/a.js")
	if got := audienceOf(f); got != browsers {
		t.Errorf("in an app and in browsers: %d", got)
	}
	f = found("")
	f.Listed[0].Target = "site/index.html" // a single file
	if got := audienceOf(f); got != browsers {
		t.Errorf("a single file: %d", got)
	}
	f = found("public/sk.txt")
	f.Listed[0].Source = finding.SourceRef
	if got := audienceOf(f); got != ourselves {
		t.Errorf("the name of a ref: %d", got)
	}
}

func TestAdviceForSeveralKeysIsGivenOnce(t *testing.T) {
	var list []*finding.Finding
	for i := range 12 {
		f := found("public/a.js")
		f.Secret = live(byte(i))
		list = append(list, f)
	}
	list[11].Listed[0].Path = "a.go"
	for f, want := range map[Format]string{Text: "Keys 1, 2, 3, 4, 5, 6, 8, 9 and 3 more: Their paths", Markdown: "- Keys 1, ", HTML: "<p>Keys 1, "} {
		out := strings.Join(strings.Fields(string(write(t, f, result(list...), Options{}))), " ")
		if n := strings.Count(out, "reaches browsers") + strings.Count(out, "reach browsers"); n != 1 || !strings.Contains(out, want) {
			t.Errorf("%v: given %d times\n%s", f, n, out)
		}
	}
	out := string(write(t, Text, result(list[:2]...), Options{Hook: true}))
	if n := strings.Count(out, "Their paths suggest"); n != 1 {
		t.Errorf("in a hook: given %d times\n%s", n, out)
	}
	list[0].Status, list[1].Status = finding.Inactive, finding.Inactive
	out = string(write(t, Text, result(list[:2]...), Options{}))
	if n := strings.Count(out, "Their issuers refuse them"); n != 1 {
		t.Errorf("of keys that do not work: given %d times\n%s", n, out)
	}
}

// TestTextSaysOnceWhatHoldsForAll reads a report of many keys.
func TestTextSaysOnceWhatHoldsForAll(t *testing.T) {
	out := string(write(t, Text, remedies(), Options{Exit: ExitReason{Status: 1}}))
	for _, words := range []string{"does not undo", "less urgent", "set an IP allowlist", "secrets manager", "in this order"} {
		if n := strings.Count(out, words); n > 1 {
			t.Errorf("%q comes %d times in\n%s", words, n, out)
		}
	}
	quiet := string(write(t, Text, remedies(), Options{Quiet: true, Exit: ExitReason{Status: 1}}))
	if strings.Contains(quiet, "advice") || strings.Contains(quiet, "Remedy") {
		t.Errorf("quiet gives advice:\n%s", quiet)
	}
}

func TestManyIssuersAreCutAndCounted(t *testing.T) {
	var list []*finding.Finding
	var all []*rules.Rule
	for i := range 7 {
		f := found("a.go")
		f.Secret, f.RuleID, f.Issuer = live(byte(i)), string(rune('a'+i)), "issuer"+string(rune('a'+i))
		list = append(list, f)
		all = append(all, &rules.Rule{ID: f.RuleID, Advice: "Look there."})
	}
	for verbose, want := range map[bool]int{false: maxIssuers, true: 7} {
		var out strings.Builder
		if err := Write(&out, Text, result(list...), Options{Rules: all, Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), ": Look there."); got != want {
			t.Errorf("verbose %v: %d issuers, want %d", verbose, got, want)
		}
		if got := strings.Contains(out.String(), "+ 3 more issuers (-v lists them)"); got == verbose {
			t.Errorf("verbose %v: the rest is counted: %v", verbose, got)
		}
	}
}
