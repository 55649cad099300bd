package ci

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	disk "keysweep/file"
)

// checkedOut is a checkout with a folder and links, in a folder with a file:
//
//	outside
//	shop/dir/file
//	shop/out -> ../outside
//	shop/up -> ..
//	shop/here -> dir
//	round -> round
func checkedOut(t *testing.T) (*Checkout, string) {
	t.Helper()
	parent, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	shop := filepath.Join(parent, "shop")
	if out, err := exec.Command("git", "init", "-q", shop).CombinedOutput(); err != nil {
		t.Skipf("git init: %v %s", err, out)
	}
	for _, err := range []error{
		os.Mkdir(filepath.Join(shop, "dir"), 0o700),
		os.WriteFile(filepath.Join(parent, "outside"), nil, 0o600),
		os.WriteFile(filepath.Join(shop, "dir", "file"), nil, 0o600),
		os.Symlink(filepath.Join("..", "outside"), filepath.Join(shop, "out")),
		os.Symlink("..", filepath.Join(shop, "up")),
		os.Symlink("dir", filepath.Join(shop, "here")),
		os.Symlink(shop, filepath.Join(parent, "another")),
		os.Symlink("round", filepath.Join(parent, "round")),
	} {
		if err != nil {
			t.Skip(err)
		}
	}
	c, err := OpenCheckout(context.Background(), shop, disk.Reach{}, false)
	if err != nil || c == nil {
		t.Fatalf("%v, %v", c, err)
	}
	t.Cleanup(c.Close)
	t.Chdir(shop)
	return c, parent
}

func TestWhereAFolderOfACheckoutIs(t *testing.T) {
	c, parent := checkedOut(t)
	for _, tt := range []struct {
		folder, below string
		ok            bool
	}{
		{".", "", true},
		{"dir", "dir", true},
		{"dir/../here", "dir", true},
		{filepath.Join(parent, "another"), "", true},
		{filepath.Join(parent, "another", "dir"), "dir", true},
		{"..", "", false},
		{"up", "", false},
		{"up/shop/dir", "dir", true},
		{"missing", "", false},
	} {
		if below, ok := c.Below(tt.folder); below != tt.below || ok != tt.ok {
			t.Errorf("%s: %q, %v, want %q, %v", tt.folder, below, ok, tt.below, tt.ok)
		}
	}
}

func TestWhatAChangeCanAffectBelongsToIt(t *testing.T) {
	c, parent := checkedOut(t)
	for _, tt := range []struct {
		file, below string
		ok          bool
	}{
		{"dir/file", "dir/file", true},
		{"dir/missing", "dir/missing", true},
		{"out", "out", true}, // by its name
		{"up/outside", "up/outside", true},
		{"up/shop/dir/file", "dir/file", true},
		{filepath.Join(parent, "another", "dir", "file"), "dir/file", true},
		{filepath.Join(parent, "outside"), "", false},
		{"../outside", "", false},
		{"../missing", "", false},
		{filepath.Join(parent, "round"), filepath.ToSlash(filepath.Join(parent, "round")), true},
		{filepath.Join(parent, "\x00", "file"), "file", true}, // no system looks there
		{"", "", false},
	} {
		if below, ok := c.Holds(tt.file); below != tt.below || ok != tt.ok {
			t.Errorf("%s: %q, %v, want %q, %v", tt.file, below, ok, tt.below, tt.ok)
		}
	}
}

// A merge of more than two parents is none that a CI made.
func TestTheParentsOfAMerge(t *testing.T) {
	c, _ := checkedOut(t)
	for name, value := range map[string]string{"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"} {
		t.Setenv(name, value)
	}
	git := func(args ...string) string {
		out, err := exec.Command("git", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	tree := git("write-tree")
	var parents []string
	for _, words := range []string{"one", "two", "three"} {
		parents = append(parents, git("commit-tree", "-m", words, tree))
	}
	for n := range len(parents) + 1 {
		args := []string{"commit-tree", "-m", "merge", tree}
		for _, p := range parents[:n] {
			args = append(args, "-p", p)
		}
		if got := c.Parents(git(args...)); !slices.Equal(got, parents[:n]) {
			t.Errorf("%d parents: %v", n, got)
		}
	}
}

func TestNoLinkOfACheckoutLeadsAReportAway(t *testing.T) {
	c, parent := checkedOut(t)
	for _, tt := range []struct {
		file    string
		refused bool
	}{
		{"report.json", false},
		{"dir/report.json", false},
		{"here/report.json", false}, // leads to the checkout
		{"out", true},
		{"up/report.json", true},
		{"up/../report.json", true}, // the link comes before ".."
		{"../report.json", false},
		{filepath.Join(parent, "report.json"), false},
		{"missing/report.json", false},
	} {
		if err := c.CheckWrite(tt.file); (err != nil) != tt.refused {
			t.Errorf("%s: %v, refused %v", tt.file, err, tt.refused)
		}
	}
}

// A change chooses the names of its branches and tags: an id is never one of them.
func TestAnIdIsNeverAName(t *testing.T) {
	c, _ := checkedOut(t)
	for name, value := range map[string]string{"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"} {
		t.Setenv(name, value)
	}
	git := func(args ...string) string {
		out, err := exec.Command("git", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	tree := git("write-tree")
	base := git("commit-tree", "-m", "base", tree)
	tip := git("commit-tree", "-m", "tip", "-p", base, tree)
	change := git("commit-tree", "-m", "change", "-p", base, tree)
	git("update-ref", "refs/remotes/origin/main", tip)
	git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	gone := strings.Repeat("1", 40)
	for _, name := range []string{base[:12], base, gone, gone[:12], strings.Repeat("2", 64), "main", base[:7]} {
		for _, below := range []string{"refs/heads/", "refs/tags/", "refs/remotes/"} {
			git("update-ref", below+name, change)
		}
	}
	c.Close()
	c, err := OpenCheckout(context.Background(), ".", disk.Reach{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for id, want := range map[string]bool{base: true, tip: true, gone: false, strings.Repeat("2", 64): false, base[:12]: false, "main": false, "HEAD": false, tree: false, base + "^0": false, "": false} {
		if got := c.Find(id); got != want {
			t.Errorf("%q: found %v", id, got)
		}
	}
	for _, tt := range []struct {
		name, digits string
		tips         []string
		want         string
	}{
		{"what main reaches", base[:12], []string{tip}, base},
		{"its tip", tip[:7], []string{tip}, tip},
		{"a whole id", base, []string{tip}, base},
		{"a name of the change", gone[:12], []string{tip}, ""},
		{"a commit of the change", change[:12], []string{tip}, ""},
		{"that is in another branch too", change[:12], []string{tip, change}, change},
		{"one commit of two branches", base[:12], []string{tip, change}, base},
		{"several", "", []string{tip}, ""},
		{"no branch", base[:12], nil, ""},
		{"a branch that is not here", base[:12], []string{gone}, ""},
	} {
		if id, ok := c.Complete(tt.digits, tt.tips); id != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, id, ok, tt.want)
		}
	}
	for _, tt := range []struct {
		from, id string
		want     bool
	}{{tip, base, true}, {tip, tip, true}, {base, tip, false}, {tip, change, false}, {tip, gone, false}, {gone, base, false}, {"main", base, false}, {tip, "main", false}} {
		if got := c.Reaches(tt.from, tt.id); got != tt.want {
			t.Errorf("%.7s reaches %.7s: %v", tt.from, tt.id, got)
		}
	}
	if id, ok := c.Ref("refs/remotes/origin/main"); id != tip || !ok {
		t.Errorf("%s, %v", id, ok)
	}
	if name := c.Default(); name != "main" {
		t.Errorf("the default branch: %q", name)
	}
	for _, target := range []string{"refs/heads/main", "refs/tags/main", "refs/remotes/other/main"} {
		git("symbolic-ref", "refs/remotes/origin/HEAD", target)
		again, err := OpenCheckout(context.Background(), ".", disk.Reach{}, false)
		if err != nil {
			t.Fatal(err)
		}
		if name := again.Default(); name != "" {
			t.Errorf("origin/HEAD leads to %s: %q", target, name)
		}
		again.Close()
	}
}

// In a shallow clone, a short id may be the start of what is not there.
func TestAShortIdIsNotCompletedInAShallowClone(t *testing.T) {
	c, _ := checkedOut(t)
	for name, value := range map[string]string{"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com"} {
		t.Setenv(name, value)
	}
	out, err := exec.Command("sh", "-ec", `git commit -q --allow-empty -m one; git commit -q --allow-empty -m two
		git clone -q --depth 1 "file://$PWD" ../shallow; git rev-parse HEAD`).Output()
	if err != nil {
		t.Fatal(err)
	}
	tip := strings.TrimSpace(string(out))
	c.Close()
	if c, err = OpenCheckout(context.Background(), "../shallow", disk.Reach{}, false); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if id, ok := c.Complete(tip[:12], []string{tip}); ok || !c.Find(tip) {
		t.Errorf("%q, %v", id, ok)
	}
}
