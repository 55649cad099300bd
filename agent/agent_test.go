package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mark is what the judge of these tests takes for a key.
const mark = "SECRET"

// marked is a judge that finds marks.
type marked struct{}

func (marked) Text(text, _ string) (list []Key, err error) {
	for i, line := range slices.Collect(strings.Lines(text)) {
		if strings.Contains(line, mark) {
			list = append(list, Key{mark, "a key", i + 1})
		}
	}
	return list, nil
}

func (marked) File(path string, _ bool) ([]Key, error) {
	if strings.Contains(path, "unreadable") {
		return nil, errors.New("unreadable")
	}
	return nil, nil
}
func (marked) Files(string) []string           { return nil }
func (marked) Mask(text string) string         { return strings.ReplaceAll(text, mark, "…") }
func (marked) Hooked(string) (bool, error)     { return true, nil }
func (marked) Protected(path string) bool      { return strings.Contains(path, ".keysweep") }
func (marked) Resolve(dir, path string) string { return below(dir, path) }

// Whatever an event is, the answer is one object or nothing, shows no key, and says
// something if a key was in a text that it was asked about.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		`{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"git commit -n SECRET"}}`,
		`{"hook_event_name":"PostToolUse","tool_name":"Grep","tool_response":{"content":"a\nSECRET","persistedOutputPath":"unreadable"}}`,
		`{"hook_event_name":"BeforeTool","tool_name":"read_file","tool_input":{"path":"unreadable","offset":1e9,"view_range":[1,-1]}}`,
		`{"toolName":"view","toolArgs":"{\"path\":[\"a\"],\"x\":\"\\\"SECRET\\\"\"}"}`,
		`{"agent_action_name":"pre_write_code","tool_info":{"file_path":".keysweep.toml","edits":[{"new_string":"SECRET"}]}}`,
		`{"hookName":"PostToolUse","postToolUse":{"toolName":"x","result":["SECRET",1,null]}}`,
		`{"hook_event_name":"beforeSubmitPrompt","prompt":"@a#L1-2 @\"b c\" SECRET","attachments":[{"filePath":"unreadable"}]}`,
		"[", `"`, "\ufeff{}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, a := range agents() {
			for _, strict := range []bool{false, true} {
				g := &Guard{Judge: marked{}, Strict: strict}
				e, wrong := a.Read(strings.NewReader(text))
				r := e.Answer(g.Decide(e, wrong))
				if len(r.Stdout) > 0 && (!json.Valid(r.Stdout) || r.Stdout[0] != '{') {
					t.Errorf("%s answers %q", a.Name, r.Stdout)
				}
				said := string(r.Stdout) + r.Stderr
				silent := said == "" || said == "{}\n" || strings.Contains(said, `"continue":true`) || said == "{\"cancel\":false}\n"
				if silent && wrong != nil && r.Status == 0 {
					t.Errorf("%s says nothing of %v", a.Name, wrong)
				}
				if r.Status != 0 && r.Status != blockStatus {
					t.Errorf("%s: status %d", a.Name, r.Status)
				}
			}
		}
	})
}

func TestAnEventThatIsTooLargeIsSaidToBe(t *testing.T) {
	whole := `{"hook_event_name":"UserPromptSubmit","prompt":"` + strings.Repeat("x", MaxPayload) + `"}`
	for text, want := range map[string]string{
		whole:                   "the event is larger than 64 MiB",
		whole[:len(whole)/2]:    "the event is not JSON",
		whole[:100] + `"} more`: "<nil>",
	} {
		if _, err := Find("claude").Read(strings.NewReader(text)); fmt.Sprint(err) != want {
			t.Errorf("%d bytes: %v, want %s", len(text), err, want)
		}
	}
}

func TestFilesThatAPromptNames(t *testing.T) {
	for _, tt := range []struct {
		prompt string
		want   []read
	}{
		{"see @a/b.txt.", []read{{"a/b.txt", 1, 0, false}}},
		{`see @"a b.txt" and (@c)`, []read{{"a b.txt", 1, 0, false}, {"c", 1, 0, false}}},
		{`@a\ b\(1\).txt @a\b.txt @c\`, []read{{"a b(1).txt", 1, 0, false}, {`a\b.txt`, 1, 0, false}, {`c\`, 1, 0, false}}},
		{"@a#L3 @b#L3-9 @c#L9-3 @d#Lx @e#L3-L5", []read{{"a", 3, 3, false}, {"b", 3, 9, false}, {"c", 9, 9, false}, {"d", 1, 0, false}, {"e", 3, 5, false}}},
		{"mail a@b.example or @ or x@@y", nil},
		{"@\n@\"\"", nil},
	} {
		if got := mentioned(tt.prompt); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.prompt, got, tt.want)
		}
	}
}

func TestClassesOfTools(t *testing.T) {
	for _, tt := range []struct {
		class class
		names string
	}{
		{runs, "Bash PowerShell shell run_shell_command execute_command run_terminal_cmd Shell bash"},
		{reads, "Read read_file ReadFile view mcp__fs__read_multiple_files NotebookRead read_many_files MCP:read_file"},
		{search, "Grep Glob search_file_content search_files list_files LS WebSearch codebase_search"},
		{other, "Write Edit MultiEdit apply_patch write_file replace str_replace mcp__reader__store read_write create_view"},
	} {
		for name := range strings.FieldsSeq(tt.names) {
			if got := classOf(name); got != tt.class {
				t.Errorf("%s is of class %d, want %d", name, got, tt.class)
			}
		}
	}
}

// joined is a judge for which a word over two lines is a key, too, that it cannot mask.
type joined struct{ marked }

func (joined) Text(text, _ string) ([]Key, error) {
	return marked{}.Text(strings.ReplaceAll(text, "SEC\nRET", mark), "")
}

func TestATextInWhichAKeyIsLeftIsNotShown(t *testing.T) {
	g := &Guard{Judge: joined{}}
	for tool, want := range map[string]string{"Grep": leftOut, "Bash": leftOut} {
		v := g.after(&Event{Agent: Find("claude"), Moment: After, Tool: tool, Output: map[string]any{"content": "a\nSECRET\nSEC\nRET", "mode": "content"}})
		if got := v.Output.(map[string]any); got["content"] != want || got["mode"] != "content" {
			t.Errorf("%s: %q", tool, got)
		}
	}
}

func TestLinesWithKeysAreLeftOut(t *testing.T) {
	g := &Guard{Judge: marked{}}
	for _, tt := range []struct{ text, want string }{
		{"a\nb", "a\nb"},
		{"a\nSECRET\nb", "a\nb\n[keysweep: left out 1 line that holds a key]\n"},
		{"SECRET\nSECRET", "[keysweep: left out 2 lines that hold a key]\n"},
	} {
		if got := g.withoutLines(tt.text); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.text, got, tt.want)
		}
	}
}
