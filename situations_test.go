package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What became of a key in a situation.
const (
	stopped   = "stopped"
	missed    = "missed"     // keysweep ran, and let it through
	passed    = "passed"     // there was no key, and keysweep ran
	notCalled = "not called" // git or the runner did not call keysweep
	noMatter  = "–"          // this runner has no such thing
)

// desk is a developer's repository and the one it pushes to.
type desk struct {
	*testing.T
	w            *workshop
	runner       *hookRunner
	shop, remote string
	calls        string // a file with the calls of keysweep
	key          string
	said         string // of the step that may be stopped
}

// newDesk copies a shop.
func (w *workshop) newDesk(t *testing.T, shop string, r *hookRunner) *desk {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(shop)); err != nil {
		t.Fatal(err)
	}
	return &desk{T: t, w: w, runner: r, shop: filepath.Join(dir, "my shop"), remote: filepath.Join(dir, "remote.git"),
		calls: filepath.Join(dir, "calls"), key: keyOf(r)}
}

// keyOf returns the key of a shop.
func keyOf(r *hookRunner) string { return testKey("sk_live_", r.name, 40) }

// git runs git without hooks.
func (d *desk) git(args ...string) {
	d.Helper()
	d.w.must(d.T, d.shop, append([]string{"git", "-c", "core.hooksPath=/dev/null"}, args...)...)
}

// write writes a file of the working tree.
func (d *desk) write(name, text string) {
	d.Helper()
	put(d.T, filepath.Join(d.shop, name), text)
}

// stage writes a file, and adds it to the index.
func (d *desk) stage(name, text string) {
	d.Helper()
	d.write(name, text)
	d.git("add", "--", name)
}

// leak stages a file with the key.
func (d *desk) leak(name string) { d.Helper(); d.stage(name, "PAYMENT_KEY="+d.key+"\n") }

// commit commits what is staged, without hooks.
func (d *desk) commit(message string) { d.Helper(); d.git("commit", "-q", "-m", message) }

// grow makes the branches and tags of a shop. Only main and old are pushed.
func (d *desk) grow() {
	d.Helper()
	branch := func(name, from string) { d.git("checkout", "-q", "-b", name, from) }
	branch("leak", "main") // brings the key in
	d.leak("pay.env")
	d.commit("Pay")
	branch("mended", "leak") // and takes it out
	d.git("rm", "-q", "pay.env")
	d.commit("Take the key out")
	branch("a", "main") // clean
	d.stage("a", "a\n")
	d.commit("Add a")
	branch("b", "main") // clean
	d.stage("b", "b\n")
	d.commit("Add b")
	branch("b-leak", "b") // b, and the key
	d.leak("pay.env")
	d.commit("Pay")
	branch("evil", "b") // only the merge brings the key in
	d.git("merge", "-q", "--no-commit", "a")
	d.leak("pay.env")
	d.commit("Merge a")
	d.git("rm", "-q", "pay.env")
	d.commit("Take the key out")
	branch("ours", "main")
	d.stage("README", "Ours.\n")
	d.commit("Ours")
	branch("theirs", "main")
	d.stage("README", "Theirs.\n")
	d.commit("Theirs")
	d.git("tag", "leaky", "leak")
	d.git("tag", "-a", "-m", "key="+d.key, "message", "main")
	d.git("tag", "-a", "-m", "First", "v1", "a")
	d.git("checkout", "-q", "main")
	d.git("push", "-q", "origin", "main:old")
	d.git("repack", "-adq")
}

// try is the step that a hook may stop.
func (d *desk) try(args ...string) error {
	d.Helper()
	return d.tryIn(d.shop, append([]string{"git"}, args...)...)
}

func (d *desk) tryIn(dir string, args ...string) error {
	d.Helper()
	before := d.refs()
	said, err := d.w.run(dir, []string{callsVariable + "=" + d.calls}, args...)
	d.said = said
	if after := d.refs(); err != nil && after != before {
		d.Errorf("%s failed, and changed\n%sinto\n%s", strings.Join(args, " "), before, after)
	}
	return err
}

// refs returns what the refs of both repositories are.
func (d *desk) refs() string {
	d.Helper()
	var b strings.Builder
	for _, dir := range []string{filepath.Join(d.shop, ".git"), d.remote} {
		err := filepath.WalkDir(filepath.Join(dir, "refs"), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			b.WriteString(path + " " + string(text))
			return err
		})
		if err != nil {
			d.Fatal(err)
		}
	}
	return b.String()
}

// play plays a situation and returns the outcome.
func (d *desk) play(s *situation) string {
	if d.runner.server && s.hook != "pre-push" || s.all && d.runner.all == nil {
		return noMatter
	}
	err := s.play(d)
	calls, _ := os.ReadFile(d.calls)
	if strings.Contains(d.said, d.key) {
		d.Errorf("the key is printed:\n%s", d.said)
	}
	bySweep := strings.Contains(d.said, "keysweep stopped this ")
	hook := s.hook
	if d.runner.server {
		hook = "pre-receive"
	}
	outcome := missed
	switch {
	case err != nil && bySweep:
		outcome = stopped
	case err != nil || bySweep:
		d.Errorf("not as keysweep ends: %v\n%s", err, d.said)
	case !strings.Contains(string(calls), "hook "+hook):
		outcome = notCalled
	}
	if s.clean {
		switch outcome {
		case stopped:
			d.Errorf("stopped, with no key:\n%s", d.said)
		case missed:
			outcome = passed
		}
		// What runs the hook prints lines of its own, but for these.
		if slices.Contains([]string{"keysweep install", "husky", "pre-receive"}, d.runner.name) && d.said != "" {
			d.Errorf("printed:\n%s", d.said)
		}
	}
	d.Logf("%s\ncalls:\n%s%s", outcome, calls, d.said)
	return outcome
}

// situation is something that people do with git, with a key in it.
type situation struct {
	name  string // in Markdown
	hook  string // of git, that can see the key
	clean bool   // there is no key in what is committed or pushed
	all   bool   // only for runners that look at all files
	play  func(d *desk) error
}

var situations = []situation{
	{name: "`git commit`", hook: "pre-commit", play: func(d *desk) error {
		d.leak("pay.env")
		return d.try("commit", "-q", "-m", "Pay")
	}},
	{name: "the first commit of a repository", hook: "pre-commit", play: func(d *desk) error {
		d.git("symbolic-ref", "HEAD", "refs/heads/fresh")
		d.leak("pay.env")
		return d.try("commit", "-q", "-m", "Pay")
	}},
	{name: "`git commit -a`", hook: "pre-commit", play: func(d *desk) error {
		d.write("README", "key="+d.key+"\n")
		return d.try("commit", "-q", "-a", "-m", "Pay")
	}},
	{name: "`git commit FILE`", hook: "pre-commit", play: func(d *desk) error {
		d.write("README", "key="+d.key+"\n")
		return d.try("commit", "-q", "-m", "Pay", "--", "README")
	}},
	{name: "`git commit --amend`", hook: "pre-commit", play: func(d *desk) error {
		d.leak("pay.env")
		return d.try("commit", "-q", "--amend", "--no-edit")
	}},
	{name: "a commit from a subfolder, of a file with a space in its name", hook: "pre-commit", play: func(d *desk) error {
		d.leak("till/pay key")
		return d.tryIn(filepath.Join(d.shop, "till"), "git", "commit", "-q", "-m", "Pay")
	}},
	{name: "a commit in a linked working tree", hook: "pre-commit", play: func(d *desk) error {
		linked := filepath.Join(filepath.Dir(d.shop), "linked shop")
		d.git("worktree", "add", "-q", "-b", "linked", linked)
		put(d.T, filepath.Join(linked, "pay.env"), "key="+d.key+"\n")
		d.w.must(d.T, linked, "git", "add", "pay.env")
		return d.tryIn(linked, "git", "commit", "-q", "-m", "Pay")
	}},
	{name: "a symbolic link whose target is a key", hook: "pre-commit", play: func(d *desk) error {
		if err := os.Symlink(d.key, filepath.Join(d.shop, "link")); err != nil {
			d.Fatal(err)
		}
		d.git("add", "link")
		return d.try("commit", "-q", "-m", "Pay")
	}},
	{name: "a conflict resolved with a key", hook: "pre-commit", play: func(d *desk) error {
		d.git("checkout", "-q", "ours")
		if out, err := d.w.run(d.shop, nil, "git", "merge", "-q", "theirs"); err == nil {
			d.Fatalf("no conflict:\n%s", out)
		}
		d.leak("README")
		return d.try("commit", "-q", "--no-edit")
	}},
	{name: "`git merge --no-commit`, then a key, then `git commit`", hook: "pre-commit", play: func(d *desk) error {
		d.git("checkout", "-q", "b")
		d.git("merge", "-q", "--no-commit", "a")
		d.leak("pay.env")
		return d.try("commit", "-q", "--no-edit")
	}},
	{name: "`git merge` of a branch with a key", hook: "pre-commit", play: func(d *desk) error {
		d.git("checkout", "-q", "a")
		return d.try("merge", "-q", "--no-edit", "leak")
	}},
	{name: "the message of a commit", hook: "commit-msg", play: func(d *desk) error {
		d.stage("a", "a\n")
		return d.try("commit", "-q", "-m", "Pay with "+d.key)
	}},
	{name: "`run -a`, a tracked file", hook: "pre-commit", all: true, play: func(d *desk) error {
		d.git("checkout", "-q", "leak")
		return d.tryIn(d.shop, d.runner.all...)
	}},

	{name: "push of several commits", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "leak:main")
	}},
	{name: "push of a new branch", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "leak")
	}},
	{name: "first push to an empty repository", hook: "pre-push", play: func(d *desk) error {
		for _, ref := range []string{filepath.Join(d.remote, "refs/heads"), filepath.Join(d.shop, ".git/refs/remotes/origin")} {
			for _, name := range []string{"main", "old"} {
				if err := os.Remove(filepath.Join(ref, name)); err != nil {
					d.Fatal(err)
				}
			}
		}
		return d.try("push", "-q", "origin", "leak")
	}},
	{name: "push of a key that a later commit removes", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "mended:main")
	}},
	{name: "push of a key that only a merge added, and a later commit removed", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "evil:main")
	}},
	{name: "push of two branches, the key in the first", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "b-leak", "a")
	}},
	{name: "push of two branches, the key in the second", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "a", "b-leak")
	}},
	{name: "push of a tag on a new commit", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "leaky")
	}},
	{name: "push of a tag on a published commit, the key in the tag's message", hook: "pre-push", play: func(d *desk) error {
		return d.try("push", "-q", "origin", "message")
	}},

	{name: "a clean commit", hook: "pre-commit", clean: true, play: func(d *desk) error {
		d.stage("a", "a\n")
		return d.try("commit", "-q", "-m", "Add a")
	}},
	{name: "a commit of one file while a key is staged in another", hook: "pre-commit", clean: true, play: func(d *desk) error {
		d.leak("pay.env")
		d.write("README", "More.\n")
		return d.try("commit", "-q", "-m", "More", "--", "README")
	}},
	{name: "a clean merge", hook: "pre-commit", clean: true, play: func(d *desk) error {
		d.git("checkout", "-q", "b")
		return d.try("merge", "-q", "--no-edit", "a")
	}},
	{name: "`run -a`, no key", hook: "pre-commit", clean: true, all: true, play: func(d *desk) error {
		return d.tryIn(d.shop, d.runner.all...)
	}},
	{name: "a clean push of a new branch", hook: "pre-push", clean: true, play: func(d *desk) error {
		return d.try("push", "-q", "origin", "a")
	}},
	{name: "a clean push of two branches and a tag", hook: "pre-push", clean: true, play: func(d *desk) error {
		return d.try("push", "-q", "origin", "a", "b", "v1")
	}},
	{name: "a push that removes a branch", hook: "pre-push", clean: true, play: func(d *desk) error {
		return d.try("push", "-q", "origin", ":old")
	}},
}

// table writes the situations with a key as a Markdown table. A column that was
// not tried is as in the page.
func table(r *results, page string) string {
	rows := map[string][]string{} // of the page, by situation
	for line := range strings.Lines(page) {
		if cells := strings.Split(strings.TrimSpace(line), " | "); len(cells) == 1+len(hookRunners) {
			rows[strings.TrimPrefix(cells[0], "| ")] = cells[1:]
		}
	}
	var b strings.Builder
	b.WriteString("| a key in … |")
	for _, r := range hookRunners {
		b.WriteString(" " + r.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(hookRunners)) + "\n")
	for _, s := range situations {
		if s.clean {
			continue
		}
		b.WriteString("| " + s.name + " |")
		for i, runner := range hookRunners {
			outcome, tried := r.cells[runner.name][s.name]
			if row := rows[s.name]; !tried && row != nil {
				outcome = strings.TrimSuffix(row[i], " |")
			}
			b.WriteString(" " + outcome + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}
