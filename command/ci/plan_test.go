package ci

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fake is a repository of commits that are named by one letter.
type fake struct {
	commits map[string][]string // whole id to parents
	refs    map[string]string
	head    string
	shallow bool
	origin  string // the branch of origin/HEAD
}

func (f *fake) Find(id string) bool {
	_, ok := f.commits[id]
	return ok
}

func (f *fake) Complete(digits string, tips []string) (string, bool) {
	found := map[string]bool{}
	for len(tips) > 0 {
		if tip := tips[0]; strings.HasPrefix(tip, digits) {
			found[tip] = true
		}
		tips = append(tips[1:], f.commits[tips[0]]...)
	}
	for id := range found {
		return id, len(found) == 1
	}
	return "", false
}
func (f *fake) Parents(id string) []string { return f.commits[id] }
func (f *fake) Ref(name string) (string, bool) {
	id, ok := f.refs[name]
	return id, ok
}
func (f *fake) Reaches(from, id string) bool {
	return from == id || slices.ContainsFunc(f.commits[from], func(p string) bool { return f.Reaches(p, id) })
}

func (f *fake) Default() string { return f.origin }
func (f *fake) Head() string    { return f.head }
func (f *fake) Shallow() bool   { return f.shallow }

// c returns the id of a commit by its letter, which is a hexadecimal digit.
func c(letter string) string { return strings.Repeat(letter, 40) }

var zero = c("0")

// whole is a checkout of everything: a is the base, b and c a change, d its
// merge, e a later commit of main.
func whole() *fake {
	return &fake{
		commits: map[string][]string{c("a"): nil, c("b"): {c("a")}, c("c"): {c("b")}, c("d"): {c("a"), c("c")}, c("e"): {c("a")}},
		refs:    map[string]string{"refs/remotes/origin/main": c("e"), "refs/heads/feature": c("c"), "refs/remotes/origin/feature": c("c")},
		head:    c("d"),
		origin:  "main",
	}
}

// tip is a checkout of one commit, its history left out.
func tip(letter string) *fake {
	return &fake{commits: map[string][]string{c(letter): nil}, head: c(letter), shallow: true}
}

// event builds the file of an event, or the error of reading it.
type file struct {
	text string
	err  error
}

func pull(change func(m map[string]any)) file {
	repo := func(name string) map[string]any { return map[string]any{"full_name": name} }
	m := map[string]any{
		"pull_request": map[string]any{
			"base": map[string]any{"sha": c("a"), "ref": "main", "repo": repo("acme/shop")},
			"head": map[string]any{"sha": c("c"), "ref": "feature", "repo": repo("acme/shop")},
		},
		"repository": map[string]any{"default_branch": "main", "full_name": "acme/shop"},
	}
	if change != nil {
		change(m["pull_request"].(map[string]any))
	}
	return event2file(m)
}

func pushed(ref, before, after string, more ...string) file {
	m := map[string]any{"ref": ref, "before": before, "after": after, "commits": []any{},
		"repository": map[string]any{"default_branch": "main", "full_name": "acme/shop"}}
	for _, name := range more {
		m[name] = true
	}
	return event2file(m)
}

func event2file(m map[string]any) file {
	text, err := json.Marshal(m)
	return file{string(text), err}
}

func TestGitHubEvents(t *testing.T) {
	const gone = "is gone"
	for name, test := range map[string]struct {
		event string
		file  file
		sha   string
		repo  Repository
		want  Plan   // Notes left out
		notes string // part of them
	}{
		"pull_request, the merge is checked out": {
			event: "pull_request", file: pull(nil), sha: c("d"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true}, notes: "pull_request: scanned the commits " + c("a") + ".." + c("d") + ".",
		},
		"pull_request whose base has moved on since the event: the merge knows": {
			event: "pull_request", sha: c("d"), repo: whole(),
			file: pull(func(m map[string]any) { m["base"].(map[string]any)["sha"] = c("1") }),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true},
		},
		"pull_request, its head is checked out": {
			event: "pull_request", file: pull(nil), sha: c("1"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("c") + " ^" + c("e"), Base: c("e"), Upload: true}, notes: "scanned the commits " + c("a") + ".." + c("c") + " that main lacks.",
		},
		"pull_request of a fork": {
			event: "pull_request", sha: c("d"), repo: whole(),
			file: pull(func(m map[string]any) {
				m["head"].(map[string]any)["repo"].(map[string]any)["full_name"] = "mallory/shop"
			}),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true, ReadOnly: true},
		},
		"pull_request of a fork that was deleted": {
			event: "pull_request", sha: c("d"), repo: whole(),
			file: pull(func(m map[string]any) { m["head"].(map[string]any)["repo"] = nil }),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true, ReadOnly: true},
		},
		"pull_request, shallow": {
			event: "pull_request", file: pull(nil), sha: c("d"), repo: tip("d"),
			want: Plan{Scope: Changes, Range: c("d"), Upload: true, Missing: "commit " + c("a") + ", which this run starts from, is missing (set fetch-depth: 0 in the actions/checkout step)"},
		},
		"pull_request, something else is checked out": {
			event: "pull_request", file: pull(nil), sha: c("d"), repo: tip("f"),
			want: Plan{Scope: Changes, Range: c("f"), Upload: true, Missing: "commit " + c("a") + ", which this run starts from, is missing (set fetch-depth: 0 in the actions/checkout step)"},
		},
		"push": {
			event: "push", file: pushed("refs/heads/main", c("a"), c("e")), sha: c("e"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("e"), Base: c("a")},
		},
		"push to a branch: the default branch has the exceptions": {
			event: "push", file: pushed("refs/heads/feature", c("b"), c("c")), sha: c("c"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("b") + ".." + c("c") + " ^" + c("e"), Base: c("e")},
		},
		"push to a branch, what was there was not fetched": {
			event: "push", file: pushed("refs/heads/feature", c("1"), c("c")), sha: c("c"), repo: &fake{commits: whole().commits, refs: whole().refs, head: c("c"), shallow: true},
			want:  Plan{Scope: Changes, Range: c("c") + " ^" + c("e"), Base: c("e"), Missing: "commit " + c("1") + ", which this run starts from, is missing (set fetch-depth: 0 in the actions/checkout step)"},
			notes: "scanned all commits up to " + c("c") + " that main lacks.",
		},
		"push of a new branch": {
			event: "push", file: pushed("refs/heads/feature", zero, c("c"), "created"), sha: c("c"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("e") + ".." + c("c"), Base: c("e")},
		},
		"push of the first branch": {
			event: "push", file: pushed("refs/heads/main", zero, c("e"), "created"), sha: c("e"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("e")},
		},
		"push of a new branch, the default branch is not here": {
			event: "push", file: pushed("refs/heads/feature", zero, c("c"), "created"), sha: c("c"), repo: &fake{commits: whole().commits, head: c("c")},
			want: Plan{Scope: Changes, Range: c("c")}, notes: "is missing: older keys are listed too",
		},
		"push of a new branch, shallow": {
			event: "push", file: pushed("refs/heads/feature", zero, c("c"), "created"), sha: c("c"), repo: tip("c"),
			want: Plan{Scope: Changes, Range: c("c"), Missing: "the branch to compare with is missing (set fetch-depth: 0 in the actions/checkout step)"},
		},
		"a branch of that name here is not the one on the server": {
			event: "push", file: pushed("refs/heads/feature", zero, c("c"), "created"), sha: c("c"), repo: &fake{commits: whole().commits, head: c("c"), refs: map[string]string{"refs/heads/main": c("c"), "main": c("c")}},
			want: Plan{Scope: Changes, Range: c("c")}, notes: "is missing",
		},
		"forced push, what was there is gone": {
			event: "push", file: pushed("refs/heads/feature", c("1"), c("c"), "forced"), sha: c("c"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("e") + ".." + c("c"), Base: c("e")}, notes: gone,
		},
		"forced push to the default branch, what was there is gone": {
			event: "push", file: pushed("refs/heads/main", c("1"), c("e"), "forced"), sha: c("e"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("e")}, notes: gone,
		},
		"forced push, what was there is still here": {
			event: "push", file: pushed("refs/heads/feature", c("b"), c("e"), "forced"), sha: c("e"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("b") + ".." + c("e") + " ^" + c("e"), Base: c("e")}, // it is that of main
		},
		"push, shallow": {
			event: "push", file: pushed("refs/heads/main", c("a"), c("e")), sha: c("e"), repo: tip("e"),
			want: Plan{Scope: Changes, Range: c("e"), Missing: "commit " + c("a") + ", which this run starts from, is missing (set fetch-depth: 0 in the actions/checkout step)"},
		},
		"push of a tag": {
			event: "push", file: pushed("refs/tags/v1", zero, c("c"), "created"), sha: c("c"), repo: whole(),
			want: Plan{Scope: Changes, Range: c("e") + ".." + c("c"), Base: c("e")},
		},
		"push that deletes a branch": {
			event: "push", file: pushed("refs/heads/feature", c("c"), zero, "deleted"), sha: c("e"), repo: whole(),
			want: Plan{Scope: Nothing}, notes: "nothing to scan",
		},
		"push in a repository of SHA-256": {
			event: "push", file: pushed("refs/heads/feature", strings.Repeat("0", 64), strings.Repeat("7", 64)), sha: strings.Repeat("7", 64),
			repo: &fake{commits: map[string][]string{strings.Repeat("7", 64): nil, c("e"): nil}, refs: whole().refs},
			want: Plan{Scope: Changes, Range: c("e") + ".." + strings.Repeat("7", 64), Base: c("e")},
		},
		"merge_group, its branch has moved on, perhaps to it": {
			event: "merge_group", sha: c("d"), repo: whole(),
			file: event2file(map[string]any{"merge_group": map[string]any{"base_sha": c("a"), "head_sha": c("d"), "base_ref": "refs/heads/main"}}),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e")},
		},
		"merge_group": {
			event: "merge_group", sha: c("d"), repo: whole(),
			file: event2file(map[string]any{"merge_group": map[string]any{"base_sha": c("a"), "head_sha": c("d")}}),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("a")},
		},
		"schedule": {
			event: "schedule", file: file{text: `{"schedule":"1 2 * * 3"}`}, sha: c("d"), repo: whole(),
			want: Plan{Upload: true, Base: c("d")}, notes: "scanned the working tree and the whole history.",
		},
		"schedule without a file":                     {event: "schedule", file: file{err: fs.ErrNotExist}, sha: c("d"), repo: whole(), want: Plan{Upload: true, Base: c("d")}},
		"workflow_dispatch":                           {event: "workflow_dispatch", file: file{text: `{}`}, sha: c("d"), repo: whole(), want: Plan{Upload: true, Base: c("e")}},
		"release, and all others":                     {event: "release", file: file{text: `{}`}, sha: c("d"), repo: whole(), want: Plan{Upload: true, Base: c("e")}, notes: "release: scanned the working tree and the whole history, since the event does not say which commits are new."},
		"an event with a made-up name is not printed": {event: "x\n::error::", file: file{text: `{}`}, sha: c("d"), repo: whole(), want: Plan{Upload: true, Base: c("e")}, notes: "an event of an unknown kind"},
		"pull_request_review of a fork": {
			event: "pull_request_review", sha: c("d"), repo: whole(),
			file: pull(func(m map[string]any) { m["head"].(map[string]any)["repo"] = nil }),
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true, ReadOnly: true},
		},
		"workflow_run of a fork": {
			event: "workflow_run", sha: c("e"), repo: whole(),
			file: event2file(map[string]any{"workflow_run": map[string]any{"head_repository": map[string]any{"full_name": "mallory/shop"}}, "repository": map[string]any{"full_name": "acme/shop", "default_branch": "main"}}),
			want: Plan{Upload: true, Base: c("e")},
		},
		"no repository":             {event: "pull_request", file: pull(nil), sha: c("d"), repo: nil, want: Plan{}, notes: "GitHub Actions, pull_request, but no Git repository: scanned all files."},
		"a repository of no commit": {event: "pull_request", file: pull(nil), sha: c("d"), repo: &fake{}, want: Plan{Missing: "commit " + c("d") + " of this run is missing, so what is checked out was scanned (set fetch-depth: 0 in the actions/checkout step)"}},
	} {
		vars := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": test.event, "GITHUB_SHA": test.sha, "GITHUB_EVENT_PATH": "event.json"}
		got, err := Detect(Environment{
			Get:      func(name string) string { return vars[name] },
			ReadFile: func(string) ([]byte, error) { return []byte(test.file.text), test.file.err },
		}, test.repo)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		notes := strings.Join(got.Notes, "\n")
		if !strings.Contains(notes, test.notes) || strings.Contains(notes, gone) && test.notes != gone {
			t.Errorf("%s: notes %q", name, got.Notes)
		}
		if len(got.Notes) == 0 || strings.Contains(notes, "::") {
			t.Errorf("%s: notes %q", name, got.Notes)
		}
		if !strings.Contains(notes, "GitHub Actions, ") {
			t.Errorf("%s: notes %q", name, got.Notes)
		}
		got.Notes, got.FetchHint, got.BaseName, got.CountsFrom, got.Word = nil, "", "", "", 0 // see TestWhoseWordCounts
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestARepositoryWithoutANameIsAFork(t *testing.T) {
	side := func(name string) map[string]any { return map[string]any{"full_name": name} }
	for _, test := range []struct {
		head, base string
		fork       bool
	}{{"acme/shop", "acme/shop", false}, {"Acme/Shop", "acme/shop", false}, {"", "", true}, {"acme/shop", "", true}, {"", "acme/shop", true}, {"mallory/shop", "acme/shop", true}} {
		request := pull(func(m map[string]any) {
			m["head"].(map[string]any)["repo"], m["base"].(map[string]any)["repo"] = side(test.head), side(test.base)
		})
		for name, vars := range map[string]map[string]string{
			"pull_request": {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": request.text, "GITHUB_SHA": c("d")},
			"GitLab":       {"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": c("c"), "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": test.head, "CI_MERGE_REQUEST_PROJECT_PATH": test.base},
			"Travis":       {"TRAVIS": "true", "TRAVIS_EVENT_TYPE": "pull_request", "TRAVIS_COMMIT": c("d"), "TRAVIS_PULL_REQUEST_SLUG": test.head, "TRAVIS_REPO_SLUG": test.base},
		} {
			p, err := Detect(Environment{
				Get:      func(name string) string { return vars[name] },
				ReadFile: func(text string) ([]byte, error) { return []byte(text), nil },
			}, whole())
			if err != nil || (p.Word == Foreign) != test.fork {
				t.Errorf("%s, %q into %q: %+v, %v", name, test.head, test.base, p, err)
			}
		}
	}
}

// Dependabot's runs have a token that can only read, in every event, though its
// branches are the repository's own.
func TestRunsOfDependabotCanOnlyRead(t *testing.T) {
	for name, file := range map[string]file{"pull_request": pull(nil), "push": pushed("refs/heads/main", c("a"), c("c")), "release": {text: "{}"}} {
		for actor, want := range map[string]bool{"dependabot[bot]": true, "ada": false, "dependabot": false, "": false} {
			vars := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": "event.json", "GITHUB_SHA": c("d"), "GITHUB_ACTOR": actor}
			p, err := Detect(Environment{
				Get:      func(name string) string { return vars[name] },
				ReadFile: func(string) ([]byte, error) { return []byte(file.text), nil },
			}, whole())
			if err != nil || p.ReadOnly != want || name != "release" && p.Word == Foreign {
				t.Errorf("%s of %q: %+v, %v", name, actor, p, err)
			}
		}
	}
}

func TestWhatGitHubSaysIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		event string
		file  file
		want  string
	}{
		"no event":                 {"", file{}, "GITHUB_EVENT_NAME is not set"},
		"pull_request_target":      {"pull_request_target", pull(nil), "refused: pull_request_target runs with the permissions and secrets of the repository"},
		"a file that is not there": {"push", file{err: &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}}, "event file of push (GITHUB_EVENT_PATH): file does not exist"},
		"a file that is cut":       {"push", file{text: `{"before":"`}, ": damaged"},
		"an empty file":            {"pull_request", file{}, ": damaged"},
		"not JSON":                 {"release", file{text: "\x00\xff"}, ": damaged"},
		"null":                     {"push", file{text: "null"}, "before is not a commit id"},
		"another event's file":     {"pull_request", pushed("refs/heads/main", c("a"), c("b")), "pull_request.base.sha is not a commit id"},
		"an id that is an option":  {"push", pushed("refs/heads/main", "--all", c("b")), "before is not a commit id"},
		"an id that is a name":     {"push", pushed("refs/heads/main", c("a"), "main"), "after is not a commit id"},
		"an id that is a suffix":   {"push", pushed("refs/heads/main", c("a"), c("b")+"^{/x}"), "after is not a commit id"},
		"an id with upper case":    {"push", pushed("refs/heads/main", c("A"), c("b")), "before is not a commit id"},
		"no head":                  {"pull_request", pull(func(m map[string]any) { delete(m, "head") }), "pull_request.head.sha is not a commit id"},
		"no group":                 {"merge_group", file{text: "{}"}, "merge_group.base_sha is not a commit id"},
	} {
		vars := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": test.event, "GITHUB_EVENT_PATH": "event.json"}
		_, err := Detect(Environment{
			Get:      func(name string) string { return vars[name] },
			ReadFile: func(string) ([]byte, error) { return []byte(test.file.text), test.file.err },
		}, whole())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
		if errors.Is(err, ErrRefused) != (test.event == "pull_request_target") {
			t.Errorf("%s: refused: %v", name, err)
		}
	}
}

func TestOtherSystems(t *testing.T) {
	changes := func(base, tip string, more Plan) Plan {
		more.Scope, more.Range, more.Base = Changes, c(base)+".."+c(tip), c(base)
		return more
	}
	for name, test := range map[string]struct {
		vars string // NAME=VALUE separated by spaces
		repo Repository
		want Plan
	}{
		"GitLab, merge request": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA=" + c("c") + " CI_MERGE_REQUEST_DIFF_BASE_SHA=" + c("a") + " CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=a/b CI_MERGE_REQUEST_PROJECT_PATH=a/b CI_COMMIT_BEFORE_SHA=" + zero,
			want: changes("a", "c", Plan{Upload: true}),
		},
		"GitLab, merged results": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA=" + c("d") + " CI_MERGE_REQUEST_DIFF_BASE_SHA=" + c("1") + " CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=" + c("c") + " CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=a/b CI_MERGE_REQUEST_PROJECT_PATH=a/b",
			want: changes("a", "d", Plan{Upload: true}),
		},
		"GitLab, merge request of a fork": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA=" + c("c") + " CI_MERGE_REQUEST_DIFF_BASE_SHA=" + c("a") + " CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=x/b CI_MERGE_REQUEST_PROJECT_PATH=a/b",
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("c"), Upload: true, ReadOnly: true},
		},
		"GitLab, merge request whose target has moved on": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA=" + c("c") + " CI_MERGE_REQUEST_DIFF_BASE_SHA=" + c("a") + " CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=a/b CI_MERGE_REQUEST_PROJECT_PATH=a/b CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("c") + " ^" + c("e"), Base: c("e"), Upload: true},
		},
		"GitLab, merge request of a fork, whose pipeline runs at its target": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA=" + c("c") + " CI_MERGE_REQUEST_DIFF_BASE_SHA=" + c("a") + " CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=x/b CI_MERGE_REQUEST_PROJECT_PATH=a/b CI_PROJECT_PATH=a/b CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("c") + " ^" + c("e"), Base: c("e"), Upload: true, ReadOnly: true},
		},
		"GitLab, merge request of a fork, whose pipeline runs there: main is the fork's": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA=" + c("c") + " CI_MERGE_REQUEST_DIFF_BASE_SHA=" + c("a") + " CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=x/b CI_MERGE_REQUEST_PROJECT_PATH=a/b CI_PROJECT_PATH=x/b CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main",
			want: changes("a", "c", Plan{Upload: true, ReadOnly: true}),
		},
		"a change that is called as its target": {
			vars: "BITBUCKET_BUILD_NUMBER=7 BITBUCKET_COMMIT=" + c("e") + " BITBUCKET_PR_DESTINATION_BRANCH=main BITBUCKET_PR_DESTINATION_COMMIT=" + c("a"), want: changes("a", "e", Plan{Upload: true}),
		},
		"GitLab, push": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=push CI_COMMIT_SHA=" + c("e") + " CI_COMMIT_BEFORE_SHA=" + c("a") + " CI_COMMIT_BRANCH=main CI_DEFAULT_BRANCH=main",
			want: changes("a", "e", Plan{}),
		},
		"GitLab, push of a new branch": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=push CI_COMMIT_SHA=" + c("c") + " CI_COMMIT_BEFORE_SHA=" + zero + " CI_COMMIT_BRANCH=feature CI_DEFAULT_BRANCH=main",
			want: changes("e", "c", Plan{}),
		},
		"GitLab, shallow": {
			vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=push CI_COMMIT_SHA=" + c("c") + " CI_COMMIT_BEFORE_SHA=" + c("a") + " CI_COMMIT_BRANCH=feature CI_DEFAULT_BRANCH=main",
			repo: tip("c"), want: Plan{Scope: Changes, Range: c("c"), Missing: "commit " + c("a") + `, which this run starts from, is missing (set GIT_DEPTH: "0" in the variables of the job)`},
		},
		"GitLab, schedule": {vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=schedule CI_COMMIT_SHA=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"GitLab, by hand":  {vars: "GITLAB_CI=true CI_PIPELINE_SOURCE=web CI_COMMIT_SHA=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"Jenkins, change request": {
			vars: "JENKINS_URL=https://ci.example CHANGE_TARGET=main BRANCH_NAME=PR-1 GIT_COMMIT=" + c("c"), want: changes("e", "c", Plan{Upload: true}),
		},
		"Jenkins, change request of a fork": {
			vars: "JENKINS_URL=https://ci.example CHANGE_TARGET=main CHANGE_FORK=mallory GIT_COMMIT=" + c("c"), want: changes("e", "c", Plan{Upload: true, ReadOnly: true}),
		},
		"Jenkins, branch": {
			vars: "JENKINS_URL=https://ci.example BRANCH_NAME=main GIT_PREVIOUS_COMMIT=" + c("a") + " GIT_COMMIT=" + c("e"), want: changes("a", "e", Plan{}),
		},
		"Jenkins, first build": {vars: "JENKINS_URL=https://ci.example GIT_COMMIT=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"CircleCI":             {vars: "CIRCLECI=true CIRCLE_SHA1=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"CircleCI, a range": {
			vars: "CIRCLECI=true CIRCLE_SHA1=" + c("c") + " CIRCLE_RANGE=" + c("a") + ".." + c("c"), want: Plan{Scope: Changes, Range: c("a") + ".." + c("c"), Base: c("e")},
		},
		"CircleCI, three dots and short ids": {
			vars: "CIRCLECI=true CIRCLE_SHA1=" + c("c") + " CIRCLE_RANGE=" + c("a")[:12] + "..." + c("c")[:12], want: Plan{Scope: Changes, Range: c("a") + ".." + c("c"), Base: c("e")},
		},
		"CircleCI, a fork": {vars: "CIRCLECI=true CIRCLE_SHA1=" + c("c") + " CIRCLE_PR_USERNAME=mallory", want: Plan{Upload: true, ReadOnly: true, Base: c("e")}},
		"Azure, pull request": {
			vars: "TF_BUILD=True BUILD_REASON=PullRequest BUILD_SOURCEVERSION=" + c("d") + " SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main SYSTEM_PULLREQUEST_SOURCECOMMITID=" + c("c") + " SYSTEM_PULLREQUEST_ISFORK=False",
			want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true},
		},
		"Azure, pull request, no merge": {
			vars: "TF_BUILD=True BUILD_REASON=PullRequest BUILD_SOURCEVERSION=" + c("c") + " SYSTEM_PULLREQUEST_TARGETBRANCH=main",
			want: changes("e", "c", Plan{Upload: true, ReadOnly: true}),
		},
		"Azure, push":             {vars: "TF_BUILD=True BUILD_REASON=IndividualCI BUILD_SOURCEVERSION=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"Bitbucket, pull request": {vars: "BITBUCKET_BUILD_NUMBER=7 BITBUCKET_COMMIT=" + c("c") + " BITBUCKET_PR_DESTINATION_BRANCH=main", want: changes("e", "c", Plan{Upload: true})},
		"Bitbucket, pull request with its commit": {
			vars: "BITBUCKET_BUILD_NUMBER=7 BITBUCKET_COMMIT=" + c("c") + " BITBUCKET_PR_DESTINATION_BRANCH=main BITBUCKET_PR_DESTINATION_COMMIT=" + c("a")[:12], want: Plan{Scope: Changes, Range: c("a") + ".." + c("c") + " ^" + c("e"), Base: c("e"), Upload: true},
		},
		"Bitbucket, push":     {vars: "BITBUCKET_BUILD_NUMBER=7 BITBUCKET_COMMIT=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"Drone, push":         {vars: "DRONE=true DRONE_BUILD_EVENT=push DRONE_COMMIT_SHA=" + c("e") + " DRONE_COMMIT_BEFORE=" + c("a") + " DRONE_BRANCH=main DRONE_REPO_BRANCH=main", want: changes("a", "e", Plan{})},
		"Drone, pull request": {vars: "DRONE=true DRONE_BUILD_EVENT=pull_request DRONE_COMMIT_SHA=" + c("c") + " DRONE_TARGET_BRANCH=main", want: changes("e", "c", Plan{Upload: true, ReadOnly: true})},
		"Travis, push":        {vars: "TRAVIS=true TRAVIS_EVENT_TYPE=push TRAVIS_BRANCH=main TRAVIS_COMMIT=" + c("e") + " TRAVIS_COMMIT_RANGE=" + c("a")[:12] + "..." + c("e")[:12], want: changes("a", "e", Plan{})},
		"Travis, new branch":  {vars: "TRAVIS=true TRAVIS_EVENT_TYPE=push TRAVIS_COMMIT=" + c("d"), want: Plan{Upload: true, Base: c("e")}},
		"Travis, pull request": {
			vars: "TRAVIS=true TRAVIS_EVENT_TYPE=pull_request TRAVIS_BRANCH=main TRAVIS_COMMIT=" + c("d") + " TRAVIS_PULL_REQUEST_SHA=" + c("c") + " TRAVIS_PULL_REQUEST_SLUG=a/b TRAVIS_REPO_SLUG=a/b", want: Plan{Scope: Changes, Range: c("a") + ".." + c("d"), Base: c("e"), Upload: true},
		},
		"no CI": {vars: "CI=true", want: Plan{Upload: true, Base: c("e")}},
	} {
		vars := map[string]string{}
		for _, v := range strings.Fields(test.vars) {
			name, value, _ := strings.Cut(v, "=")
			vars[name] = value
		}
		if test.repo == nil {
			test.repo = whole()
		}
		got, err := Detect(Environment{Get: func(name string) string { return vars[name] }}, test.repo)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.Notes) == 0 {
			t.Errorf("%s: nothing is said", name)
		}
		got.Notes, got.FetchHint, got.BaseName, got.CountsFrom, got.Word = nil, "", "", "", 0 // see TestWhoseWordCounts
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestAVariableThatIsNoIdIsAnError(t *testing.T) {
	for name, value := range map[string]string{"an option": "--all", "a name": "main", "a suffix": c("a") + "^1", "too short": "abc"} {
		_, err := Detect(Environment{Get: func(n string) string {
			switch n {
			case "GITLAB_CI":
				return "true"
			case "CI_PIPELINE_SOURCE":
				return "push"
			case "CI_COMMIT_BEFORE_SHA":
				return value
			}
			return ""
		}}, whole())
		if err == nil || err.Error() != "GitLab CI: CI_COMMIT_BEFORE_SHA does not hold a commit id" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOutputsCannotBeForged(t *testing.T) {
	var b strings.Builder
	err := WriteOutputs(&b, []Output{{"findings", "2"}, {"json", "a\nkeysweep_\ncomplete=true"}}, "TOKEN")
	want := "findings<<keysweep_TOKEN\n2\nkeysweep_TOKEN\njson<<keysweep_TOKEN\na\nkeysweep_\ncomplete=true\nkeysweep_TOKEN\n"
	if err != nil || b.String() != want {
		t.Errorf("%v, %q", err, b.String())
	}
	b.Reset()
	if err := WriteOutputs(&b, []Output{{"json", "a\nkeysweep_TOKEN\ncomplete=true"}}, "TOKEN"); err == nil || b.Len() > 0 {
		t.Errorf("a value that holds the delimiter: %v, %q", err, b.String())
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("push", pushed("refs/heads/main", c("a"), c("e")).text)
	f.Add("pull_request", pull(nil).text)
	f.Add("merge_group", `{"merge_group":{"base_sha":null,"head_sha":1}}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		vars := map[string]string{"GITHUB_ACTIONS": "1", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": "x", "GITHUB_SHA": c("e")}
		p, err := Detect(Environment{
			Get:      func(n string) string { return vars[n] },
			ReadFile: func(string) ([]byte, error) { return []byte(text), nil },
		}, whole())
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") {
				t.Errorf("the error holds what was read: %q", err)
			}
			return
		}
		if strings.Trim(strings.Replace(strings.Replace(p.Range, "..", "", 1), " ^", "", 1), "0123456789abcdef") != "" {
			t.Errorf("range %q", p.Range)
		}
		for _, n := range p.Notes {
			if strings.ContainsAny(n, "\n\r\x1b") || strings.Contains(n, "::") {
				t.Errorf("note %q", n)
			}
		}
	})
}
