package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/exceptions"
	"keysweep/finding"
)

// revisions are files by "revision:path"; ":path" is in the index.
type revisions map[string]string

var errTooLarge = errors.New("too large")

func (r revisions) read(rev, path string, limit int64) ([]byte, error) {
	text, ok := r[rev+":"+path]
	switch {
	case !ok:
		return nil, fs.ErrNotExist
	case int64(len(text)) > limit:
		return nil, errTooLarge
	}
	return []byte(text), nil
}

// allowing returns a configuration that accepts a glob.
func allowing(glob string) string { return "[[allow]]\npath = \"" + glob + "\"\nreason = \"r\"\n" }

// accepting returns a baseline that accepts a key.
func accepting(key finding.Secret) string {
	b := exceptions.NewBaseline(exceptions.BaselineName)
	b.Add(exceptions.BaselineLine{Fingerprint: key.SHA256(), Date: "2026-01-31", Reason: "r"})
	return string(b.Text())
}

var trustKey = finding.NewSecret("sk_live_", "trust"+strings.Repeat("x", 30))

func TestWhoseExceptionsCount(t *testing.T) {
	const broken = "[[allow]]\n"
	files := revisions{
		"base:" + Name: allowing("base/**"), "base:" + exceptions.BaselineName: accepting(trustKey), "base:team.toml": allowing("team/**"), "base:team": accepting(trustKey),
		"broken:" + Name: broken, "broken:" + exceptions.BaselineName: "no baseline",
		":" + Name: allowing("index/**"),
	}
	here := map[string]string{
		"repo/.git/": "", "repo/" + Name: allowing("tree/**"), "repo/" + exceptions.BaselineName: accepting(trustKey), "repo/team.toml": allowing("tree-team/**"),
		"repo/team": accepting(trustKey), "repo/new.toml": allowing("new/**"), "repo/sub/x": "",
	}
	for _, tt := range []struct {
		name, dir string
		s         Sources
		globs     string // of the exceptions that count
		lines     bool   // of the baseline do
		note      string // in words
		err       string
	}{
		{"the working tree's", "repo", Sources{}, "tree/**", true, "", ""},
		{"a commit's", "repo", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, "base/**", true, "", ""},
		{"a commit's, from below the top", "repo/sub", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, "base/**", true, "", ""},
		{"a commit's, from outside", ".", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, "", false, ".keysweep.toml of main was not used: the working directory is outside", ""},
		{"a commit's, wherever one is", ".", Sources{Trust: &Trust{Rev: "base", Name: "main", Anywhere: true}}, "base/**", true, "", ""},
		{"of a commit that has none", "repo", Sources{Trust: &Trust{Rev: "empty", Name: "main"}}, "", false, "", ""},
		{"nobody's", "repo", Sources{Trust: &Trust{Rev: "base", Name: "main", Nothing: true, Anywhere: true}}, "", false, "", ""},
		{"nobody's, though the index has some", "repo", Sources{Trust: &Trust{Nothing: true}}, "", false, "", ""},
		{"the index's", "repo", Sources{Trust: &Trust{Name: "the index"}}, "index/**", false, "", ""},
		{"--no-config", "repo", Sources{None: true, Trust: &Trust{Rev: "base", Name: "main"}}, "", false, "", ""},
		{"a commit's that are broken, which stops nothing", "repo", Sources{Trust: &Trust{Rev: "broken", Name: "main"}}, "", false, "None of its exceptions counts: configuration .keysweep.toml of main", ""},
		{"a file of the checkout: the commit's", "repo", Sources{Config: "team.toml", Baseline: "team", Trust: &Trust{Rev: "base", Name: "main", Config: "team.toml", Baseline: "team"}}, "team/**", true, "", ""},
		{"a file of the change alone", "repo", Sources{Config: "new.toml", Trust: &Trust{Rev: "base", Name: "main", Config: "new.toml"}}, "", true, "--config new.toml does not count: it is not in main", ""},
		{"a file of the change, and nobody's word counts", "repo", Sources{Config: "new.toml", Trust: &Trust{Nothing: true, Name: "main", Config: "new.toml"}}, "", false, "--config new.toml does not count", ""},
		{"a file that is nowhere", "repo", Sources{Config: "gone.toml", Trust: &Trust{Rev: "base", Name: "main", Config: "gone.toml"}}, "", false, "", "gone.toml"},
		{"a file outside the checkout", "repo", Sources{Config: "team.toml", Trust: &Trust{Rev: "base", Name: "main", Nothing: true}}, "tree-team/**", false, "", ""},
		{"a baseline outside the checkout", "repo", Sources{Baseline: "team", Trust: &Trust{Rev: "base", Name: "main", Nothing: true}}, "", true, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := layout(t, here)
			t.Chdir(filepath.Join(root, filepath.FromSlash(tt.dir)))
			l, err := tt.s.Load([]string{filepath.Join(root, "repo")}, files.read)
			if err == nil {
				err = l.Accept(nil)
			}
			if err != nil || tt.err != "" {
				if tt.err == "" || err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v, want %q", err, tt.err)
				}
				return
			}
			var globs []string
			for _, a := range l.Allows {
				globs = append(globs, a.Path)
			}
			if got := strings.Join(globs, " "); got != tt.globs {
				t.Errorf("%q, want %q", got, tt.globs)
			}
			if got := l.Baseline.Line(trustKey.SHA256()) != nil; got != tt.lines {
				t.Errorf("the baseline: %v", got)
			}
			if b := l.Baseline; tt.s.Trust != nil && (strings.Contains(l.File, " of ") || b != nil && strings.Contains(b.Name, " of ")) {
				t.Errorf("the files are called %q, %q", l.File, b.Name)
			}
			var words []string
			for _, n := range l.Notes(false) {
				words = append(words, n.Words)
			}
			if got := strings.Join(words, "\n"); !strings.Contains(got, tt.note) || tt.note == "" && got != "" {
				t.Errorf("notes %q", got)
			}
		})
	}
}

func TestABrokenIndexStopsACommit(t *testing.T) {
	t.Chdir(layout(t, map[string]string{".git/": ""}))
	s := Sources{Trust: &Trust{Name: "the index"}}
	_, err := s.Load(nil, revisions{":" + Name: "[[allow]]\n"}.read)
	if err == nil || !strings.Contains(err.Error(), "--no-config goes on without it") {
		t.Error(err)
	}
	l, err := s.Load(nil, revisions{":" + exceptions.BaselineName: "no baseline"}.read)
	if err == nil {
		err = l.Accept(nil)
	}
	if err == nil || !strings.Contains(err.Error(), "baseline .keysweep-baseline of the index") {
		t.Error(err)
	}
}

func TestWhichCommentsAreBelieved(t *testing.T) {
	key := trustKey.Reveal()
	files := revisions{
		"base:with.env": "KEY=" + key + " # keysweep:allow made up\n", "base:bare.env": "KEY=" + key + "\n",
		"base:half.env": "KEY=" + key + " # keysweep:allow made up\nKEY=" + key + "\n", "base:sub/with.env": "KEY=" + key + " # keysweep:allow made up\n",
		"base:huge.env": "KEY=" + key + " # keysweep:allow made up\n" + strings.Repeat("x", 17<<20),
	}
	base, pushed, index := Trust{Rev: "base"}, Trust{Rev: "tip", Comments: true}, Trust{}
	at := func(source finding.Source, path string, merged bool) finding.Occurrence {
		return finding.Occurrence{Source: source, Path: path, Comment: finding.Comment{Found: true, Reason: "mine", Merged: merged}}
	}
	for _, tt := range []struct {
		name  string
		trust Trust
		o     finding.Occurrence
		want  bool
	}{
		{"the index's own", index, at(finding.SourceIndex, "a", false), true},
		{"a message", index, at(finding.SourceCommit, "", false), true},
		{"nobody's", Trust{Nothing: true}, at(finding.SourceIndex, "a", false), false},
		{"nobody's, though it is merged", Trust{Rev: "base", Nothing: true}, at(finding.SourceBlob, "with.env", true), false},
		{"a push, in what HEAD reaches", pushed, at(finding.SourceBlob, "a", true), true},
		{"a push, in another branch", pushed, at(finding.SourceBlob, "a", false), false},
		{"a push, in another branch, a file that the pushed commit has with one", pushed, at(finding.SourceBlob, "with.env", false), false},
		{"in what the commit reaches", base, at(finding.SourceBlob, "gone.env", true), true},
		{"a message that the commit reaches", base, at(finding.SourceCommit, "", true), true},
		{"a message of the change", base, at(finding.SourceCommit, "", false), false},
		{"a file whose version there has one", base, at(finding.SourceBlob, "with.env", false), true},
		{"the same in the working tree", base, at(finding.SourceWorktree, "with.env", false), true},
		{"a file whose version there has none", base, at(finding.SourceBlob, "bare.env", false), false},
		{"a file whose version there has one on one of two lines", base, at(finding.SourceBlob, "half.env", false), false},
		{"a file that is not there", base, at(finding.SourceWorktree, "new.env", false), false},
		{"a file that is too large there", base, at(finding.SourceWorktree, "huge.env", false), false},
		{"a path that no checkout makes", base, at(finding.SourceBlob, "x/../with.env", false), false},
		{"a path with a zero", base, at(finding.SourceBlob, "with.env\x00", false), false},
		{"a name of a ref", base, at(finding.SourceRef, "with.env", false), false},
	} {
		trusted := newTrusted(tt.trust, files.read)
		if got := trusted.believes()(&finding.Finding{Secret: trustKey}, &tt.o); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	folder := at(finding.SourceWorktree, "with.env", false)
	folder.Folder = "sub"
	if believes := newTrusted(base, files.read).believes(); !believes(&finding.Finding{Secret: trustKey}, &folder) {
		t.Error("a file of a folder")
	}
}

func TestTheCommitWhoseCommentsCount(t *testing.T) {
	for want, s := range map[string]Sources{
		"": {}, "base": {Trust: &Trust{Rev: "base"}},
	} {
		if got := s.Commenting(); got != want {
			t.Errorf("%+v: %q", s, got)
		}
	}
	for _, trust := range []Trust{{Name: "the index"}, {Rev: "tip", Comments: true}} {
		if got := (Sources{Trust: &trust}).Commenting(); got != "" {
			t.Errorf("%+v: %q", trust, got)
		}
	}
}

func TestRulesOfTheChangeOnlyAdd(t *testing.T) {
	root := layout(t, map[string]string{".git/": "", "old.toml": rule, "new.toml": strings.ReplaceAll(rule, "acme", "fabrikam"), "large.toml": strings.Repeat("#", 2<<20)})
	t.Chdir(root)
	files := revisions{"base:old.toml": "# of main\n" + rule, "base:large.toml": strings.Repeat("#", 2<<20)}
	load := func(names ...string) (*Loaded, error) {
		trust := &Trust{Rev: "base", Name: "main"}
		for _, n := range names {
			trust.Rules = append(trust.Rules, RuleFile{Name: n, Path: n})
		}
		return Sources{Trust: trust}.Load(nil, files.read)
	}
	l, err := load("old.toml", "new.toml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := l.namedRules()
	if err != nil || len(list) != 2 || list[0].Found || !list[1].Found || !strings.HasPrefix(string(list[0].Text), "# of main") {
		t.Errorf("%+v, %v", list, err)
	}
	notes := l.Notes(false)
	if !slices.ContainsFunc(notes, func(n Note) bool {
		return n.Words == "The rules of new.toml come from the change: main has no such file."
	}) {
		t.Errorf("%+v", notes)
	}
	for _, name := range []string{"gone.toml", "large.toml"} {
		if _, err := load(name); err == nil || !strings.HasPrefix(err.Error(), "--rules "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatAChangeMakesOfTheExceptions(t *testing.T) {
	t.Chdir(layout(t, map[string]string{".git/": ""}))
	other := finding.NewSecret("sk_live_", "other"+strings.Repeat("x", 30))
	files := revisions{
		"base:" + Name: allowing("same/**"), "base:" + exceptions.BaselineName: accepting(trustKey),
		"same:" + Name: allowing("same/**"), "same:" + exceptions.BaselineName: accepting(trustKey),
		"more:" + Name: allowing("same/**") + allowing("more/**"), "more:" + exceptions.BaselineName: accepting(other),
		"broken:" + Name: "[[allow]]\n", "damaged:" + exceptions.BaselineName: "no baseline",
		"HEAD:" + Name: allowing("same/**"), ":" + Name: allowing("index/**"),
	}
	comment := func(path string, merged bool) finding.Occurrence {
		return finding.Occurrence{Source: finding.SourceBlob, Path: path, Comment: finding.Comment{Found: true, Reason: "mine", Merged: merged}}
	}
	mine := []*finding.Finding{
		{Secret: trustKey, Listed: []finding.Occurrence{comment("z.env", false), comment("a.env", false), comment("merged.env", true)}},
		{Secret: other, Suppressed: &finding.Suppression{}, Listed: []finding.Occurrence{comment("accepted.env", false)}},
	}
	for _, tt := range []struct {
		name, tip string
		s         Sources
		findings  []*finding.Finding
		files     string
		broken    string
	}{
		{"nothing", "same", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, nil, "", ""},
		{"an entry and a line", "more", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, nil, ".keysweep-baseline .keysweep.toml", ""},
		{"comments, but for those that count", "same", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, mine, "a.env z.env", ""},
		{"a configuration that is broken", "broken", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, nil, "", "What the change makes of the exceptions is broken"},
		{"a baseline that is damaged", "damaged", Sources{Trust: &Trust{Rev: "base", Name: "main"}}, nil, "", "What the change makes of the accepted keys is broken"},
		{"where nobody's word counts", "more", Sources{Trust: &Trust{Nothing: true}}, mine, "", ""},
		{"by hand", "more", Sources{}, mine, "", ""},
		{"--no-config", "more", Sources{None: true, Trust: &Trust{Rev: "base"}}, mine, "", ""},
	} {
		l, err := tt.s.Load(nil, files.read)
		if err != nil {
			t.Fatal(err)
		}
		change := l.ChangeOf(tt.tip, tt.findings)
		if got := strings.Join(change.Files(), " "); got != tt.files || !strings.HasPrefix(change.Broken, tt.broken) || tt.broken == "" && change.Broken != "" {
			t.Errorf("%s: %q, %q", tt.name, got, change.Broken)
		}
	}
	l, err := Sources{Trust: &Trust{Name: "the index"}}.Load(nil, files.read)
	if err != nil {
		t.Fatal(err)
	}
	added, err := l.Added()
	if err != nil {
		t.Error(err)
	}
	if len(added) != 1 || added[0].Entry != "index/**" {
		t.Errorf("the next commit adds %+v", added)
	}
}

// What cannot be read is not there, and does not count: no file of the working tree
// takes its place.
func TestAnUnreadableCommitHasNoExceptions(t *testing.T) {
	t.Chdir(layout(t, map[string]string{".git/": "", Name: allowing("**"), exceptions.BaselineName: accepting(trustKey)}))
	failing := func(string, string, int64) ([]byte, error) { return nil, os.ErrPermission }
	l, err := Sources{Trust: &Trust{Rev: "base", Name: "main"}}.Load(nil, failing)
	if err == nil {
		err = l.Accept(nil)
	}
	if err != nil || len(l.Allows) > 0 || l.Baseline != nil || len(l.Notes(false)) != 2 {
		t.Errorf("%v, %+v, %+v", err, l.Allows, l.Notes(false))
	}
}
