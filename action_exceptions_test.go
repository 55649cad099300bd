package main

import (
	"encoding/json"
	"fmt"
	"keysweep/command"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// accepting says how a key of pay.env can be accepted.
type accepting struct {
	files  func(fingerprint string) map[string]string
	inline bool              // pay.env itself says so
	inputs map[string]string // of the action
	// kind, reason and owner are what reports say once it counts. "": it cannot.
	kind, reason, owner string
	says                string // of a change that holds it
}

var waysToAccept = map[string]accepting{
	"a comment": {inline: true, says: "This change adds an exception (pay.env): it counts "},
	"a path": {
		files: func(string) map[string]string {
			return map[string]string{".keysweep.toml": "[[allow]]\npath = \"*.env\"\nreason = \"made up\"\nowner = \"team pay\"\n"}
		}, kind: "config", reason: "made up", owner: "team pay", says: "This change adds an exception (.keysweep.toml): it counts ",
	},
	"a fingerprint": {
		files: func(f string) map[string]string {
			return map[string]string{".keysweep.toml": "[[allow]]\nfingerprint = \"" + f + "\"\nreason = \"made up\"\nowner = \"team pay\"\n"}
		}, kind: "config", reason: "made up", owner: "team pay", says: "This change adds an exception (.keysweep.toml): it counts ",
	},
	"a line of the baseline": {
		files: func(f string) map[string]string {
			return map[string]string{".keysweep-baseline": baselineOf(f)}
		}, kind: "baseline", reason: "made up", says: "This change adds an exception (.keysweep-baseline): it counts ",
	},
	"two at once": {
		files: func(f string) map[string]string {
			return map[string]string{".keysweep-baseline": baselineOf(f), ".keysweep.toml": "[[allow]]\npath = \"*\"\nreason = \"made up\"\nowner = \"team pay\"\n"}
		}, kind: "baseline", reason: "made up", says: "This change adds exceptions (.keysweep-baseline, .keysweep.toml): they count ",
	},
	"a file that config names": {
		files: func(string) map[string]string {
			return map[string]string{"ci/allow rules.toml": "[[allow]]\npath = \"*.env\"\nreason = \"made up\"\nowner = \"team pay\"\n"}
		}, inputs: map[string]string{"config": "ci/allow rules.toml"}, kind: "config", reason: "made up", owner: "team pay",
		says: "--config ci/allow rules.toml does not count: it is not in ",
	},
	"a file that baseline names": {
		files:  func(f string) map[string]string { return map[string]string{"ci/accepted": baselineOf(f)} },
		inputs: map[string]string{"baseline": "ci/accepted"}, kind: "baseline", reason: "made up",
		says: "--baseline ci/accepted does not count: it is not in ",
	},
	"a configuration that is broken": {
		files: func(string) map[string]string {
			return map[string]string{".keysweep.toml": "[[allow]]\npath = \"*.env\n"}
		},
		says: "What the change makes of the exceptions is broken and would not count: configuration .keysweep.toml of this change:",
	},
	"a baseline that is broken": {
		files: func(f string) map[string]string {
			return map[string]string{".keysweep-baseline": baselineOf(f) + "<<<<<<< HEAD\n"}
		},
		says: "What the change makes of the accepted keys is broken and would not count: baseline .keysweep-baseline of this change:",
	},
}

func baselineOf(fingerprint string) string {
	return "keysweep-baseline 1\n" + fingerprint + " 2026-01-31 unknown production sk_live_ \"made up\"\n"
}

// exceptionShop is a shop whose feature brings in pay.env with a key, and an
// exception for it: with it, in a commit before it, or on main.
func exceptionShop(t *testing.T, how accepting, where string) *shop {
	s := &shop{t: t, server: filepath.Join(t.TempDir(), "server"), keys: map[string]string{}, ids: map[string]string{}}
	if err := os.Mkdir(s.server, 0o755); err != nil {
		t.Fatal(err)
	}
	accept := func() {
		if how.files == nil {
			return
		}
		for name, text := range how.files(sha256Hex(s.key("new"))) {
			s.write(name, text)
		}
	}
	s.git("init", "-q", "-b", "main")
	s.write("README", "shop\n")
	if where == "on main" {
		accept()
	}
	s.commit("base")
	s.git("checkout", "-q", "-b", "feature")
	s.write("begun", "\n")
	if where == "in a commit before" {
		accept()
	}
	s.commit("begun")
	if where == "with the key" {
		accept()
	}
	line := "KEY=" + s.key("new")
	if how.inline {
		line += " # keysweep:allow made up"
	}
	s.write("pay.env", line+"\n")
	s.commit("head")
	s.git("checkout", "-q", "--detach", "main")
	s.git("merge", "-q", "--no-ff", "-m", "Merge", "feature")
	s.ids["merge"] = s.git("rev-parse", "HEAD")
	s.git("update-ref", "refs/pull/1/merge", "HEAD")
	s.git("checkout", "-q", "main")
	return s
}

// theEvents that are about the change of an exceptionShop.
func (s *shop) theEvents() map[string]map[string]string {
	return map[string]map[string]string{
		"a pull request":               s.pullRequest(false),
		"a pull request of a fork":     s.pullRequest(true),
		"a review":                     s.review(),
		"a push to a branch":           s.push("refs/heads/feature", "begun", "head", nil),
		"a push of a new branch":       s.push("refs/heads/feature", "", "head", map[string]any{"created": true}),
		"a push of a tag":              s.push("refs/tags/v1", "", "head", map[string]any{"created": true}),
		"a push to the default branch": s.push("refs/heads/main", "base", "merge", nil),
		"a merge group": s.event("merge_group", "merge", map[string]any{"merge_group": map[string]any{
			"base_sha": s.ids["base"], "base_ref": "refs/heads/main", "head_sha": s.ids["merge"]}}),
	}
}

func (s *shop) review() map[string]string {
	env := s.pullRequest(false)
	env["GITHUB_EVENT_NAME"] = "pull_request_review"
	return env
}

// accepted returns what the reports say of the exception for the key "new", how many
// results SARIF has, and what it says beside them.
func (s *shop) accepted(t *testing.T, got stepResult) (kind, reason, owner string, results int, said string) {
	t.Helper()
	var doc struct {
		Findings []struct {
			SHA        string `json:"secret_sha256"`
			Suppressed *struct{ Kind, Reason, Owner string }
		}
	}
	var log struct {
		Runs []struct {
			Results     []json.RawMessage
			Invocations []struct {
				ToolExecutionNotifications []struct{ Message struct{ Text string } }
			}
		}
	}
	for name, into := range map[string]any{"json": &doc, "sarif": &log} {
		text, err := os.ReadFile(got.outputs[name])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, got.printed)
		}
	}
	for _, f := range doc.Findings {
		if f.SHA == sha256Hex(s.key("new")) && f.Suppressed != nil {
			kind, reason, owner = f.Suppressed.Kind, f.Suppressed.Reason, f.Suppressed.Owner
		}
	}
	for _, r := range log.Runs {
		results += len(r.Results)
		for _, n := range r.Invocations[0].ToolExecutionNotifications {
			said += n.Message.Text + "\n"
		}
	}
	return kind, reason, owner, results, said
}

// A change cannot silence itself, whatever it brings along.
func noChangeSilencesItself(t *testing.T, r *runner) {
	scan := r.action.step(t, "scan")
	for name, how := range waysToAccept {
		for _, where := range []string{"with the key", "in a commit before", "on main"} {
			if where == "on main" && how.inline || where == "in a commit before" && name != "a path" && name != "a file that config names" {
				continue
			}
			s := exceptionShop(t, how, where)
			dir := s.checkout("merge", 0)
			for event, env := range s.theEvents() {
				if name != "a path" && name != "a comment" && event != "a pull request" && event != "a push to a branch" {
					continue
				}
				t.Run(fmt.Sprint(name, " ", where, ", ", event), func(t *testing.T) {
					r.t, s.t = t, t
					got := r.run(scan, dir, how.inputs, env)
					kind, reason, owner, results, said := s.accepted(t, got)
					if found := strings.Join(s.found(got.outputs["json"]), " "); found != "new" {
						t.Errorf("found %q", found)
					}
					notes := strings.Join(strings.Fields(got.summary), " ")
					if where == "on main" && how.kind != "" {
						if got.status != 0 || got.outputs["findings"] != "0" || kind != how.kind || reason != how.reason || owner != how.owner {
							t.Errorf("status %d, %s findings, %q %q %q", got.status, got.outputs["findings"], kind, reason, owner)
						}
						if results != 0 || !strings.Contains(said, "1 accepted key is left out of this file") {
							t.Errorf("SARIF: %d results, %q", results, said)
						}
						if len(got.commands) > 0 || strings.Contains(notes, "This change adds") {
							t.Errorf("%q", got.commands)
						}
					} else {
						if got.status != command.StatusFound || got.outputs["findings"] != "1" || kind != "" || results != 1 {
							t.Errorf("status %d, %s findings, %q, %d results", got.status, got.outputs["findings"], kind, results)
						}
						says := how.says
						switch {
						case where == "on main":
							says = "None of its"
						case strings.HasSuffix(says, "counts ") && event == "a push to the default branch", strings.HasSuffix(says, "count ") && event == "a push to the default branch":
							says += "from the next run on."
						case strings.HasSuffix(says, "counts "), strings.HasSuffix(says, "count "):
							says += "once merged into main."
						}
						if !strings.Contains(unescapeMarkdown(notes), says) {
							t.Errorf("the summary does not say %q:\n%s", says, got.summary)
						}
						if !slices.ContainsFunc(got.commands, func(c string) bool { return strings.HasPrefix(c, "error file=pay.env,line=1") }) {
							t.Errorf("annotations: %q", got.commands)
						}
					}
					s.noKey(t, got)
					if t.Failed() {
						t.Log(got.printed)
					}
				})
			}
		}
	}
}

func unescapeMarkdown(s string) string {
	return strings.NewReplacer(`\_`, "_", `\*`, "*", `\[`, "[", `\]`, "]", "&lt;", "<", `\<`, "<", `\.`, ".", `\-`, "-", `\(`, "(", `\)`, ")", "`", "").Replace(s)
}

// A run for a fork, or of unknown origin, that does not say what is new scans
// everything. What the fork accepts is not accepted.
func aForkIsJudgedByTheDefaultBranch(t *testing.T, r *runner) {
	s := exceptionShop(t, accepting{}, "nowhere")
	s.write("sub/known.env", "KEY="+s.key("known")+" # keysweep:allow made up\n")
	s.write("test/data.env", "KEY="+s.key("data")+"\n")
	s.write(".keysweep.toml", "[[allow]]\npath = \"test/**\"\nreason = \"made up\"\n")
	s.commit("main")
	s.git("checkout", "-q", "-b", "fork")
	s.write("sub/other.env", "KEY="+s.key("other")+" # keysweep:allow made up by a fork\n")
	s.write(".keysweep.toml", "[[allow]]\npath = \"**\"\nreason = \"made up by a fork\"\n")
	s.commit("fork")
	s.git("checkout", "-q", "main")
	ofFork := s.event("workflow_run", "fork", map[string]any{"workflow_run": map[string]any{"head_repository": map[string]any{"full_name": "mallory/shop"}}})
	comment := s.event("issue_comment", "main", map[string]any{"issue": map[string]any{"pull_request": map[string]any{}}})
	schedule := s.event("schedule", "main", map[string]any{})
	dir := s.checkout("fork", 0)
	for _, test := range []struct {
		path string
		env  map[string]string
	}{{"", ofFork}, {"sub", ofFork}, {"", comment}, {"sub", comment}, {"", schedule}} {
		got := r.run(r.action.step(t, "scan"), dir, map[string]string{"path": test.path}, test.env)
		if found := strings.Join(s.found(got.outputs["json"]), " "); got.status != command.StatusFound || got.outputs["findings"] != "2" || found != "data known new other" {
			t.Errorf("status %d, %s findings, found %q\n%s", got.status, got.outputs["findings"], found, got.printed)
		}
		for _, c := range got.commands {
			if !strings.HasPrefix(c, "error file=sub/other.env") && !strings.HasPrefix(c, "error file=pay.env") {
				t.Errorf("%q", c)
			}
		}
	}
}
