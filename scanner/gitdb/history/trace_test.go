package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keysweep/scanner/gitdb"
	"keysweep/scanner/gitdb/gittest"
	"keysweep/scanner/gitdb/oid"
)

// traced is a KeyTrace in words that a diff shows well.
type traced struct {
	First, Last       string
	Removed           string
	Reachable, InHead bool
	InBranch          bool
	Places            []string // "path first-commit reachable in-head merged"
}

func traceAll(t *testing.T, dir string) map[int]traced {
	t.Helper()
	db, _, rec := scanRepo(t, dir, 2, gitdb.OpenOptions{})
	const keys = 10
	held := make(map[oid.ID][]int32)
	for id, content := range rec.objects {
		o, _ := oid.Parse([]byte(id))
		held[o] = keysIn(content)
	}
	tr, err := db.Trace(context.Background(), held, keys, db.repo.Head, func(oid.ID, PathTrace) {})
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[int]traced)
	for k, kt := range tr.Keys {
		g := traced{Reachable: kt.Reachable, InHead: kt.InHead, InBranch: kt.InBranch}
		if !kt.Removed.ID.IsZero() {
			g.Removed = kt.Removed.ID.String()
		}
		if kt.First.ID.IsZero() {
			continue
		}
		g.First, g.Last = kt.First.ID.String(), kt.Last.ID.String()
		for id, places := range tr.Paths {
			if !slices.Contains(held[id], int32(k)) {
				continue
			}
			for _, p := range places {
				if p.Path != "" {
					g.Places = append(g.Places, fmt.Sprintf("%s %s %s %v %v %v", id, p.Path, p.Commit.ID, p.Reachable, p.InHead, p.Merged))
				}
			}
		}
		slices.Sort(g.Places)
		got[k] = g
	}
	return got
}

var needleNumber = regexp.MustCompile(needle + `(\d)`)

func keysIn(content string) (keys []int32) {
	for _, m := range needleNumber.FindAllStringSubmatch(content, -1) {
		k, _ := strconv.Atoi(m[1])
		if !slices.Contains(keys, int32(k)) {
			keys = append(keys, int32(k))
		}
	}
	return keys
}

// slowTrace asks git for the tree of every commit, and follows the definitions
// to the letter.
func slowTrace(t *testing.T, r *gittest.Repo) map[int]traced {
	t.Helper()
	type commit struct {
		id      string
		date    int64
		parents []string
		objects map[string]string // path to id
		keys    map[int]bool      // of its tree
	}
	_, found := slowScan(t, r, r.Dir)
	reachable, mergedIn := strings.Fields(r.Git("rev-list", "--all")), strings.Fields(r.Git("rev-list", "HEAD"))
	commits := make(map[string]*commit)
	for line := range strings.Lines(r.Git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")) {
		id, typ, _ := strings.Cut(strings.TrimSpace(line), " ")
		if typ != "commit" {
			continue
		}
		c := &commit{id: id, objects: make(map[string]string), keys: make(map[int]bool)}
		fields := strings.Fields(r.Git("show", "-s", "--format=%ct %P", id))
		c.date, _ = strconv.ParseInt(fields[0], 10, 64)
		c.parents = fields[1:]
		for entry := range strings.SplitSeq(r.Git("ls-tree", "-r", "-t", "-z", id), "\x00") {
			meta, path, ok := strings.Cut(entry, "\t")
			if !ok {
				continue
			}
			object := strings.Fields(meta)[2]
			if content, ok := found[object]; ok {
				c.objects[path] = object
				for _, k := range keysIn(content) {
					c.keys[int(k)] = true
				}
			}
		}
		commits[id] = c
	}
	head := commits[strings.TrimSpace(r.Git("rev-parse", "HEAD"))]
	branches := strings.Fields(r.Git("for-each-ref", "--format=%(objectname)", "refs/heads/", "refs/remotes/"))
	tips := strings.Fields(r.Git("for-each-ref", "--format=%(objectname) %(*objectname)"))
	before := func(a, b *commit) bool { return a.date < b.date || a.date == b.date && a.id < b.id }
	want := make(map[int]traced)
	for k := range 10 {
		var first, last, removed *commit
		var w traced
		places := make(map[string]*commit) // "object path" to the first that brought it
		inHead, reached, merged := make(map[string]bool), make(map[string]bool), make(map[string]bool)
		for _, c := range commits {
			message := slices.Contains(keysIn(found[c.id]), int32(k))
			inParent := false
			for _, p := range c.parents {
				inParent = inParent || commits[p].keys[k]
			}
			if !c.keys[k] && inParent && slices.Contains(reachable, c.id) && (removed == nil || before(removed, c)) {
				removed, w.Removed = c, c.id
			}
			w.InBranch = w.InBranch || c.keys[k] && (c == head || slices.Contains(branches, c.id))
			if c.keys[k] && !inParent || message {
				if first == nil || before(c, first) {
					first = c
				}
			}
			if c.keys[k] || message {
				if last == nil || before(last, c) {
					last = c
				}
			}
			w.Reachable = w.Reachable || (c.keys[k] || message) && slices.Contains(reachable, c.id)
			for path, object := range c.objects {
				if !slices.Contains(keysIn(found[object]), int32(k)) {
					continue
				}
				at := object + " " + path
				if c == head {
					inHead[at] = true
				}
				if slices.Contains(reachable, c.id) {
					reached[at] = true
				}
				if slices.Contains(mergedIn, c.id) {
					merged[at] = true
				}
				known := false
				for _, p := range c.parents {
					known = known || commits[p].objects[path] == object
				}
				if !known && (places[at] == nil || before(c, places[at])) {
					places[at] = c
				}
			}
		}
		for object, content := range found {
			if strings.HasPrefix(content, "object ") && slices.Contains(keysIn(content), int32(k)) && slices.Contains(tips, object) {
				w.Reachable = true
			}
		}
		if first == nil {
			continue
		}
		w.First, w.Last, w.InHead = first.id, last.id, head.keys[k]
		if w.InHead {
			w.Last = head.id
		}
		for at, c := range places {
			w.Places = append(w.Places, fmt.Sprintf("%s %s %v %v %v", at, c.id, reached[at], inHead[at], merged[at]))
		}
		slices.Sort(w.Places)
		want[k] = w
	}
	return want
}

func TestTraceFollowsTheDefinitions(t *testing.T) {
	for seed := range gittest.Seeds() {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := gittest.New(t)
			randomHistory(r, rand.New(rand.NewPCG(seed, 7)), 30)
			// A branch that no ref names any more.
			r.Git("checkout", "-q", "--detach")
			r.Write("dir/lost.txt", needle+"5\n")
			r.Commit("lost")
			r.Write("dir/lost.txt", "removed\n")
			r.Commit("removed where no ref leads")
			r.Git("checkout", "-q", "main")
			if diff := cmp.Diff(slowTrace(t, r), traceAll(t, r.Dir)); diff != "" {
				t.Errorf("-git +ours\n%s", diff)
			}
		})
	}
}

func TestAKeyOfADetachedHeadIsInFiles(t *testing.T) {
	r := gittest.New(t)
	r.Commit("one")
	r.Git("checkout", "-q", "--detach")
	r.Write("a.txt", needle+"7\n")
	r.Commit("two")
	if got := traceAll(t, r.Dir)[7]; !got.InHead || !got.InBranch || got.Removed != "" {
		t.Errorf("%+v", got)
	}
}

func TestAKeyInATagIsReachableWhileARefLeadsToTheTag(t *testing.T) {
	r := gittest.New(t)
	commit := r.Commit("one")
	r.Git("tag", "-a", "-m", needle+"7", "v1")
	tag, _ := oid.Parse([]byte(strings.TrimSpace(r.Git("rev-parse", "v1"))))
	for _, reached := range []bool{true, false} {
		db, _, _ := scanRepo(t, r.Dir, 1, gitdb.OpenOptions{})
		tr, err := db.Trace(context.Background(), map[oid.ID][]int32{tag: {0}}, 1, oid.ID{}, func(oid.ID, PathTrace) {})
		if err != nil {
			t.Fatal(err)
		}
		paths := tr.Paths[tag]
		if tr.Keys[0].Reachable != reached || len(paths) != 1 || paths[0].Path != "" || paths[0].Reachable != reached || paths[0].Commit.ID.String() != commit {
			t.Errorf("reached %v: reachable %v, paths %+v", reached, tr.Keys[0].Reachable, paths)
		}
		r.Git("update-ref", "-d", "refs/tags/v1")
	}
}

func TestWhatOnlyTheSecondReadingCannotReadIsSkipped(t *testing.T) {
	for _, name := range []string{"tree removed", "tree damaged", "pack truncated"} {
		t.Run(name, func(t *testing.T) {
			r := gittest.New(t)
			r.Write("dir/a.txt", needle+"1\n")
			r.Commit("one")
			tree := strings.TrimSpace(r.Git("rev-parse", "HEAD:dir"))
			if name == "pack truncated" {
				r.Git("repack", "-adq")
			}
			db, res, rec := scanRepo(t, r.Dir, 2, gitdb.OpenOptions{})
			if len(res.Skipped) > 0 {
				t.Fatalf("the scan skipped %v", res.Skipped)
			}
			held := make(map[oid.ID][]int32)
			for id := range rec.objects {
				o, _ := oid.Parse([]byte(id))
				held[o] = []int32{0}
			}
			loose := filepath.Join(r.Dir, ".git/objects", tree[:2], tree[2:])
			var err error
			switch name {
			case "tree removed":
				err = os.Remove(loose)
			case "tree damaged":
				_ = os.Remove(loose)
				err = os.WriteFile(loose, []byte("x"), 0o600)
			default:
				packs, _ := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.pack"))
				_ = os.Chmod(packs[0], 0o600)
				err = os.Truncate(packs[0], 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			tr, err := db.Trace(context.Background(), held, 1, db.repo.Head, func(oid.ID, PathTrace) {})
			if err != nil {
				t.Fatal(err)
			}
			if len(tr.Skipped) != 1 {
				t.Errorf("skipped %v, want one entry", tr.Skipped)
			}
		})
	}
}
