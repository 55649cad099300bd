package scanner

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/history"
	"keysweep/scanner/gitdb/oid"
)

// A target may have several databases: a repository and its submodules.
func TestTheHistoryOfAKeyIsThatOfAllDatabases(t *testing.T) {
	const day = 24 * 60 * 60
	at := func(n int) gitdb.CommitRef {
		return gitdb.CommitRef{ID: oid.FromBytes(slices.Repeat([]byte{byte(n)}, 20)), Date: int64(n * day)}
	}
	none := history.KeyTrace{}
	for _, tt := range []struct {
		name        string
		a, b        history.KeyTrace
		first, last int // days
		inHead      bool
		exposed     int // days
	}{
		{"the earliest and the latest", history.KeyTrace{First: at(3), Last: at(5), Reachable: true}, history.KeyTrace{First: at(2), Last: at(4)}, 2, 5, false, 97},
		{"one that HEAD holds, and a later one", history.KeyTrace{First: at(3), Last: at(9)}, history.KeyTrace{First: at(2), Last: at(4), InHead: true, Reachable: true}, 2, 4, true, 98},
		{"two that HEAD holds", history.KeyTrace{First: at(3), Last: at(7), InHead: true, Reachable: true}, history.KeyTrace{First: at(2), Last: at(4), InHead: true, Reachable: true}, 2, 7, true, 98},
		{"one that no commit holds", history.KeyTrace{First: at(3), Last: at(3)}, none, 3, 3, false, 0},
	} {
		for _, list := range [][]history.KeyTrace{{tt.a, tt.b}, {tt.b, tt.a}} {
			r := &record{}
			for _, k := range list {
				r.addTrace(k, time.Unix(100*day, 0), true)
			}
			got := r.finding
			sighted := func(n int) finding.Sighting { return sighting(at(n)) }
			if got.FirstSeen != sighted(tt.first) || got.LastSeen != sighted(tt.last) || (got.InHead == finding.Yes) != tt.inHead || got.Exposed != time.Duration(tt.exposed)*day*time.Second {
				t.Errorf("%s: first %v, last %v, in HEAD %v, exposed %v", tt.name, got.FirstSeen, got.LastSeen, got.InHead, got.Exposed)
			}
		}
	}
}

// What was removed from one database and not from another is not removed.
func TestAKeyIsRemovedWithTheLastBranchThatHeldIt(t *testing.T) {
	const day = 24 * 60 * 60
	removed := func(n int, branch bool) history.KeyTrace {
		at := func(n int) gitdb.CommitRef {
			return gitdb.CommitRef{ID: oid.FromBytes(slices.Repeat([]byte{byte(n)}, 20)), Date: int64(n * day)}
		}
		return history.KeyTrace{First: at(1), Last: at(2), Reachable: true, Removed: at(n), InBranch: branch}
	}
	for _, tt := range []struct {
		list []history.KeyTrace
		want int // days in files
	}{
		{[]history.KeyTrace{removed(3, false)}, 2},
		{[]history.KeyTrace{removed(3, false), removed(9, false)}, 8},
		{[]history.KeyTrace{removed(9, false), removed(3, false)}, 8},
		{[]history.KeyTrace{removed(3, true), removed(9, false)}, 99},
	} {
		r := &record{}
		for _, k := range tt.list {
			r.addTrace(k, time.Unix(100*day, 0), true)
		}
		if got := r.finding.InFiles(); got != time.Duration(tt.want)*day*time.Second {
			t.Errorf("%+v: in files for %v, want %d days", tt.list, got, tt.want)
		}
		r.partial = true
		r.withdraw()
		if f := r.finding; f.InFiles() != 0 || f.Removed.Commit != "" {
			t.Errorf("in files for %v, removed %v, though not all was read", f.InFiles(), f.Removed)
		}
	}
}

// A tree that can be read while keys are searched for, and not when their paths
// are, makes the scan incomplete.
func TestATreeThatIsGoneBetweenTheTwoReadingsIsSkipped(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	write(t, filepath.Join(r.dir, "conf/a.env"), "KEY="+keysOf(1, 9)[0]+"\n")
	r.commit("one")
	tree := r.git("rev-parse", "HEAD:conf")
	p, err := Prepare(Options{Paths: []string{r.dir}, History: true, Now: fixedClock})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.collector = newCollector(loadRules(t), false, p.opts.Progress) // as Scan does
	if err := p.scanTarget(context.Background(), p.targets[0]); err != nil || len(p.result.Skipped) > 0 {
		t.Fatal(err, p.result.Skipped)
	}
	if err := os.Remove(filepath.Join(r.dir, ".git/objects", tree[:2], tree[2:])); err != nil {
		t.Fatal(err)
	}
	p.finish(context.Background())
	if len(p.result.Findings) != 1 || p.result.Complete() {
		t.Errorf("%d findings, skipped %v", len(p.result.Findings), p.result.Skipped)
	}
}

// TestWhereTheIndexAloneHasAKnownObject: what the next commit would add is listed,
// though the history holds the object elsewhere, and no file of the working tree does.
func TestWhereTheIndexAloneHasAKnownObject(t *testing.T) {
	r := newRepo(t, filepath.Join(t.TempDir(), "r"))
	k := keysOf(3, 9)
	write(t, filepath.Join(r.dir, "back.env"), "C="+k[2]+"\n")
	r.commit("zero")
	r.git("rm", "-q", "back.env")
	write(t, filepath.Join(r.dir, "testdata", "a.env"), "A="+k[0]+"\n")
	write(t, filepath.Join(r.dir, "both.env"), "B="+k[1]+"\n")
	r.commit("one")
	write(t, filepath.Join(r.dir, "prod.env"), "A="+k[0]+"\n")
	r.git("add", "prod.env")
	r.git("rm", "-q", "--cached", "both.env")
	write(t, filepath.Join(r.dir, "new.env"), "NEW="+k[1]+"\n")
	r.git("add", "new.env") // an object of no tree, at two paths
	write(t, filepath.Join(r.dir, "new2.env"), "NEW="+k[1]+"\n")
	r.git("add", "new2.env")
	write(t, filepath.Join(r.dir, "back.env"), "C="+k[2]+"\n")
	r.git("add", "back.env") // as an older commit has it

	for _, c := range []struct {
		key  string
		want []string
	}{
		{k[0], []string{"blob testdata/a.env:1", "index prod.env:1"}},
		{k[1], []string{"blob both.env:1", "index new.env:1", "index new2.env:1"}},
		{k[2], []string{"blob back.env:1", "index back.env:1"}},
	} {
		got := occurrences(scanAll(t, Options{Paths: []string{r.dir}, History: true}))[c.key]
		if !slices.Equal(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// git keeps the submodules of a linked working tree in its own folder modules.
func TestSubmodulesOfLinkedWorkingTreesAreRead(t *testing.T) {
	dir := t.TempDir()
	k := keysOf(2, 9)
	lib := newRepo(t, filepath.Join(dir, "lib"))
	write(t, filepath.Join(lib.dir, "a"), k[0]+"\n")
	lib.commit("one")
	write(t, filepath.Join(lib.dir, "a"), "clean\n")
	lib.commit("two")
	r := newRepo(t, filepath.Join(dir, "r"))
	r.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", lib.dir, "sub")
	r.commit("one")
	r.git("submodule", "deinit", "-q", "-f", "sub")
	if err := os.RemoveAll(filepath.Join(r.dir, ".git/modules")); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(dir, "linked")
	r.git("worktree", "add", "-q", linked)
	r.git("-C", linked, "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
	r.git("-C", filepath.Join(linked, "sub"), "config", "payment.key", k[1])

	for name, opts := range map[string]Options{
		"the main working tree": {Paths: []string{r.dir}}, "its history": {Paths: []string{r.dir}, History: true},
		"the linked one": {Paths: []string{linked}}, "the history there": {Paths: []string{linked}, History: true},
	} {
		res := scanAll(t, opts)
		got := occurrences(res)
		if len(got[k[0]]) != 1 || !strings.HasPrefix(got[k[0]][0], "blob ") || len(got[k[1]]) != 1 {
			t.Error(name, got)
		}
		for _, s := range res.Skipped {
			if s.Reason != finding.ReasonSubmoduleAbsent {
				t.Error(name, s)
			}
		}
	}
}
