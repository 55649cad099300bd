package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// builtIn returns the rules that the cases name, as the loader makes them.
func builtIn() []*rules.Rule {
	environments := map[string]finding.Environment{"sk_live_": finding.Production, "sk_test_": finding.Sandbox}
	return []*rules.Rule{
		{ID: "martis-live", Issuer: "martis", Description: "Martis secret key", Advice: "Revoke it in the dashboard.", Environments: environments},
		{ID: "stripe-test", Issuer: "stripe", Description: "Stripe secret key", Environments: environments},
	}
}

// sarifReports are the cases of the golden files, with what only SARIF needs:
// columns in units, the rules and the working directory.
func sarifReports() []sarifCase {
	var list []sarifCase
	for _, c := range reports {
		if c.opts.Color || c.opts.Width != 0 || c.opts.Verbose && c.name != "hostile" || c.opts.Quiet {
			continue // these change nothing in SARIF
		}
		list = append(list, sarifCase{c.name, c.res(), c.opts})
	}
	add := func(name string, res *finding.Result) {
		list = append(list, sarifCase{name, res, Options{Exit: ExitReason{Status: 1}}})
	}
	all := func(occurrences ...finding.Occurrence) *finding.Finding {
		f := martis()
		f.Listed = occurrences
		return f
	}
	add("sources", result(all(
		finding.Occurrence{Target: ".", Source: finding.SourceCommit, Line: 6, Column: 4, EndColumn: 9, Object: id("c1"), Commit: id("c1"), Date: date(9), Reachable: finding.Yes},
		finding.Occurrence{Target: ".", Source: finding.SourceTag, Line: 6, Column: 4, EndColumn: 9, Object: id("c2"), Reachable: finding.Yes},
		finding.Occurrence{Target: ".", Source: finding.SourceRef, Path: "refs/heads/a[b](c){0}"},
		finding.Occurrence{Target: ".", Source: finding.SourceBlob, Line: 6, Column: 4, EndColumn: 9, Object: id("c3")},
		finding.Occurrence{Target: ".", Source: finding.SourcePath, Path: "d/name", Object: id("c4"), Commit: id("c5"), Reachable: finding.Yes},
		finding.Occurrence{Target: ".", Source: finding.SourceIndex, Path: "d/staged", Line: 1, Column: 1, EndColumn: 2, Object: id("c6")},
		finding.Occurrence{Target: ".", Source: finding.SourceBlob, Path: "x", Folder: ".git/modules/lib", Line: 1, Column: 1, EndColumn: 2, Object: id("c7")},
	), &finding.Finding{Secret: live(9), RuleID: "martis-live", Environment: finding.EnvironmentUnknown}))
	add("bases", targets(result(all(
		finding.Occurrence{Target: "/opt/shop", Source: finding.SourceWorktree, Path: "a/b", Line: 1, Column: 1, EndColumn: 2},
		finding.Occurrence{Target: "/srv/alice/x y", Source: finding.SourceWorktree, Path: "a/b", Line: 1, Column: 1, EndColumn: 2},
		finding.Occurrence{Target: "../other", Source: finding.SourceBlob, Path: "a/b", Folder: "..", Line: 1, Column: 1, EndColumn: 2, Object: id("c1")},
		finding.Occurrence{Target: "sub/file.env", Source: finding.SourceWorktree, Path: "file.env", Line: 1, Column: 1, EndColumn: 2},
	)), finding.Target{Name: "/opt/shop", Kind: finding.TargetRepository, Tree: true, Notes: []string{"/opt/shop lies in the repository /opt/shop/.., whose history is in /home/bob/x."}},
		finding.Target{Name: "/srv/alice/x y", Kind: finding.TargetFolder, Tree: true},
		finding.Target{Name: "../other", Kind: finding.TargetRepository, History: true}, finding.Target{Name: "sub/file.env", Kind: finding.TargetFile, Tree: true}))
	for i := range list {
		list[i].opts.Rules, list[i].opts.WorkDir = builtIn(), "/opt/shop"
		for _, f := range list[i].res.Findings {
			for k := range f.Listed {
				o := &f.Listed[k]
				if o.Line > 0 {
					o.UnitColumn, o.UnitEndColumn = o.Column+100, o.EndColumn+100
				}
				if o.Source == finding.SourceWorktree {
					o.LineHash = fmt.Sprintf("%x:1", 0xabc0+k)
				}
			}
		}
	}
	return list
}

type sarifCase struct {
	name string
	res  *finding.Result
	opts Options
}

func (c *sarifCase) write(t *testing.T) []byte { return write(t, SARIF, c.res, c.opts) }

// log is what the tests read of a SARIF file.
type log struct {
	Runs []struct {
		Tool              sarifTool
		AutomationDetails sarifAutomation
		Results           []sarifResult
		Bases             map[string]sarifArtifactLocation `json:"originalUriBaseIds"`
		Invocations       []sarifInvocation
		Properties        sarifRunProperties
	}
}

func read(t *testing.T, doc []byte) log {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	var l log
	if err := d.Decode(&l); err != nil {
		t.Fatal(err)
	}
	if len(l.Runs) != 1 {
		t.Fatalf("%d runs", len(l.Runs))
	}
	return l
}

func TestSARIFReadsAsInTheGoldenFiles(t *testing.T) {
	for _, c := range sarifReports() {
		switch c.name {
		case "none", "many", "incomplete-findings", "hostile", "suppressed-shown", "exceptions", "status", "stdin", "history-only", "sources", "bases":
			if c.name != "bases" || runtime.GOOS != "windows" { // its working directory is one of Unix
				t.Run(c.name, func(t *testing.T) { golden(t, c.name+".sarif", c.write(t)) })
			}
		}
	}
}

func TestSARIFFollowsTheSchemaOfOASIS(t *testing.T) {
	data, err := os.ReadFile("testdata/schema/sarif-2.1.0-errata01.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema := c.MustCompile("sarif.json")
	for _, c := range sarifReports() {
		t.Run(c.name, func(t *testing.T) { validate(t, schema, c.write(t)) })
	}
	for name, change := range map[string][2]string{
		"a level that is none": {`"level": "error"`, `"level": "fatal"`},
		"an unknown member":    {`"ruleIndex": 0,`, `"ruleIndex": 0, "ruleNumber": 0,`},
		"a line 0":             {`"startLine": 42`, `"startLine": 0`},
	} {
		good := string(write(t, SARIF, many(), Options{}))
		bad, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(good, change[0], change[1], 1)))
		if err != nil || !strings.Contains(good, change[0]) {
			t.Fatal(name, err)
		}
		if schema.Validate(bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestSARIFHasWhatGitHubAsksFor holds every report against GitHub's page, "SARIF
// support for code scanning".
func TestSARIFHasWhatGitHubAsksFor(t *testing.T) {
	for _, c := range sarifReports() {
		t.Run(c.name, func(t *testing.T) {
			doc := c.write(t)
			var v any
			if err := json.Unmarshal(doc, &v); err != nil {
				t.Fatal(err)
			}
			noEmptyValues(t, "", v)
			run := read(t, doc).Runs[0]
			if len(run.Results) != len(c.res.Findings) {
				t.Errorf("%d results of %d findings", len(run.Results), len(c.res.Findings))
			}
			rules := run.Tool.Driver.Rules
			ids := map[string]bool{}
			for _, d := range slices.Concat(rules, run.Tool.Driver.Notifications) {
				for _, text := range []string{d.ID, d.Name, d.ShortDescription.Text, d.FullDescription.Text, d.Help.Text, d.HelpURI} {
					if text == "" || utf8.RuneCountInString(text) > 1024 {
						t.Errorf("%s has a text %q", d.ID, text)
					}
				}
				if strings.EqualFold(d.ID, d.Name) {
					t.Errorf("%s is name and id", d.ID)
				}
				if ids[d.ID] {
					t.Errorf("two descriptors %s", d.ID)
				}
				ids[d.ID] = true
			}
			for _, d := range rules {
				if d.Help.Markdown == "" || !slices.Contains(d.Properties.Tags, "security") || len(d.Properties.Tags) > 20 {
					t.Errorf("rule %+v", d)
				}
			}
			for i, r := range run.Results {
				if rules[r.RuleIndex].ID != r.RuleID {
					t.Errorf("rule %d is %s, the result says %s", r.RuleIndex, rules[r.RuleIndex].ID, r.RuleID)
				}
				if r.Rank < 0 || r.Rank > 100 || len(r.Locations) != 1 || r.OccurrenceCount != max(1, len(c.res.Findings[i].Listed)) {
					t.Errorf("rank %d, %d locations, %d occurrences", r.Rank, len(r.Locations), r.OccurrenceCount)
				}
				if !fingerprint.MatchString(r.PartialFingerprints["primaryLocationLineHash"]) || len(r.PartialFingerprints["keysweepFinding/v1"]) != 16 {
					t.Errorf("fingerprints %v", r.PartialFingerprints)
				}
				if utf8.RuneCountInString(r.Message.Text) > 1024 || !strings.HasSuffix(r.Message.Text, ".") {
					t.Errorf("message %q", r.Message.Text)
				}
				for k, l := range slices.Concat(r.Locations, r.RelatedLocations) {
					if l.ID != k {
						t.Errorf("location %d has the id %d", k, l.ID)
					}
					at := l.PhysicalLocation
					if _, known := run.Bases[at.ArtifactLocation.URIBaseID]; !known {
						t.Errorf("base %q is not described", at.ArtifactLocation.URIBaseID)
					}
					uriIsLocal(t, at.ArtifactLocation.URI)
					if g := at.Region; g.StartLine < 1 || g.StartColumn < 1 || g.EndLine != g.StartLine || g.EndColumn < g.StartColumn {
						t.Errorf("region %+v", g)
					}
				}
			}
			inv := run.Invocations[0]
			if inv.ExecutionSuccessful != c.res.Complete() || inv.ExitCode != c.opts.Exit.Status || inv.ExitCodeDescription == "" {
				t.Errorf("invocation %+v", inv)
			}
			for _, n := range inv.Notifications {
				if run.Tool.Driver.Notifications[n.Descriptor.Index].ID != n.Descriptor.ID {
					t.Errorf("notification %+v", n.Descriptor)
				}
			}
			for _, never := range []string{"/opt/shop", "/srv/", "alice", "/home", "bob", "snippet", "secret_sha256", "contextRegion"} {
				if bytes.Contains(doc, []byte(never)) {
					t.Errorf("%s stands in the file", never)
				}
			}
		})
	}
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{1,16}:[0-9]+$`)

// noEmptyValues finds what GitHub refuses, and the defaults of SARIF libraries.
func noEmptyValues(t *testing.T, at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			noEmptyValues(t, at+"/"+k, e)
		}
	case []any:
		if len(v) == 0 && !strings.HasSuffix(at, "/results") && !strings.HasSuffix(at, "/rules") {
			t.Errorf("%s is empty", at)
		}
		for _, e := range v {
			noEmptyValues(t, at, e)
		}
	case string:
		if v == "" {
			t.Errorf("%s is an empty string", at)
		}
	case nil:
		t.Errorf("%s is null", at)
	case float64:
		if v == -1 {
			t.Errorf("%s is -1", at)
		}
	}
}

// uriIsLocal fails if uri is not a plain relative reference.
func uriIsLocal(t *testing.T, uri string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil || u.IsAbs() || u.Host != "" || u.RawQuery != "" || u.Fragment != "" || strings.HasPrefix(uri, "/") || u.EscapedPath() != uri && u.RawPath == "" && u.Path == "" {
		t.Errorf("uri %q: %v", uri, err)
	}
	for _, segment := range strings.Split(uri, "/") {
		if segment == ".." || segment == "." {
			t.Errorf("uri %q", uri)
		}
	}
}

func TestURIs(t *testing.T) {
	for path, want := range map[string]string{
		"a/b.go":         "a/b.go",
		"a b":            "a%20b",
		"100%":           "100%25",
		"a#b?c":          "a%23b%3Fc",
		`a\b`:            "a%5Cb",
		"c:/d:e":         "c%3A/d:e",
		"日本":             "%E6%97%A5%E6%9C%AC",
		"latin1-\xe9":    "latin1-%E9",
		"a\x00\n\x7f":    "a%00%0A%7F",
		"../a/./b/..":    "%2E%2E/a/%2E/b/%2E%2E",
		"/etc/passwd":    "%2Fetc/passwd",
		"//host/x":       "%2F/host/x",
		"a//b":           "a//b",
		"...":            "...",
		"x[1](y){0}|\"^": "x%5B1%5D(y)%7B0%7D%7C%22%5E",
		"file:///a":      "file%3A///a",
	} {
		if got := encodePath(path); got != want {
			t.Errorf("encodePath(%q) = %s, want %s", path, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		b := make([]byte, r.IntN(20))
		for i := range b {
			if b[i] = byte(r.IntN(256)); r.IntN(3) == 0 {
				b[i] = "./:%aZ"[r.IntN(6)]
			}
		}
		uriDecodes(t, string(b))
	}
}

func uriDecodes(t *testing.T, path string) {
	t.Helper()
	uri := encodePath(path)
	if got, err := url.PathUnescape(uri); err != nil || got != path {
		t.Errorf("%q is %s, which decodes to %q (%v)", path, uri, got, err)
	}
	uriIsLocal(t, uri)
	for _, c := range []byte(uri) {
		if c <= ' ' || c >= 0x7f {
			t.Errorf("%q holds the byte %x", uri, c)
		}
	}
}

func FuzzURIsDecode(f *testing.F) {
	f.Add("a/../b%c:d")
	f.Add("\xff/\x00")
	f.Fuzz(uriDecodes)
}

func TestPlacesAreBelowTheWorkingDirectoryOrATarget(t *testing.T) {
	repository, folder, file := finding.TargetRepository, finding.TargetFolder, finding.TargetFile
	for _, c := range []struct {
		name, workDir, target string
		kind                  finding.TargetKind
		folder                string
		base, want            string
	}{
		{"the working directory", "/w", ".", repository, "", "SRCROOT", "p"},
		{"a folder below it", "/w", "a/b", folder, "", "SRCROOT", "a/b/p"},
		{"a folder with odd slashes", "/w", "./a//b/", folder, "", "SRCROOT", "a/b/p"},
		{"a file below it", "/w", "a/b.txt", file, "", "SRCROOT", "a/p"},
		{"an absolute path below it", "/w", "/w/a", folder, "", "SRCROOT", "a/p"},
		{"its absolute path", "/w", "/w", repository, "", "SRCROOT", "p"},
		{"a way out and back", "/w", "../w/a", folder, "", "SRCROOT", "a/p"},
		{"a sibling", "/w", "../x", repository, "", "TARGET-1", "p"},
		{"a sibling that starts alike", "/w", "/w2", repository, "", "TARGET-1", "p"},
		{"the folder above", "/w/sub", "..", repository, "", "TARGET-1", "p"},
		{"an absolute path elsewhere", "/w", "/srv/x", folder, "", "TARGET-1", "p"},
		{"a single file elsewhere", "/w", "/srv/x/p", file, "", "TARGET-1", "p"},
		{"a repository inside a folder", "/w", "a", folder, "r", "SRCROOT", "a/r/p"},
		{"a repository inside a folder elsewhere", "/w", "/srv", folder, "r", "TARGET-1", "r/p"},
		{"a folder of the repository that is the working directory", "/w", "a/b", repository, "../..", "SRCROOT", "p"},
		{"a folder of a repository elsewhere", "/w", "/srv/r/a", repository, "..", "REPOSITORY-1", "p"},
		{"the working directory, in a repository", "/w/sub", ".", repository, "..", "REPOSITORY-1", "p"},
		{"a module of that", "/w/sub", ".", repository, "../.git/modules/m", "REPOSITORY-1", ".git/modules/m/p"},
		{"no working directory, a relative target", "", "a", folder, "", "SRCROOT", "a/p"},
		{"no working directory, an absolute target", "", "/a", folder, "", "TARGET-1", "p"},
		{"no working directory, a target above", "", "../a", folder, "", "TARGET-1", "p"},
	} {
		res := targets(result(), finding.Target{Name: c.target, Kind: c.kind, Tree: true})
		b := newSARIFBases(quote.NewRedactor(nil, res, false), res, Options{WorkDir: c.workDir})
		base, name := b.place(finding.Occurrence{Target: c.target, Source: finding.SourceBlob, Path: "p", Folder: c.folder})
		if base != c.base || name != c.want {
			t.Errorf("%s: %s %q, want %s %q", c.name, base, name, c.base, c.want)
		}
		if words := b.words[base]; words == "" || strings.Contains(words, "/srv") {
			t.Errorf("%s: described as %v", c.name, words)
		}
	}
}

func TestWordsHoldNoPathOfTheMachine(t *testing.T) {
	res := targets(result(), finding.Target{Name: ".", Kind: finding.TargetRepository}, finding.Target{Name: "/srv/my files", Kind: finding.TargetFolder},
		finding.Target{Name: "../other", Kind: finding.TargetFolder})
	b := newSARIFBases(quote.NewRedactor(nil, res, false), res, Options{WorkDir: "/home/ada/shop"})
	words := map[string]string{
		"a/b.go: permission denied":                                   "a/b.go: permission denied",
		"index of /home/ada/shop: bad":                                "index of .: bad",
		"/home/ada/shop/.git/objects/pack/x.pack: entry at 8812: bad": ".git/objects/pack/x.pack: entry at 8812: bad",
		`/srv/my files lies in the repository "/srv", whose`:          `target 2 lies in the repository "…", whose`,
		"/srv/my files/a b: refused":                                  "target 2/a b: refused",
		"/home/ada/other/x: gone":                                     "../other/x: gone",
		"/home/ada/shop2/x y: gone":                                   "…: gone",
		"its database lies outside, in /var/lib/git data/x.git":       "its database lies outside, in …",
		`open C:\Users\ada\x: refused`:                                `open …: refused`,
		"1 / 2 of https://example.org/x":                              "1 / 2 of https://example.org/x",
		"(/etc/x)":                                                    "(…)",
	}
	if runtime.GOOS == "windows" { // the same, as Windows writes paths
		b = newSARIFBases(quote.NewRedactor(nil, res, false), res, Options{WorkDir: `C:\home\ada\shop`})
		words = map[string]string{
			`index of C:\home\ada\shop: bad`:            `index of .: bad`,
			`C:\home\ada\shop\.git\index: bad`:          `.git\index: bad`,
			`C:\srv\my files\a b: refused`:              `target 2/a b: refused`,
			`C:\home\ada\shop2\x y: gone`:               `…: gone`,
			`\\host\share\x: gone`:                      `…: gone`,
			`its database is outside, in D:\git data\x`: `its database is outside, in …`,
		}
	}
	for words, want := range words {
		if got := b.anonymous(words); got != want {
			t.Errorf("%q is %q, want %q", words, got, want)
		}
	}
}

// TestNoFormOfAKeyStandsInSARIF plants keys wherever content reaches the file.
func TestNoFormOfAKeyStandsInSARIF(t *testing.T) {
	key, below := live(7), live(8) // the second is not listed
	encoded := base64.StdEncoding.EncodeToString([]byte(key.Reveal()))
	f := martis()
	f.Secret = key
	f.IssuerEvidence = []string{"name " + key.Reveal(), "name " + below.Reveal()}
	f.Status, f.StatusReason = finding.Unknown, "refused: "+key.Reveal()
	f.Suppressed = &finding.Suppression{Kind: "inline", Reason: "see " + below.Reveal(), Owner: key.Reveal()}
	for i := range f.Listed {
		f.Listed[i].Excerpt = excerpt("before "+below.Reveal(), key, key.Reveal())
	}
	f.Listed = append(f.Listed[:4],
		finding.Occurrence{Target: ".", Source: finding.SourceWorktree, Path: "keys/" + key.Reveal() + "/" + below.Reveal() + ".txt", Line: 1, Column: 1, EndColumn: 2},
		finding.Occurrence{Target: below.Reveal(), Source: finding.SourceWorktree, Path: "a", Line: 1, Column: 1, EndColumn: 2},
		finding.Occurrence{Target: ".", Source: finding.SourceRef, Path: "refs/heads/" + key.Reveal()},
		finding.Occurrence{Target: ".", Source: finding.SourceBlob, Folder: key.Reveal(), Path: "a", Line: 1, Column: 1, EndColumn: 2, Object: id("c1")})
	g := stripe()
	g.Secret, g.Encoding = key, []string{"base64"}
	g.Listed = []finding.Occurrence{
		{Target: ".", Source: finding.SourcePath, Path: "d/" + encoded, Object: id("c1"), Commit: id("c1")},
		{Target: ".", Source: finding.SourceBlob, Path: "d/" + encoded + "/x", Line: 1, Column: 1, EndColumn: 9, Object: id("c2"), Commit: id("c1")},
	}
	res := targets(result(f, g), finding.Target{Name: ".", Kind: finding.TargetRepository, Tree: true, History: true, Notes: []string{"note " + below.Reveal()}},
		finding.Target{Name: below.Reveal(), Kind: finding.TargetFolder, Tree: true}, finding.Target{Name: "../" + key.Reveal(), Kind: finding.TargetFolder, Tree: true})
	res.Skipped = []finding.Skipped{{Reason: finding.ReasonUnreadable, Count: 1, Detail: key.Reveal() + "/x: refused"}}
	for _, show := range []bool{false, true} {
		doc := string(write(t, SARIF, res, Options{ShowSecrets: show, Rules: []*rules.Rule{{ID: f.RuleID, Description: key.Reveal(), Advice: below.Reveal()}},
			Exit: ExitReason{Status: 1, Words: "found " + key.Reveal()}}))
		for _, s := range []string{key.Reveal(), below.Reveal(), key.Reveal()[8:24], below.Reveal()[8:24], encoded, encoded[:30], url.PathEscape(encoded),
			key.SHA256(), key.SHA256()[:17]} {
			if strings.Contains(doc, s) {
				t.Errorf("show secrets %v: %q stands in the file", show, s)
			}
		}
		if !strings.Contains(doc, key.Redacted()) {
			t.Error("the redacted key does not")
		}
	}
}

func TestMessagesSayWhoseKeyAndWhere(t *testing.T) {
	f := stripe()
	f.Status = finding.Active
	unknown := lost()
	unknown.Issuer = finding.IssuerUnknown
	ambiguous := typed()
	for _, c := range []struct {
		f    *finding.Finding
		want string
	}{
		{martis(), "Martis production key " + live(1).RedactedWithTail() + " (high confidence, still in HEAD) in config/payment.go, line 42, first committed 2026-03-01 in 3f3f3f3f3f3f."},
		{f, "Stripe sandbox key " + test(2).RedactedWithTail() + " (medium confidence, it still works, not in HEAD) in spec/pay_spec.rb, line 9, first committed 2026-10-25 in 777777777777."},
		{unknown, "Production key of an unknown issuer, " + live(3).RedactedWithTail() + " (medium confidence, unreachable) in notes.txt, line 1."},
		{ambiguous, "Sandbox key whose issuer is ambiguous, sk_" + "test_… (low confidence (looks typed by hand), not committed) in README.md, line 120."},
	} {
		got := read(t, write(t, SARIF, result(c.f), Options{})).Runs[0].Results[0].Message.Text
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestANameCannotMakeALinkOrAPlaceholder(t *testing.T) {
	f := martis()
	f.Listed = f.Listed[:1]
	f.Listed[0].Path = "[click](https://example.org){0}"
	f.IssuerEvidence = []string{"file [click](https://example.org){12} near it"}
	doc := string(write(t, SARIF, result(f), Options{}))
	if strings.Contains(doc, "](") || strings.Contains(doc, "{0}") || strings.Contains(doc, "{12}") {
		t.Error(doc)
	}
}

func TestLevelRankAndSeverity(t *testing.T) {
	for _, c := range []struct {
		name        string
		environment finding.Environment
		confidence  finding.Confidence
		status      finding.Status
		inHead      bool
		level       string
		rank        int
		severity    string
	}{
		{"the worst", finding.Production, finding.High, finding.Active, true, "error", 100, "9.5"},
		{"production", finding.Production, finding.High, finding.Unchecked, false, "error", 85, "9.5"},
		{"production, medium", finding.Production, finding.Medium, finding.Unchecked, true, "error", 60, "8.0"},
		{"production, low", finding.Production, finding.Low, finding.Unchecked, false, "warning", 25, "5.5"},
		{"sandbox", finding.Sandbox, finding.High, finding.Unchecked, false, "warning", 35, "5.5"},
		{"sandbox that works", finding.Sandbox, finding.Medium, finding.Active, false, "error", 65, "8.0"},
		{"sandbox, low", finding.Sandbox, finding.Low, finding.Unchecked, false, "note", 0, "2.0"},
		{"revoked", finding.Production, finding.High, finding.Inactive, true, "note", 15, "2.0"},
	} {
		f := martis()
		f.Environment, f.Confidence, f.Status, f.InHead = c.environment, c.confidence, c.status, finding.AnswerOf(c.inHead, true)
		r := read(t, write(t, SARIF, result(f), Options{})).Runs[0].Results[0]
		if r.Level != c.level || r.Rank != c.rank || r.Properties.SecuritySeverity != c.severity {
			t.Errorf("%s: level %s, rank %d, severity %s", c.name, r.Level, r.Rank, r.Properties.SecuritySeverity)
		}
	}
}

func TestRulesAreThoseOfTheResults(t *testing.T) {
	f, g, h := martis(), martis(), lost()
	g.Secret, g.Environment = test(4), finding.Sandbox
	run := read(t, write(t, SARIF, result(f, g, h), Options{Rules: builtIn()})).Runs[0]
	type rule struct{ ID, Name, Short, Level, Severity, Precision string }
	var got []rule
	for _, d := range run.Tool.Driver.Rules {
		got = append(got, rule{d.ID, d.Name, d.ShortDescription.Text, d.DefaultConfiguration.Level, d.Properties.SecuritySeverity, d.Properties.Precision})
	}
	want := []rule{
		{"martis-live", "MartisLive", "Martis secret key, production.", "error", "9.5", "high"},
		{"generic-live", "GenericLive", "Secret key, production.", "error", "9.5", "medium"},
		{"martis-live.sandbox", "MartisLiveSandbox", "Martis secret key, sandbox.", "warning", "5.5", "high"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if help := run.Tool.Driver.Rules[0].Help; !strings.HasPrefix(help.Text, "Revoke it in the dashboard.") || !strings.HasPrefix(help.Markdown, "1. Revoke it in the dashboard.\n") {
		t.Errorf("help %+v", help)
	}
}

func TestScopesHaveCategoriesOfTheirOwn(t *testing.T) {
	for want, list := range map[string][]finding.Target{
		"keysweep/tree/":         {{Name: ".", Kind: finding.TargetRepository, Tree: true}},
		"keysweep/history/":      {{Name: ".", Kind: finding.TargetRepository, History: true}},
		"keysweep/tree+history/": {{Name: ".", Kind: finding.TargetRepository, Tree: true, History: true}},
		"keysweep/stdin/":        {{Name: "-", Kind: finding.TargetStdin, Tree: true}},
	} {
		if got := read(t, write(t, SARIF, targets(result(), list...), Options{})).Runs[0].AutomationDetails.ID; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestFingerprintsStayWhenTheHistoryIsRewritten(t *testing.T) {
	hash := func(change func(*finding.Finding)) string {
		f := stripe()
		change(f)
		return read(t, write(t, SARIF, result(f), Options{})).Runs[0].Results[0].PartialFingerprints["primaryLocationLineHash"]
	}
	want := hash(func(*finding.Finding) {})
	for name, change := range map[string]func(*finding.Finding){
		"another commit and object": func(f *finding.Finding) {
			o := &f.Listed[0]
			o.Commit, o.Object, o.Date = id("99"), id("98"), date(1)
		},
		"another line": func(f *finding.Finding) { f.Listed[0].Line = 77 },
		"verified":     func(f *finding.Finding) { f.Status = finding.Inactive },
	} {
		if got := hash(change); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for name, change := range map[string]func(*finding.Finding){
		"another path": func(f *finding.Finding) { f.Listed[0].Path = "other" },
		"another key":  func(f *finding.Finding) { f.Secret = test(5) },
		"another rule": func(f *finding.Finding) { f.RuleID = "other" },
	} {
		if got := hash(change); got == want {
			t.Errorf("%s: the same %s", name, got)
		}
	}
	if got := hash(func(f *finding.Finding) { f.Listed[0].LineHash = "abc:2" }); got != "abc:2" {
		t.Errorf("the hash of the line is %s", got)
	}
}

// crowd returns n findings with places each, whose paths path makes.
func crowd(n, places int, path func(i, k int) string) *finding.Result {
	var list []*finding.Finding
	for i := range n {
		f := martis()
		f.Secret = finding.NewSecret("sk_"+"live_", fmt.Sprintf("%032d", i))
		f.FirstSeen.Date = clock.Add(-time.Duration(i) * time.Second)
		f.Listed = nil
		for k := range places {
			f.Listed = append(f.Listed, finding.Occurrence{Target: ".", Source: finding.SourceBlob, Path: path(i, k), Line: 1 + k, Column: 1, EndColumn: 41,
				UnitColumn: 1, UnitEndColumn: 41, Object: id("ab"), Versions: 1, Commit: id("cd"), Date: date(1), Reachable: finding.Yes})
		}
		list = append(list, f)
	}
	res := result()
	res.Findings = list
	res.Sort()
	return res
}

func TestLimitsOfGitHubAreKeptAndTold(t *testing.T) {
	short := func(i, k int) string { return fmt.Sprintf("d%d/f%d.env", i, k) }
	noise := rand.NewChaCha8([32]byte{1})
	long := func(int, int) string {
		b := make([]byte, 5000)
		_, _ = noise.Read(b)
		return string(b)
	}
	for _, c := range []struct {
		name             string
		res              *finding.Result
		results, related int // -1: some were left out
		told             []string
	}{
		{"as many as it takes", crowd(5000, 1, short), 5000, 0, nil},
		{"more results", crowd(25000, 2, short), 5000, 5000, []string{"20,000 of 25,000 results were left out, the least urgent: GitHub keeps 5,000 of a file."}},
		{"one with many places", crowd(1, 102, short), 1, 100, []string{"1 further place of 1 key was left out of this file; occurrenceCount counts all."}},
		{"many places in all", crowd(300, 101, short), 300, 20000, []string{"10,000 further places of 100 keys were left out of this file; occurrenceCount counts all."}},
		{"long paths", crowd(2000, 1, long), -1, 0, []string{"GitHub takes no file over 10 MB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := write(t, SARIF, c.res, Options{})
			run := read(t, doc).Runs[0]
			related := 0
			for _, r := range run.Results {
				related += len(r.RelatedLocations)
			}
			if c.results >= 0 && len(run.Results) != c.results || c.results < 0 && len(run.Results) >= len(c.res.Findings) || related != c.related {
				t.Errorf("%d results, %d related places", len(run.Results), related)
			}
			for i, r := range run.Results {
				if r.Properties.ID != c.res.Findings[i].Secret.ID() {
					t.Fatalf("result %d is not the next worst", i)
				}
			}
			notes := run.Invocations[0].Notifications
			if len(notes) != len(c.told) {
				t.Errorf("notifications %v", notes)
			}
			for i := range min(len(notes), len(c.told)) {
				if !strings.Contains(notes[i].Message.Text, c.told[i]) || notes[i].Level != "warning" {
					t.Errorf("told: %v\nwant: %s", notes[i], c.told[i])
				}
			}
			if run.Properties.Findings != len(c.res.Findings) {
				t.Errorf("%d findings in all", run.Properties.Findings)
			}
			var packed bytes.Buffer
			gz := gzip.NewWriter(&packed)
			_, _ = gz.Write(doc)
			_ = gz.Close()
			t.Logf("%d bytes, %d packed", len(doc), packed.Len())
			if packed.Len() > 10_000_000 {
				t.Errorf("%d bytes when packed", packed.Len())
			}
		})
	}
}

func TestWhatAPersonAcceptedIsLeftOutFirst(t *testing.T) {
	res := crowd(5001, 1, func(i, _ int) string { return fmt.Sprint(i) })
	res.Findings[0].Suppressed = &finding.Suppression{Kind: "inline", Reason: "of ours"}
	accepted := res.Findings[0].Secret.ID()
	for _, r := range read(t, write(t, SARIF, res, Options{})).Runs[0].Results {
		if r.Properties.ID == accepted || r.Suppressions != nil {
			t.Error("an accepted key took the place of another")
		}
	}
	if res.Findings[0].Secret.ID() != accepted {
		t.Error("the result was sorted anew")
	}
}

func TestSuppressionsAreMarked(t *testing.T) {
	for kind, want := range map[string]sarifSuppression{
		"inline":   {"inSource", "accepted", "Accepted by a comment on the line: of ours, owner pay team"},
		"config":   {"external", "accepted", "Accepted by the configuration: of ours, owner pay team"},
		"baseline": {"external", "accepted", "Accepted by the baseline: of ours, owner pay team"},
	} {
		f := stripe()
		f.Suppressed = &finding.Suppression{Kind: kind, Reason: "of ours", Owner: "pay team"}
		got := read(t, write(t, SARIF, result(f), Options{})).Runs[0].Results[0].Suppressions
		if diff := cmp.Diff([]sarifSuppression{want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEverythingSkippedIsANotification(t *testing.T) {
	res := result()
	for r := range reasonWords {
		res.Skipped = append(res.Skipped, finding.Skipped{Reason: r, Count: 1, Detail: "it"}, finding.Skipped{Reason: r, Count: 2000})
	}
	for i := range 150 {
		res.Skipped = append(res.Skipped, finding.Skipped{Reason: finding.ReasonDamaged, Count: 2, Detail: fmt.Sprintf("object %03d", i)})
	}
	res.Sort()
	inv := read(t, write(t, SARIF, res, Options{})).Runs[0].Invocations[0]
	told := map[string][]string{}
	for _, n := range inv.Notifications {
		told[n.Descriptor.ID] = append(told[n.Descriptor.ID], n.Message.Text)
		if want := noticeKindOf(n.Descriptor.ID).level; n.Level != want || (want == "note") != (finding.Reason(n.Descriptor.ID).Class() == finding.ClassNoted) {
			t.Errorf("%s is a %s", n.Descriptor.ID, n.Level)
		}
	}
	for r := range reasonWords {
		want := 2
		if r == finding.ReasonDamaged {
			want = maxNotices + 1
		}
		if len(told[string(r)]) != want {
			t.Errorf("%s: %d notifications, want %d", r, len(told[string(r)]), want)
		}
	}
	if last := told["damaged"][maxNotices]; !strings.HasPrefix(last, "104 damaged items: ") {
		t.Errorf("the rest: %s", last)
	}
}

func TestFormatsOfFileNames(t *testing.T) {
	for name, want := range map[string]Format{
		"a.sarif": SARIF, "a.sarif.json": SARIF, "A.SARIF.JSON": SARIF, "d/a.b.sarif": SARIF, "a.json": JSON, "sarif.json": JSON, "a.jsonl": JSONL, "a.txt": Text,
	} {
		if got, ok := FormatOf(name); !ok || got != want {
			t.Errorf("%s is %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"a", "a.sarif.gz", "json", "d.json/a", "a.xjson"} {
		if got, ok := FormatOf(name); ok {
			t.Errorf("%s is %v", name, got)
		}
	}
}

func BenchmarkSARIF(b *testing.B) {
	res := crowd(25000, 3, func(i, k int) string { return fmt.Sprintf("d%d/f%d.env", i, k) })
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := Write(&out, SARIF, res, Options{}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}

func TestAcceptedKeysAreLeftOutForGitHubAndCounted(t *testing.T) {
	for _, omit := range []bool{false, true} {
		res := result(martis(), stripe(), lost())
		res.Findings[1].Suppressed = accepted()
		run := read(t, write(t, SARIF, res, Options{OmitSuppressed: omit})).Runs[0]
		said := slices.ContainsFunc(run.Invocations[0].Notifications, func(n sarifNotification) bool {
			return n.Message.Text == "1 accepted key is left out of this file: GitHub would open an alert for each."
		})
		if want := map[bool]int{false: 3, true: 2}[omit]; len(run.Results) != want || said != omit || run.Properties.Findings != 3 || run.Properties.Suppressed != 1 {
			t.Errorf("left out %v: %d results, said %v, %+v", omit, len(run.Results), said, run.Properties)
		}
	}
}
