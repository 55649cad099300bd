package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/agent"
)

// agentRepository makes a repository with our hooks, a file pay.env with a key on line 3,
// and exceptions in HEAD for the folder fixtures. It returns its folder and the key.
func agentRepository(t *testing.T) (dir, key string) {
	t.Helper()
	plain(t)
	dir, key = t.TempDir(), testKey("sk_live_", "agents", 40)
	home := t.TempDir()
	for name, value := range map[string]string{"HOME": home, "USERPROFILE": home, "GIT_CONFIG_GLOBAL": filepath.Join(home, "none"), "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.example", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b.example"} {
		t.Setenv(name, value)
	}
	for name, text := range map[string]string{
		"pay.env":          "# settings\nURL=https://api.martis.example\nMARTIS_KEY=" + key + "\nLAST=1\n",
		"clean.txt":        "nothing\n",
		"with space.env":   "KEY=" + key + "\n",
		"fixtures/pay.env": "KEY=" + key + "\n",
		"hidden/.env":      "KEY=" + key + "\n",
		"whole.txt":        strings.Repeat("line\n", 40) + "KEY=" + key + "\n",
		"noted.env":        "KEY=" + key + " # keysweep:allow made up\n",
		".keysweep.toml":   "[[allow]]\npath = \"fixtures/**\"\nreason = \"made up\"\n[[allow]]\nfingerprint = \"" + fingerprint(testKey("sk_live_", "accepted", 40)) + "\"\nreason = \"made up\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "clean.txt", "noted.env", ".keysweep.toml"}, {"commit", "-qm", "first"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	// By hand: one that install writes would run this test.
	if err := os.WriteFile(filepath.Join(dir, ".git", "hooks", "pre-commit"), []byte("#!/bin/sh\ntrue keysweep hook pre-commit\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	return dir, key
}

func fingerprint(key string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
}

// outcome is what an agent makes of an answer, by its contract.
type outcome struct {
	kind    string // clean, denied, replaced, reached, not scanned, or broken
	words   string // all that anyone reads
	model   string // what the model reads
	message string // what was wrong
}

// hookAgent runs the hook of an agent and reads its answer as the agent does.
func hookAgent(t *testing.T, name, payload string, options ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := Run(context.Background(), append([]string{"hook", "agent", name}, options...),
		Process{Stdin: strings.NewReader(payload), Stdout: &stdout, Stderr: &stderr, Now: time.Now})
	return readAnswer(name, stdout.String(), stderr.String(), status)
}

func readAnswer(agent, stdout, stderr string, status int) outcome {
	o := outcome{kind: "clean", words: stdout + stderr}
	var all map[string]any
	if stdout != "" {
		if err := json.Unmarshal([]byte(stdout), &all); err != nil {
			return outcome{kind: "broken", message: "not JSON: " + stdout}
		}
	}
	if strings.Contains(o.words, "not scanned") {
		o.kind = "not scanned"
	}
	text := func(names ...string) string {
		at := all
		for _, name := range names[:len(names)-1] {
			at, _ = at[name].(map[string]any)
		}
		s, _ := at[names[len(names)-1]].(string)
		return s
	}
	has := func(object map[string]any, allowed ...string) bool {
		for name := range object {
			if !slices.Contains(allowed, name) {
				o.kind, o.message = "broken", "unknown member "+name
				return false
			}
		}
		return true
	}
	specific, _ := all["hookSpecificOutput"].(map[string]any)
	switch agent {
	case "claude":
		o.model = text("hookSpecificOutput", "permissionDecisionReason") + text("hookSpecificOutput", "additionalContext")
		switch {
		case status == 2:
			o.kind = "denied"
		case status != 0:
			o.kind, o.message = "broken", "a failure lets through"
		case text("decision") == "block" && specific["hookEventName"] == "UserPromptSubmit", text("hookSpecificOutput", "permissionDecision") == "deny":
			o.kind = "denied"
		case specific["updatedToolOutput"] != nil:
			o.kind = "replaced"
			o.model += compact(specific["updatedToolOutput"])
		case specific["additionalContext"] != nil:
			o.kind = "reached"
		}
	case "codex":
		o.model = text("hookSpecificOutput", "permissionDecisionReason")
		known := has(all, "decision", "reason", "systemMessage", "hookSpecificOutput") && has(specific, "hookEventName", "permissionDecision", "permissionDecisionReason")
		switch {
		case !known:
		case status == 2 || text("hookSpecificOutput", "permissionDecision") == "deny":
			o.kind = "denied"
		case text("decision") == "block" && strings.Contains(text("reason"), "the output of"):
			o.kind, o.model = "replaced", text("reason")
		case text("decision") == "block":
			o.kind = "denied"
		}
	case "gemini":
		if stdout == "" && stderr != "" && status == 0 {
			return outcome{kind: "broken", message: "standard error is read as JSON: " + stderr}
		}
		switch {
		case text("decision") == "deny" && strings.Contains(text("reason"), "the output of"):
			o.kind, o.model = "replaced", text("reason")
		case status == 2 || text("decision") == "deny":
			o.kind, o.model = "denied", text("reason")
		}
	case "cursor":
		o.model = text("agent_message") + text("additional_context")
		switch {
		case status == 2 || text("permission") == "deny" || all["continue"] == false:
			o.kind = "denied"
		case stdout == "":
			o.kind, o.message = "broken", "no JSON"
		case all["updated_mcp_tool_output"] != nil:
			o.kind = "replaced"
			o.model += compact(all["updated_mcp_tool_output"])
		case all["additional_context"] != nil:
			o.kind = "reached"
		}
	case "copilot":
		switch {
		case status != 0 || text("permissionDecision") == "deny" || text("decision") == "block":
			o.kind, o.model = "denied", text("permissionDecisionReason")
		case all["modifiedResult"] != nil:
			o.kind, o.model = "replaced", compact(all["modifiedResult"])
		}
	case "windsurf":
		o.model = stderr
		switch {
		case stdout != "":
			o.kind, o.message = "broken", "it reads no output"
		case status == 2 && strings.Contains(stderr, "has reached the model"):
			o.kind = "reached"
		case status == 2:
			o.kind = "denied"
		}
	case "cline":
		o.model = text("errorMessage") + text("contextModification")
		switch {
		case all == nil || status != 0:
			o.kind, o.message = "broken", "no JSON, or a status"
		case all["cancel"] == true:
			o.kind = "denied"
		case strings.Contains(o.model, "has reached the model"):
			o.kind = "reached"
		}
	}
	return o
}

func compact(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// agentPayloads are events as the contracts have them. KEY, ACCEPTED and DIR are filled in.
var agentPayloads = []struct{ agent, name, payload, want string }{
	{"claude", "prompt", `{"session_id":"s","transcript_path":null,"cwd":"DIR","permission_mode":"default","hook_event_name":"UserPromptSubmit","prompt":"hello @clean.txt a@b.example"}`, "clean"},
	{"claude", "prompt with a key", `{"session_id":"s","cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"use\nKEY"}`, "denied"},
	{"claude", "prompt with an accepted key", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"use\nACCEPTED"}`, "clean"},
	{"claude", "prompt that names a file", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"see @pay.env, please"}`, "denied"},
	{"claude", "prompt that names a file in quotes", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"see @\"with space.env\""}`, "denied"},
	{"claude", "prompt that names a file as Gemini does", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"see @with\\ space.env"}`, "denied"},
	{"claude", "prompt that names other lines", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"see @pay.env#L1-2"}`, "clean"},
	{"claude", "prompt that names the line", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"see @pay.env#L2-3"}`, "denied"},
	{"claude", "prompt that names an accepted file", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"see @fixtures/pay.env"}`, "clean"},
	{"claude", "prompt that names no file", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"ask @someone"}`, "clean"},
	{"claude", "prompt that names a folder", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"ask @fixtures/"}`, "clean"},
	{"claude", "command", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"go test ./...","description":"x"}}`, "clean"},
	{"claude", "command with a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"curl -H 'Authorization: Bearer KEY' x"}}`, "denied"},
	{"claude", "command that leaves out hooks", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"git add . && git commit -anm x"}}`, "denied"},
	{"claude", "command that leaves out hooks elsewhere", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cd /; git commit -n"}}`, "clean"},
	{"claude", "command that leaves out hooks, from PowerShell", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"PowerShell","tool_input":{"command":"$env:HUSKY=0; git commit -m x"}}`, "denied"},
	{"claude", "command that prints a file", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat pay.env | head"}}`, "denied"},
	{"claude", "command that prints files by a glob", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat p*.env"}}`, "denied"},
	{"claude", "command that prints accepted files by a glob", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat fixtures/*.env *.gone; cat c*.txt"}}`, "clean"},
	{"claude", "command that prints all but hidden files", `{"cwd":"DIR/hidden","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat *"}}`, "clean"},
	{"claude", "command that prints hidden files", `{"cwd":"DIR/hidden","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat .e*"}}`, "denied"},
	{"claude", "command that prints a file, from PowerShell", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"PowerShell","tool_input":{"command":"Get-Content .\\pay.env"}}`, "denied"},
	{"claude", "command that removes a hook of git", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"mv .git/hooks/pre-commit /tmp/x"}}`, "denied"},
	{"claude", "command that removes all hooks of git", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"rm -rf .git/hooks"}}`, "denied"},
	{"claude", "command that removes hooks of git by a glob", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"rm .git/hooks/*"}}`, "denied"},
	{"claude", "command that switches off a hook of git", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"chmod 644 .git/hooks/pre-commit"}}`, "denied"},
	{"claude", "command that removes hooks elsewhere", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"rm -rf hooks src/hooks/* fixtures/.git/hooks; chmod +x a.sh"}}`, "clean"},
	{"claude", "prompt with a glob", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"what is @* in CSS"}`, "clean"},
	{"claude", "command that writes another hook of git", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"echo true > .git/hooks/post-merge; cat .git/hooks/pre-commit"}}`, "clean"},
	{"claude", "program and arguments that leave out hooks", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__sh__run","tool_input":{"command":"git","args":["commit","-n"]}}`, "denied"},
	{"claude", "program and arguments", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__sh__run","tool_input":{"command":"git","args":["push","-n"]}}`, "clean"},
	{"claude", "read of an address", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"ReadMcpResourceTool","tool_input":{"server":"s","uri":"db://x/y"}}`, "clean"},
	{"claude", "read of a file's address", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__fs__read","tool_input":{"uri":"file://DIR/pay.env"}}`, "denied"},
	{"claude", "command that makes the file that it prints", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"make > log 2>&1; tail log"}}`, "clean"},
	{"claude", "command that reads a file into variables", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"export $(cat pay.env | xargs) && npm test"}}`, "clean"},
	{"claude", "command with a here-document", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat <<EOF > x\npay.env\nEOF"}}`, "clean"},
	{"claude", "command that does not parse", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"git commit -m 'x"}}`, "not scanned"},
	{"claude", "command that accepts", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"keysweep baseline create --reason x"}}`, "denied"},
	{"claude", "command that edits exceptions", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"echo x >> .keysweep.toml"}}`, "denied"},
	{"claude", "command that reads exceptions", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"cat .keysweep.toml; git diff .keysweep.toml"}}`, "clean"},
	{"claude", "read", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/clean.txt"}}`, "clean"},
	{"claude", "read of a file with a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/pay.env"}}`, "denied"},
	{"claude", "read of lines with the key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/whole.txt","offset":40,"limit":2}}`, "denied"},
	{"claude", "read of lines before the key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/whole.txt","limit":30}}`, "clean"},
	{"claude", "read of lines after the key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/pay.env","offset":4}}`, "clean"},
	{"claude", "read of an accepted file", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/fixtures/pay.env"}}`, "clean"},
	{"claude", "read of a file that is gone", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/gone"}}`, "not scanned"},
	{"claude", "read of exceptions", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/.keysweep.toml"}}`, "clean"},
	{"claude", "write", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"file_path":"DIR/new.txt","content":"a\nb"}}`, "clean"},
	{"claude", "write of a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"file_path":"DIR/new.txt","content":"a\nKEY=KEY"}}`, "denied"},
	{"claude", "write of a key that the file holds", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"DIR/pay.env","old_string":"KEY","new_string":"x"}}`, "clean"},
	{"claude", "read of a key that a comment accepts", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/noted.env"}}`, "clean"},
	{"claude", "write of a key that a comment accepts in that file", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Edit","tool_input":{"file_path":"DIR/noted.env","old_string":"KEY","new_string":"x"}}`, "clean"},
	{"claude", "write of a key to an accepted path", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"file_path":"DIR/fixtures/new.env","content":"KEY"}}`, "clean"},
	{"claude", "write of a key to an accepted path and to another", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__git__push_files","tool_input":{"files":[{"path":"fixtures/a","content":"x"},{"path":"b","content":"KEY"}]}}`, "denied"},
	{"claude", "write of a key to accepted paths", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__git__push_files","tool_input":{"files":[{"path":"fixtures/a","content":"x"},{"path":"fixtures/b","content":"KEY"}]}}`, "clean"},
	{"claude", "patch with a key of a file that holds it and of another", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Update File: pay.env\n@@\n-LAST=1\n*** Add File: new.env\n+KEY\n*** End Patch"}}`, "denied"},
	{"claude", "patch with a key of two files that hold it", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Update File: pay.env\n@@\n-KEY\n*** Update File: whole.txt\n-KEY\n*** End Patch"}}`, "clean"},
	{"claude", "result of a read of an accepted file and another", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"mcp__fs__read_multiple_files","tool_input":{"paths":["fixtures/pay.env","b"]},"tool_response":[{"type":"text","text":"KEY"}]}`, "replaced"},
	{"claude", "write of exceptions", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"file_path":"DIR/.keysweep.toml","content":"x"}}`, "denied"},
	{"claude", "write of a baseline", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"MultiEdit","tool_input":{"file_path":".keysweep-baseline","edits":[{"old_string":"a","new_string":"b"}]}}`, "denied"},
	{"claude", "MCP write of exceptions", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__fs__put","tool_input":{"where":"DIR/.keysweep.toml","data":"b"}}`, "denied"},
	{"claude", "MCP arguments", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__db__query","tool_input":{"q":"{\"a\":\"[1,{\\\"b\\\":null}]\"}"}}`, "clean"},
	{"claude", "MCP arguments with a key, escaped four times", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__db__query","tool_input":{"q":` + escaped(3, `{"auth":"KEY"}`) + `}}`, "denied"},
	{"claude", "MCP arguments with a key whose underscore is escaped at each level", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__db__query","tool_input":{"q":` + escaped(6, `{"auth":"sk\u005flive\u005fBODY"}`) + `}}`, "denied"},
	{"claude", "MCP read", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"mcp__fs__read_multiple_files","tool_input":{"paths":["DIR/clean.txt","DIR/pay.env"]}}`, "denied"},
	{"claude", "search", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Grep","tool_input":{"pattern":"x","path":"DIR"}}`, "clean"},
	{"claude", "output", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"x"},"tool_response":{"stdout":"a","stderr":"","interrupted":false,"isImage":false},"duration_ms":1}`, "clean"},
	{"claude", "output with a key", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"x"},"tool_response":{"stdout":"a\nKEY","stderr":"","interrupted":false,"isImage":false}}`, "replaced"},
	{"claude", "output whose whole text is in a file", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"x"},"tool_response":{"stdout":"cut","stderr":"","persistedOutputPath":"DIR/whole.txt","persistedOutputSize":9}}`, "replaced"},
	{"claude", "output whose whole text is gone", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"x"},"tool_response":{"stdout":"cut","stderr":"","persistedOutputPath":"DIR/gone"}}`, "not scanned"},
	{"claude", "search result", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Grep","tool_input":{"pattern":"x"},"tool_response":{"mode":"content","numLines":2,"content":"a:1:KEY\nb:2:x"}}`, "replaced"},
	{"claude", "result of a read of an accepted file", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/fixtures/pay.env"},"tool_response":{"type":"text","file":{"filePath":"DIR/fixtures/pay.env","content":"KEY"}}}`, "clean"},
	{"claude", "result of an edit", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Edit","tool_input":{"file_path":"DIR/pay.env"},"tool_response":{"filePath":"DIR/pay.env","originalFile":"a\nKEY\nb"}}`, "replaced"},
	{"claude", "name of a file that is a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"DIR/KEY.env"}}`, "denied"},
	{"claude", "name of a tool that is a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"KEY","tool_input":{"a":"KEY"}}`, "denied"},
	{"claude", "view of an editor", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"str_replace_editor","tool_input":{"command":"view","path":"DIR/pay.env"}}`, "denied"},
	{"claude", "MCP result", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"mcp__db__query","tool_input":{},"tool_response":[{"type":"text","text":"KEY"}]}`, "replaced"},
	{"claude", "no result", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"X","tool_input":{},"tool_response":null}`, "clean"},
	{"claude", "failure with a key", `{"cwd":"DIR","hook_event_name":"PostToolUseFailure","tool_name":"Bash","tool_input":{"command":"x"},"error":"exit 1\nKEY"}`, "reached"},
	{"claude", "unknown event", `{"cwd":"DIR","hook_event_name":"SomethingNew","prompt":"KEY"}`, "not scanned"},
	{"claude", "unknown members", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"new":{"a":[1]}}`, "clean"},
	{"claude", "folder gone", `{"cwd":"DIR/no/such","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"echo KEY"}}`, "denied"},

	{"codex", "patch of exceptions by a command", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"shell","tool_input":{"command":["bash","-lc","apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: .keysweep.toml\n@@\n+x\n*** End Patch\nEOF"]}}`, "denied"},
	{"codex", "patch with a key that the file holds, by a command", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"shell","tool_input":{"command":["apply_patch","*** Begin Patch\n*** Update File: pay.env\n@@\n KEY\n+x\n*** End Patch"]}}`, "clean"},
	{"codex", "command in another folder", `{"cwd":"DIR/fixtures","hook_event_name":"PreToolUse","tool_name":"exec_command","tool_input":{"cmd":"cat pay.env","workdir":".."}}`, "denied"},
	{"codex", "command in another folder, whose file is accepted", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"exec_command","tool_input":{"cmd":"cat pay.env","workdir":"DIR/fixtures"}}`, "clean"},
	{"codex", "prompt", `{"session_id":"s","turn_id":"t","model":"m","transcript_path":null,"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"hello"}`, "clean"},
	{"codex", "prompt with a key", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"KEY"}`, "denied"},
	{"codex", "command", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"}}`, "clean"},
	{"codex", "command as words", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"shell","tool_input":{"command":["bash","-lc","git commit -n"]}}`, "denied"},
	{"codex", "command as plain words", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"shell","tool_input":{"command":["git","commit","-n"]}}`, "denied"},
	{"codex", "command with a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"echo KEY"}}`, "denied"},
	{"codex", "patch", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Update File: clean.txt\n@@\n-nothing\n+x\n*** End Patch"}}`, "clean"},
	{"codex", "patch with a key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Update File: clean.txt\n@@\n-nothing\n+KEY\n*** End Patch"}}`, "denied"},
	{"codex", "patch of the file with the key", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Update File: pay.env\n@@\n-MARTIS_KEY=KEY\n+x\n*** End Patch"}}`, "clean"},
	{"codex", "patch of exceptions", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n*** Update File: .keysweep.toml\n@@\n-a\n+x\n*** End Patch"}}`, "denied"},
	{"codex", "output", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_response":"a"}`, "clean"},
	{"codex", "output with a key", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"tool_response":"a\nKEY\nb"}`, "replaced"},
	{"codex", "output object with a key", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"mcp__x__y","tool_input":{},"tool_response":{"content":[{"text":"KEY"}]}}`, "replaced"},

	{"gemini", "prompt", `{"session_id":"s","cwd":"DIR","hook_event_name":"BeforeAgent","timestamp":"t","prompt":"hello"}`, "clean"},
	{"gemini", "prompt with a key", `{"cwd":"DIR","hook_event_name":"BeforeAgent","prompt":"KEY"}`, "denied"},
	{"gemini", "prompt that names a file", `{"cwd":"DIR","hook_event_name":"BeforeAgent","prompt":"@pay.env"}`, "denied"},
	{"gemini", "command", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"run_shell_command","tool_input":{"command":"ls"}}`, "clean"},
	{"gemini", "command that leaves out hooks", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"run_shell_command","tool_input":{"command":"git push --no-verify"}}`, "denied"},
	{"gemini", "read", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"read_file","tool_input":{"absolute_path":"DIR/pay.env"}}`, "denied"},
	{"gemini", "read from line 0", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"read_file","tool_input":{"absolute_path":"DIR/pay.env","offset":0,"limit":1}}`, "clean"},
	{"gemini", "read from line 0 to the key", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"read_file","tool_input":{"absolute_path":"DIR/pay.env","offset":0,"limit":3}}`, "denied"},
	{"gemini", "read of a glob", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"read_many_files","tool_input":{"include":["src/**/*.go"]}}`, "clean"},
	{"gemini", "write of a key", `{"cwd":"DIR","hook_event_name":"BeforeTool","tool_name":"write_file","tool_input":{"file_path":"DIR/n","content":"KEY"}}`, "denied"},
	{"gemini", "output", `{"cwd":"DIR","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"a","returnDisplay":"a"}}`, "clean"},
	{"gemini", "output with a key", `{"cwd":"DIR","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"ls"},"tool_response":{"llmContent":"KEY","returnDisplay":"KEY"}}`, "replaced"},
	{"gemini", "search result", `{"cwd":"DIR","hook_event_name":"AfterTool","tool_name":"search_file_content","tool_input":{"pattern":"x"},"tool_response":{"llmContent":"a: KEY\nb"}}`, "replaced"},

	{"cursor", "prompt", `{"conversation_id":"c","hook_event_name":"beforeSubmitPrompt","workspace_roots":["DIR"],"prompt":"hello","attachments":[]}`, "clean"},
	{"cursor", "prompt with a key", `{"hook_event_name":"beforeSubmitPrompt","workspace_roots":["DIR"],"prompt":"KEY"}`, "denied"},
	{"cursor", "prompt with a file", `{"hook_event_name":"beforeSubmitPrompt","workspace_roots":["DIR"],"prompt":"x","attachments":[{"type":"file","filePath":"DIR/pay.env"}]}`, "denied"},
	{"cursor", "command", `{"hook_event_name":"beforeShellExecution","workspace_roots":["DIR"],"cwd":"","command":"ls"}`, "clean"},
	{"cursor", "command with a key", `{"hook_event_name":"beforeShellExecution","workspace_roots":["DIR"],"cwd":"","command":"echo KEY"}`, "denied"},
	{"cursor", "command that leaves out hooks", `{"hook_event_name":"beforeShellExecution","workspace_roots":["DIR"],"cwd":"","command":"git commit -n"}`, "denied"},
	{"cursor", "MCP arguments", `{"hook_event_name":"beforeMCPExecution","workspace_roots":["DIR"],"tool_name":"q","tool_input":"{\"a\":1}","command":"npx x"}`, "clean"},
	{"cursor", "MCP arguments with a key", `{"hook_event_name":"beforeMCPExecution","workspace_roots":["DIR"],"tool_name":"q","tool_input":"{\"a\":\"KEY\"}"}`, "denied"},
	{"cursor", "read", `{"hook_event_name":"beforeReadFile","workspace_roots":["DIR"],"file_path":"DIR/clean.txt","content":"nothing","attachments":[]}`, "clean"},
	{"cursor", "read of a key", `{"hook_event_name":"beforeReadFile","workspace_roots":["DIR"],"file_path":"DIR/x","content":"a\nKEY"}`, "denied"},
	{"cursor", "read of a key at an accepted path", `{"hook_event_name":"beforeReadFile","workspace_roots":["DIR"],"file_path":"DIR/fixtures/pay.env","content":"KEY=KEY"}`, "clean"},
	{"cursor", "read without content", `{"hook_event_name":"beforeReadFile","workspace_roots":["DIR"],"file_path":"DIR/pay.env"}`, "denied"},
	{"cursor", "write of a key", `{"hook_event_name":"preToolUse","workspace_roots":["DIR"],"tool_name":"Write","tool_input":{"file_path":"DIR/n","content":"KEY"}}`, "denied"},
	{"cursor", "output", `{"hook_event_name":"postToolUse","workspace_roots":["DIR"],"tool_name":"Shell","tool_input":{"command":"ls"},"tool_output":"{\"output\":\"a\"}"}`, "clean"},
	{"cursor", "output with a key", `{"hook_event_name":"postToolUse","workspace_roots":["DIR"],"tool_name":"Shell","tool_input":{"command":"ls"},"tool_output":"{\"output\":\"KEY\"}"}`, "reached"},
	{"cursor", "MCP result with a key", `{"hook_event_name":"postToolUse","workspace_roots":["DIR"],"tool_name":"MCP:query","tool_input":{},"tool_output":"{\"content\":[{\"text\":\"KEY\"}]}"}`, "replaced"},
	{"cursor", "shell output with a key", `{"hook_event_name":"afterShellExecution","workspace_roots":["DIR"],"command":"ls","output":"KEY","duration":1}`, "reached"},
	{"cursor", "MCP result with a key, of another event", `{"hook_event_name":"afterMCPExecution","workspace_roots":["DIR"],"tool_name":"q","tool_input":"{}","result_json":"{\"a\":\"KEY\"}"}`, "reached"},

	{"copilot", "prompt", `{"timestamp":1,"cwd":"DIR","prompt":"hello"}`, "clean"},
	{"copilot", "prompt with a key", `{"timestamp":1,"cwd":"DIR","prompt":"KEY"}`, "denied"},
	{"copilot", "command", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{\"command\":\"ls\"}"}`, "clean"},
	{"copilot", "command with a key", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{\"command\":\"echo KEY\"}"}`, "denied"},
	{"copilot", "command that leaves out hooks", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":{"command":"git commit -n"}}`, "denied"},
	{"copilot", "read", `{"timestamp":1,"cwd":"DIR","toolName":"view","toolArgs":"{\"path\":\"DIR/pay.env\"}"}`, "denied"},
	{"copilot", "read of other lines", `{"timestamp":1,"cwd":"DIR","toolName":"view","toolArgs":"{\"path\":\"DIR/whole.txt\",\"view_range\":[1,9]}"}`, "clean"},
	{"copilot", "read to the end", `{"timestamp":1,"cwd":"DIR","toolName":"view","toolArgs":"{\"path\":\"DIR/whole.txt\",\"view_range\":[1,-1]}"}`, "denied"},
	{"copilot", "output", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{}","toolResult":{"resultType":"success","textResultForLlm":"a"}}`, "clean"},
	{"copilot", "output with a key", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{}","toolResult":{"resultType":"success","textResultForLlm":"KEY"}}`, "replaced"},

	{"windsurf", "prompt with a key", `{"agent_action_name":"pre_user_prompt","trajectory_id":"t","tool_info":{"user_prompt":"KEY"}}`, "denied"},
	{"windsurf", "read", `{"agent_action_name":"pre_read_code","tool_info":{"file_path":"DIR/clean.txt"}}`, "clean"},
	{"windsurf", "read of a file with a key", `{"agent_action_name":"pre_read_code","tool_info":{"file_path":"DIR/pay.env"}}`, "denied"},
	{"windsurf", "write of a key", `{"agent_action_name":"pre_write_code","tool_info":{"file_path":"DIR/n","edits":[{"old_string":"a","new_string":"KEY"}]}}`, "denied"},
	{"windsurf", "write of a key that the file holds", `{"agent_action_name":"pre_write_code","tool_info":{"file_path":"DIR/pay.env","edits":[{"old_string":"KEY","new_string":"x"}]}}`, "clean"},
	{"windsurf", "write of exceptions", `{"agent_action_name":"pre_write_code","tool_info":{"file_path":"DIR/.keysweep.toml","edits":[]}}`, "denied"},
	{"windsurf", "command", `{"agent_action_name":"pre_run_command","tool_info":{"command_line":"ls","cwd":"DIR"}}`, "clean"},
	{"windsurf", "command that leaves out hooks", `{"agent_action_name":"pre_run_command","tool_info":{"command_line":"git commit -n","cwd":"DIR"}}`, "denied"},
	{"windsurf", "MCP arguments with a key", `{"agent_action_name":"pre_mcp_tool_use","tool_info":{"mcp_server_name":"s","mcp_tool_name":"t","mcp_tool_arguments":{"a":"KEY"}}}`, "denied"},
	{"windsurf", "MCP result with a key", `{"agent_action_name":"post_mcp_tool_use","tool_info":{"mcp_tool_name":"t","mcp_tool_arguments":{},"mcp_result":"KEY"}}`, "reached"},
	{"windsurf", "event without content", `{"agent_action_name":"post_run_command","tool_info":{"command_line":"ls"}}`, "not scanned"},

	{"cline", "prompt", `{"clineVersion":"3","hookName":"UserPromptSubmit","taskId":"t","workspaceRoots":["DIR"],"userPromptSubmit":{"prompt":"hello","attachments":[]}}`, "clean"},
	{"cline", "prompt with a key", `{"hookName":"UserPromptSubmit","workspaceRoots":["DIR"],"userPromptSubmit":{"prompt":"KEY"}}`, "denied"},
	{"cline", "command", `{"hookName":"PreToolUse","workspaceRoots":["DIR"],"preToolUse":{"toolName":"execute_command","parameters":{"command":"ls","requires_approval":"false"}}}`, "clean"},
	{"cline", "command that leaves out hooks", `{"hookName":"PreToolUse","workspaceRoots":["DIR"],"preToolUse":{"toolName":"execute_command","parameters":{"command":"git commit -n"}}}`, "denied"},
	{"cline", "read", `{"hookName":"PreToolUse","workspaceRoots":["DIR"],"preToolUse":{"toolName":"read_file","parameters":{"path":"pay.env"}}}`, "denied"},
	{"cline", "write of a key", `{"hookName":"PreToolUse","workspaceRoots":["DIR"],"preToolUse":{"toolName":"write_to_file","parameters":{"path":"n","content":"KEY"}}}`, "denied"},
	{"cline", "output with a key", `{"hookName":"PostToolUse","workspaceRoots":["DIR"],"postToolUse":{"toolName":"execute_command","parameters":{"command":"ls"},"result":"KEY","success":true}}`, "reached"},
	{"cline", "output", `{"hookName":"PostToolUse","workspaceRoots":["DIR"],"postToolUse":{"toolName":"execute_command","parameters":{"command":"ls"},"result":"a","success":true}}`, "clean"},

	// Copilot runs the hooks of Claude Code with a payload of its own.
	{"claude as copilot", "command with a key", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{\"command\":\"echo KEY\"}"}`, "denied"},
	{"claude as copilot", "prompt with a key", `{"timestamp":1,"cwd":"DIR","prompt":"KEY"}`, "denied"},
	{"claude as copilot", "command", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{\"command\":\"ls\"}"}`, "clean"},
	{"claude as copilot", "output with a key", `{"timestamp":1,"cwd":"DIR","toolName":"bash","toolArgs":"{}","toolResult":{"textResultForLlm":"KEY"}}`, "replaced"},
}

// escaped returns text as a JSON string in a JSON string, n times.
func escaped(n int, text string) string {
	for range n {
		text = compact(text)
	}
	return text
}

func fillPayload(payload, dir, key string) string {
	quoted := compact(dir)
	twice := strings.ReplaceAll(quoted[1:len(quoted)-1], `\`, `\\`) // in a string of JSON within one
	payload = strings.ReplaceAll(payload, `\"DIR`, `\"`+twice)
	payload = strings.ReplaceAll(payload, "DIR", quoted[1:len(quoted)-1])
	payload = strings.ReplaceAll(payload, "ACCEPTED", testKey("sk_live_", "accepted", 40))
	payload = strings.ReplaceAll(payload, "MARTIS_KEY", "MARTIS_\x00")
	payload = strings.ReplaceAll(payload, "BODY", strings.TrimPrefix(key, "sk_live_"))
	return strings.ReplaceAll(strings.ReplaceAll(payload, "KEY", key), "\x00", "KEY")
}

// answersOf are who answers, and who reads the answer.
func answersOf(agent string) (hook, reader string) {
	hook, reader, both := strings.Cut(agent, " as ")
	if !both {
		return hook, hook
	}
	return hook, reader
}

func TestEventsOfAgents(t *testing.T) {
	dir, key := agentRepository(t)
	counts := map[string]int{}
	for _, tt := range agentPayloads {
		hook, reader := answersOf(tt.agent)
		var stdout, stderr bytes.Buffer
		status := Run(context.Background(), []string{"hook", "agent", hook},
			Process{Stdin: strings.NewReader(fillPayload(tt.payload, dir, key)), Stdout: &stdout, Stderr: &stderr, Now: time.Now})
		o := readAnswer(reader, stdout.String(), stderr.String(), status)
		counts[tt.agent+" "+tt.want]++
		if o.kind != tt.want {
			t.Errorf("%s, %s: %s (%s), want %s\n%s", tt.agent, tt.name, o.kind, o.message, tt.want, o.words)
		}
		if strings.Contains(o.words, key[len("sk_live_"):][:8]) {
			t.Errorf("%s, %s: prints the key: %s", tt.agent, tt.name, o.words)
		}
		if tt.want == "clean" && o.words != "" && reader != "cursor" && reader != "cline" {
			t.Errorf("%s, %s: says %s", tt.agent, tt.name, o.words)
		}
		for _, word := range []string{"baseline create", ".keysweep.toml", "keysweep:allow"} {
			if strings.Contains(o.model, word) && !strings.Contains(tt.name, "exceptions") && !strings.Contains(tt.name, "prompt") {
				t.Errorf("%s, %s: the model reads how keys are accepted: %s", tt.agent, tt.name, o.model)
			}
		}
	}
	t.Log(counts)
}

// What an agent leaves out of an event, or changes, is answered as not scanned, or as
// what the rest of the event asks for: never with a crash, another form, or a key.
func TestEventsThatAreNotAsTheContractSays(t *testing.T) {
	dir, key := agentRepository(t)
	counts := map[string]int{}
	for _, tt := range agentPayloads {
		if tt.want == "clean" || tt.want == "not scanned" {
			continue
		}
		hook, reader := answersOf(tt.agent)
		var payload any
		if err := json.Unmarshal([]byte(fillPayload(tt.payload, dir, key)), &payload); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		for _, changed := range variants(payload) {
			var stdout, stderr bytes.Buffer
			status := Run(context.Background(), []string{"hook", "agent", hook},
				Process{Stdin: strings.NewReader(changed), Stdout: &stdout, Stderr: &stderr, Now: time.Now})
			o := readAnswer(reader, stdout.String(), stderr.String(), status)
			if hook == "claude" { // Copilot's payload is the one without a name of the event
				var e struct {
					Event any `json:"hook_event_name"`
				}
				if _ = json.Unmarshal([]byte(changed), &e); e.Event == nil && (strings.Contains(changed, `"toolName"`) || strings.Contains(changed, `"prompt"`)) {
					o = readAnswer("copilot", stdout.String(), stderr.String(), status)
				} else {
					o = readAnswer("claude", stdout.String(), stderr.String(), status)
				}
			}
			counts[tt.agent+" "+o.kind]++
			if o.kind == "broken" || status != StatusClean && status != 2 || strings.Contains(o.words, key[len("sk_live_"):][:8]) || strings.Contains(o.words, "internal error") {
				t.Errorf("%s, %s: %+v", tt.agent, strings.ReplaceAll(changed, key, "KEY"), o)
			}
			if o.kind == "clean" && strings.Contains(changed, key) {
				t.Errorf("%s, %s: nothing is said of the key", tt.agent, strings.ReplaceAll(changed, key, "KEY"))
			}
		}
	}
	t.Log(counts)
}

// variants returns an object without each member, and with null and others values instead.
func variants(payload any) (list []string) {
	var change func(object map[string]any)
	change = func(object map[string]any) {
		for name, value := range object {
			for _, other := range []any{nil, 1, "text"} {
				object[name] = other
				list = append(list, compact(payload))
			}
			delete(object, name)
			list = append(list, compact(payload))
			object[name] = value
			if inner, ok := value.(map[string]any); ok {
				change(inner)
			}
		}
	}
	change(payload.(map[string]any))
	return append(list, "", "{", "null", "[]", `"text"`, "1", "{}", compact(payload)[1:], compact(payload)+"more", "\ufeff"+compact(payload))
}

func TestWhatTheModelGetsInsteadOfAKey(t *testing.T) {
	dir, key := agentRepository(t)
	for _, tt := range []struct{ agent, payload, want string }{
		{"claude", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"x"},"tool_response":{"stdout":"a\nK=KEY\nb <&>","stderr":"","interrupted":false,"isImage":false,"n":1.50,"persistedOutputPath":"DIR/whole.txt"}}`,
			`"updatedToolOutput":{"interrupted":false,"isImage":false,"n":1.50,"stderr":"","stdout":"a\nK=sk_live_…\nb <&>"}`},
		{"claude", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Grep","tool_input":{"pattern":"x"},"tool_response":{"mode":"content","content":"a:1:K=KEY\nb:2:x\nc:3:KEY"}}`,
			`"updatedToolOutput":{"content":"b:2:x\n[keysweep: left out 2 lines that hold a key]\n","mode":"content"}`},
		{"claude", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"mcp__a__b","tool_input":{},"tool_response":[{"type":"text","text":"KEY"}]}`,
			`"updatedToolOutput":[{"text":"sk_live_…","type":"text"}]`},
		{"claude", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"mcp__a__b","tool_input":{},"tool_response":{"KEY":"x"}}`, `"updatedToolOutput":{"sk_live_…":"x"}`},
		{"codex", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{"command":"x"},"tool_response":"a\nKEY"}`, `\n\na\nsk_live_…"`},
		{"gemini", `{"cwd":"DIR","hook_event_name":"AfterTool","tool_name":"run_shell_command","tool_input":{"command":"x"},"tool_response":{"llmContent":"a\nKEY","returnDisplay":"z"}}`, `\n\na\nsk_live_…"`},
		{"cursor", `{"hook_event_name":"postToolUse","tool_name":"MCP:q","tool_input":{},"tool_output":"{\"a\":[\"KEY\"]}"}`, `"updated_mcp_tool_output":{"a":["sk_live_…"]}`},
		{"copilot", `{"toolName":"bash","toolArgs":"{}","toolResult":{"resultType":"success","textResultForLlm":"a KEY"}}`, `"modifiedResult":{"resultType":"success","textResultForLlm":"a sk_live_…"}`},
	} {
		if o := hookAgent(t, tt.agent, fillPayload(tt.payload, dir, key)); o.kind != "replaced" || !strings.Contains(o.words, tt.want) {
			t.Errorf("%s: %s, want %s", tt.agent, o.words, tt.want)
		}
	}
}

// Where a result cannot be replaced, nothing says that a key was hidden, or is in what was
// not scanned.
func TestWhatIsSaidOfAKeyThatReachedTheModel(t *testing.T) {
	dir, key := agentRepository(t)
	for _, tt := range []struct{ agent, payload string }{
		{"claude", `{"cwd":"DIR","hook_event_name":"PostToolUseFailure","tool_name":"a:b","tool_input":{},"error":"KEY"}`},
		{"cursor", `{"hook_event_name":"afterShellExecution","command":"a:b","output":"KEY"}`},
		{"windsurf", `{"agent_action_name":"post_mcp_tool_use","tool_info":{"mcp_tool_name":"a:b","mcp_result":"KEY"}}`},
		{"cline", `{"hookName":"PostToolUse","postToolUse":{"toolName":"a:b","parameters":{},"result":"KEY"}}`},
	} {
		said := strings.ReplaceAll(hookAgent(t, tt.agent, fillPayload(tt.payload, dir, key)).words, `\n`, "\n")
		if !strings.Contains(said, "keysweep: the output of ") || strings.Contains(said, "hidden") || !slices.Contains(strings.Fields(said), "Replace") {
			t.Errorf("%s: %s", tt.agent, said)
		}
		said = hookAgent(t, tt.agent, fillPayload(tt.payload, dir, key), "--strict", "--timeout", "1ns").words
		if !strings.Contains(said, "keysweep: not scanned: ") || strings.Contains(said, "reached") {
			t.Errorf("%s, not scanned: %s", tt.agent, said)
		}
	}
	said := hookAgent(t, "copilot", fillPayload(`{"toolName":"a","toolArgs":{},"toolResult":"KEY"}`, dir, key)).words
	if !slices.Contains(strings.Fields(said), "Some") {
		t.Errorf("copilot: %s", said)
	}
}

func TestOptionsOfTheHookOfAgents(t *testing.T) {
	dir, key := agentRepository(t)
	other := filepath.Join(t.TempDir(), "accepted.toml")
	if err := os.WriteFile(other, []byte("[[allow]]\nfingerprint = \""+fingerprint(key)+"\"\nreason = \"made up\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	noVerify := `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"git commit -n"}}`
	for _, tt := range []struct {
		agent, payload string
		options        []string
		want           string
	}{
		{"claude", noVerify, []string{"--allow-no-verify"}, "clean"},
		{"claude", noVerify, nil, "denied"},
		{"claude", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"KEY"}`, []string{"--config", other}, "clean"},
		{"claude", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"ACCEPTED"}`, []string{"--config", other}, "clean"},
		{"claude", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Write","tool_input":{"file_path":` + compact(other) + `,"content":""}}`, []string{"--config", other}, "denied"},
		{"claude", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"KEY"}`, []string{"--config", other + ".gone"}, "not scanned"},
		{"claude", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"KEY"}`, []string{"--timeout", "1ns"}, "not scanned"},
		{"claude", `nonsense`, []string{"--strict"}, "denied"},
		{"claude", `{"cwd":"DIR","hook_event_name":"Stop"}`, []string{"--strict"}, "not scanned"},
		{"claude", `{"cwd":"DIR","hook_event_name":"UserPromptSubmit"}`, []string{"--strict"}, "denied"},
		{"claude", `{"cwd":"DIR","hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"gone"}}`, []string{"--strict"}, "denied"},
		{"claude", `{"cwd":"DIR","hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{},"tool_response":{"stdout":"cut","persistedOutputPath":"gone"}}`, []string{"--strict"}, "replaced"},
		{"codex", `nonsense`, []string{"--strict"}, "denied"},
		{"codex", `{"cwd":"DIR","hook_event_name":"PreToolUse"}`, []string{"--strict"}, "denied"},
		{"gemini", `nonsense`, []string{"--strict"}, "denied"},
		{"gemini", `{"cwd":"DIR","hook_event_name":"BeforeTool"}`, []string{"--strict"}, "denied"},
		{"cursor", `nonsense`, []string{"--strict"}, "denied"},
		{"cursor", `{"hook_event_name":"beforeShellExecution"}`, []string{"--strict"}, "denied"},
		{"copilot", `nonsense`, []string{"--strict"}, "denied"},
		{"copilot", `{"toolArgs":null}`, []string{"--strict"}, "denied"},
		{"windsurf", `nonsense`, []string{"--strict"}, "denied"},
		{"windsurf", `{"agent_action_name":"pre_read_code","tool_info":{"file_path":"gone"}}`, []string{"--strict"}, "denied"},
		{"cline", `nonsense`, []string{"--strict"}, "denied"},
		{"cline", `{"hookName":"PreToolUse"}`, []string{"--strict"}, "denied"},
	} {
		if o := hookAgent(t, tt.agent, fillPayload(tt.payload, dir, key), tt.options...); o.kind != tt.want {
			t.Errorf("%s %v, %s: %s (%s), want %s: %s", tt.agent, tt.options, tt.payload, o.kind, o.message, tt.want, o.words)
		}
	}
}

// An agent that leaves the pipe open is answered.
func TestAnEventEndsWhereItsObjectDoes(t *testing.T) {
	dir, key := agentRepository(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(fillPayload(`{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"KEY"}`, dir, key)); err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	Run(context.Background(), []string{"hook", "agent", "claude"}, Process{Stdin: r, Stdout: &stdout, Stderr: io.Discard, Now: time.Now})
	if !strings.Contains(stdout.String(), `"block"`) {
		t.Errorf("%s", &stdout)
	}
	if e, err := readEvent(agent.Find("claude"), nil); err == nil || e.Name != "" {
		t.Errorf("%+v, %v", e, err)
	}
}

// An exception that is not committed does not count: an agent may have written it.
func TestOnlyExceptionsOfHEADCountForAgents(t *testing.T) {
	dir, key := agentRepository(t)
	prompt := fillPayload(`{"cwd":"DIR","hook_event_name":"UserPromptSubmit","prompt":"KEY"}`, dir, key)
	path := filepath.Join(dir, ".keysweep.toml")
	if err := os.WriteFile(path, []byte("[[allow]]\nfingerprint = \""+fingerprint(key)+"\"\nreason = \"made up\"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, step := range []struct {
		args []string
		want string
	}{{[]string{"status"}, "denied"}, {[]string{"add", ".keysweep.toml"}, "denied"}, {[]string{"commit", "-qm", "accepted"}, "clean"}} {
		git(step.args...)
		if o := hookAgent(t, "claude", prompt); o.kind != step.want {
			t.Errorf("after git %v: %+v, want %s", step.args, o, step.want)
		}
	}
}
