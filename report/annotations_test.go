package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"keysweep/finding"
	"keysweep/quote"
)

// runnerCommand reads a line as the runner of GitHub Actions does
// (ActionCommand.cs): a command starts the line, behind spaces; a # # [ of the
// old form may stand anywhere.
func runnerCommand(line string) (name, properties, message string, ok bool) {
	trimmed := strings.TrimLeft(line, " \t\v\f\r\u0085\u00a0")
	if rest, isNew := strings.CutPrefix(trimmed, "::"); isNew {
		head, message, closed := strings.Cut(rest, "::")
		if closed {
			name, properties, _ = strings.Cut(head, " ")
			return name, properties, message, true
		}
	}
	if i := strings.Index(line, "##["); i >= 0 && strings.Contains(line[i:], "]") {
		return line[i:], "", "", true
	}
	return "", "", "", false
}

// unescapeData and unescapeProperty undo what the runner undoes.
var (
	unescapeData     = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace
	unescapeProperty = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace
)

// propertiesOf parts the properties of a command.
func propertiesOf(t *testing.T, text string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, p := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(p, "=")
		if !ok && p != "" {
			t.Errorf("a property without a value: %q", p)
		}
		m[name] = unescapeProperty(value)
	}
	return m
}

func TestAWorkflowCommandHoldsWhatItIsGiven(t *testing.T) {
	for _, value := range []string{
		"plain", "100%", "%25", "%0A", "a\nb", "a\r\nb", "a:b,c", "::error::x", "\n::error::x", ",file=x", "x::y", "=", "", "::stop-commands::t\n::t::",
	} {
		line := WorkflowCommand(LevelError, "m"+value, Property{"file", value}, Property{"title", "t" + value})
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || strings.Contains(line, "\r") {
			t.Errorf("%q: not one line: %q", value, line)
			continue
		}
		name, properties, message, ok := runnerCommand(strings.TrimSuffix(line, "\n"))
		if !ok || name != "error" || unescapeData(message) != "m"+value {
			t.Errorf("%q: read as %q with the message %q", value, name, message)
		}
		got := propertiesOf(t, properties)
		if len(got) != 2 || got["file"] != value || got["title"] != "t"+value {
			t.Errorf("%q: properties %q", value, got)
		}
	}
}

var links = &Links{Server: "https://github.com", Name: "acme/shop", Commit: id("9b")}

func annotations(t *testing.T, res *finding.Result, opts Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := Annotations(&out, res, opts); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAnAnnotationNamesFileLineAndKey(t *testing.T) {
	got := annotations(t, result(martis()), Options{Links: links})
	want := "::error file=config/payment.go,line=42,col=14,title=Leaked key%3A Martis production key::" +
		martis().Redacted() + ", high confidence, still in HEAD, in config/payment.go:42, first committed " + day(date(268)) + " in " + short(id("3f")) +
		". Replace it, then revoke it: removing the line does not undo the leak.\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// People look at the file as it is now, not as the commit that brought the key in
// has it.
func TestAnAnnotationOfARangeStandsWhereTheTipHoldsTheKey(t *testing.T) {
	for tip, want := range map[int]string{3: "file=a.env,line=3,col=5,", 64: "file=a.env,line=64,title", 0: "file=a.env,title"} {
		f := &finding.Finding{Secret: live(9), Confidence: finding.High, Listed: []finding.Occurrence{
			{Target: ".", Source: finding.SourceBlob, Path: "a.env", Line: 3, Column: 5, TipLine: tip, Object: id("ab"), Commit: id("cd")},
		}}
		res := result(f)
		res.Targets = []finding.Target{{Name: ".", Kind: finding.TargetRepository, Scope: finding.ScopeRange}}
		if got := annotations(t, res, Options{Links: links}); !strings.Contains(got, want) {
			t.Errorf("at the tip %d: %s", tip, got)
		}
	}
}

func TestTenAnnotationsAndALineOnTheRest(t *testing.T) {
	for n, want := range map[int]string{
		0: "", 10: "",
		11: "::warning title=keysweep::1 more key is in the report of the job.\n",
		23: "::warning title=keysweep::13 more keys are in the report of the job.\n",
	} {
		var list []*finding.Finding
		for i := range n {
			f := lost()
			f.Secret = live(byte(100 + i))
			list = append(list, f)
		}
		accepted := stripe()
		accepted.Suppressed = &finding.Suppression{Kind: "config", Reason: "a test"}
		got := annotations(t, result(append(list, accepted)...), Options{Links: links})
		if count := strings.Count(got, "::error "); count != min(n, 10) {
			t.Errorf("%d keys: %d errors", n, count)
		}
		i := strings.Index(got, "::warning")
		if i < 0 {
			i = len(got)
		}
		if got[i:] != want {
			t.Errorf("%d keys: ends with %q", n, got[i:])
		}
	}
}

// hostileNames are pieces that names of files are made of below.
var hostileNames = []string{
	"::", ":", "\n", "\r", "\r\n", "%", "%0A", "%3A", ",", "=", "##[", "##vso[task.complete]", "##teamcity[x]", "error", "stop-commands", " ", "\t", "\u00a0", "\u0085",
	"\u2028", "\x1b[", "\x00", "\xff", "`", "[", "](", "|", "<", "\"", "a", "/", "..", "\u202e",
}

// No name of a file forges a command, ends one early, or adds a property.
func TestNoNameForgesACommand(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		name := ""
		for range 1 + random.IntN(8) {
			name += hostileNames[random.IntN(len(hostileNames))]
		}
		f := martis()
		key := f.Secret.Reveal()
		if random.IntN(4) == 0 {
			name += key
		}
		f.Listed = f.Listed[:2]
		f.Listed[0].Path, f.Listed[1].Path = name, name
		f.IssuerEvidence = []string{name}
		f.Status, f.StatusReason = finding.Unknown, name
		got := annotations(t, result(f), Options{Links: links})
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if len(lines) != 1 || strings.ContainsAny(got, "\r\u0085\u2028") {
			t.Fatalf("%q: %q", name, got)
		}
		command, properties, message, ok := runnerCommand(lines[0])
		if !ok || command != "error" {
			t.Fatalf("%q: read as the command %q", name, command)
		}
		if inner := unescapeData(message); strings.ContainsAny(inner, "\n\r\x1b\x00") {
			t.Errorf("%q: the message has a line end: %q", name, inner)
		}
		for property, value := range propertiesOf(t, properties) {
			switch property {
			case "file":
				if value == "" || value != quote.Text(value) {
					t.Errorf("%q: file %q", name, value)
				}
			case "line", "col", "title":
			default:
				t.Errorf("%q: a property of its own: %q", name, property)
			}
		}
		if strings.Contains(got, key) {
			t.Errorf("%q: the key is printed", name)
		}
		// The text is between stop-commands and its end; no line of it is a
		// command all the same.
		var text bytes.Buffer
		if err := Write(&text, Text, result(f), Options{Links: links}); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(text.String(), "\n") {
			if command, _, _, ok := runnerCommand(line); ok {
				t.Errorf("%q: the text holds the command %q", name, command)
			}
			if strings.Contains(line, "##vso[") || strings.Contains(line, "##teamcity[") {
				t.Errorf("%q: the text holds %q", name, line)
			}
		}
		// Nothing of a name is outside a code span or the destination of a link.
		var markdown bytes.Buffer
		if err := Write(&markdown, Markdown, result(f), Options{Links: links}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(markdown.String(), key) {
			t.Errorf("%q: the key is in the Markdown", name)
		}
		for _, line := range strings.Split(markdown.String(), "\n") {
			if !strings.HasPrefix(line, "- ") || !strings.Contains(line, "](") {
				continue
			}
			outside, _ := spans(line)
			for _, part := range strings.Split(outside, "](")[1:] {
				if url, _, ok := strings.Cut(part, ")"); !ok || !strings.HasPrefix(url, "https://github.com/acme/shop/") || strings.ContainsAny(url, "()<>[]`&\\\" ") {
					t.Errorf("%q: links to %q", name, part)
				}
			}
		}
	}
}

func TestPlacesLinkToTheCommitThatHoldsThem(t *testing.T) {
	f := martis()
	f.Listed[2].Path = "dir (1)/a&b#c?.env"
	var out bytes.Buffer
	if err := Write(&out, Markdown, result(f), Options{Links: links}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [`config/payment.go:42`](https://github.com/acme/shop/blob/" + id("9b") + "/config/payment.go#L42), still in HEAD |",
		"- [`dir (1)/a&b#c?.env:3`](https://github.com/acme/shop/blob/" + id("4e") + "/dir%20%281%29/a%26b%23c%3F.env#L3) (",
		"- [`text of commit " + short(id("c7")) + ", line 7`](https://github.com/acme/shop/commit/" + id("c7") + ") (",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s\n%s", want, &out)
		}
	}
}

func TestAPlaceWithoutAFileOfTheRepositoryHasNoLink(t *testing.T) {
	blob := finding.Occurrence{Source: finding.SourceBlob, Path: "a/b.env", Line: 3, Object: id("ab"), Commit: id("cd")}
	key := live(9).Reveal()
	for name, c := range map[string]struct {
		links  Links
		change func(*finding.Occurrence)
		want   string
	}{
		"a file":                        {*links, nil, "https://github.com/acme/shop/blob/" + id("cd") + "/a/b.env#L3"},
		"a folder of the repository":    {Links{Server: links.Server, Name: links.Name, Below: "sub"}, func(o *finding.Occurrence) { o.Folder = ".." }, "https://github.com/acme/shop/blob/" + id("cd") + "/a/b.env#L3"},
		"a repository inside":           {*links, func(o *finding.Occurrence) { o.Folder = "lib" }, ""},
		"outside the repository":        {Links{Server: links.Server, Name: links.Name, Outside: true}, nil, ""},
		"no commit":                     {*links, func(o *finding.Occurrence) { o.Commit = "" }, ""},
		"a commit that is none":         {*links, func(o *finding.Occurrence) { o.Commit = "main" }, ""},
		"the name of a key":             {*links, func(o *finding.Occurrence) { o.Path = key }, ""},
		"a name that leads out":         {*links, func(o *finding.Occurrence) { o.Path = "../x" }, ""},
		"a server that is none":         {Links{Server: "javascript:x", Name: links.Name}, nil, ""},
		"a repository that is none":     {Links{Server: links.Server, Name: "a/b](x"}, nil, ""},
		"standard input":                {*links, func(o *finding.Occurrence) { o.Source, o.Path = finding.SourceStdin, "" }, ""},
		"a name longer than links are":  {*links, func(o *finding.Occurrence) { o.Path = strings.Repeat("x", 3000) }, ""},
		"a worktree of unknown commits": {Links{Server: links.Server, Name: links.Name}, func(o *finding.Occurrence) { o.Source = finding.SourceWorktree }, ""},
	} {
		o := blob
		if c.change != nil {
			c.change(&o)
		}
		opts := Options{Links: &c.links}
		f := lost()
		f.Secret = live(9)
		if got := newTextReport(&bytes.Buffer{}, result(f), opts).link(o); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := newTextReport(&bytes.Buffer{}, result(), Options{}).link(blob); got != "" {
		t.Errorf("without Links: %q", got)
	}
}

func TestTheSummaryIsSmallerThanWhatGitHubTakes(t *testing.T) {
	var list []*finding.Finding
	for i := range 20_000 {
		f := lost()
		f.Secret = finding.NewSecret("sk_"+"live_", fmt.Sprintf("%s%06d", filler(7, 26), i))
		f.Listed[0].Commit, f.Listed[0].Path = id("cd"), strings.Repeat("dir/", 40)+"x.env"
		list = append(list, f)
	}
	var out bytes.Buffer
	if err := Write(&out, Markdown, result(list...), Options{Links: links}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 900_000 || out.Len() < 500_000 {
		t.Errorf("%d bytes", out.Len())
	}
}
