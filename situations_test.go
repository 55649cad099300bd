package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What became of a key in a situation.
const (
	stopped   = "stopped"
	missed    = "missed"     // keysweep ran, and let it through
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
	w.must(t, dir, "cp", "-a", shop+"/.", dir)
	return &desk{T: t, w: w, runner: r, shop: filepath.Join(dir, "my shop"), remote: filepath.Join(dir, "remote.git"),
		calls: filepath.Join(dir, "calls"), key: testKey("sk_live_", t.Name(), 40)}
}

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

// leak writes a file with the key, and adds it to the index.
func (d *desk) leak(name string) {
	d.Helper()
	d.write(name, "PAYMENT_KEY="+d.key+"\n")
	d.git("add", "--", name)
}

// commit commits a file without hooks, and looks at nothing.
func (d *desk) commit(name, text string) {
	d.Helper()
	d.write(name, text)
	d.git("add", "--", name)
	d.git("commit", "-q", "-m", "Change "+name)
}

// commitLeak commits a key without hooks.
func (d *desk) commitLeak(name string) { d.Helper(); d.commit(name, "PAYMENT_KEY="+d.key+"\n") }

// branch makes a branch and goes there.
func (d *desk) branch(name string) { d.Helper(); d.git("checkout", "-q", "-b", name) }

// try is the step that a hook may stop.
func (d *desk) try(args ...string) error {
	d.Helper()
	return d.tryIn(d.shop, append([]string{"git"}, args...)...)
}

func (d *desk) tryIn(dir string, args ...string) error {
	d.Helper()
	state := func() string {
		head, _ := d.w.run(d.shop, nil, "git", "for-each-ref")
		return head + d.w.must(d.T, d.remote, "git", "for-each-ref")
	}
	before := state()
	said, err := d.w.run(dir, []string{callsVariable + "=" + d.calls}, args...)
	d.said = said
	if after := state(); err != nil && after != before {
		d.Errorf("%s failed, and changed\n%sinto\n%s", strings.Join(args, " "), before, after)
	}
	return err
}

// play plays a situation and returns the outcome.
func (d *desk) play(s *situation) string {
	if d.runner.server && s.local || s.all && d.runner.all == nil {
		return noMatter
	}
	err := s.play(d)
	calls, _ := os.ReadFile(d.calls)
	if strings.Contains(d.said, d.key) {
		d.Errorf("the key is printed:\n%s", d.said)
	}
	bySweep := strings.Contains(d.said, "keysweep stopped this ")
	outcome := missed
	switch {
	case err != nil && bySweep:
		outcome = stopped
	case err != nil || bySweep:
		d.Errorf("not as keysweep ends: %v\n%s", err, d.said)
	case len(calls) == 0:
		outcome = notCalled
	}
	if s.clean {
		if outcome == stopped {
			d.Errorf("stopped:\n%s", d.said)
		}
		silent := d.runner.builds == "" && d.runner.name != "lefthook"
		if silent && d.said != "" {
			d.Errorf("printed:\n%s", d.said)
		}
	}
	d.Logf("%s\ncalls:\n%s%s", outcome, calls, d.said)
	return outcome
}

// situation is something that people do with git, with a key in it.
type situation struct {
	name  string // in Markdown
	clean bool   // there is no key in what is committed or pushed
	local bool   // a server does not see it
	all   bool   // only for runners that look at all files
	play  func(d *desk) error
}

var situations = []situation{
	{name: "`git commit`", local: true, play: func(d *desk) error {
		d.leak("pay.env")
		return d.try("commit", "-q", "-m", "Pay")
	}},
	{name: "the first commit of a repository", local: true, play: func(d *desk) error {
		d.git("checkout", "-q", "--orphan", "fresh")
		d.leak("pay.env")
		return d.try("commit", "-q", "-m", "Pay")
	}},
	{name: "`git commit -a`", local: true, play: func(d *desk) error {
		d.write("README", "key="+d.key+"\n")
		return d.try("commit", "-q", "-a", "-m", "Pay")
	}},
	{name: "`git commit FILE`", local: true, play: func(d *desk) error {
		d.write("README", "key="+d.key+"\n")
		return d.try("commit", "-q", "-m", "Pay", "--", "README")
	}},
	{name: "`git commit --amend`", local: true, play: func(d *desk) error {
		d.commit("a", "a\n")
		d.leak("pay.env")
		return d.try("commit", "-q", "--amend", "--no-edit")
	}},
	{name: "a commit from a folder below, of a file with a blank in its name", local: true, play: func(d *desk) error {
		d.leak("till/pay key")
		return d.tryIn(filepath.Join(d.shop, "till"), "git", "commit", "-q", "-m", "Pay")
	}},
	{name: "a commit in a linked working tree", local: true, play: func(d *desk) error {
		linked := filepath.Join(filepath.Dir(d.shop), "linked shop")
		d.git("worktree", "add", "-q", "-b", "linked", linked)
		put(d.T, filepath.Join(linked, "pay.env"), "key="+d.key+"\n")
		d.w.must(d.T, linked, "git", "add", "pay.env")
		return d.tryIn(linked, "git", "commit", "-q", "-m", "Pay")
	}},
	{name: "a link whose target is a key", local: true, play: func(d *desk) error {
		if err := os.Symlink(d.key, filepath.Join(d.shop, "link")); err != nil {
			d.Fatal(err)
		}
		d.git("add", "link")
		return d.try("commit", "-q", "-m", "Pay")
	}},
	{name: "a conflict, solved with a key", local: true, play: func(d *desk) error {
		d.branch("other")
		d.commit("README", "theirs\n")
		d.git("checkout", "-q", "main")
		d.commit("README", "ours\n")
		if out, err := d.w.run(d.shop, nil, "git", "merge", "-q", "other"); err == nil {
			d.Fatalf("no conflict:\n%s", out)
		}
		d.leak("README")
		return d.try("commit", "-q", "--no-edit")
	}},
	{name: "`git merge --no-commit`, a key, `git commit`", local: true, play: func(d *desk) error {
		d.fork()
		d.git("merge", "-q", "--no-commit", "other")
		d.leak("pay.env")
		return d.try("commit", "-q", "--no-edit")
	}},
	{name: "`git merge` of a branch that has a key", local: true, play: func(d *desk) error {
		d.branch("other")
		d.commitLeak("pay.env")
		d.git("checkout", "-q", "main")
		d.commit("b", "b\n")
		return d.try("merge", "-q", "--no-edit", "other")
	}},
	{name: "a key in the message of a commit", local: true, play: func(d *desk) error {
		d.write("a", "a\n")
		d.git("add", "a")
		return d.try("commit", "-q", "-m", "Pay with "+d.key)
	}},
	{name: "`run --all-files`, a key in a tracked file", local: true, all: true, play: func(d *desk) error {
		d.commitLeak("pay.env")
		return d.tryIn(d.shop, d.runner.all...)
	}},

	{name: "push of more commits", play: func(d *desk) error {
		d.commitLeak("pay.env")
		return d.try("push", "-q", "origin", "main")
	}},
	{name: "push of a new branch", play: func(d *desk) error {
		d.branch("new")
		d.commitLeak("pay.env")
		return d.try("push", "-q", "origin", "new")
	}},
	{name: "first push to an empty repository", play: func(d *desk) error {
		d.w.must(d.T, d.remote, "git", "update-ref", "-d", "refs/heads/main")
		d.git("update-ref", "-d", "refs/remotes/origin/main")
		d.commitLeak("pay.env")
		return d.try("push", "-q", "origin", "main")
	}},
	{name: "push of a key that a later commit takes out", play: func(d *desk) error {
		d.commitLeak("pay.env")
		d.git("rm", "-q", "pay.env")
		d.git("commit", "-q", "-m", "Take it out")
		return d.try("push", "-q", "origin", "main")
	}},
	{name: "push of a key that only a merge brings in, and that is taken out", play: func(d *desk) error {
		d.fork()
		d.git("merge", "-q", "--no-commit", "other")
		d.leak("pay.env")
		d.git("commit", "-q", "--no-edit")
		d.git("rm", "-q", "pay.env")
		d.git("commit", "-q", "-m", "Take it out")
		return d.try("push", "-q", "origin", "main")
	}},
	{name: "push of two branches, the key in the first", play: func(d *desk) error {
		d.twoBranches("one")
		return d.try("push", "-q", "origin", "one", "two")
	}},
	{name: "push of two branches, the key in the second", play: func(d *desk) error {
		d.twoBranches("two")
		return d.try("push", "-q", "origin", "one", "two")
	}},
	{name: "push of a tag, the commit is new", play: func(d *desk) error {
		d.branch("new")
		d.commitLeak("pay.env")
		d.git("tag", "v1")
		return d.try("push", "-q", "origin", "v1")
	}},
	{name: "push of a tag of a published commit, the key in the tag's message", play: func(d *desk) error {
		d.git("tag", "-a", "-m", "key="+d.key, "v1")
		return d.try("push", "-q", "origin", "v1")
	}},

	{name: "a clean commit", clean: true, local: true, play: func(d *desk) error {
		d.write("a", "a\n")
		d.git("add", "a")
		return d.try("commit", "-q", "-m", "Change a")
	}},
	{name: "a commit of one file while a key is staged in another", clean: true, local: true, play: func(d *desk) error {
		d.leak("pay.env")
		d.write("README", "More.\n")
		return d.try("commit", "-q", "-m", "More", "--", "README")
	}},
	{name: "a clean merge", clean: true, local: true, play: func(d *desk) error {
		d.fork()
		return d.try("merge", "-q", "--no-edit", "other")
	}},
	{name: "`run --all-files`, no key", clean: true, local: true, all: true, play: func(d *desk) error {
		return d.tryIn(d.shop, d.runner.all...)
	}},
	{name: "a clean push of a new branch", clean: true, play: func(d *desk) error {
		d.branch("new")
		d.commit("a", "a\n")
		return d.try("push", "-q", "origin", "new")
	}},
	{name: "a clean push of two branches and a tag", clean: true, play: func(d *desk) error {
		d.twoBranches("")
		d.git("tag", "-a", "-m", "First", "v1")
		return d.try("push", "-q", "origin", "one", "two", "v1")
	}},
	{name: "a push that removes a branch", clean: true, play: func(d *desk) error {
		d.git("push", "-q", "origin", "main:old")
		d.commitLeak("pay.env")
		return d.try("push", "-q", "origin", ":old")
	}},
}

// fork makes a branch other, and a commit on each side.
func (d *desk) fork() {
	d.Helper()
	d.branch("other")
	d.commit("a", "a\n")
	d.git("checkout", "-q", "main")
	d.commit("b", "b\n")
}

// twoBranches makes branches one and two; the key is in a commit of leaky.
func (d *desk) twoBranches(leaky string) {
	d.Helper()
	for _, name := range []string{"one", "two"} {
		d.git("checkout", "-q", "-b", name, "main")
		d.commit(name, name+"\n")
		if name == leaky {
			d.commitLeak("pay.env")
		}
	}
}

// table writes the situations with a key as a Markdown table.
func table(r *results) string {
	var b strings.Builder
	b.WriteString("| a key in … |")
	for _, r := range hookRunners {
		b.WriteString(" " + r.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(hookRunners)) + "\n")
	for _, s := range situations {
		b.WriteString("| " + s.name + " |")
		for _, runner := range hookRunners {
			b.WriteString(" " + r.cells[runner.name][s.name] + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}
