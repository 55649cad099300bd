package scanner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/scanner/container"
)

// accepting makes exceptions of a configuration what a scan asks.
func accepting(set *exceptions.Set) Accept {
	now := fixedClock()
	return Accept{
		Occurrence: func(key finding.Secret, o *finding.Occurrence) bool { return set.AcceptsOccurrence(key, o, now) },
		Path:       func(o *finding.Occurrence) (string, bool) { return set.AcceptsPath(o, now) },
	}
}

// audited scans and marks, as an audit does.
func audited(t *testing.T, opts Options, set *exceptions.Set, between func()) *finding.Result {
	t.Helper()
	opts.Now = fixedClock
	p, err := Prepare(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.accept, p.collector = accepting(set), newCollector(loadRules(t), false, p.opts.Progress) // as Scan does
	p.collector.containers = container.NewBudget(container.Limits{})
	for _, target := range p.targets {
		if err := p.scanTarget(context.Background(), target); err != nil {
			t.Fatal(err)
		}
	}
	between()
	p.finish(context.Background())
	set.Mark(p.result)
	return p.result
}

// spread makes a commit whose tree has folders of folders of one file: count
// squared paths of one blob, and the blob at the paths of more.
func (r *repo) spread(count int, content string, more ...string) {
	r.t.Helper()
	write(r.t, filepath.Join(r.dir, "blob"), content)
	blob := r.git("hash-object", "-w", "blob")
	folder := func(mode, id string) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, "%s %s\t%04d\n", mode, id, i)
		}
		return r.tree(b.String())
	}
	top := folder("040000 tree", folder("100644 blob", blob))
	entries := "040000 tree " + top + "\ttestdata\n"
	for _, name := range more {
		entries += "100644 blob " + blob + "\t" + name + "\n"
	}
	r.git("update-ref", "HEAD", r.git("commit-tree", "-m", "spread", r.tree(entries)))
}

// tree writes a tree from the lines of git ls-tree.
func (r *repo) tree(lines string) string {
	r.t.Helper()
	list := filepath.Join(r.t.TempDir(), "list")
	write(r.t, list, lines)
	return r.git("-c", "alias.mk=!git mktree < "+list, "mk")
}

// The report lists 10,000 paths of an object at most. Whether all are accepted is
// no matter of the list.
func TestPathsThatAreNotListedAreJudged(t *testing.T) {
	const count = 101 // squared: more than pathsPerObject of package history
	key := keysOf(1, 90)[0]
	believe := func(*finding.Finding, *finding.Occurrence) bool { return true }
	testdata := []exceptions.Allow{{Path: "testdata/**", Reason: "samples", Line: 1}}
	bare, commented := "KEY="+key+"\n", "KEY="+key+" # keysweep:allow a sample\n"
	for _, tt := range []struct {
		name    string
		content string
		more    []string
		set     exceptions.Set
		want    bool
	}{
		{"all below an accepted folder", bare, nil, exceptions.Set{Allows: testdata}, true},
		{"and one that is not", bare, []string{"zz"}, exceptions.Set{Allows: testdata}, false},
		{"one that is not, met first", bare, []string{"aa"}, exceptions.Set{Allows: testdata}, false},
		{"an entry that has ended", bare, nil, exceptions.Set{Allows: []exceptions.Allow{{Path: "testdata/**", Expires: fixedClock().AddDate(0, 0, -1)}}}, false},
		{"no entry", bare, nil, exceptions.Set{}, false},
		{"comments that count", commented, nil, exceptions.Set{Inline: believe}, true},
		{"comments that do not", commented, nil, exceptions.Set{}, false},
		{"comments that count, but for the last paths", commented, nil, exceptions.Set{Inline: func(_ *finding.Finding, o *finding.Occurrence) bool {
			return !strings.HasPrefix(o.Path, "testdata/0100/")
		}}, false},
		{"a comment on one of two lines", commented + bare, nil, exceptions.Set{Inline: believe}, false},
		{"paths, and a comment where they end", commented, []string{"zz"}, exceptions.Set{Allows: testdata, Inline: believe}, true},
		{"paths, and a comment on one of two lines where they end", commented + bare, []string{}, exceptions.Set{Inline: believe, Allows: []exceptions.Allow{{Path: "testdata/00*/**", Reason: "r"}}}, false},
		{"paths, and a comment where they end that counts", commented, nil, exceptions.Set{Inline: believe, Allows: []exceptions.Allow{{Path: "testdata/00*/**", Reason: "r"}}}, true},
		{"all but the last folder", bare, nil, exceptions.Set{Allows: []exceptions.Allow{{Path: "testdata/00*/**", Reason: "r"}}}, false},
		{"two entries", bare, nil, exceptions.Set{Allows: []exceptions.Allow{{Path: "testdata/00*/**", Reason: "r"}, {Path: "testdata/0100/**", Reason: "r"}}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			r.spread(count, tt.content, tt.more...)
			tt.set.Whole = true
			res := audited(t, Options{Paths: []string{r.dir}, History: true}, &tt.set, func() {})
			if len(res.Findings) != 1 || !res.Complete() || len(res.Targets[0].Notes) != 1 {
				t.Fatalf("%d findings, skipped %v, notes %q", len(res.Findings), res.Skipped, res.Targets[0].Notes)
			}
			f := res.Findings[0]
			if got := f.Suppressed != nil; got != tt.want {
				t.Errorf("accepted: %v, want %v", got, tt.want)
			}
			if tt.want && len(res.Exceptions) > 0 {
				t.Errorf("reported: %+v", res.Exceptions)
			}
			if !tt.want && !slices.ContainsFunc(f.Listed, func(o finding.Occurrence) bool { return !tt.set.AcceptsOccurrence(f.Secret, &o, fixedClock()) }) {
				t.Error("no occurrence is listed that is not accepted")
			}
			if n := len(f.Listed); n < 10_000 || n > 10_100*2 {
				t.Errorf("%d occurrences listed", n)
			}
		})
	}
}

// A path that is not listed is not accepted by what a listed one is accepted by.
func TestACommentOfOneListedPathSpeaksForNoOther(t *testing.T) {
	key := keysOf(1, 97)[0]
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	r.spread(101, "KEY="+key+"\n")
	// The first path that is neither listed nor accepted has a newer version.
	write(t, filepath.Join(r.dir, "testdata/0100/0000"), "KEY="+key+" # keysweep:allow a\n")
	r.git("read-tree", "--empty")
	r.git("add", "testdata")
	r.git("commit", "-q", "-m", "a comment")
	set := &exceptions.Set{Inline: func(*finding.Finding, *finding.Occurrence) bool { return true }, Allows: []exceptions.Allow{{Path: "testdata/00*/**", Reason: "r"}}}
	res := audited(t, Options{Paths: []string{r.dir}, History: true}, set, func() {})
	if f := res.Findings[0]; f.Suppressed != nil {
		t.Errorf("accepted, %d occurrences listed", len(f.Listed))
	}
}

// Lines times paths is more than either: a few kilobytes could make a thousand
// million occurrences.
func TestLinesTimesPathsAreNotAllListed(t *testing.T) {
	key := keysOf(1, 91)[0]
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	r.spread(90, strings.Repeat("KEY="+key+" # keysweep:allow a\n", 500)+"KEY="+key+"\n")
	res := audited(t, Options{Paths: []string{r.dir}, History: true}, &exceptions.Set{Inline: func(*finding.Finding, *finding.Occurrence) bool { return true }}, func() {})
	f := res.Findings[0]
	if n := len(f.Listed); n > 10_000+501+2*90*90 || f.Suppressed != nil {
		t.Errorf("%d occurrences, accepted: %v", n, f.Suppressed)
	}
	bare := make(map[string]bool)
	for _, o := range f.Listed {
		if !o.Comment.Found {
			bare[o.Path] = true
		}
	}
	if len(bare) != 90*90 {
		t.Errorf("the line without a comment is listed at %d paths", len(bare))
	}
}

// What is lost between the two readings of a history leaves no claim standing.
func TestWhatIsLostBetweenTheReadingsIsNotKnown(t *testing.T) {
	key := keysOf(1, 92)[0]
	for _, tt := range []struct {
		name   string
		lose   func(r *repo)
		accept bool // still
	}{
		{"nothing", func(*repo) {}, true},
		{"the tree of a folder", func(r *repo) { r.lose("HEAD:testdata") }, false},
		{"that tree of all commits", func(r *repo) { r.lose("HEAD:testdata"); r.lose("HEAD~1:testdata") }, false},
		{"the tree of a commit before", func(r *repo) { r.lose("HEAD~1^{tree}") }, false},
		{"everything, to git gc", func(r *repo) { r.git("gc", "-q", "--prune=now") }, false},
		{"nothing, to a repack that leaves the loose objects", func(r *repo) { r.git("repack", "-aq") }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			r.git("config", "gc.auto", "0")
			write(t, filepath.Join(r.dir, "testdata/deep/a.env"), "KEY="+key+"\n")
			r.commit("one")
			write(t, filepath.Join(r.dir, "testdata/deep/b.env"), "x")
			r.commit("two")
			set := &exceptions.Set{Allows: []exceptions.Allow{{Path: "{testdata/,}deep/**", Reason: "r"}, {Path: "*.env", Reason: "r"}}}
			// What is lost during the scan is nothing that a user may allow.
			res := audited(t, Options{Paths: []string{r.dir}, History: true, AllowIncomplete: true}, set, func() { tt.lose(r) })
			f := res.Findings[0]
			if res.Complete() != tt.accept || (f.Suppressed != nil) != tt.accept {
				t.Errorf("complete %v, accepted %v, skipped %v", res.Complete(), f.Suppressed, res.Skipped)
			}
			if !tt.accept && (f.InHead == finding.No || f.FirstSeen.Commit != "" || f.Exposed != 0 || f.InHead == finding.NotKnown && f.LastSeen.Commit != "") {
				t.Errorf("claimed: in HEAD %v, first %v, last %v, exposed %v", f.InHead, f.FirstSeen, f.LastSeen, f.Exposed)
			}
			for _, o := range f.Listed {
				if o.Path != "testdata/deep/a.env" && (o.Path != "" || tt.accept) {
					t.Errorf("it is said to be in %q", o.Path)
				}
				if !tt.accept && (o.InHead == finding.No || o.Reachable == finding.No) {
					t.Errorf("%q: in HEAD %v, reachable %v", o.Path, o.InHead, o.Reachable)
				}
			}
		})
	}
}

// lose removes a loose object.
func (r *repo) lose(rev string) {
	id := r.git("rev-parse", rev)
	if err := os.Remove(filepath.Join(r.dir, ".git/objects", id[:2], id[2:])); err != nil {
		r.t.Fatal(err)
	}
}

// A damaged or shallow clone claims no more than it shows, and a user may say that
// what is not there does not matter.
func TestAnIncompleteCloneAcceptsOnlyOnRequest(t *testing.T) {
	k := keysOf(2, 93)
	clone := func(t *testing.T, args ...string) *repo {
		r := newRepo(t, filepath.Join(t.TempDir(), "r"))
		write(t, filepath.Join(r.dir, "testdata/a.env"), "KEY="+k[0]+"\n")
		write(t, filepath.Join(r.dir, "testdata/old.env"), "KEY="+k[1]+"\n")
		write(t, filepath.Join(r.dir, "other"), "x")
		r.commit("one")
		r.git("rm", "-q", "testdata/old.env")
		r.commit("two")
		c := &repo{t: t, dir: filepath.Join(t.TempDir(), "clone")}
		r.git(append(append([]string{"clone", "-q"}, args...), "file://"+r.dir, c.dir)...)
		return c
	}
	for _, tt := range []struct {
		name string
		repo func(t *testing.T) *repo
		keys int
	}{
		{"shallow", func(t *testing.T) *repo { return clone(t, "--depth", "1") }, 1},
		{"without a blob", func(t *testing.T) *repo {
			c := clone(t)
			packs, _ := filepath.Glob(filepath.Join(c.dir, ".git/objects/pack/*.pack"))
			text, err := os.ReadFile(packs[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{packs[0], strings.TrimSuffix(packs[0], "pack") + "idx"} {
				if err := os.Remove(name); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(c.dir, "pack"), string(text))
			c.git("-c", "alias.up=!git unpack-objects -q <pack", "up")
			c.lose("HEAD:other")
			return c
		}, 2},
	} {
		for _, allowed := range []bool{false, true} {
			set := &exceptions.Set{Allows: []exceptions.Allow{{Path: "testdata/**", Reason: "r"}}}
			res := audited(t, Options{Paths: []string{tt.repo(t).dir}, History: true, AllowIncomplete: allowed}, set, func() {})
			if res.Complete() || len(res.Findings) != tt.keys {
				t.Fatalf("%s: complete %v, %d findings", tt.name, res.Complete(), len(res.Findings))
			}
			for _, f := range res.Findings {
				want := finding.Yes
				if f.Secret.Reveal() == k[1] {
					want = finding.NotKnown
				}
				if (f.Suppressed != nil) != allowed || f.FirstSeen.Commit != "" || f.InHead != want || (f.LastSeen.Commit != "") != (want == finding.Yes) || f.Exposed != 0 {
					t.Errorf("%s, allowed %v: accepted %v, first %v, in HEAD %v, last %v, exposed %v", tt.name, allowed, f.Suppressed, f.FirstSeen, f.InHead, f.LastSeen, f.Exposed)
				}
			}
		}
	}
}

// Another commit may hold a key that was listed since a day; one that was read
// before it is enough to know that the key is old.
func TestSinceRestsOnWhatWasRead(t *testing.T) {
	key := keysOf(1, 94)[0]
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "a.env"), "KEY="+key+"\n")
	write(t, filepath.Join(r.dir, "b"), "b")
	r.commit("one")
	r.lose("HEAD:b")
	res := audited(t, Options{Paths: []string{r.dir}, History: true, Since: fixedClock()}, &exceptions.Set{}, func() {})
	if res.BeforeSince != 1 || res.Complete() {
		t.Errorf("%d before, skipped %v", res.BeforeSince, res.Skipped)
	}
}

// A range lists no more than what decides, and says what it did not judge.
func TestARangeOfManyPathsIsJudged(t *testing.T) {
	key := keysOf(1, 95)[0]
	line, bare := "KEY="+key+" # keysweep:allow a\n", "KEY="+key+"\n"
	believe := func(*finding.Finding, *finding.Occurrence) bool { return true }
	for _, tt := range []struct {
		name     string
		content  string
		set      exceptions.Set
		want     bool
		at, most int // occurrences
	}{
		{"a path, many lines", strings.Repeat(bare, 600), exceptions.Set{Allows: []exceptions.Allow{{Path: "testdata/**", Reason: "r"}}}, true, 30 * 30, 10_600 + 30*30},
		{"comments on many lines", strings.Repeat(line, 600), exceptions.Set{Inline: believe}, true, 30 * 30, 10_600 + 30*30},
		{"comments on all lines but the last", strings.Repeat(line, 600) + bare, exceptions.Set{Inline: believe}, false, 30 * 30 * 2, 10_601 + 30*30*2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			r.commit("zero")
			r.spread(30, tt.content)
			res := audited(t, Options{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}}}, &tt.set, func() {})
			f := res.Findings[0]
			if n := len(f.Listed); !res.Complete() || (f.Suppressed != nil) != tt.want || n < tt.at || n > tt.most {
				t.Errorf("complete %v, accepted %v, %d occurrences", res.Complete(), f.Suppressed, n)
			}
		})
	}
}

// A list that is cut says how much it leaves out.
func TestExceptionsThatACommitAddsAreAllCounted(t *testing.T) {
	line := "KEY=" + keysOf(1, 97)[0] + " # keysweep:allow a\n"
	for _, tt := range []struct{ paths, lines, listed int }{{1, 2, 2}, {1, 2500, 1000}, {30, 600, 10_000 + 13}, {12, 2500, 10_002}} {
		r := newRepo(t, filepath.Join(t.TempDir(), "r"))
		write(t, filepath.Join(r.dir, "a"), "")
		r.commit("zero")
		for i := range tt.paths {
			write(t, filepath.Join(r.dir, fmt.Sprint("f", i)), strings.Repeat(line, tt.lines))
		}
		r.git("add", "-A")
		res := scanAll(t, Options{Paths: []string{r.dir}, Staged: &Staged{}})
		if n := len(res.Added); n != tt.listed || n+res.AddedMore != tt.paths*tt.lines {
			t.Errorf("%d times %d: %d listed and %d more", tt.paths, tt.lines, n, res.AddedMore)
		}
	}
}

// Beyond a limit, where keys are added is not known.
func TestARangeOfTooManyPathsIsIncomplete(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	r.spread(46, "KEY="+strings.Join(keysOf(100, 96), "\nKEY=")+"\n")
	set := exceptions.Set{Allows: []exceptions.Allow{{Path: "testdata/**", Reason: "r"}}}
	res := audited(t, Options{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}}, AllowIncomplete: true}, &set, func() {})
	if res.Complete() || len(res.Findings) != 100 {
		t.Fatalf("complete %v, %d findings", res.Complete(), len(res.Findings))
	}
	for _, f := range res.Findings {
		if f.Suppressed != nil {
			t.Fatal("a key is accepted")
		}
	}
}

// The names in a folder are as many places as there are names: what accepts one
// says nothing of the next.
func TestManyNamesWithOneKeyAreAllJudged(t *testing.T) {
	key := keysOf(1, 98)[0]
	for _, tt := range []struct {
		name    string
		folders int
		names   int // in each
		last    string
		allows  []string
		want    bool
	}{
		{"more in a folder than are kept", 1, 1001, "d00/z-", []string{"d00/a*"}, false},
		{"all but the last of too many folders", 13, 900, "", []string{"d0*/**", "d10/**", "d11/**", "d12/a0000*"}, false},
		{"few", 2, 10, "", []string{"d*/a*"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, filepath.Join(t.TempDir(), "r"))
			write(t, filepath.Join(r.dir, "blob"), "x")
			blob := r.git("hash-object", "-w", "blob")
			var entries strings.Builder
			for i := range tt.names {
				fmt.Fprintf(&entries, "100644 blob %s\ta%04d-%s\n", blob, i, key)
			}
			if tt.last != "" {
				fmt.Fprintf(&entries, "100644 blob %s\tz-%s\n", blob, key)
			}
			folder, top := r.tree(entries.String()), ""
			for i := range tt.folders {
				top += fmt.Sprintf("040000 tree %s\td%02d\n", folder, i)
			}
			r.git("update-ref", "HEAD", r.git("commit-tree", "-m", "names", r.tree(top)))
			set := &exceptions.Set{}
			for _, glob := range tt.allows {
				set.Allows = append(set.Allows, exceptions.Allow{Path: glob, Reason: "r"})
			}
			res := audited(t, Options{Paths: []string{r.dir}, History: true}, set, func() {})
			if len(res.Findings) != 1 || (res.Findings[0].Suppressed != nil) != tt.want {
				t.Errorf("%d findings, accepted %v, want %v", len(res.Findings), res.Findings[0].Suppressed, tt.want)
			}
		})
	}
}

// A scan whose time ends while it reads a history again knows no occurrence of a key
// well enough, whatever may be incomplete.
func TestTimeThatEndsWhileAHistoryIsTracedAcceptsNothing(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "testdata/a"), "KEY="+keysOf(1, 100)[0]+"\n")
	r.commit("one")
	p, err := Prepare(Options{Paths: []string{r.dir}, Tree: true, History: true, AllowIncomplete: true, Now: fixedClock})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.collector = newCollector(loadRules(t), false, p.opts.Progress)
	if err := p.scanTarget(t.Context(), p.targets[0]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.finish(ctx)
	if _, known := p.result.Findings[0].Every(); known || p.result.Complete() {
		t.Errorf("all occurrences are known: %v, skipped %v", known, p.result.Skipped)
	}
}

// What one history leaves open, another does not close.
func TestAHistoryThatIsReadLaterAcceptsNothingOfAnEarlierOne(t *testing.T) {
	key := keysOf(1, 99)[0]
	many := newRepo(t, filepath.Join(t.TempDir(), "many"))
	many.spread(106, "KEY="+key+"\n") // more than are listed, and more sorts than are kept apart
	few := newRepo(t, filepath.Join(t.TempDir(), "few"))
	write(t, filepath.Join(few.dir, "testdata/a"), "KEY="+key+"\n")
	few.commit("one")
	p, err := Prepare(Options{Paths: []string{many.dir, few.dir}, History: true, Now: fixedClock})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	res, err := p.Scan(t.Context(), loadRules(t), Accept{Path: func(o *finding.Occurrence) (string, bool) {
		return o.Path, o.Path != "testdata/0105/0105"
	}})
	if err != nil || len(res.Findings) != 1 {
		t.Fatal(len(res.Findings), err)
	}
	if _, known := res.Findings[0].Every(); known {
		t.Error("all occurrences are said to be known")
	}
}

// The members of a container are as many places as there are members.
func TestManyPlacesInAContainerAreAllJudged(t *testing.T) {
	key := keysOf(1, 101)[0]
	line := "KEY=" + key + "\n"
	globs := func(list ...string) (set exceptions.Set) {
		for _, glob := range list {
			set.Allows = append(set.Allows, exceptions.Allow{Path: glob, Reason: "r"})
		}
		return set
	}
	big := tarOf(map[string]string{"a.env": strings.Repeat(line, 1100)})
	both := tarOf(map[string]string{"a.env": strings.Repeat(line, 1100), "z.env": line})
	for _, tt := range []struct {
		name    string
		content string
		set     exceptions.Set
		want    bool
	}{
		{"more lines than are kept", big, globs(), false},
		{"more lines than are kept, of an accepted member", big, globs("d.tar!/a.env"), true},
		{"another member behind them", both, globs("d.tar!/a.env"), false},
		{"another member behind them, in an accepted container", gzipOf(both), globs("d.tar"), false},
	} {
		r := newRepo(t, filepath.Join(t.TempDir(), "r"))
		r.commit("zero")
		write(t, filepath.Join(r.dir, "d.tar"), tt.content)
		r.commit("one")
		for _, opts := range []Options{{Tree: true}, {History: true}, {Range: &Range{Include: []string{"HEAD"}, Exclude: []string{"HEAD~1"}}}} {
			opts.Paths = []string{r.dir}
			res := audited(t, opts, &tt.set, func() {})
			if len(res.Findings) != 1 || !res.Complete() || (res.Findings[0].Suppressed != nil) != tt.want {
				t.Errorf("%s, %v: %d findings, skipped %v", tt.name, opts.scope(), len(res.Findings), res.Skipped)
			}
		}
	}
}

// A key in an accepted member of a container is not an old one elsewhere.
func TestAKeyThatAMemberMayHaveIsNewElsewhere(t *testing.T) {
	line := "KEY=" + keysOf(1, 103)[0] + "\n"
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "d.tar"), tarOf(map[string]string{"a.env": line, "z.env": line}))
	r.commit("one")
	write(t, filepath.Join(r.dir, "prod"), line)
	r.commit("two")
	for glob, want := range map[string]int{"d.tar": 1, "d.tar!/*": 1, "d.tar!/a.env": 0} {
		set := &exceptions.Set{Allows: []exceptions.Allow{{Path: glob, Reason: "r"}}}
		res := audited(t, Options{Paths: []string{r.dir}, Range: &Range{Include: []string{"HEAD"}, Exclude: []string{"HEAD~1"}}}, set, func() {})
		if len(res.Findings) != want {
			t.Errorf("%s: %d new keys", glob, len(res.Findings))
		}
	}
}
