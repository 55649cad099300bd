package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"keysweep/command"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The tests of this file play the runner of GitHub Actions: they read
// action.yml, run the scripts of its steps with the environment that the file
// and an event make, and read what the steps print as the runner does.

// actionStep is a step of action.yml.
type actionStep struct {
	id, uses, condition, run, continueOnError string
	env, with                                 map[string]string
}

// action is what action.yml says.
type action struct {
	inputs  map[string]string // to the default
	outputs map[string]string // to the expression
	steps   []actionStep
}

// readAction reads action.yml, whose YAML is plain: maps by indents of two, a
// list of steps, blocks of "|", strings with or without double quotes.
func readAction(t *testing.T) action {
	t.Helper()
	text, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	a := action{inputs: map[string]string{}, outputs: map[string]string{}}
	var path []string // of the line, by indent
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimLeft(lines[i], " ")
		if line == "" || line[0] == '#' {
			continue
		}
		depth := (len(lines[i]) - len(line)) / 2
		if rest, ok := strings.CutPrefix(line, "- "); ok {
			a.steps = append(a.steps, actionStep{env: map[string]string{}, with: map[string]string{}})
			line, depth = rest, depth+1
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("action.yml:%d: %q", i+1, line)
		}
		value = strings.TrimSpace(value)
		switch {
		case value == "|":
			var block []string
			for i+1 < len(lines) && (lines[i+1] == "" || strings.HasPrefix(lines[i+1], strings.Repeat("  ", depth+1))) {
				i++
				block = append(block, strings.TrimPrefix(lines[i], strings.Repeat("  ", depth+1)))
			}
			value = strings.Join(block, "\n") + "\n"
		case strings.HasPrefix(value, `"`):
			if err := json.Unmarshal([]byte(value), &value); err != nil {
				t.Fatalf("action.yml:%d: %v", i+1, err)
			}
		default:
			value, _, _ = strings.Cut(value, " #")
		}
		path = append(path[:min(depth, len(path))], name)
		switch path[0] {
		case "inputs":
			if len(path) == 3 && name == "default" {
				a.inputs[path[1]] = value
			}
		case "outputs":
			if len(path) == 3 && name == "value" {
				a.outputs[path[1]] = value
			}
		case "runs":
			if len(a.steps) == 0 || len(path) < 4 {
				continue
			}
			s := &a.steps[len(a.steps)-1]
			switch {
			case len(path) == 4:
				switch name {
				case "id":
					s.id = value
				case "if":
					s.condition = value
				case "uses":
					s.uses = value
				case "run":
					s.run = value
				case "continue-on-error":
					s.continueOnError = value
				}
			case path[3] == "env":
				s.env[name] = value
			case path[3] == "with":
				s.with[name] = value
			}
		}
	}
	return a
}

// step returns the step with an id, or the one whose script holds a word.
func (a action) step(t *testing.T, word string) actionStep {
	t.Helper()
	i := slices.IndexFunc(a.steps, func(s actionStep) bool { return s.id == word || strings.Contains(s.run, word) })
	if i < 0 {
		t.Fatalf("action.yml has no step %s", word)
	}
	return a.steps[i]
}

var expression = regexp.MustCompile(`\$\{\{ *([^}]*?) *\}\}`)

func TestNoInputStandsInAScript(t *testing.T) {
	a := readAction(t)
	used := map[string]bool{}
	for _, s := range a.steps {
		if strings.Contains(s.run, "${{") {
			t.Errorf("a script holds an expression:\n%s", s.run)
		}
		for _, v := range s.env {
			for _, m := range expression.FindAllStringSubmatch(v, -1) {
				used[m[1]] = true
			}
		}
		if s.uses != "" && !regexp.MustCompile(`^[\w-]+/[\w/-]+@[0-9a-f]{40}$`).MatchString(s.uses) {
			t.Errorf("%s is not pinned", s.uses)
		}
	}
	for name := range a.inputs {
		if name != "upload-sarif" && !used["inputs."+name] {
			t.Errorf("the input %s has no effect", name)
		}
	}
}

// runner is a machine that runs the action.
type runner struct {
	t      *testing.T
	action action
	temp   string
	source string // github.action_path
}

// newRunner builds keysweep as the action does.
func newRunner(t *testing.T) *runner {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are for bash")
	}
	source, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{t: t, action: readAction(t), temp: t.TempDir(), source: source}
	got := r.run(r.action.step(t, "go build"), t.TempDir(), nil, nil)
	if got.status != 0 {
		t.Fatalf("building: status %d\n%s", got.status, got.printed)
	}
	return r
}

// stepResult is what a step did.
type stepResult struct {
	status  int
	printed string // both streams
	outputs map[string]string
	summary string
	// commands are the workflow commands that the runner obeys, as "name
	// properties::message".
	commands []string
}

// run runs the script of a step in a folder.
func (r *runner) run(s actionStep, folder string, inputs, env map[string]string) stepResult {
	r.t.Helper()
	files := r.t.TempDir()
	output, summary := filepath.Join(files, "output"), filepath.Join(files, "summary")
	script := filepath.Join(files, "script.sh")
	for name, text := range map[string]string{output: "", summary: "", script: s.run} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script)
	cmd.Dir = folder
	cmd.Env = append(cleanEnvironment(), "CI=true", "GITHUB_ACTIONS=true", "RUNNER_TEMP="+r.temp,
		"GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+summary, "GITHUB_WORKSPACE="+folder,
		"GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=acme/shop")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+expression.ReplaceAllStringFunc(value, func(e string) string {
			e = expression.FindStringSubmatch(e)[1]
			input, isInput := strings.CutPrefix(e, "inputs.")
			fallback, known := r.action.inputs[input]
			switch {
			case e == "github.action_path":
				return r.source
			case !isInput || !known:
				r.t.Fatalf("action.yml: ${{ %s }} is not played here", e)
			case inputs[input] != "":
				return inputs[input]
			}
			return fallback
		}))
	}
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	got := stepResult{status: exitCode(exit), printed: printed.String(), outputs: map[string]string{}}
	text, err := os.ReadFile(output)
	if err != nil {
		r.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines) && lines[i] != ""; i++ {
		name, end, ok := strings.Cut(lines[i], "<<")
		if !ok {
			name, value, _ := strings.Cut(lines[i], "=")
			got.outputs[name] = value
			continue
		}
		var value []string
		for i++; lines[i] != end; i++ {
			value = append(value, lines[i])
		}
		got.outputs[name] = strings.Join(value, "\n")
	}
	if text, err = os.ReadFile(summary); err != nil {
		r.t.Fatal(err)
	}
	got.summary = string(text)
	got.commands = obeyed(got.printed)
	return got
}

// obeyed returns the commands that the runner obeys: none between
// stop-commands and the end that it names.
func obeyed(printed string) (list []string) {
	stopped := ""
	for _, line := range strings.Split(printed, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case stopped != "":
			if line == "::"+stopped+"::" {
				stopped = ""
			}
		case strings.HasPrefix(line, "::stop-commands::"):
			stopped = strings.TrimPrefix(line, "::stop-commands::")
		case strings.HasPrefix(line, "::") && strings.Contains(line[2:], "::"):
			list = append(list, line[2:])
		case strings.Contains(line, "##["):
			list = append(list, line)
		}
	}
	if stopped != "" {
		list = append(list, "never started again after stop-commands")
	}
	return list
}

// cleanEnvironment is that of the test without what another CI set in it.
func cleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		for _, start := range []string{"CI", "GITHUB_", "GITLAB_", "CHANGE_", "CIRCLE", "BITBUCKET_", "DRONE", "TRAVIS", "JENKINS_", "TF_BUILD", "BUILD_", "SYSTEM_", "KEYSWEEP_", "BUILDKITE", "CODEBUILD_", "TEAMCITY_", "SEMAPHORE", "APPVEYOR", "GITEA_", "FORGEJO_"} {
			if strings.HasPrefix(name, start) {
				return true
			}
		}
		return false
	})
}

// shop is a repository on a server with a history of a base, a pull request and
// a later commit of main. Its keys have names.
type shop struct {
	t      *testing.T
	server string
	keys   map[string]string
	ids    map[string]string // of commits, by name
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, server: filepath.Join(t.TempDir(), "server"), keys: map[string]string{}, ids: map[string]string{}}
	if err := os.Mkdir(s.server, 0o755); err != nil {
		t.Fatal(err)
	}
	s.git("init", "-q", "-b", "main")
	s.git("config", "uploadpack.allowAnySHA1InWant", "true")
	s.write("old.env", "KEY="+s.key("old")+"\n")
	s.commit("base")
	s.git("checkout", "-q", "-b", "feature")
	s.write("pay, now (1):%/:x.env", "# payments\nKEY="+s.key("removed")+"\n")
	s.commit("added")
	s.git("rm", "-q", "-r", "pay, now (1):%")
	s.write("kept.txt", "kept\n")
	s.commit("head")
	s.git("checkout", "-q", "main")
	s.write("main.env", "KEY="+s.key("main")+"\n")
	s.commit("later")
	s.git("checkout", "-q", "--detach")
	s.git("merge", "-q", "--no-ff", "-m", "Merge", "feature")
	s.ids["merge"] = s.git("rev-parse", "HEAD")
	s.git("update-ref", "refs/pull/1/merge", "HEAD")
	s.git("checkout", "-q", "main")
	s.git("tag", "-a", "-m", "KEY="+s.key("in tag"), "v2", "feature")
	s.ids["tag"] = s.git("rev-parse", "v2^{tag}")
	return s
}

func (s *shop) key(name string) string {
	if s.keys[name] == "" {
		s.keys[name] = testKey("sk_live_", "shop "+name, 40)
	}
	return s.keys[name]
}

func (s *shop) gitIn(dir string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = cleanEnvironment()
	for name, value := range gitEnvironment(s.t.TempDir()) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *shop) git(args ...string) string { s.t.Helper(); return s.gitIn(s.server, args...) }

func (s *shop) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.server, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) commit(name string) {
	s.t.Helper()
	s.git("add", "-A")
	s.git("commit", "-q", "-m", name)
	s.ids[name] = s.git("rev-parse", "HEAD")
}

// checkout does what actions/checkout does: with a depth of 0, all branches and
// tags; else so many commits of what the run is about.
func (s *shop) checkout(commit string, depth int) string {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.gitIn(dir, "init", "-q")
	s.gitIn(dir, "remote", "add", "origin", "file://"+s.server)
	if depth == 0 {
		s.gitIn(dir, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", "+refs/pull/*:refs/remotes/pull/*")
	} else {
		s.gitIn(dir, "fetch", "-q", "--no-tags", fmt.Sprintf("--depth=%d", depth), "origin", "+"+s.ids[commit]+":refs/remotes/run")
	}
	s.gitIn(dir, "checkout", "-q", "--detach", s.ids[commit])
	return dir
}

// event writes the file of an event and returns the environment of its run.
func (s *shop) event(name, sha string, payload map[string]any) map[string]string {
	s.t.Helper()
	payload["repository"] = map[string]any{"default_branch": "main", "full_name": "acme/shop"}
	text, err := json.Marshal(payload)
	path := filepath.Join(s.t.TempDir(), "event.json")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return map[string]string{"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": path, "GITHUB_SHA": s.ids[sha], "GITHUB_REF": "refs/heads/main"}
}

func (s *shop) pullRequest(fork bool) map[string]string {
	head := "acme/shop"
	if fork {
		head = "mallory/shop"
	}
	return s.event("pull_request", "merge", map[string]any{"pull_request": map[string]any{
		"base": map[string]any{"sha": s.ids["base"], "ref": "main", "repo": map[string]any{"full_name": "acme/shop"}},
		"head": map[string]any{"sha": s.ids["head"], "ref": "feature", "repo": map[string]any{"full_name": head}},
	}})
}

func (s *shop) push(ref, before, after string, more map[string]any) map[string]string {
	id := func(name string) string {
		if name == "" {
			return strings.Repeat("0", 40)
		}
		if s.ids[name] == "" {
			return strings.Repeat("1", 40) // gone
		}
		return s.ids[name]
	}
	payload := map[string]any{"ref": ref, "before": id(before), "after": id(after), "commits": []any{}}
	for name, value := range more {
		payload[name] = value
	}
	return s.event("push", after, payload)
}

// found returns the names of the keys that a report in JSON lists.
func (s *shop) found(path string) (names []string) {
	s.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	var doc struct {
		Findings []struct {
			SHA string `json:"secret_sha256"`
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		s.t.Fatal(err)
	}
	for _, f := range doc.Findings {
		for name, key := range s.keys {
			if sha256Hex(key) == f.SHA {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestTheActionOnARunner(t *testing.T) {
	if testing.Short() {
		return // the keysweep that runs here is built without the race detector
	}
	r := newRunner(t)
	for name, test := range map[string]func(*testing.T, *runner){
		"scans what each event is about": theActionScansWhatEachEventIsAbout,
		"says where a key is":            theActionSaysWhereAKeyIs,
		"refuses pull_request_target":    theActionRefusesPullRequestTarget,
		"hears nothing that a file says": noFileSpeaksToTheRunner,
		"does not run its inputs":        theInputsOfTheActionAreNotRun,
		"lets no change silence itself":  noChangeSilencesItself,
		"does not believe a fork":        aForkIsJudgedByTheDefaultBranch,
		"scans the repository of a path": theActionScansTheRepositoryOfAPath,
		"runs nothing of a repository":   nothingOfARepositoryRuns,
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			test(t, r)
		})
	}
}

func theActionScansWhatEachEventIsAbout(t *testing.T, r *runner) {
	s := newShop(t)
	scan := r.action.step(t, "scan")
	fork := s.pullRequest(true)
	s.git("checkout", "-q", "-b", "updated", "feature")
	s.git("merge", "-q", "--no-ff", "-m", "Merge main", "main")
	s.ids["updated"] = s.git("rev-parse", "HEAD")
	s.git("checkout", "-q", "main")
	updated := s.event("pull_request", "merge", map[string]any{"pull_request": map[string]any{
		"base": map[string]any{"sha": s.ids["base"], "ref": "main", "repo": map[string]any{"full_name": "acme/shop"}},
		"head": map[string]any{"sha": s.ids["updated"], "ref": "updated", "repo": map[string]any{"full_name": "acme/shop"}},
	}})
	updated["GITHUB_SHA"] = s.ids["updated"]
	for _, test := range []struct {
		name   string
		commit string // that is checked out
		depth  int
		env    map[string]string
		inputs map[string]string
		status int
		found  string
		want   map[string]string // outputs
		says   string            // in the summary
	}{
		{name: "a pull request: what a later commit removed, and nothing of main", commit: "merge", env: s.pullRequest(false),
			status: 1, found: "removed", want: map[string]string{"findings": "1", "complete": "true", "upload": "true", "read-only": "false", "active": "0"}},
		{name: "a pull request whose head is checked out", commit: "head", env: s.pullRequest(false),
			status: 1, found: "removed", want: map[string]string{"findings": "1", "complete": "true"}},
		{name: "a pull request that merged main, its head is checked out", commit: "updated", env: updated,
			status: 1, found: "removed", want: map[string]string{"findings": "1", "complete": "true"}, says: "that main lacks"},
		{name: "a push to a branch that merged main", commit: "updated", env: s.push("refs/heads/updated", "head", "updated", nil),
			status: 0, want: map[string]string{"findings": "0", "complete": "true"}, says: "that main lacks"},
		{name: "a pull request of a fork asks no issuer", commit: "merge", env: fork, inputs: map[string]string{"verify": "true", "fail-on": "active"},
			status: 1, found: "removed", want: map[string]string{"active": "0", "upload": "true", "read-only": "true"}, says: "no key was sent to its issuer"},
		{name: "a pull request, depth 1", commit: "merge", depth: 1, env: s.pullRequest(false),
			status: 1, found: "main old", want: map[string]string{"complete": "false", "findings": "2"}, says: "fetch-depth: 0"},
		{name: "a pull request, depth 2: the merge's parents are there", commit: "merge", depth: 2, env: s.pullRequest(false),
			status: 1, found: "old", want: map[string]string{"complete": "false"}, says: "fetch-depth: 0"},
		{name: "a push", commit: "later", env: s.push("refs/heads/main", "base", "later", nil),
			status: 1, found: "main", want: map[string]string{"findings": "1", "complete": "true", "upload": "false"}},
		{name: "a push of a new branch", commit: "head", env: s.push("refs/heads/feature", "", "head", map[string]any{"created": true}),
			status: 1, found: "removed", want: map[string]string{"findings": "1", "upload": "false"}},
		{name: "a push of a branch that brings nothing", commit: "base", env: s.push("refs/heads/other", "", "base", map[string]any{"created": true}),
			status: 0, want: map[string]string{"findings": "0", "complete": "true"}},
		{name: "a push of a new branch, depth 1", commit: "head", depth: 1, env: s.push("refs/heads/feature", "", "head", map[string]any{"created": true}),
			status: 1, found: "old", want: map[string]string{"complete": "false"}, says: "fetch-depth: 0"},
		{name: "a forced push, what was there is gone", commit: "head", env: s.push("refs/heads/feature", "gone", "head", map[string]any{"forced": true}),
			status: 1, found: "removed", want: map[string]string{"complete": "true"}, says: "is gone"},
		{name: "a deletion", commit: "later", env: s.push("refs/heads/feature", "head", "", map[string]any{"deleted": true}),
			status: 0, want: map[string]string{"findings": "0", "complete": "true", "json": "", "sarif": "", "upload": "false"}},
		{name: "a merge group", commit: "merge", env: s.event("merge_group", "merge", map[string]any{"merge_group": map[string]any{"base_sha": s.ids["later"], "head_sha": s.ids["merge"]}}),
			status: 1, found: "removed", want: map[string]string{"findings": "1", "complete": "true", "upload": "false"}},
		{name: "a review of a pull request", commit: "merge", env: s.review(),
			status: 1, found: "removed", want: map[string]string{"findings": "1", "complete": "true"}},
		{name: "a push of a tag", commit: "head", env: s.push("refs/tags/v1", "", "head", map[string]any{"created": true}),
			status: 1, found: "removed", want: map[string]string{"findings": "1", "complete": "true", "upload": "false"}},
		{name: "a push of an annotated tag", commit: "head", env: s.push("refs/tags/v2", "", "tag", map[string]any{"created": true}),
			status: 1, found: "in tag removed", want: map[string]string{"findings": "2", "complete": "true"}},
		{name: "a forced push, what was there is here", commit: "later", env: s.push("refs/heads/main", "head", "later", map[string]any{"forced": true}),
			status: 1, found: "main", want: map[string]string{"findings": "1", "complete": "true"}},
		{name: "a deletion of a tag", commit: "later", env: s.push("refs/tags/v1", "head", "", map[string]any{"deleted": true}),
			status: 0, want: map[string]string{"findings": "0", "complete": "true", "json": ""}},
		{name: "an unknown event", commit: "later", env: s.event("page_built", "later", map[string]any{}),
			status: 1, found: "everything", says: "does not say which commits are new"},
		{name: "an unknown event, nothing fails", commit: "later", env: s.event("check_run", "later", map[string]any{}), inputs: map[string]string{"fail-on": "none"},
			status: 0, found: "everything"},
		{name: "a schedule: all there is", commit: "later", env: s.event("schedule", "later", map[string]any{}),
			status: 1, found: "everything", want: map[string]string{"findings": "4", "upload": "true"}},
		{name: "by hand: all there is", commit: "later", env: s.event("workflow_dispatch", "later", map[string]any{}),
			status: 1, found: "everything", want: map[string]string{"findings": "4"}},
		{name: "a release: all there is", commit: "later", env: s.event("release", "later", map[string]any{}),
			status: 1, found: "everything", says: "does not say which commits are new"},
		{name: "a schedule, depth 1", commit: "later", depth: 1, env: s.event("schedule", "later", map[string]any{}),
			status: 1, found: "main old", want: map[string]string{"complete": "false", "upload": "false"}, says: "fetch-depth: 0"},
		{name: "a schedule, depth 1, and that is allowed", commit: "later", depth: 1, env: s.event("schedule", "later", map[string]any{}), inputs: map[string]string{"allow-incomplete": "true"},
			status: 1, found: "main old", want: map[string]string{"complete": "false", "upload": "true"}, says: "fetch-depth: 0"},
		{name: "nothing fails", commit: "merge", env: s.pullRequest(false), inputs: map[string]string{"fail-on": "none"},
			status: 0, found: "removed", want: map[string]string{"findings": "1"}},
		{name: "incomplete, nothing fails", commit: "merge", depth: 1, env: s.pullRequest(false), inputs: map[string]string{"fail-on": "none"},
			status: 3, found: "main old", want: map[string]string{"complete": "false"}},
		{name: "incomplete, and that is allowed", commit: "merge", depth: 1, env: s.pullRequest(false), inputs: map[string]string{"fail-on": "none", "allow-incomplete": "true"},
			status: 0, found: "main old", want: map[string]string{"complete": "false"}, says: "fetch-depth: 0"},
		{name: "further options, one a line", commit: "merge", env: s.pullRequest(false), inputs: map[string]string{"args": "--exclude=pay, now (1):%/**\n\n--quiet"},
			status: 0, found: ""},
	} {
		if test.found == "everything" {
			test.found = "in tag main old removed"
		}
		t.Run(test.name, func(t *testing.T) {
			s.t, r.t = t, t
			got := r.run(scan, s.checkout(test.commit, test.depth), test.inputs, test.env)
			if got.status != test.status {
				t.Errorf("status %d, want %d", got.status, test.status)
			}
			for name, want := range test.want {
				if got.outputs[name] != want {
					t.Errorf("the output %s is %q, want %q", name, got.outputs[name], want)
				}
			}
			if got.outputs["json"] != "" {
				if found := strings.Join(s.found(got.outputs["json"]), " "); found != test.found {
					t.Errorf("found %q, want %q", found, test.found)
				}
			}
			if !strings.Contains(got.summary, test.says) {
				t.Errorf("the summary does not say %q", test.says)
			}
			list := strings.Fields(strings.ReplaceAll(test.found, "in tag", "tag"))
			errorLines := slices.DeleteFunc(slices.Clone(got.commands), func(c string) bool { return !strings.HasPrefix(c, "error ") })
			if len(errorLines) != len(list) {
				t.Errorf("%d annotations, want %d", len(errorLines), len(list))
			}
			warned := slices.ContainsFunc(got.commands, func(c string) bool { return strings.HasPrefix(c, "warning ") && strings.Contains(c, "incomplete") })
			if warned != (got.outputs["complete"] == "false") {
				t.Errorf("a warning: %v", warned)
			}
			for _, c := range got.commands {
				if !strings.HasPrefix(c, "error ") && !strings.HasPrefix(c, "warning ") {
					t.Errorf("a command that is none of ours: %q", c)
				}
			}
			s.noKey(t, got)
			if t.Failed() {
				t.Logf("printed:\n%s\nsummary:\n%s", got.printed, got.summary)
			}
		})
	}
}

// noKey looks for the keys in all that a step leaves behind.
func (s *shop) noKey(t *testing.T, got stepResult) {
	t.Helper()
	all := map[string]string{"the log": got.printed, "the summary": got.summary}
	for name, value := range got.outputs {
		all["the output "+name] = value
		if filepath.IsAbs(value) {
			text, err := os.ReadFile(value)
			if err != nil {
				t.Error(err)
			}
			all["the report "+name] = string(text)
		}
	}
	for where, text := range all {
		for name, key := range s.keys {
			if strings.Contains(text, key[len("sk_live_"):]) {
				t.Errorf("%s holds the key %s", where, name)
			}
		}
	}
}

func theActionSaysWhereAKeyIs(t *testing.T, r *runner) {
	s := newShop(t)
	got := r.run(r.action.step(t, "scan"), s.checkout("merge", 0), nil, s.pullRequest(false))
	if len(got.commands) != 1 || !strings.HasPrefix(got.commands[0], "error file=pay%2C now (1)%3A%25/%3Ax.env,title=Leaked key%3A ") {
		t.Errorf("annotations: %q", got.commands)
	}
	link := "](https://github.com/acme/shop/blob/" + s.ids["added"] + "/pay,%20now%20%281%29%3A%25/:x.env#L2)"
	if !strings.Contains(got.summary, link) {
		t.Errorf("the summary has no %s:\n%s", link, got.summary)
	}
	below := s.checkout("merge", 0)
	if err := os.Mkdir(filepath.Join(below, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := r.run(r.action.step(t, "scan"), below, map[string]string{"path": "sub"}, s.pullRequest(false)); !strings.Contains(got.summary, link) || len(got.commands) != 1 || !strings.HasPrefix(got.commands[0], "error file=pay") {
		t.Errorf("a folder of the repository: %q, and the summary:\n%s", got.commands, got.summary)
	}
	sarif, err := os.ReadFile(got.outputs["sarif"])
	if err != nil || !strings.Contains(string(sarif), `"id": "keysweep/range/"`) {
		t.Errorf("the category: %v", err)
	}
	got = r.run(r.action.step(t, "scan"), s.checkout("later", 0), nil, s.event("schedule", "later", map[string]any{}))
	sarif, err = os.ReadFile(got.outputs["sarif"])
	if err != nil || !strings.Contains(string(sarif), `"id": "keysweep/tree+history/"`) {
		t.Errorf("the category: %v", err)
	}
}

// The path names the repository, wherever it is and wherever the runner is.
func theActionScansTheRepositoryOfAPath(t *testing.T, r *runner) {
	s := newShop(t)
	s.write(".keysweep.toml", "[[allow]]\nfingerprint = \""+sha256Hex(s.key("main"))+"\"\nreason = \"revoked\"\n[[allow]]\npath = \"made up/**\"\nreason = \"made up\"\n")
	s.write("sub/below.env", "KEY="+s.key("below")+"\n")
	s.commit("later")
	workspace := t.TempDir()
	dir := filepath.Join(workspace, "my shop")
	if err := os.Rename(s.checkout("later", 0), dir); err != nil {
		t.Fatal(err)
	}
	scan := r.action.step(t, "scan")
	schedule := s.event("schedule", "later", map[string]any{})
	for _, test := range []struct {
		folder, path string
		env          map[string]string
		found        string
		counts       string // findings
		annotation   string // one of them
	}{
		{dir, ".", schedule, "below in tag main old removed", "4", "error file=sub/below.env,line=1,"},
		{dir, "sub", schedule, "below in tag main old removed", "4", "error file=sub/below.env,line=1,"},
		{workspace, "my shop", schedule, "below in tag main old removed", "4", "error file=sub/below.env,line=1,"},
		{workspace, "my shop/sub", schedule, "below in tag main old removed", "4", "error file=sub/below.env,line=1,"},
		{workspace, dir, schedule, "below in tag main old removed", "4", "error file=old.env,line=1,"},
		{workspace, "my shop", s.push("refs/heads/main", "base", "later", nil), "below main", "2", "error file=sub/below.env,line=1,"},
		{workspace, "my shop/sub", s.push("refs/heads/main", "base", "later", nil), "below main", "2", "error file=main.env,line=1,"},
	} {
		got := r.run(scan, test.folder, map[string]string{"path": test.path}, test.env)
		if found := strings.Join(s.found(got.outputs["json"]), " "); got.status != command.StatusFound || found != test.found || got.outputs["findings"] != test.counts {
			t.Errorf("%s in %s: status %d, found %q, %s count\n%s", test.path, test.folder, got.status, found, got.outputs["findings"], got.printed)
		}
		if !slices.ContainsFunc(got.commands, func(c string) bool { return strings.HasPrefix(c, test.annotation) }) {
			t.Errorf("%s in %s: annotations %q", test.path, test.folder, got.commands)
		}
	}
	for _, path := range []string{"no where", "my shop/../../..//no where", "-"} {
		got := r.run(scan, workspace, map[string]string{"path": path}, schedule)
		if got.status != command.StatusUse || len(got.outputs) > 0 && got.outputs["json"] != "" || len(got.commands) != 1 || !strings.HasPrefix(got.commands[0], "error title=keysweep::") {
			t.Errorf("%s: status %d, outputs %q, %q\n%s", path, got.status, got.outputs, got.commands, got.printed)
		}
	}
	// From outside, those of the branch that a change is to go into count, too.
	s.ids["base"] = s.ids["later"]
	s.git("checkout", "-q", "-b", "tests")
	s.write("made up/new.env", "KEY="+s.key("new")+"\n")
	s.git("rm", "-q", ".keysweep.toml")
	s.commit("head")
	s.ids["merge"] = s.ids["head"]
	s.gitIn(dir, "fetch", "-q", "origin", "tests")
	if got := r.run(scan, workspace, map[string]string{"path": "my shop"}, s.pullRequest(false)); got.status != 0 || got.outputs["findings"] != "0" || !slices.Equal(s.found(got.outputs["json"]), []string{"new"}) {
		t.Errorf("a change, seen from outside: status %d, %s findings\n%s", got.status, got.outputs["findings"], got.printed)
	}
	// What is not the run's is judged by the default branch.
	other := s.event("schedule", "added", map[string]any{})
	if got := r.run(scan, workspace, map[string]string{"path": "my shop"}, other); got.outputs["findings"] != "4" || !strings.Contains(got.summary, "Whose commit is checked out is not known") {
		t.Errorf("another commit: %s findings\n%s", got.outputs["findings"], got.summary)
	}
}

// What a checkout holds decides nothing, nor do the variables by which a job
// would point to it.
func nothingOfARepositoryRuns(t *testing.T, r *runner) {
	s := newShop(t)
	owned := filepath.Join(t.TempDir(), "owned")
	tool := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\ntouch '"+owned+"'\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.git("checkout", "-q", "feature")
	for name, text := range map[string]string{
		"go.mod": "module keysweep\n", "go.work": "go 1.26\nuse .\nreplace github.com/urfave/cli/v2 => ./cli\n", "vendor/modules.txt": "# broken\n",
		"main.go": "package main\nfunc main() { broken }\n", ".gitattributes": "* diff=own filter=own\n", ".envrc": "touch '" + owned + "'\n", "go": "#!/bin/sh\ntouch '" + owned + "'\n",
	} {
		s.write(name, text)
	}
	s.commit("head")
	s.ids["merge"] = s.ids["head"]
	dir := s.checkout("head", 0)
	for _, option := range []string{"core.fsmonitor", "core.sshCommand", "core.pager", "diff.external", "diff.own.textconv", "filter.own.clean", "filter.own.smudge", "remote.origin.uploadpack", "core.alternateRefsCommand", "gpg.program"} {
		s.gitIn(dir, "config", option, tool)
	}
	env := s.pullRequest(false)
	for name, value := range map[string]string{"GOFLAGS": "-toolexec=" + tool, "GOWORK": filepath.Join(dir, "go.work"), "GOOS": "plan9", "GOARCH": "mips", "GOENV": filepath.Join(dir, ".envrc"), "CGO_ENABLED": "1"} {
		env[name] = value
	}
	if got := r.run(r.action.step(t, "go build"), dir, nil, env); got.status != 0 {
		t.Errorf("building: status %d\n%s", got.status, got.printed)
	}
	if got := r.run(r.action.step(t, "scan"), dir, nil, env); got.status != command.StatusFound || strings.Join(s.found(got.outputs["json"]), " ") != "removed" {
		t.Errorf("scanning: status %d\n%s", got.status, got.printed)
	}
	if _, err := os.Lstat(owned); err == nil {
		t.Error("something of the repository was run")
	}
}

// A folder plays the release that action.sums names.
func TestTheActionTakesOnlyTheReleaseOfItsSource(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts are for bash")
	}
	const archive = "keysweep_1.2.3_linux_amd64.tar.gz"
	script, err := os.ReadFile(filepath.Join(".ci", "source-sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(source, release string) // of what is there
		arch   string
		status int
		taken  bool
		says   string
	}{
		"a release of this source": {taken: true},
		"documents that changed since": {taken: true, change: func(source, _ string) {
			put(t, filepath.Join(source, "docs", "ci.md"), "Changed.\n")
		}},
		"a checkout with carriage returns": {taken: true, change: func(source, _ string) {
			sums, _ := os.ReadFile(filepath.Join(source, "action.sums"))
			put(t, filepath.Join(source, "action.sums"), strings.ReplaceAll(string(sums), "\n", "\r\n"))
		}},
		"no release": {change: func(source, _ string) { os.Remove(filepath.Join(source, "action.sums")) }},
		"source that changed since": {says: "has changed", change: func(source, _ string) {
			put(t, filepath.Join(source, "main.go"), "package main // changed\n")
		}},
		"source that was added since": {says: "has changed", change: func(source, _ string) {
			put(t, filepath.Join(source, "more.go"), "package main\n")
		}},
		"a line that went to the file before": {says: "has changed", change: func(source, _ string) {
			put(t, filepath.Join(source, "go.mod"), "module shop\npackage main\n")
			put(t, filepath.Join(source, "main.go"), "")
		}},
		"another machine":        {says: "no program for this runner", arch: "ARM"},
		"nothing at the address": {says: "cannot be downloaded", change: func(_, release string) { os.Remove(filepath.Join(release, archive)) }},
		"another file at the address": {says: "is not the one of the release", status: command.StatusUse, change: func(_, release string) {
			put(t, filepath.Join(release, archive), "mallory\n")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			source, release := t.TempDir(), t.TempDir()
			put(t, filepath.Join(source, "main.go"), "package main\n")
			put(t, filepath.Join(source, "go.mod"), "module shop\n")
			put(t, filepath.Join(source, "docs", "ci.md"), "How.\n")
			put(t, filepath.Join(source, ".ci", "source-sum"), string(script))
			stem := strings.TrimSuffix(archive, ".tar.gz")
			put(t, filepath.Join(release, stem, "keysweep"), "the program\n")
			if out, err := exec.Command("tar", "-C", release, "-czf", filepath.Join(release, archive), stem).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			sum, err := exec.Command("sh", filepath.Join(".ci", "source-sum"), source).Output()
			if err != nil {
				t.Fatal(err)
			}
			packed, err := os.ReadFile(filepath.Join(release, archive))
			if err != nil {
				t.Fatal(err)
			}
			put(t, filepath.Join(source, "action.sums"), "# The release.\nbase file://"+release+"\nsource "+string(sum)+
				strings.Repeat("0", 64)+"  keysweep_1.2.3_darwin_amd64.tar.gz\n"+sha256Hex(string(packed))+"  "+archive+"\n")
			if test.change != nil {
				test.change(source, release)
			}
			r := &runner{t: t, action: readAction(t), temp: t.TempDir(), source: source}
			got := r.run(r.action.step(t, "release"), t.TempDir(), nil, map[string]string{"RUNNER_OS": "Linux", "RUNNER_ARCH": cmp.Or(test.arch, "X64")})
			if got.status != test.status || (got.outputs["done"] == "true") != test.taken || !strings.Contains(got.printed, test.says) {
				t.Errorf("status %d, outputs %q, printed %q", got.status, got.outputs, got.printed)
			}
			program, err := os.ReadFile(filepath.Join(r.temp, "keysweep-bin", "keysweep"))
			if test.taken != (err == nil && string(program) == "the program\n") {
				t.Errorf("the program: %q, %v", program, err)
			}
		})
	}
	for _, id := range []string{"command -v go", "go build"} {
		if s := readAction(t).step(t, id); s.condition != "${{ steps.release.outputs.done != 'true' }}" {
			t.Errorf("%s runs if %s", id, s.condition)
		}
	}
}

func theActionRefusesPullRequestTarget(t *testing.T, r *runner) {
	s := newShop(t)
	env := s.pullRequest(false)
	env["GITHUB_EVENT_NAME"] = "pull_request_target"
	got := r.run(r.action.step(t, "scan"), s.checkout("later", 0), nil, env)
	if got.status != command.StatusUse || !strings.Contains(got.printed, "use the event pull_request") || len(got.outputs) > 0 {
		t.Errorf("status %d, outputs %q\n%s", got.status, got.outputs, got.printed)
	}
	if len(got.commands) != 1 || !strings.HasPrefix(got.commands[0], "error title=keysweep::") {
		t.Errorf("annotations: %q", got.commands)
	}
}

// What a pull request may hold to speak to the runner is quoted or not printed.
func noFileSpeaksToTheRunner(t *testing.T, r *runner) {
	s := newShop(t)
	s.git("checkout", "-q", "feature")
	for i, name := range []string{"x\n::stop-commands::t\n", "::add-mask::a", "##[add-path]x", "a,line=7::b", "%0A::error::c", "\x1b[2J", "\r::error::d", "b\nfindings=0"} {
		s.write(name, "KEY="+s.key(fmt.Sprint("hostile", i))+" ::error::in the line ##[error]x\n")
	}
	s.write("named/"+s.key("name"), "\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "::error::message\n\n##[error]x\n::stop-commands::KEY="+s.key("message"))
	s.ids["head"] = s.git("rev-parse", "HEAD")
	s.git("checkout", "-q", "main")
	s.git("checkout", "-q", "--detach")
	s.git("merge", "-q", "--no-ff", "-m", "Merge", "feature")
	s.ids["merge"] = s.git("rev-parse", "HEAD")
	s.git("update-ref", "refs/pull/1/merge", "HEAD")
	// git makes no such refs, but they can be written into a .git folder by hand.
	dir := s.checkout("merge", 0)
	for _, name := range []string{"::error::a" + s.key("ref"), "##[error]b" + s.key("ref"), "c\n::add-mask::" + s.key("ref")} {
		if err := os.WriteFile(filepath.Join(dir, ".git", "refs", "remotes", strings.ReplaceAll(name, "/", "")), []byte(s.ids["merge"]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := r.run(r.action.step(t, "scan"), dir, map[string]string{"args": "--verbose", "fail-on": "none"}, s.event("schedule", "merge", map[string]any{}))
	if !slices.Contains(s.found(got.outputs["json"]), "ref") || !strings.Contains(got.outputs["findings"], "1") {
		t.Errorf("%q, %s findings", s.found(got.outputs["json"]), got.outputs["findings"])
	}
	for _, c := range got.commands {
		if !strings.HasPrefix(c, "error file=") && !strings.HasPrefix(c, "error title=Leaked") && !strings.HasPrefix(c, "warning title=keysweep::") {
			t.Errorf("a command that is none of ours: %q", c)
		}
	}
	s.noKey(t, got)
	for _, args := range []string{"", "--verbose\n--show-rejected"} {
		env := s.event("pull_request", "merge", map[string]any{"pull_request": map[string]any{
			"base":  map[string]any{"sha": s.ids["base"], "ref": "main\n::error::base", "repo": map[string]any{"full_name": "acme/shop"}},
			"head":  map[string]any{"sha": s.ids["head"], "ref": "x\n::stop-commands::head", "repo": map[string]any{"full_name": "acme/shop"}},
			"title": "::error::title",
		}})
		env["GITHUB_HEAD_REF"], env["GITHUB_BASE_REF"] = "x\n::stop-commands::head", "main\n::error::base"
		got := r.run(r.action.step(t, "scan"), s.checkout("merge", 0), map[string]string{"args": args}, env)
		if got.status != 1 || got.outputs["findings"] != "11" {
			t.Errorf("status %d, %s findings", got.status, got.outputs["findings"])
		}
		want := 10 + 1 // and the line on the rest
		if len(got.commands) != want {
			t.Errorf("%d commands, want %d", len(got.commands), want)
		}
		for _, c := range got.commands {
			if !strings.HasPrefix(c, "error file=") && !strings.HasPrefix(c, "error title=Leaked") && !strings.HasPrefix(c, "warning title=keysweep::1 more key") {
				t.Errorf("a command that is none of ours: %q", c)
			}
		}
		for _, line := range strings.FieldsFunc(got.printed, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if line = strings.TrimSpace(line); strings.Contains(line, "##[") || strings.HasPrefix(line, "::add-mask") || strings.HasPrefix(line, "::error::") {
				t.Errorf("a line that a runner could take for a command: %q", line)
			}
		}
		s.noKey(t, got)
		if t.Failed() {
			t.Log(got.printed)
		}
	}
}

func theInputsOfTheActionAreNotRun(t *testing.T, r *runner) {
	s := newShop(t)
	dir := s.checkout("merge", 0)
	for _, input := range []string{"path", "min-confidence", "fail-on", "verify", "config", "baseline", "allow-incomplete", "args"} {
		for _, value := range []string{"$(touch owned)", "`touch owned`", "; touch owned", "\"; touch owned; \"", "'; touch owned; '", "--help\n$(touch owned)"} {
			got := r.run(r.action.step(t, "scan"), dir, map[string]string{input: value}, s.pullRequest(false))
			if _, err := os.Lstat(filepath.Join(dir, "owned")); err == nil {
				t.Fatalf("the input %s %q was run", input, value)
			}
			if got.status != command.StatusUse && (input != "args" || !strings.HasPrefix(value, "--help")) {
				t.Errorf("the input %s %q: status %d\n%s", input, value, got.status, got.printed)
			}
		}
	}
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
