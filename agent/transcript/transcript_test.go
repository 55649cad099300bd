package transcript

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keysweep/finding"
)

const mark = "SECRET"

// positions are those of mark in a text.
func positions(text string) (list []Position) {
	for i, line := range slices.Collect(strings.Lines(text)) {
		if at := strings.Index(line, mark); at >= 0 {
			list = append(list, Position{i + 1, at + 1})
		}
	}
	return list
}

func TestWhoWroteALine(t *testing.T) {
	for _, tt := range []struct{ path, line, author string }{
		{"a.jsonl", `{"type":"user","message":{"role":"user","content":"SECRET"}}`, "person"},
		{"a.jsonl", `{"type":"user","message":{"role":"user","content":[{"type":"text","text":"SECRET"}]}}`, "person"},
		{"a.jsonl", `{"type":"user","message":{"role":"user","content":[{"type":"tool_result","content":[{"type":"text","text":"SECRET"}]}]}}`, "tool"},
		{"a.jsonl", `{"type":"user","message":{"role":"user","content":"x"},"toolUseResult":{"stdout":"SECRET"}}`, "tool"},
		{"a.jsonl", `{"type":"user","toolUseResult":"SECRET"}`, "tool"},
		{"a.jsonl", `{"type":"assistant","message":{"role":"assistant","content":[{"type":"tool_use","input":{"command":"SECRET"}}]}}`, "agent"},
		{"a.jsonl", `{"type":"assistant","message":{"role":"assistant","content":[{"type":"thinking","thinking":"SECRET"}]}}`, "agent"},
		{"a.jsonl", `{"type":"summary","summary":"SECRET"}`, ""},
		{"a.jsonl", `{"type":"response_item","payload":{"type":"message","role":"user","content":[{"type":"input_text","text":"SECRET"}]}}`, "person"},
		{"a.jsonl", `{"type":"response_item","payload":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"SECRET"}]}}`, "agent"},
		{"a.jsonl", `{"type":"response_item","payload":{"type":"function_call","arguments":"{\"command\":\"SECRET\"}"}}`, "agent"},
		{"a.jsonl", `{"type":"response_item","payload":{"type":"function_call_output","output":"SECRET"}}`, "tool"},
		{"a.jsonl", `{"type":"event_msg","payload":{"type":"user_message","message":"SECRET"}}`, "person"},
		{"a.jsonl", `{"type":"event_msg","payload":{"type":"agent_message","message":"SECRET"}}`, "agent"},
		{"a.jsonl", `{"type":"user.message","data":{"content":"SECRET"}}`, "person"},
		{"a.jsonl", `{"type":"assistant.message","data":{"content":"SECRET"}}`, "agent"},
		{"a.jsonl", `{"type":"tool.execution_complete","data":{"result":{"content":"SECRET"}}}`, "tool"},
		{"a.json", `{"messages":[{"type":"gemini","content":"x","toolCalls":[{"args":{"a":"SECRET"}}]}]}`, "agent"},
		{"a.json", `{"messages":[{"type":"gemini","toolCalls":[{"result":[{"functionResponse":{"response":{"output":"SECRET"}}}]}]}]}`, "tool"},
		{"a.json", "{\"messages\":[\n{\"type\":\"user\",\"content\":\"SECRET\"}]}", "person"},
		{"history.jsonl", `{"session_id":"s","ts":1769853600,"text":"SECRET"}`, "person"},
		{"settings.json", `{"permissions":{"allow":["Bash(SECRET)"]}}`, "rule"},
		{"a.jsonl", `not JSON SECRET`, ""},
		{"a.jsonl", `{"type":["user"],"role":1,"x":"SECRET"}`, ""},
		{"a.vscdb", `{"type":"user","x":"SECRET"}`, ""},
		{"a.jsonl", `{"type":"user","x":"` + strings.Repeat("y", 3<<20) + `SECRET"}`, "person"},
		{"a.jsonl", `{"type":"user","x":"` + strings.Repeat("y", 3<<20) + `","z":{"type":"tool_result","a":"SECRET"}}`, "tool"},
	} {
		list, err := Describe("A", tt.path, strings.NewReader(tt.line), positions(tt.line))
		if err != nil || len(list) != 1 || list[0].Author != tt.author || list[0].Agent != "A" {
			t.Errorf("%s: %+v, %v, want %q", tt.line[:min(200, len(tt.line))], list, err, tt.author)
		}
	}
}

func TestWhatTheFirstLineSaysIsSaidOfAll(t *testing.T) {
	text := `{"type":"session_meta","payload":{"id":"s","cwd":"/srv/shop"}}` + "\n" + `{"x":1}` + "\n" +
		`{"timestamp":"2026-01-31T10:00:00+01:00","x":"SECRET"}` + "\n" + `{"cwd":"/other","ts":1769853600,"x":"SECRET"}` + "\n"
	list, err := Describe("A", "/x/rollout.jsonl", strings.NewReader(text), positions(text))
	at := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	want := []finding.Transcript{{Agent: "A", Project: "/srv/shop", Session: "s", Date: at}, {Agent: "A", Project: "/other", Session: "s", Date: at.Add(time.Hour)}}
	if err != nil || len(list) != 2 || *list[0] != want[0] || *list[1] != want[1] {
		t.Errorf("%+v %+v, %v", *list[0], *list[1], err)
	}
}

func TestFoldersOfAgents(t *testing.T) {
	home := t.TempDir()
	for _, path := range []string{".claude", ".codex", ".config/Cursor/User/globalStorage", ".local/share/opencode", ".config/Code/User/globalStorage/saoudrizwan.claude-dev", "else/where"} {
		if err := os.MkdirAll(filepath.Join(home, path), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, f := range Folders(home, func(name string) string {
		return map[string]string{"CODEX_HOME": filepath.Join(home, "else/where"), "XDG_DATA_HOME": "relative"}[name]
	}) {
		rel, _ := filepath.Rel(home, f.Path)
		got = append(got, f.Agent+": "+filepath.ToSlash(rel))
	}
	want := []string{"Claude Code: .claude", "OpenAI Codex: else/where", "opencode: .local/share/opencode", "Cursor: .config/Cursor/User/globalStorage",
		"Cline: .config/Code/User/globalStorage/saoudrizwan.claude-dev"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzDescribe(f *testing.F) {
	for _, s := range []string{`{"type":"user","message":{"content":["SECRET"]}}`, "{\"a\":{\"b\":[[1,{\"c\\\\\":\"SECRET\"}]]}}", "[SECRET", "\n\nSECRET", `{"timestamp":1e300,"ts":-1}`} {
		f.Add(s, 1, 1)
	}
	f.Fuzz(func(t *testing.T, text string, line, column int) {
		line, column = max(1, line&0xff), max(1, column&0xffff)
		for _, path := range []string{"a.json", "a.jsonl"} {
			if list, err := Describe("A", path, strings.NewReader(text), []Position{{line, column}}); err != nil || len(list) != 1 {
				t.Error(list, err)
			}
		}
	})
}
