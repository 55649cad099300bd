// Package citest has the table of docs/ci.md for tests: whose word counts for the
// runs of every CI, and what the CI says of such a run.
package citest

import (
	"fmt"
	"slices"
	"strings"
)

// Row is a line of the table.
type Row struct {
	System, Run string // as the page says it
	Word        Word
	From        From
	// Base is the letter of the commit whose exceptions count, "" if none do, and
	// Head of the one that is checked out; see Rows.
	Base, Head string
	// Vars are the variables of a run, as NAME=VALUE with spaces between; {x} is the
	// id of commit x. Also are further runs that the line is about.
	Vars string
	Also []string
	// Events are GitHub's event files of Vars and Also; the last one is that of all
	// that follow.
	Events []string
}

// Word is a ci.Word.
type Word uint8

// The words.
const (
	Foreign Word = iota
	Branch
	Own
	Refused // status 2
)

func (w Word) String() string { return [...]string{"foreign", "branch", "own", "none: status 2"}[w] }

// From says where exceptions are read from.
type From string

// The places.
const (
	CommitBefore From = "the commit before"
	Tip          From = "the tip"
	Target       From = "the target branch"
	Default      From = "the default branch"
	Nothing      From = "nothing: the commit before is not known"
)

// String returns r as docs/ci.md has it.
func (r *Row) String() string {
	sent := "no"
	if r.Word == Branch || r.Word == Own {
		sent = "if asked for"
	}
	return fmt.Sprintf("| %s | %s | %v | %s | %s |", r.System, r.Run, r.Word, r.From, sent)
}

// Runs returns the variables of all runs that r is about; id returns the id of a
// commit by its letter, and event the path of a file with this text.
func (r *Row) Runs(id func(letter string) string, event func(text string) string) (runs []map[string]string) {
	fill := func(s string) string {
		for _, letter := range strings.Split("0abcdef", "") {
			s = strings.ReplaceAll(s, "{"+letter+"}", id(letter))
			s = strings.ReplaceAll(s, "{"+letter+":12}", id(letter)[:12])
		}
		return s
	}
	files := r.Events
	for i, vars := range append([]string{r.Vars}, r.Also...) {
		env := map[string]string{}
		for _, v := range strings.Fields(vars) {
			name, value, _ := strings.Cut(v, "=")
			env[name] = fill(value)
		}
		if len(files) > 0 {
			env["GITHUB_EVENT_PATH"] = event(fill(files[min(i, len(files)-1)]))
		}
		runs = append(runs, env)
	}
	return runs
}

func gitHubEvent(more string) string {
	return `{"repository":{"default_branch":"main","full_name":"acme/shop"}` + more + `}`
}

func requestOf(head, into string) string {
	return gitHubEvent(`,"pull_request":{"base":{"sha":"{a}","ref":"` + into + `","repo":{"full_name":"acme/shop"}},"head":{"sha":"{c}","ref":"feature","repo":` + head + `}}`)
}

const (
	inside  = `{"full_name":"acme/shop"}`
	outside = `{"full_name":"mallory/shop"}`
)

func pushTo(ref, before, after string) string {
	return gitHubEvent(`,"ref":"` + ref + `","before":"{` + before + `}","after":"{` + after + `}"`)
}

// Rows are the table, in its order. In a repository, a is the base of everything, e the
// tip of main, c that of feature, and d a merge of feature into a.
var Rows = slices.Concat(
	rowsOf("GitHub Actions", "GITHUB_ACTIONS=true", []Row{
		{Run: "`pull_request`, its reviews", Word: Branch, From: Target, Base: "e", Head: "d", Vars: "GITHUB_EVENT_NAME=pull_request GITHUB_SHA={d}", Events: []string{requestOf(inside, "main")}, Also: []string{"GITHUB_EVENT_NAME=pull_request_review GITHUB_SHA={d}"}},
		{Run: "`pull_request` of a fork", From: Default, Base: "e", Head: "d", Vars: "GITHUB_EVENT_NAME=pull_request GITHUB_SHA={d}", Events: []string{requestOf(outside, "main")}},
		{Run: "`pull_request` of a fork into another branch", From: Default, Base: "e", Head: "d", Vars: "GITHUB_EVENT_NAME=pull_request GITHUB_SHA={d}", Events: []string{requestOf(outside, "feature")}},
		{Run: "`merge_group`", Word: Branch, From: Target, Base: "e", Head: "d", Vars: "GITHUB_EVENT_NAME=merge_group GITHUB_SHA={d}",
			Events: []string{gitHubEvent(`,"merge_group":{"base_sha":"{a}","head_sha":"{d}","base_ref":"refs/heads/main"}`)}},
		{Run: "`push` to the default branch", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "GITHUB_EVENT_NAME=push GITHUB_SHA={e}", Events: []string{pushTo("refs/heads/main", "a", "e")}},
		{Run: "`push` to a protected branch (`GITHUB_REF_PROTECTED`)", Word: Own, From: CommitBefore, Base: "b", Head: "c", Vars: "GITHUB_EVENT_NAME=push GITHUB_SHA={c} GITHUB_REF_PROTECTED=true", Events: []string{pushTo("refs/heads/feature", "b", "c")}},
		{Run: "`push` to another branch", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "GITHUB_EVENT_NAME=push GITHUB_SHA={c} GITHUB_REF_PROTECTED=false", Events: []string{pushTo("refs/heads/feature", "b", "c")}},
		{Run: "`push` of a tag, `create`, `release`", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "GITHUB_EVENT_NAME=push GITHUB_SHA={c}", Events: []string{pushTo("refs/tags/v1", "0", "c")}, Also: []string{"GITHUB_EVENT_NAME=create GITHUB_SHA={c} GITHUB_REF=refs/heads/feature", "GITHUB_EVENT_NAME=release GITHUB_SHA={c} GITHUB_REF=refs/tags/v1"}},
		{Run: "`schedule` (`workflow_call`: as the caller's event)", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "GITHUB_EVENT_NAME=schedule GITHUB_SHA={e}", Events: []string{gitHubEvent("")}},
		{Run: "`workflow_dispatch` on the default or a protected branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "GITHUB_EVENT_NAME=workflow_dispatch GITHUB_SHA={e} GITHUB_REF=refs/heads/main", Events: []string{gitHubEvent("")}, Also: []string{"GITHUB_EVENT_NAME=workflow_dispatch GITHUB_SHA={e} GITHUB_REF=refs/heads/release GITHUB_REF_PROTECTED=true"}},
		{Run: "`workflow_dispatch` on another branch or a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "GITHUB_EVENT_NAME=workflow_dispatch GITHUB_SHA={c} GITHUB_REF=refs/heads/feature", Events: []string{gitHubEvent("")}, Also: []string{"GITHUB_EVENT_NAME=workflow_dispatch GITHUB_SHA={c} GITHUB_REF=refs/tags/main"}},
		{Run: "`pull_request_target`", Word: Refused, From: "nothing", Head: "e", Vars: "GITHUB_EVENT_NAME=pull_request_target GITHUB_SHA={e}", Events: []string{requestOf(outside, "main")}},
		{Run: "`workflow_run`, `repository_dispatch`, `issue_comment`, any other", From: Default, Base: "e", Head: "d", Vars: "GITHUB_EVENT_NAME=workflow_run GITHUB_SHA={d}", Events: []string{gitHubEvent("")}, Also: []string{"GITHUB_EVENT_NAME=repository_dispatch GITHUB_SHA={d}", "GITHUB_EVENT_NAME=issue_comment GITHUB_SHA={d} GITHUB_REF=refs/heads/main", "GITHUB_EVENT_NAME=mystery GITHUB_SHA={d} GITHUB_REF=refs/heads/main"}},
	}),
	rowsOf("Gitea Actions, Forgejo Actions", "GITHUB_ACTIONS=true GITEA_ACTIONS=true FORGEJO_ACTIONS=true", []Row{
		{Run: "as GitHub Actions: a pull request", Word: Branch, From: Target, Base: "e", Head: "c", Vars: "GITHUB_EVENT_NAME=pull_request GITHUB_SHA={c}", Events: []string{requestOf(inside, "main")}},
		{Run: "a pull request of a fork", From: Default, Base: "e", Head: "c", Vars: "GITHUB_EVENT_NAME=pull_request GITHUB_SHA={c}", Events: []string{requestOf(outside, "main")}},
	}),
	rowsOf("GitLab CI", "GITLAB_CI=true CI_DEFAULT_BRANCH=main", []Row{
		{Run: "`merge_request_event`", Word: Branch, From: Target, Base: "e", Head: "c",
			Vars: "CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA={c} CI_MERGE_REQUEST_DIFF_BASE_SHA={a} CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=a/b CI_MERGE_REQUEST_PROJECT_PATH=a/b CI_PROJECT_PATH=a/b"},
		{Run: "`merge_request_event` of a fork", From: Default, Base: "e", Head: "c",
			Vars: "CI_PIPELINE_SOURCE=merge_request_event CI_COMMIT_SHA={c} CI_MERGE_REQUEST_DIFF_BASE_SHA={a} CI_MERGE_REQUEST_TARGET_BRANCH_NAME=feature CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=x/b CI_MERGE_REQUEST_PROJECT_PATH=a/b CI_PROJECT_PATH=a/b"},
		{Run: "`push` to the default or a protected branch (`CI_COMMIT_REF_PROTECTED`)", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "CI_PIPELINE_SOURCE=push CI_COMMIT_SHA={e} CI_COMMIT_BEFORE_SHA={a} CI_COMMIT_BRANCH=main", Also: []string{"CI_PIPELINE_SOURCE=push CI_COMMIT_SHA={d} CI_COMMIT_BEFORE_SHA={a} CI_COMMIT_BRANCH=release CI_COMMIT_REF_PROTECTED=true"}},
		{Run: "`push` to another branch, of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "CI_PIPELINE_SOURCE=push CI_COMMIT_SHA={c} CI_COMMIT_BEFORE_SHA={b} CI_COMMIT_BRANCH=feature CI_COMMIT_REF_PROTECTED=false", Also: []string{"CI_PIPELINE_SOURCE=push CI_COMMIT_SHA={c} CI_COMMIT_BEFORE_SHA={0} CI_COMMIT_TAG=main CI_COMMIT_REF_PROTECTED=true"}},
		{Run: "`schedule`, `web` on the default or a protected branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "CI_PIPELINE_SOURCE=schedule CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", Also: []string{"CI_PIPELINE_SOURCE=web CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main"}},
		{Run: "`schedule`, `web` on another branch or a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "CI_PIPELINE_SOURCE=web CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature", Also: []string{"CI_PIPELINE_SOURCE=schedule CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature", "CI_PIPELINE_SOURCE=web CI_COMMIT_SHA={c} CI_COMMIT_TAG=v1 CI_COMMIT_REF_PROTECTED=true"}},
		{Run: "`parent_pipeline`, `pipeline`", From: Default, Base: "e", Head: "c",
			Vars: "CI_PIPELINE_SOURCE=parent_pipeline CI_COMMIT_SHA={c} CI_MERGE_REQUEST_DIFF_BASE_SHA={a} CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main CI_MERGE_REQUEST_SOURCE_PROJECT_PATH=x/b CI_MERGE_REQUEST_PROJECT_PATH=a/b", Also: []string{"CI_PIPELINE_SOURCE=pipeline CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature"}},
		{Run: "`external_pull_request_event`, `external`", From: Default, Base: "e", Head: "c", Vars: "CI_PIPELINE_SOURCE=external_pull_request_event CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME=main", Also: []string{"CI_PIPELINE_SOURCE=external CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=main"}},
		{Run: "`api`, `trigger`, `chat`, `webide`, any other", From: Default, Base: "e", Head: "e", Vars: "CI_PIPELINE_SOURCE=api CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", Also: []string{"CI_PIPELINE_SOURCE=trigger CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", "CI_PIPELINE_SOURCE=chat CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", "CI_PIPELINE_SOURCE=webide CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", "CI_PIPELINE_SOURCE=security_orchestration_policy CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", "CI_PIPELINE_SOURCE=unknown CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", "CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main"}},
	}),
	rowsOf("Azure Pipelines", "TF_BUILD=True", []Row{
		{Run: "`PullRequest`", Word: Branch, From: Target, Base: "e", Head: "d",
			Vars: "BUILD_REASON=PullRequest BUILD_SOURCEVERSION={d} BUILD_SOURCEBRANCH=refs/pull/1/merge SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main SYSTEM_PULLREQUEST_SOURCECOMMITID={c} SYSTEM_PULLREQUEST_ISFORK=False"},
		{Run: "`PullRequest` of a fork", From: Default, Base: "e", Head: "d",
			Vars: "BUILD_REASON=PullRequest BUILD_SOURCEVERSION={d} BUILD_SOURCEBRANCH=refs/pull/1/merge SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main SYSTEM_PULLREQUEST_SOURCECOMMITID={c} SYSTEM_PULLREQUEST_ISFORK=True"},
		{Run: "`IndividualCI`, `BatchedCI` of the default branch", Word: Own, From: Nothing, Head: "e", Vars: "BUILD_REASON=IndividualCI BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main", Also: []string{"BUILD_REASON=BatchedCI BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main"}},
		{Run: "`IndividualCI`, `BatchedCI` of another branch, of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BUILD_REASON=IndividualCI BUILD_SOURCEVERSION={c} BUILD_SOURCEBRANCH=refs/heads/feature", Also: []string{"BUILD_REASON=BatchedCI BUILD_SOURCEVERSION={c} BUILD_SOURCEBRANCH=refs/heads/feature", "BUILD_REASON=IndividualCI BUILD_SOURCEVERSION={c} BUILD_SOURCEBRANCH=refs/tags/main"}},
		{Run: "`Schedule`, `Manual` on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "BUILD_REASON=Schedule BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main", Also: []string{"BUILD_REASON=Manual BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main"}},
		{Run: "`Schedule`, `Manual` on another branch or a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BUILD_REASON=Manual BUILD_SOURCEVERSION={c} BUILD_SOURCEBRANCH=refs/heads/feature", Also: []string{"BUILD_REASON=Schedule BUILD_SOURCEVERSION={c} BUILD_SOURCEBRANCH=refs/heads/feature"}},
		{Run: "`BuildCompletion`, `ResourceTrigger`, any other", From: Default, Base: "e", Head: "e", Vars: "BUILD_REASON=ResourceTrigger BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main", Also: []string{"BUILD_REASON=BuildCompletion BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main", "BUILD_REASON=Manual BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/pull/7/merge", "BUILD_REASON=PullRequest BUILD_SOURCEVERSION={e} BUILD_SOURCEBRANCH=refs/heads/main"}},
	}),
	rowsOf("Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER=7", []Row{
		{Run: "a pull request", Word: Branch, From: Target, Base: "e", Head: "c",
			Vars: "BITBUCKET_COMMIT={c} BITBUCKET_BRANCH=feature BITBUCKET_PR_ID=1 BITBUCKET_PR_DESTINATION_BRANCH=main BITBUCKET_PR_DESTINATION_COMMIT={a:12}"},
		{Run: "another branch, a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BITBUCKET_COMMIT={c} BITBUCKET_BRANCH=feature", Also: []string{"BITBUCKET_COMMIT={c} BITBUCKET_TAG=main"}},
		{Run: "the default branch, for whatever reason", From: Default, Base: "e", Head: "e", Vars: "BITBUCKET_COMMIT={e} BITBUCKET_BRANCH=main"},
	}),
	rowsOf("Jenkins", "JENKINS_URL=https://ci.example", []Row{
		{Run: "a change request", Word: Branch, From: Target, Base: "e", Head: "c", Vars: "CHANGE_ID=1 CHANGE_TARGET=main BRANCH_NAME=PR-1 GIT_COMMIT={c}"},
		{Run: "a change request of a fork (`CHANGE_FORK`)", From: Default, Base: "e", Head: "c", Vars: "CHANGE_ID=1 CHANGE_TARGET=main CHANGE_FORK=mallory BRANCH_NAME=PR-1 GIT_COMMIT={c}"},
		{Run: "the default branch, built before", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "BRANCH_NAME=main GIT_PREVIOUS_COMMIT={a} GIT_COMMIT={e}"},
		{Run: "another branch, a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BRANCH_NAME=feature GIT_PREVIOUS_COMMIT={b} GIT_COMMIT={c}", Also: []string{"TAG_NAME=main BRANCH_NAME=main GIT_COMMIT={c}"}},
		{Run: "the first build of another branch", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BRANCH_NAME=feature GIT_COMMIT={c}"},
		{Run: "the first build of the default branch, no `BRANCH_NAME`", From: Default, Base: "e", Head: "e", Vars: "BRANCH_NAME=main GIT_COMMIT={e}", Also: []string{"GIT_BRANCH=origin/main GIT_PREVIOUS_COMMIT={a} GIT_COMMIT={e}", "GIT_BRANCH=origin/main GIT_COMMIT={e}"}},
	}),
	rowsOf("CircleCI", "CIRCLECI=true", []Row{
		{Run: "the default branch, with `CIRCLE_RANGE`", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "CIRCLE_BRANCH=main CIRCLE_SHA1={e} CIRCLE_RANGE={a}..{e}"},
		{Run: "another branch, a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "CIRCLE_BRANCH=feature CIRCLE_SHA1={c} CIRCLE_RANGE={b}..{c}", Also: []string{"CIRCLE_BRANCH=feature CIRCLE_SHA1={c}", "CIRCLE_TAG=main CIRCLE_SHA1={c} CIRCLE_RANGE=..{c}"}},
		{Run: "the default branch, without it", From: Default, Base: "e", Head: "e", Vars: "CIRCLE_BRANCH=main CIRCLE_SHA1={e}"},
		{Run: "a pull request of a fork", From: Default, Base: "e", Head: "c", Vars: "CIRCLE_BRANCH=pull/7 CIRCLE_SHA1={c} CIRCLE_PR_NUMBER=7 CIRCLE_PR_USERNAME=mallory CIRCLE_PR_REPONAME=shop CIRCLE_RANGE={b}..{c}", Also: []string{"CIRCLE_BRANCH=pull/7 CIRCLE_SHA1={c}"}},
	}),
	rowsOf("Travis CI", "TRAVIS=true", []Row{
		{Run: "`pull_request`", Word: Branch, From: Target, Base: "e", Head: "d", Vars: "TRAVIS_EVENT_TYPE=pull_request TRAVIS_BRANCH=main TRAVIS_COMMIT={d} TRAVIS_PULL_REQUEST_SHA={c} TRAVIS_PULL_REQUEST_SLUG=a/b TRAVIS_REPO_SLUG=a/b"},
		{Run: "`pull_request` of a fork", From: Default, Base: "e", Head: "d", Vars: "TRAVIS_EVENT_TYPE=pull_request TRAVIS_BRANCH=main TRAVIS_COMMIT={d} TRAVIS_PULL_REQUEST_SHA={c} TRAVIS_PULL_REQUEST_SLUG=x/b TRAVIS_REPO_SLUG=a/b"},
		{Run: "`push` to the default branch", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "TRAVIS_EVENT_TYPE=push TRAVIS_BRANCH=main TRAVIS_COMMIT={e} TRAVIS_COMMIT_RANGE={a:12}...{e:12}"},
		{Run: "the first `push` of the default branch", Word: Own, From: Nothing, Head: "e", Vars: "TRAVIS_EVENT_TYPE=push TRAVIS_BRANCH=main TRAVIS_COMMIT={e}"},
		{Run: "`push` to another branch, of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "TRAVIS_EVENT_TYPE=push TRAVIS_BRANCH=feature TRAVIS_COMMIT={c}", Also: []string{"TRAVIS_EVENT_TYPE=push TRAVIS_BRANCH=main TRAVIS_TAG=main TRAVIS_COMMIT={c}", "TRAVIS_EVENT_TYPE=push TRAVIS_BRANCH=feature TRAVIS_COMMIT={c} TRAVIS_COMMIT_RANGE={b:12}...{c:12}"}},
		{Run: "`cron` on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "TRAVIS_EVENT_TYPE=cron TRAVIS_BRANCH=main TRAVIS_COMMIT={e}"},
		{Run: "`cron` on another branch", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "TRAVIS_EVENT_TYPE=cron TRAVIS_BRANCH=feature TRAVIS_COMMIT={c}"},
		{Run: "`api`, any other", From: Default, Base: "e", Head: "e", Vars: "TRAVIS_EVENT_TYPE=api TRAVIS_BRANCH=main TRAVIS_COMMIT={e}", Also: []string{"TRAVIS_EVENT_TYPE=mystery TRAVIS_BRANCH=main TRAVIS_COMMIT={e}", "TRAVIS_BRANCH=main TRAVIS_COMMIT={e}"}},
	}),
	rowsOf("Drone", "DRONE=true DRONE_REPO_BRANCH=main", []Row{
		{Run: "`pull_request`", From: Default, Base: "e", Head: "c", Vars: "DRONE_BUILD_EVENT=pull_request DRONE_COMMIT_SHA={c} DRONE_TARGET_BRANCH=main DRONE_BRANCH=main"},
		{Run: "`push` to the default branch", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "DRONE_BUILD_EVENT=push DRONE_COMMIT_SHA={e} DRONE_COMMIT_BEFORE={a} DRONE_BRANCH=main"},
		{Run: "`push` to another branch, `tag`", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "DRONE_BUILD_EVENT=tag DRONE_COMMIT_SHA={c} DRONE_COMMIT_BEFORE={0} DRONE_BRANCH=main", Also: []string{"DRONE_BUILD_EVENT=push DRONE_COMMIT_SHA={c} DRONE_COMMIT_BEFORE={b} DRONE_BRANCH=feature"}},
		{Run: "`cron` on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "DRONE_BUILD_EVENT=cron DRONE_COMMIT_SHA={e} DRONE_BRANCH=main"},
		{Run: "`cron` on another branch", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "DRONE_BUILD_EVENT=cron DRONE_COMMIT_SHA={c} DRONE_BRANCH=feature"},
		{Run: "`promote`, `rollback`, `custom`, any other", From: Default, Base: "e", Head: "e", Vars: "DRONE_BUILD_EVENT=custom DRONE_COMMIT_SHA={e} DRONE_BRANCH=main", Also: []string{"DRONE_BUILD_EVENT=promote DRONE_COMMIT_SHA={e} DRONE_BRANCH=main", "DRONE_BUILD_EVENT=rollback DRONE_COMMIT_SHA={e} DRONE_BRANCH=main", "DRONE_BUILD_EVENT=mystery DRONE_COMMIT_SHA={e} DRONE_BRANCH=main"}},
	}),
	rowsOf("Buildkite", "BUILDKITE=true BUILDKITE_PIPELINE_DEFAULT_BRANCH=main BUILDKITE_REPO=git@example.com:acme/shop.git", []Row{
		{Run: "a pull request", Word: Branch, From: Target, Base: "e", Head: "c",
			Vars: "BUILDKITE_SOURCE=webhook BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=feature BUILDKITE_PULL_REQUEST=7 BUILDKITE_PULL_REQUEST_BASE_BRANCH=main BUILDKITE_PULL_REQUEST_REPO=https://example.com/acme/shop.git"},
		{Run: "a pull request of a fork", From: Default, Base: "e", Head: "c",
			Vars: "BUILDKITE_SOURCE=webhook BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=mallory:main BUILDKITE_PULL_REQUEST=7 BUILDKITE_PULL_REQUEST_BASE_BRANCH=main BUILDKITE_PULL_REQUEST_REPO=https://example.com/mallory/shop.git", Also: []string{"BUILDKITE_SOURCE=api BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=feature BUILDKITE_PULL_REQUEST=7 BUILDKITE_PULL_REQUEST_BASE_BRANCH=main BUILDKITE_PULL_REQUEST_REPO=https://example.com/acme/shop.git"}},
		{Run: "`webhook`, a push to the default branch", Word: Own, From: Nothing, Head: "e", Vars: "BUILDKITE_SOURCE=webhook BUILDKITE_COMMIT={e} BUILDKITE_BRANCH=main BUILDKITE_PULL_REQUEST=false"},
		{Run: "`webhook`, a push to another branch or of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BUILDKITE_SOURCE=webhook BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=feature BUILDKITE_PULL_REQUEST=false", Also: []string{"BUILDKITE_SOURCE=webhook BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=main BUILDKITE_TAG=main"}},
		{Run: "`schedule`, `ui` on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "BUILDKITE_SOURCE=schedule BUILDKITE_COMMIT={e} BUILDKITE_BRANCH=main BUILDKITE_PULL_REQUEST=false", Also: []string{"BUILDKITE_SOURCE=ui BUILDKITE_COMMIT={e} BUILDKITE_BRANCH=main"}},
		{Run: "`schedule`, `ui` on another branch or a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "BUILDKITE_SOURCE=ui BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=feature BUILDKITE_PULL_REQUEST=false", Also: []string{"BUILDKITE_SOURCE=schedule BUILDKITE_COMMIT={c} BUILDKITE_BRANCH=feature"}},
		{Run: "`api`, `trigger_job`, any other", From: Default, Base: "e", Head: "e", Vars: "BUILDKITE_SOURCE=api BUILDKITE_COMMIT={e} BUILDKITE_BRANCH=main BUILDKITE_PULL_REQUEST=false", Also: []string{"BUILDKITE_SOURCE=trigger_job BUILDKITE_COMMIT={e} BUILDKITE_BRANCH=main", "BUILDKITE_SOURCE=ui BUILDKITE_COMMIT=HEAD BUILDKITE_BRANCH=main"}},
	}),
	rowsOf("Woodpecker CI", "CI=woodpecker CI_REPO_DEFAULT_BRANCH=main", []Row{
		{Run: "`pull_request`", From: Default, Base: "e", Head: "c", Vars: "CI_PIPELINE_EVENT=pull_request CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=main CI_COMMIT_TARGET_BRANCH=main"},
		{Run: "`push` to the default branch, after another", Word: Own, From: CommitBefore, Base: "a", Head: "e",
			Vars: "CI_PIPELINE_EVENT=push CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main CI_PREV_COMMIT_SHA={a} CI_PREV_COMMIT_BRANCH=main CI_PREV_PIPELINE_EVENT=push"},
		{Run: "`push` to the default branch, after another event", Word: Own, From: Nothing, Head: "e",
			Vars: "CI_PIPELINE_EVENT=push CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main CI_PREV_COMMIT_SHA={c} CI_PREV_COMMIT_BRANCH=main CI_PREV_PIPELINE_EVENT=pull_request"},
		{Run: "`push` to another branch, `tag`, `release`", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "CI_PIPELINE_EVENT=push CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature", Also: []string{"CI_PIPELINE_EVENT=tag CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=main", "CI_PIPELINE_EVENT=release CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=main"}},
		{Run: "`cron`, `manual` on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "CI_PIPELINE_EVENT=cron CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", Also: []string{"CI_PIPELINE_EVENT=manual CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main"}},
		{Run: "`cron`, `manual` on another branch", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "CI_PIPELINE_EVENT=manual CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature", Also: []string{"CI_PIPELINE_EVENT=cron CI_COMMIT_SHA={c} CI_COMMIT_BRANCH=feature"}},
		{Run: "`deployment`, any other", From: Default, Base: "e", Head: "e", Vars: "CI_PIPELINE_EVENT=deployment CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main", Also: []string{"CI_PIPELINE_EVENT=mystery CI_COMMIT_SHA={e} CI_COMMIT_BRANCH=main"}},
	}),
	rowsOf("AWS CodeBuild", "CODEBUILD_BUILD_ID=x:1", []Row{
		{Run: "`PULL_REQUEST_…`", From: Default, Base: "e", Head: "c", Vars: "CODEBUILD_WEBHOOK_EVENT=PULL_REQUEST_UPDATED CODEBUILD_RESOLVED_SOURCE_VERSION={c} CODEBUILD_WEBHOOK_BASE_REF=refs/heads/main CODEBUILD_WEBHOOK_HEAD_REF=refs/heads/feature"},
		{Run: "`PUSH` to the default branch", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "CODEBUILD_WEBHOOK_EVENT=PUSH CODEBUILD_RESOLVED_SOURCE_VERSION={e} CODEBUILD_WEBHOOK_HEAD_REF=refs/heads/main CODEBUILD_WEBHOOK_PREV_COMMIT={a}"},
		{Run: "`PUSH` to another branch, of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "CODEBUILD_WEBHOOK_EVENT=PUSH CODEBUILD_RESOLVED_SOURCE_VERSION={c} CODEBUILD_WEBHOOK_HEAD_REF=refs/heads/feature CODEBUILD_WEBHOOK_PREV_COMMIT={b}", Also: []string{"CODEBUILD_WEBHOOK_EVENT=PUSH CODEBUILD_RESOLVED_SOURCE_VERSION={c} CODEBUILD_WEBHOOK_HEAD_REF=refs/tags/main"}},
		{Run: "without a webhook, any other", From: Default, Base: "e", Head: "e", Vars: "CODEBUILD_INITIATOR=ada CODEBUILD_SOURCE_VERSION=main CODEBUILD_RESOLVED_SOURCE_VERSION={e}"},
	}),
	rowsOf("TeamCity", "TEAMCITY_VERSION=2026.1", []Row{
		{Run: "every build", From: Default, Base: "e", Head: "e", Vars: "BUILD_VCS_NUMBER={e}"},
	}),
	rowsOf("Semaphore", "SEMAPHORE=true", []Row{
		{Run: "a pull request", Word: Branch, From: Target, Base: "e", Head: "d",
			Vars: "SEMAPHORE_GIT_REF_TYPE=pull-request SEMAPHORE_GIT_SHA={d} SEMAPHORE_GIT_PR_SHA={c} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_GIT_PR_SLUG=a/b SEMAPHORE_GIT_REPO_SLUG=a/b SEMAPHORE_WORKFLOW_TRIGGERED_BY_HOOK=true"},
		{Run: "a pull request of a fork", From: Default, Base: "e", Head: "d",
			Vars: "SEMAPHORE_GIT_REF_TYPE=pull-request SEMAPHORE_GIT_SHA={d} SEMAPHORE_GIT_PR_SHA={c} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_GIT_PR_SLUG=x/b SEMAPHORE_GIT_REPO_SLUG=a/b SEMAPHORE_WORKFLOW_TRIGGERED_BY_HOOK=true"},
		{Run: "a push to the default branch", Word: Own, From: CommitBefore, Base: "a", Head: "e", Vars: "SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={e} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_GIT_COMMIT_RANGE={a}...{e} SEMAPHORE_WORKFLOW_TRIGGERED_BY_HOOK=true"},
		{Run: "a push to another branch, of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={c} SEMAPHORE_GIT_BRANCH=feature SEMAPHORE_WORKFLOW_TRIGGERED_BY_HOOK=true", Also: []string{"SEMAPHORE_GIT_REF_TYPE=tag SEMAPHORE_GIT_SHA={c} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_WORKFLOW_TRIGGERED_BY_HOOK=true"}},
		{Run: "a task, a start by hand, on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={e} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_WORKFLOW_TRIGGERED_BY_SCHEDULE=true", Also: []string{"SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={e} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_WORKFLOW_TRIGGERED_BY_MANUAL_RUN=true"}},
		{Run: "a task, a start by hand, on another branch or a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={c} SEMAPHORE_GIT_BRANCH=feature SEMAPHORE_WORKFLOW_TRIGGERED_BY_MANUAL_RUN=true", Also: []string{"SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={c} SEMAPHORE_GIT_BRANCH=feature SEMAPHORE_WORKFLOW_TRIGGERED_BY_SCHEDULE=true"}},
		{Run: "the API, any other", From: Default, Base: "e", Head: "e", Vars: "SEMAPHORE_GIT_REF_TYPE=branch SEMAPHORE_GIT_SHA={e} SEMAPHORE_GIT_BRANCH=main SEMAPHORE_WORKFLOW_TRIGGERED_BY_API=true"},
	}),
	rowsOf("AppVeyor", "APPVEYOR=True", []Row{
		{Run: "a pull request", Word: Branch, From: Target, Base: "e", Head: "d",
			Vars: "APPVEYOR_PULL_REQUEST_NUMBER=7 APPVEYOR_PULL_REQUEST_HEAD_COMMIT={c} APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME=a/b APPVEYOR_REPO_NAME=a/b APPVEYOR_REPO_BRANCH=main APPVEYOR_REPO_COMMIT={d}"},
		{Run: "a pull request of a fork", From: Default, Base: "e", Head: "d",
			Vars: "APPVEYOR_PULL_REQUEST_NUMBER=7 APPVEYOR_PULL_REQUEST_HEAD_COMMIT={c} APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME=x/b APPVEYOR_REPO_NAME=a/b APPVEYOR_REPO_BRANCH=main APPVEYOR_REPO_COMMIT={d}"},
		{Run: "a push to the default branch", Word: Own, From: Nothing, Head: "e", Vars: "APPVEYOR_REPO_BRANCH=main APPVEYOR_REPO_COMMIT={e} APPVEYOR_REPO_TAG=false"},
		{Run: "a push to another branch, of a tag", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "APPVEYOR_REPO_BRANCH=feature APPVEYOR_REPO_COMMIT={c} APPVEYOR_REPO_TAG=false", Also: []string{"APPVEYOR_REPO_BRANCH=main APPVEYOR_REPO_COMMIT={c} APPVEYOR_REPO_TAG=true APPVEYOR_REPO_TAG_NAME=v1"}},
		{Run: "a schedule on the default branch", Word: Own, From: Tip, Base: "e", Head: "e", Vars: "APPVEYOR_REPO_BRANCH=main APPVEYOR_REPO_COMMIT={e} APPVEYOR_REPO_TAG=false APPVEYOR_SCHEDULED_BUILD=True"},
		{Run: "a schedule on another branch", Word: Branch, From: Default, Base: "e", Head: "c", Vars: "APPVEYOR_REPO_BRANCH=feature APPVEYOR_REPO_COMMIT={c} APPVEYOR_REPO_TAG=false APPVEYOR_SCHEDULED_BUILD=True"},
		{Run: "New build, or the API", From: Default, Base: "e", Head: "e", Vars: "APPVEYOR_REPO_BRANCH=main APPVEYOR_REPO_COMMIT={e} APPVEYOR_REPO_TAG=false APPVEYOR_FORCED_BUILD=True"},
	}),
	rowsOf("any other CI, none", "", []Row{
		{Run: "every run", From: Default, Base: "e", Head: "e", Vars: "CI=true", Also: []string{"CI=true BRANCH_NAME=main GIT_COMMIT={e}", ""}},
	}),
)

func rowsOf(system, vars string, rows []Row) []Row {
	for i := range rows {
		r := &rows[i]
		r.System, r.Vars = system, vars+" "+r.Vars
		for j := range r.Also {
			r.Also[j] = vars + " " + r.Also[j]
		}
	}
	return rows
}
