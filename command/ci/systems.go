package ci

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// system is a CI that is known here.
type system struct {
	name      string
	variable  string // true in a run of the system
	read      func(*variables) *run
	fetchHint string // how to check everything out
}

// systems are tried in this order, and the first whose variable is true is taken.
// A system that runs inside another, or that sets the variables of another, comes
// before it.
var systems = []system{
	{"Gitea Actions", "GITEA_ACTIONS", readGitHub, hintActions},
	{"Forgejo Actions", "FORGEJO_ACTIONS", readGitHub, hintActions},
	{"GitHub Actions", "GITHUB_ACTIONS", readGitHub, hintActions},
	{"GitLab CI", "GITLAB_CI", readGitLab, `set GIT_DEPTH: "0" in the variables of the job`},
	{"Azure Pipelines", "TF_BUILD", readAzure, "set fetchDepth: 0 in the checkout step"},
	{"Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", readBitbucket, "set clone: depth: full in the step"},
	{"CircleCI", "CIRCLECI", readCircle, "set method: full in the checkout step"},
	{"Travis CI", "TRAVIS", readTravis, "set git: depth: false"},
	{"Drone", "DRONE", readDrone, "set no clone: depth"},
	{"Buildkite", "BUILDKITE", readBuildkite, "leave --depth out of BUILDKITE_GIT_CLONE_FLAGS"},
	{"AWS CodeBuild", "CODEBUILD_BUILD_ID", readCodeBuild, "set the Git clone depth of the source to Full"},
	{"TeamCity", "TEAMCITY_VERSION", readTeamCity, "check out on the agent, without a shallow clone"},
	{"Semaphore", "SEMAPHORE", readSemaphore, "run git fetch --unshallow after checkout"},
	{"AppVeyor", "APPVEYOR", readAppVeyor, "set no clone_depth"},
	{"Jenkins", "JENKINS_URL", readJenkins, "turn off the shallow clone option of the checkout"},
	{"Woodpecker CI", woodpecker, readWoodpecker, "set depth: 0 and partial: false in the clone step"},
}

const hintActions = "set fetch-depth: 0 in the actions/checkout step"

// woodpecker stands for a variable: Woodpecker has none of its own, and sets CI to
// its name.
const woodpecker = "CI=woodpecker"

// runs reports whether this is a run of s.
func (s *system) runs(get func(string) string) bool {
	if name, value, ok := strings.Cut(s.variable, "="); ok {
		return get(name) == value
	}
	v := strings.ToLower(get(s.variable))
	return v != "" && v != "false" && v != "0"
}

// variables reads variables with ids and names of branches, and keeps the first
// error.
type variables struct {
	Environment
	err error
}

// id returns the id in a variable, "" if it is not set. It may be abbreviated.
func (v *variables) id(name string) string { return v.check(name, v.Get(name)) }

func (v *variables) check(name, id string) string {
	const abbreviated = 7
	if id != "" && !hexID(id, abbreviated) && v.err == nil {
		v.err = fmt.Errorf("%s does not hold a commit id", name)
	}
	return id
}

// first returns the id that a range A..B or A...B in a variable starts with, and
// false if there is none.
func (v *variables) first(name string) (string, bool) {
	first, _, ok := strings.Cut(v.Get(name), "..")
	return v.check(name, first), ok
}

// branch returns the branch name in a variable.
func (v *variables) branch(name string) string { return branchName(v.Get(name)) }

// isTrue reports whether a variable says true, in any case.
func (v *variables) isTrue(name string) bool { return strings.EqualFold(v.Get(name), "true") }

// branchName returns the name of a branch, which may be given as a ref; "" of
// another ref.
func branchName(ref string) string {
	name, isBranch := strings.CutPrefix(ref, "refs/heads/")
	if !isBranch && strings.HasPrefix(ref, "refs/") {
		return ""
	}
	return name
}

// sameProject reports whether two names are of one repository; an empty name
// is no repository's. No service has two names that differ only in case.
func sameProject(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// project returns host and path of the address of a repository, as https://host/a/b
// or git@host:a/b.git; "" if it is none.
func project(address string) string {
	if !strings.Contains(address, "://") {
		address = "ssh://" + strings.Replace(address, ":", "/", 1)
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		return ""
	}
	return u.Hostname() + "/" + strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}

// readGitLab reads what docs.gitlab.com/ci/variables/predefined_variables lists. Of
// the sources of a pipeline, these three and web say whose commits they are about:
// a child pipeline has the variables of its parent, which may be a fork's.
func readGitLab(v *variables) *run {
	r := &run{
		tips: []string{v.id("CI_COMMIT_SHA")}, branch: v.branch("CI_COMMIT_BRANCH"),
		defaultBranch: v.branch("CI_DEFAULT_BRANCH"),
	}
	r.own = r.branch != "" && v.Get("CI_COMMIT_REF_PROTECTED") == "true"
	isTag := v.Get("CI_COMMIT_TAG") != ""
	switch source := v.Get("CI_PIPELINE_SOURCE"); source {
	case "merge_request_event":
		r.event, r.kind, r.scope = "merge request", change, Changes
		r.fork = !sameProject(v.Get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), v.Get("CI_MERGE_REQUEST_PROJECT_PATH"))
		// A fork's pipeline may run in the fork, whose branches origin then has.
		project := v.Get("CI_PROJECT_PATH")
		r.otherOrigin = r.fork && (project == "" || !sameProject(project, v.Get("CI_MERGE_REQUEST_PROJECT_PATH")))
		r.targetBranch = v.branch("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
		// A pipeline of merged results runs on a merge that GitLab made.
		r.merged = v.id("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
		r.before = v.id("CI_MERGE_REQUEST_DIFF_BASE_SHA")
	case "push":
		r.event, r.kind, r.scope, r.before = "push", push, Changes, v.id("CI_COMMIT_BEFORE_SHA")
		r.forced = true // GitLab does not say
	case "schedule":
		r.event, r.kind = "schedule", started
	case "web":
		r.event, r.kind, r.noRange = "start by hand", started, true
	default:
		r.event, r.noRange = "a pipeline other than a push, merge request or schedule", true
	}
	if isTag && (r.kind == push || r.kind == started) {
		r.kind = tag
	}
	return r
}

// readJenkins reads what the Git plugin (plugins.jenkins.io/git) and the Branch API
// plugin (env-vars.html of a Jenkins) set. CHANGE_FORK is set if a change comes from
// a fork. Nothing says why a branch is built.
func readJenkins(v *variables) *run {
	r := &run{tips: []string{v.id("GIT_COMMIT")}, branch: v.branch("BRANCH_NAME")}
	before := v.id("GIT_PREVIOUS_COMMIT")
	switch {
	case v.Get("CHANGE_TARGET") != "":
		r.event, r.kind, r.scope = "change request", change, Changes
		r.targetBranch = v.branch("CHANGE_TARGET")
		r.fork = v.Get("CHANGE_FORK") != ""
	case v.Get("CHANGE_ID") != "":
		r.event, r.noRange = "change request without a target", true
	case isID(before):
		r.event, r.kind, r.scope, r.before, r.forced = "build of a branch", push, Changes, before, true
	default:
		r.event, r.kind = "first build of a branch", build
	}
	if v.Get("TAG_NAME") != "" && r.kind != change {
		r.kind = tag
	}
	return r
}

// readCircle reads what circleci.com/docs/reference/variables lists, and
// CIRCLE_RANGE, which the set-up of docs/ci.md makes. Pull requests of forks alone
// have CIRCLE_PR_…, and a branch called pull/N.
func readCircle(v *variables) *run {
	r := &run{event: "build of a branch", kind: build, tips: []string{v.id("CIRCLE_SHA1")}, branch: v.branch("CIRCLE_BRANCH")}
	r.fork = v.Get("CIRCLE_PR_USERNAME")+v.Get("CIRCLE_PR_REPONAME")+v.Get("CIRCLE_PR_NUMBER") != "" || strings.HasPrefix(r.branch, "pull/")
	if first, ok := v.first("CIRCLE_RANGE"); ok {
		r.kind, r.scope, r.before, r.forced = push, Changes, first, true
	} else {
		r.noRange = true
	}
	if v.Get("CIRCLE_TAG") != "" {
		r.event, r.kind = "build of a tag", tag
	}
	return r
}

// readAzure reads what learn.microsoft.com/azure/devops/pipelines/build/variables
// lists. A build of a pull request runs on a merge that the service made.
func readAzure(v *variables) *run {
	r := &run{tips: []string{v.id("BUILD_SOURCEVERSION")}}
	ref := v.Get("BUILD_SOURCEBRANCH")
	if strings.HasPrefix(ref, "refs/heads/") {
		r.branch = branchName(ref)
	}
	switch reason := v.Get("BUILD_REASON"); {
	case v.Get("SYSTEM_PULLREQUEST_TARGETBRANCH") != "":
		r.event, r.kind, r.scope = "pull request", change, Changes
		r.targetBranch = v.branch("SYSTEM_PULLREQUEST_TARGETBRANCH")
		r.merged = v.id("SYSTEM_PULLREQUEST_SOURCECOMMITID")
		r.fork = !strings.EqualFold(v.Get("SYSTEM_PULLREQUEST_ISFORK"), "false")
		return r
	case reason == "Schedule":
		r.event, r.kind = "schedule", started
	case reason == "Manual":
		r.event, r.kind, r.noRange = "start by hand", started, true
	case reason == "IndividualCI", reason == "BatchedCI":
		r.event, r.kind, r.noRange = "push", push, true
	default:
		r.event, r.noRange = "a build other than a push, pull request or schedule", true
	}
	if r.kind != other && strings.HasPrefix(ref, "refs/tags/") {
		r.kind = tag
	}
	return r
}

// readBitbucket reads what support.atlassian.com, "Variables and secrets", lists.
// Pull requests of forks start no pipeline. Nothing says why a branch is built.
func readBitbucket(v *variables) *run {
	r := &run{tips: []string{v.id("BITBUCKET_COMMIT")}, branch: v.branch("BITBUCKET_BRANCH")}
	switch {
	case v.Get("BITBUCKET_PR_DESTINATION_BRANCH") != "":
		r.event, r.kind, r.scope = "pull request", change, Changes
		r.before = v.id("BITBUCKET_PR_DESTINATION_COMMIT")
		r.targetBranch = v.branch("BITBUCKET_PR_DESTINATION_BRANCH")
	case v.Get("BITBUCKET_PR_ID") != "":
		r.event, r.noRange = "a pull request without a destination", true
	case v.Get("BITBUCKET_TAG") != "":
		r.event, r.kind, r.noRange = "pipeline of a tag", tag, true
	default:
		r.event, r.kind, r.noRange = "pipeline of a branch", build, true
	}
	return r
}

// readDrone reads what docs.drone.io/pipeline/environment/reference lists. The
// variables do not say which pull requests come from forks, so all of them may, and
// nor whose build is promoted.
func readDrone(v *variables) *run {
	r := &run{
		tips: []string{v.id("DRONE_COMMIT_SHA"), v.id("DRONE_COMMIT")}, branch: v.branch("DRONE_BRANCH"),
		defaultBranch: v.branch("DRONE_REPO_BRANCH"),
	}
	switch event := v.Get("DRONE_BUILD_EVENT"); event {
	case "pull_request":
		r.event, r.kind, r.scope, r.fork = "pull request", change, Changes, true
		r.targetBranch = v.branch("DRONE_TARGET_BRANCH")
	case "push", "tag":
		r.event, r.kind, r.scope, r.before, r.forced = event, push, Changes, v.id("DRONE_COMMIT_BEFORE"), true
		if event == "tag" {
			r.kind = tag
		}
	case "cron":
		r.event, r.kind = "schedule", started
	default:
		r.event, r.noRange = "a build other than a push, tag, pull request or schedule", true
	}
	return r
}

// readTravis reads what docs.travis-ci.com/user/environment-variables lists. A
// build of a pull request runs on a merge that the service made.
func readTravis(v *variables) *run {
	r := &run{tips: []string{v.id("TRAVIS_COMMIT")}, branch: v.branch("TRAVIS_BRANCH")}
	switch event := v.Get("TRAVIS_EVENT_TYPE"); event {
	case "pull_request":
		r.event, r.kind, r.scope = "pull request", change, Changes
		r.merged = v.id("TRAVIS_PULL_REQUEST_SHA")
		r.targetBranch = v.branch("TRAVIS_BRANCH")
		r.fork = !sameProject(v.Get("TRAVIS_PULL_REQUEST_SLUG"), v.Get("TRAVIS_REPO_SLUG"))
		return r
	case "push":
		r.event, r.kind = "first push of a branch", push
		if before, ok := v.first("TRAVIS_COMMIT_RANGE"); ok {
			r.event, r.scope, r.before, r.forced = "push", Changes, before, true
		}
	case "cron":
		r.event, r.kind = "schedule", started
	default:
		r.event, r.noRange = "a build other than a push, pull request or schedule", true
	}
	if r.kind != other && v.Get("TRAVIS_TAG") != "" {
		r.kind = tag
	}
	return r
}

// readBuildkite reads what buildkite.com/docs/pipelines/configure/environment-variables
// lists. BUILDKITE_COMMIT is HEAD until an agent has resolved it.
func readBuildkite(v *variables) *run {
	r := &run{branch: v.branch("BUILDKITE_BRANCH"), defaultBranch: v.branch("BUILDKITE_PIPELINE_DEFAULT_BRANCH")}
	if v.Get("BUILDKITE_COMMIT") != "HEAD" {
		r.tips = []string{v.id("BUILDKITE_COMMIT")}
	}
	number, from := v.Get("BUILDKITE_PULL_REQUEST"), v.Get("BUILDKITE_PULL_REQUEST_REPO")
	switch source := v.Get("BUILDKITE_SOURCE"); {
	case number != "" && number != "false", from != "":
		r.event, r.kind, r.scope = "pull request", change, Changes
		r.targetBranch = v.branch("BUILDKITE_PULL_REQUEST_BASE_BRANCH")
		// Who calls the API may say that a build is one of a pull request.
		r.fork = source != "webhook" && source != "ui" || !sameProject(project(from), project(v.Get("BUILDKITE_REPO")))
		return r
	case source == "webhook":
		r.event, r.kind, r.noRange = "push", push, true
	case source == "schedule":
		r.event, r.kind = "schedule", started
	case source == "ui":
		r.event, r.kind, r.noRange = "start by hand", started, true
	default: // api, trigger_job
		r.event, r.noRange = "a build other than a push, pull request or schedule", true
	}
	if r.kind != other && v.Get("BUILDKITE_TAG") != "" {
		r.kind = tag
	}
	return r
}

// readWoodpecker reads what woodpecker-ci.org/docs/usage/environment lists. The
// variables do not say which pull requests come from forks. The commit before is
// that of the last pipeline of the branch, which for a pull request is its target.
func readWoodpecker(v *variables) *run {
	r := &run{tips: []string{v.id("CI_COMMIT_SHA")}, branch: v.branch("CI_COMMIT_BRANCH"), defaultBranch: v.branch("CI_REPO_DEFAULT_BRANCH")}
	switch event := v.Get("CI_PIPELINE_EVENT"); event {
	case "pull_request", "pull_request_closed", "pull_request_metadata":
		r.event, r.kind, r.scope, r.fork = "pull request", change, Changes, true
		r.targetBranch = v.branch("CI_COMMIT_TARGET_BRANCH")
	case "push":
		r.event, r.kind, r.noRange = "push", push, true
		if v.Get("CI_PREV_PIPELINE_EVENT") == "push" && v.Get("CI_PREV_COMMIT_BRANCH") == r.branch {
			r.scope, r.noRange, r.before, r.forced = Changes, false, v.id("CI_PREV_COMMIT_SHA"), true
		}
	case "tag", "release":
		r.event, r.kind, r.noRange = event, tag, true
	case "cron":
		r.event, r.kind = "schedule", started
	case "manual":
		r.event, r.kind, r.noRange = "start by hand", started, true
	default: // deployment
		r.event, r.noRange = "a pipeline other than a push, tag, pull request or schedule", true
	}
	return r
}

// readCodeBuild reads what docs.aws.amazon.com/codebuild/latest/userguide,
// build-env-ref-env-vars, lists. The variables do not say which pull requests come
// from forks, nor, without a webhook, why a build was started.
func readCodeBuild(v *variables) *run {
	r := &run{tips: []string{v.id("CODEBUILD_RESOLVED_SOURCE_VERSION")}}
	head := v.Get("CODEBUILD_WEBHOOK_HEAD_REF")
	switch event := v.Get("CODEBUILD_WEBHOOK_EVENT"); {
	case strings.HasPrefix(event, "PULL_REQUEST_"):
		r.event, r.kind, r.scope, r.fork = "pull request", change, Changes, true
		r.targetBranch = v.branch("CODEBUILD_WEBHOOK_BASE_REF")
	case event == "PUSH" && strings.HasPrefix(head, "refs/heads/"):
		r.event, r.kind, r.scope, r.branch = "push", push, Changes, branchName(head)
		r.before, r.forced = v.id("CODEBUILD_WEBHOOK_PREV_COMMIT"), true
	case event == "PUSH" && strings.HasPrefix(head, "refs/tags/"):
		r.event, r.kind, r.scope = "push of a tag", tag, Changes
	default:
		r.event, r.noRange = "a build other than a push or pull request", true
	}
	return r
}

// readTeamCity reads what www.jetbrains.com/help/teamcity, "List of predefined build
// parameters", lists as variables: the commit, and nothing of its branch.
func readTeamCity(v *variables) *run {
	return &run{event: "build", noRange: true, tips: []string{v.id("BUILD_VCS_NUMBER")}}
}

// readSemaphore reads what docs.semaphore.io/reference/env-vars lists. A workflow of
// a pull request runs on a merge that the service made.
func readSemaphore(v *variables) *run {
	r := &run{tips: []string{v.id("SEMAPHORE_GIT_SHA")}, branch: v.branch("SEMAPHORE_GIT_BRANCH")}
	refType := v.Get("SEMAPHORE_GIT_REF_TYPE")
	switch {
	case refType == "pull-request":
		r.event, r.kind, r.scope = "pull request", change, Changes
		r.merged, r.targetBranch = v.id("SEMAPHORE_GIT_PR_SHA"), r.branch
		r.fork = !sameProject(v.Get("SEMAPHORE_GIT_PR_SLUG"), v.Get("SEMAPHORE_GIT_REPO_SLUG"))
		return r
	case refType != "branch" && refType != "tag":
		r.event, r.noRange = "a workflow that does not say what it is about", true
		return r
	case v.isTrue("SEMAPHORE_WORKFLOW_TRIGGERED_BY_HOOK"):
		r.event, r.kind, r.noRange = "push", push, true
		if before, ok := v.first("SEMAPHORE_GIT_COMMIT_RANGE"); ok {
			r.scope, r.noRange, r.before, r.forced = Changes, false, before, true
		}
	case v.isTrue("SEMAPHORE_WORKFLOW_TRIGGERED_BY_SCHEDULE"):
		r.event, r.kind = "schedule", started
	case v.isTrue("SEMAPHORE_WORKFLOW_TRIGGERED_BY_MANUAL_RUN"):
		r.event, r.kind, r.noRange = "start by hand", started, true
	default: // API
		r.event, r.noRange = "a workflow other than a push, pull request or schedule", true
		return r
	}
	if refType == "tag" {
		r.kind = tag
	}
	return r
}

// readAppVeyor reads what www.appveyor.com/docs/environment-variables lists. A build
// is forced by a button or by the API.
func readAppVeyor(v *variables) *run {
	r := &run{tips: []string{v.id("APPVEYOR_REPO_COMMIT")}, branch: v.branch("APPVEYOR_REPO_BRANCH"), noRange: true}
	switch {
	case v.Get("APPVEYOR_PULL_REQUEST_NUMBER")+v.Get("APPVEYOR_PULL_REQUEST_HEAD_COMMIT") != "":
		r.event, r.kind, r.scope, r.noRange = "pull request", change, Changes, false
		r.tips = []string{v.id("APPVEYOR_PULL_REQUEST_HEAD_COMMIT")}
		r.targetBranch = v.branch("APPVEYOR_REPO_BRANCH")
		r.fork = !sameProject(v.Get("APPVEYOR_PULL_REQUEST_HEAD_REPO_NAME"), v.Get("APPVEYOR_REPO_NAME"))
	case v.isTrue("APPVEYOR_REPO_TAG"), v.Get("APPVEYOR_REPO_TAG_NAME") != "":
		r.event, r.kind = "build of a tag", tag
	case v.isTrue("APPVEYOR_SCHEDULED_BUILD"):
		r.event, r.kind, r.noRange = "schedule", started, false
	case v.isTrue("APPVEYOR_FORCED_BUILD"):
		r.event = "forced build"
	default:
		r.event, r.kind = "push", push
	}
	return r
}

var errDamaged = errors.New("damaged")
