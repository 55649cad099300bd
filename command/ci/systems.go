package ci

import (
	"errors"
	"fmt"
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
// A system that runs inside another has a variable of its own, so the more
// specific ones come first.
var systems = []system{
	{"GitHub Actions", "GITHUB_ACTIONS", readGitHub, "set fetch-depth: 0 in the actions/checkout step"},
	{"GitLab CI", "GITLAB_CI", readGitLab, `set GIT_DEPTH: "0" in the variables of the job`},
	{"Azure Pipelines", "TF_BUILD", readAzure, "set fetchDepth: 0 in the checkout step"},
	{"Bitbucket Pipelines", "BITBUCKET_BUILD_NUMBER", readBitbucket, "set clone: depth: full in the step"},
	{"CircleCI", "CIRCLECI", readCircle, "set method: full in the checkout step"},
	{"Travis CI", "TRAVIS", readTravis, "set git: depth: false"},
	{"Drone", "DRONE", readDrone, "set no clone: depth"},
	{"Jenkins", "JENKINS_URL", readJenkins, "turn off the shallow clone option of the checkout"},
}

// envIsTrue reports whether a variable is set, and not to "false" or "0".
func envIsTrue(get func(string) string, name string) bool {
	v := strings.ToLower(get(name))
	return v != "" && v != "false" && v != "0"
}

// variables reads variables with ids and names of branches, and keeps the first
// error.
type variables struct {
	Environment
	err error
}

// id returns the id in a variable, "" if it is not set.
func (v *variables) id(name string) string { return v.check(name, v.Get(name)) }

func (v *variables) check(name, id string) string {
	const abbreviated = 7
	if id != "" && !hexID(id, abbreviated) && v.err == nil {
		v.err = fmt.Errorf("%s does not hold a commit id", name)
	}
	return id
}

// branch returns the branch name in a variable.
func (v *variables) branch(name string) string {
	return strings.TrimPrefix(v.Get(name), "refs/heads/")
}

// sameProject reports whether two names are of one repository; an empty name
// is no repository's. No service has two names that differ only in case.
func sameProject(a, b string) bool { return a != "" && strings.EqualFold(a, b) }

// readGitLab reads what docs.gitlab.com, "Predefined CI/CD variables", lists.
func readGitLab(v *variables) *run {
	r := &run{scope: Changes, tips: []string{v.id("CI_COMMIT_SHA")}, branch: v.Get("CI_COMMIT_BRANCH")}
	switch source := v.Get("CI_PIPELINE_SOURCE"); source {
	case "merge_request_event":
		r.event, r.change = "merge request", true
		r.fork = !sameProject(v.Get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), v.Get("CI_MERGE_REQUEST_PROJECT_PATH"))
		// A fork's pipeline may run in the fork, whose branches origin then has.
		project := v.Get("CI_PROJECT_PATH")
		r.otherOrigin = r.fork && (project == "" || !sameProject(project, v.Get("CI_MERGE_REQUEST_PROJECT_PATH")))
		r.targetBranch = v.branch("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
		// A pipeline of merged results runs on a merge that GitLab made.
		r.merged = v.id("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
		r.before = v.id("CI_MERGE_REQUEST_DIFF_BASE_SHA")
	case "push":
		r.event, r.before = "push", v.id("CI_COMMIT_BEFORE_SHA")
		r.defaultBranch = v.branch("CI_DEFAULT_BRANCH")
		r.forced = true // GitLab does not say
	case "schedule":
		r.event, r.scope, r.defaultBranch = "schedule", Everything, v.branch("CI_DEFAULT_BRANCH")
	default:
		r.defaultBranch = v.branch("CI_DEFAULT_BRANCH")
		r.event, r.scope, r.noRange = "a pipeline other than a push, merge request or schedule", Everything, true
	}
	return r
}

// readJenkins reads what the Git and Branch Source plugins set.
func readJenkins(v *variables) *run {
	r := &run{scope: Changes, tips: []string{v.id("GIT_COMMIT")}, branch: v.Get("BRANCH_NAME")}
	switch {
	case v.Get("CHANGE_TARGET") != "":
		r.event, r.change = "change request", true
		r.targetBranch = v.branch("CHANGE_TARGET")
		r.fork = v.Get("CHANGE_FORK") != ""
	case isID(v.id("GIT_PREVIOUS_COMMIT")):
		r.event, r.before, r.forced = "build of a branch", v.id("GIT_PREVIOUS_COMMIT"), true
	default:
		r.event, r.scope = "first build of a branch", Everything
	}
	return r
}

// readCircle reads what circleci.com, "Built-in environment variables", lists.
func readCircle(v *variables) *run {
	r := &run{event: "build of a branch", scope: Changes, tips: []string{v.id("CIRCLE_SHA1")}, branch: v.Get("CIRCLE_BRANCH")}
	// CircleCI sets these for forks only.
	r.fork = v.Get("CIRCLE_PR_USERNAME") != "" || v.Get("CIRCLE_PR_REPONAME") != ""
	if first, _, ok := strings.Cut(v.Get("CIRCLE_RANGE"), ".."); ok {
		r.before, r.forced = v.check("CIRCLE_RANGE", first), true
	} else {
		r.scope, r.noRange = Everything, true
	}
	return r
}

// readAzure reads what learn.microsoft.com, "Predefined variables", lists. A
// build of a pull request runs on a merge that the service made.
func readAzure(v *variables) *run {
	r := &run{scope: Changes, tips: []string{v.id("BUILD_SOURCEVERSION")}}
	switch reason := v.Get("BUILD_REASON"); {
	case v.Get("SYSTEM_PULLREQUEST_TARGETBRANCH") != "":
		r.event, r.change = "pull request", true
		r.targetBranch = v.branch("SYSTEM_PULLREQUEST_TARGETBRANCH")
		r.merged = v.id("SYSTEM_PULLREQUEST_SOURCECOMMITID")
		r.fork = !strings.EqualFold(v.Get("SYSTEM_PULLREQUEST_ISFORK"), "false")
	case reason == "Schedule":
		r.event, r.scope = "schedule", Everything
	default:
		r.event, r.scope, r.noRange = "a build other than a pull request or schedule", Everything, true
	}
	return r
}

// readBitbucket reads what support.atlassian.com, "Variables and secrets",
// lists. Forks cannot run pipelines of the repository.
func readBitbucket(v *variables) *run {
	r := &run{scope: Changes, tips: []string{v.id("BITBUCKET_COMMIT")}}
	if v.Get("BITBUCKET_PR_DESTINATION_BRANCH") != "" {
		r.event, r.change = "pull request", true
		r.before = v.id("BITBUCKET_PR_DESTINATION_COMMIT")
		r.targetBranch = v.branch("BITBUCKET_PR_DESTINATION_BRANCH")
	} else {
		r.event, r.scope, r.noRange = "a pipeline other than a pull request", Everything, true
	}
	return r
}

// readDrone reads what docs.drone.io, "Variables", lists. The variables do not say
// which pull requests come from forks, so all of them may.
func readDrone(v *variables) *run {
	r := &run{scope: Changes, tips: []string{v.id("DRONE_COMMIT_SHA"), v.id("DRONE_COMMIT")}, branch: v.Get("DRONE_BRANCH")}
	switch event := v.Get("DRONE_BUILD_EVENT"); event {
	case "pull_request":
		r.event, r.change, r.fork = "pull request", true, true
		r.targetBranch = v.branch("DRONE_TARGET_BRANCH")
	case "push", "tag":
		r.event, r.before, r.forced = event, v.id("DRONE_COMMIT_BEFORE"), true
		r.defaultBranch = v.branch("DRONE_REPO_BRANCH")
	case "cron":
		r.event, r.scope, r.defaultBranch = "schedule", Everything, v.branch("DRONE_REPO_BRANCH")
	default:
		r.defaultBranch = v.branch("DRONE_REPO_BRANCH")
		r.event, r.scope, r.noRange = "a build other than a push, tag, pull request or schedule", Everything, true
	}
	return r
}

// readTravis reads what docs.travis-ci.com, "Environment Variables", lists. A
// build of a pull request runs on a merge that the service made.
func readTravis(v *variables) *run {
	r := &run{scope: Changes, tips: []string{v.id("TRAVIS_COMMIT")}}
	first, _, ok := strings.Cut(v.Get("TRAVIS_COMMIT_RANGE"), "..")
	switch event := v.Get("TRAVIS_EVENT_TYPE"); event {
	case "pull_request":
		r.event, r.change = "pull request", true
		r.merged = v.id("TRAVIS_PULL_REQUEST_SHA")
		r.targetBranch = v.branch("TRAVIS_BRANCH")
		r.fork = !sameProject(v.Get("TRAVIS_PULL_REQUEST_SLUG"), v.Get("TRAVIS_REPO_SLUG"))
	case "push":
		r.event, r.before, r.forced = "push", v.check("TRAVIS_COMMIT_RANGE", first), true
		if !ok {
			r.event, r.scope = "first push of a branch", Everything
		}
	case "cron":
		r.event, r.scope = "schedule", Everything
	default:
		r.event, r.scope, r.noRange = "a build other than a push, pull request or schedule", Everything, true
	}
	return r
}

var errDamaged = errors.New("damaged")
