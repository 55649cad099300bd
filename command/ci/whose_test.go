package ci

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keysweep/command/ci/citest"
)

func TestTheTableOfTheCIPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range citest.Rows {
		want = append(want, r.String())
	}
	_, table, _ := strings.Cut(string(page), "| CI | run | whose word | exceptions are read from | keys are sent |\n|---|---|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if table != strings.Join(want, "\n") {
		t.Errorf("docs/ci.md should have\n%s\n", strings.Join(want, "\n"))
	}
}

// runsOf returns the runs of a row in the repository of whole. The path of an event
// file is its text.
func runsOf(r *citest.Row) []map[string]string {
	return r.Runs(c, func(text string) string { return text })
}

func detect(env map[string]string, head string, repo *fake, named string) (*Plan, error) {
	if head != "" {
		repo.head = c(head)
	}
	return Detect(Environment{
		Get:           func(name string) string { return env[name] },
		ReadFile:      func(text string) ([]byte, error) { return []byte(text), nil },
		DefaultBranch: named,
	}, repo)
}

// In the repository of whole, a is the base of everything, e the tip of main, c that
// of feature, and d a merge of feature into a.
func TestWhoseWordCounts(t *testing.T) {
	counts, runs := map[Word]int{}, 0
	for _, r := range citest.Rows {
		for _, env := range runsOf(&r) {
			runs++
			p, err := detect(env, r.Head, whole(), "")
			if r.Word == citest.Refused && err != nil {
				continue
			}
			if err != nil || r.Word == citest.Refused {
				t.Errorf("%v %v: %v", &r, env, err)
				continue
			}
			counts[p.Word]++
			base := ""
			if r.Base != "" {
				base = c(r.Base)
			}
			if p.Word.String() != r.Word.String() || p.Base != base {
				t.Errorf("%v %v: %v, exceptions of %.7q\n%q", &r, env, p.Word, p.Base, p.Notes)
			}
			if noted := strings.Contains(strings.Join(p.Notes, " "), "No exceptions count"); noted != (base == "") {
				t.Errorf("%v %v: %q", &r, env, p.Notes)
			}
		}
	}
	t.Logf("%d rows, %d runs: %d own, %d branch, %d foreign", len(citest.Rows), runs, counts[Own], counts[Branch], counts[Foreign])
}

// checkLess checks what a variant of a row, in which something is not known or is not
// what it was, must not do.
func checkLess(t *testing.T, r *citest.Row, variant string, env map[string]string, repo *fake) {
	t.Helper()
	p, err := detect(env, r.Head, repo, "")
	if err != nil {
		return // it ends with status 2
	}
	isAnotherBranch := p.Word == Branch && strings.Contains(r.Run, "the default branch") && (strings.Contains(variant, "BRANCH") || strings.Contains(variant, "_TAG="))
	if uint8(p.Word) > uint8(r.Word) && !isAnotherBranch {
		t.Errorf("%v, %s: %v", r, variant, p.Word)
	}
	mayCount := []string{"", c("e")} // the default branch's
	switch {
	case p.Word == Own:
		mayCount = append(mayCount, c("a"), c("b")) // what was there before
	case r.From == citest.Target, strings.Contains(r.Run, "fork"):
		mayCount = append(mayCount, c("a")) // where it goes into the default branch
	}
	if !slices.Contains(mayCount, p.Base) {
		t.Errorf("%v, %s: exceptions of %s", r, variant, p.Base)
	}
	if p.Word == Foreign && p.Base == "" && !strings.Contains(strings.Join(p.Notes, " "), "No exceptions count") {
		t.Errorf("%v, %s: %q", r, variant, p.Notes)
	}
}

// A run whose environment lacks a variable, or has another value in it, is trusted
// no more than the run itself.
func TestWhatIsNotKnownIsNotTrusted(t *testing.T) {
	// Where these are not set, nothing else says so.
	// And a branch of a fork that CircleCI calls as one of the repository.
	untold := []string{"CHANGE_FORK", "APPVEYOR_FORCED_BUILD", "CIRCLE_RANGE", "GIT_PREVIOUS_COMMIT", "GITHUB_EVENT_PATH"}
	variants := 0
	for _, r := range citest.Rows {
		if r.Word == citest.Refused {
			continue
		}
		for _, env := range runsOf(&r) {
			for name, was := range env {
				if slices.Contains(untold, name) || name == "CIRCLE_BRANCH" && was == "pull/7" || strings.HasSuffix(name, "TAG") && was == "main" {
					continue
				}
				for _, value := range []string{"", "mystery", "refs/heads/", "refs/pull/7/merge", c("f")} {
					changed := maps.Clone(env)
					changed[name] = value
					checkLess(t, &r, name+"="+value, changed, whole())
					variants++
				}
			}
			// What is checked out is something else, or nothing of the run is here.
			repo := whole()
			repo.commits[c("f")] = []string{c("b"), c("c")}
			p, err := detect(env, "f", repo, "")
			if err == nil && p.Scope == Everything && p.Word != Foreign {
				t.Errorf("%v, another commit is checked out: %v", &r, p.Word)
			}
			gone := &fake{commits: map[string][]string{c("e"): {c("a")}, c("a"): nil, c("f"): {c("e"), c("c")}}, refs: whole().refs, origin: "main"}
			if r.Head == "e" {
				delete(gone.commits, c("e"))
			}
			if p, err = detect(env, "f", gone, ""); err == nil && p.Word != Foreign {
				t.Errorf("%v, the commit of the run is not here: %v", &r, p.Word)
			}
			variants += 2
		}
	}
	t.Logf("%d variants", variants)
}

// Where the default branch is needed and not known, no exception counts and nothing
// is sent, and the report names the option.
func TestTheDefaultBranchIsNamed(t *testing.T) {
	namesIt := []string{"CI_DEFAULT_BRANCH", "DRONE_REPO_BRANCH", "BUILDKITE_PIPELINE_DEFAULT_BRANCH", "CI_REPO_DEFAULT_BRANCH"}
	for _, r := range citest.Rows {
		for _, env := range runsOf(&r) {
			if r.Word == citest.Refused {
				continue
			}
			named := maps.Clone(env)
			isNamed := strings.Contains(env["GITHUB_EVENT_PATH"], "default_branch")
			for _, name := range namesIt {
				isNamed = isNamed || env[name] != ""
				delete(env, name)
			}
			env["GITHUB_EVENT_PATH"] = strings.Replace(env["GITHUB_EVENT_PATH"], `"default_branch":"main",`, "", 1)
			nameless := func() *fake {
				repo := whole()
				repo.origin = ""
				return repo
			}
			p, err := detect(env, r.Head, nameless(), "")
			if err != nil {
				t.Errorf("%v: %v", &r, err)
				continue
			}
			isProtected := env["GITHUB_REF_PROTECTED"] == "true" || env["CI_COMMIT_REF_PROTECTED"] == "true" || env["GITHUB_EVENT_NAME"] == "schedule"
			needed := r.From == citest.Default || r.Word == citest.Own && !isProtected
			said := strings.Contains(strings.Join(p.Notes, " "), "--default-branch NAME")
			if needed != said || needed && (p.Word != Foreign || p.Base != "") {
				t.Errorf("%v %v: %v, exceptions of %.7q, %q", &r, env, p.Word, p.Base, p.Notes)
			}
			for _, given := range []string{"main", "refs/heads/main"} {
				if p, err = detect(env, r.Head, nameless(), given); err != nil || p.Word.String() != r.Word.String() {
					t.Errorf("%v %v, --default-branch %s: %v, %v", &r, env, given, p.Word, err)
				}
			}
			// Where the CI names it, nobody else does.
			p, err = detect(named, r.Head, whole(), "feature")
			if isNamed && (err != nil || p.Word.String() != r.Word.String() || !strings.Contains(strings.Join(p.Notes, " "), "do not count")) {
				t.Errorf("%v, --default-branch feature: %v, %v", &r, p, err)
			}
		}
	}
}

// A merge that only pretends to be the CI's chooses its first parent itself.
func TestTheParentsOfAnotherCommitAreNotBelieved(t *testing.T) {
	for _, r := range citest.Rows {
		for _, env := range runsOf(&r) {
			if r.Head != "d" || r.Word == citest.Refused {
				continue
			}
			repo := whole()
			repo.commits[c("f")] = []string{c("b"), c("c")} // b holds what the author wants to count
			delete(repo.commits, c("d"))
			if p, err := detect(env, "f", repo, ""); err != nil || p.Base == c("b") || strings.HasPrefix(p.Range, c("b")) {
				t.Errorf("%v: %+v, %v", &r, p, err)
			}
		}
	}
}
