package agents

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"keysweep/agent"
)

// at returns the registration of an agent in a new folder, whose file holds text; ""
// is no file.
func at(t *testing.T, name, text string) *Registration {
	t.Helper()
	r, err := In(name, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if text != "" {
		if err := os.MkdirAll(filepath.Dir(r.Path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(r.Path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// apply registers a command line and returns the file.
func apply(t *testing.T, r *Registration, command string) string {
	t.Helper()
	list, err := r.Add(command)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if err := c.Apply(); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(r.Path)
	if err != nil && !os.IsNotExist(err) {
		return ""
	}
	return string(text)
}

const command = "/usr/bin/keysweep hook agent NAME"

func TestEachAgentHasSettings(t *testing.T) {
	for _, name := range agent.Names() {
		r := at(t, name, "")
		if name == "cline" {
			continue
		}
		text := apply(t, r, command)
		if !json.Valid([]byte(text)) || strings.Count(text, "hook agent NAME") < len(r.s.events) {
			t.Errorf("%s: %s", name, text)
		}
		if again := apply(t, r, command); again != text {
			t.Errorf("%s: twice changes\n%s\nto\n%s", name, text, again)
		}
		if left := apply(t, r, ""); left != "" {
			t.Errorf("%s: left %s", name, left)
		}
	}
}

func TestWhatIsInSettingsIsKeptByteForByte(t *testing.T) {
	for _, text := range []string{
		"{}", "{}\n", "{\n}\n", `{"a":1}`, `{"a": 1, "b": [1, 2]}` + "\n",
		"{\n  \"a\": 1\n}\n", "{\n\t\"a\": 1,\n\t\"b\": {\"c\": \"\\u00e9\\\"\"}\n}\n", "{\r\n    \"a\": 1\r\n}\r\n", "\n {\n   \"a\" : 1.50\n }",
		`{"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"type":"command","command":"x"}]}]}}`,
		"{\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\n        \"matcher\": \"Bash\",\n        \"hooks\": [ { \"type\": \"command\", \"command\": \"x\" } ]\n      }\n    ],\n    \"Stop\": []\n  },\n  \"z\": null\n}\n",
		"{\n  \"hooks\": {\n    \"PreToolUse\": [],\n    \"Stop\": []\n  }\n}\n",
	} {
		r := at(t, "claude", text)
		with := apply(t, r, command)
		var all struct {
			Hooks map[string][]any `json:"hooks"`
		}
		if err := json.Unmarshal([]byte(with), &all); err != nil || len(all.Hooks["PreToolUse"]) == 0 || len(all.Hooks["UserPromptSubmit"]) != 1 {
			t.Errorf("%q became %q: %v", text, with, err)
		}
		if again := apply(t, r, command); again != with {
			t.Errorf("%q: twice changes it to %q", text, again)
		}
		if other := apply(t, r, command+" --strict"); strings.Count(other, "hook agent") != len(r.s.events) || !strings.Contains(other, "--strict") {
			t.Errorf("%q: with other options %q", text, other)
		}
		want := text
		if strings.Trim(text, "{}\n") == "" {
			want = "" // nothing is left, and the file goes
		} else if strings.Contains(text, `"PreToolUse": [],`) {
			want = strings.Replace(text, "\n    \"PreToolUse\": [],", "", 1)
		}
		if left := apply(t, r, ""); left != want {
			t.Errorf("%q: left %q", text, left)
		}
	}
}

func TestAHookInAGroupOfOthersIsTakenOut(t *testing.T) {
	r := at(t, "claude", `{"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"command":"x"},{"command":"keysweep hook agent claude"},{"command":"y"}]}]}}`)
	if left, want := apply(t, r, ""), `{"hooks":{"PreToolUse":[{"matcher":"Bash","hooks":[{"command":"x"},{"command":"y"}]}]}}`; left != want {
		t.Errorf("left %s, want %s", left, want)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	for _, tt := range []struct{ text, why string }{
		{"{\n  // a comment\n  \"a\": 1\n}\n", "is not plain JSON"},
		{`{"a": 1,}`, "is not plain JSON"},
		{`[]`, "not in the form"},
		{`{"hooks": []}`, "not in the form"},
		{`{"hooks": {"PreToolUse": {}}}`, "not in the form"},
		{`"text"`, "not in the form"},
	} {
		r := at(t, "claude", tt.text)
		_, err := r.Add(command)
		refused, ok := errors.AsType[*Refused](err)
		if !ok || !strings.Contains(refused.Why, tt.why) || !strings.Contains(refused.Lines, `"PreToolUse"`) {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

func TestScriptsOfCline(t *testing.T) {
	r := at(t, "cline", "")
	if runtime.GOOS == "windows" {
		if _, err := r.Add(command); err == nil || !strings.Contains(err.Error(), "Cline runs no hooks") {
			t.Errorf("%v", err)
		}
		return
	}
	apply(t, r, command)
	text, err := os.ReadFile(filepath.Join(r.Path, "PreToolUse"))
	info, _ := os.Stat(filepath.Join(r.Path, "PreToolUse"))
	if err != nil || string(text) != "#!/bin/sh\nexec "+command+"\n" || info.Mode()&0o111 == 0 {
		t.Errorf("%q, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(r.Path, "PostToolUse"), []byte("#!/bin/sh\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Add(command); err == nil || !strings.Contains(err.Error(), "is another hook") {
		t.Errorf("another hook: %v", err)
	}
	apply(t, r, "")
	if _, err := os.Stat(filepath.Join(r.Path, "PostToolUse")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(r.Path, "PreToolUse")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func FuzzSettings(f *testing.F) {
	for _, s := range []string{`{"hooks":{"PreToolUse":[{}],"x":1}}`, "{\n \"a\\\\\": \"\\\"\"\n}", `{"hooks":{"PreToolUse":[{"hooks":[{"command":"keysweep hook agent claude"},1]}]}}`, "{}", "[", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := &Registration{Agent: "claude", s: table()[0]}
		if !json.Valid([]byte(text)) {
			return
		}
		stripped, err := r.strip([]byte(text))
		if err != nil {
			return
		}
		with, err := r.insert(stripped, command)
		if err != nil {
			return
		}
		left, err := r.strip(with)
		if err != nil || !json.Valid(with) || !json.Valid(left) {
			t.Errorf("%q became %q, then %q: %v", text, with, left, err)
		}
	})
}
