package transcript

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keysweep/agent/jsontext"
	"keysweep/file"
	"keysweep/finding"
)

// maxLine is the most bytes of a line, or of a file that is one JSON text, that are taken
// apart. Of a longer one it is not known who wrote what.
const maxLine = 64 << 20

// Position is where something is in a file, 1-based; the column is in bytes.
type Position struct{ Line, Column int }

// Describe returns what a transcript says of positions in it, in their order. What it does
// not say is "" or zero; r is read once.
func Describe(agent, path string, r io.Reader, at []Position) ([]*finding.Transcript, error) {
	list := make([]*finding.Transcript, len(at))
	for i := range list {
		list[i] = &finding.Transcript{Agent: agent}
	}
	if filepath.Ext(path) == ".json" {
		text, err := file.ReadAll(r, 0, maxLine)
		if errors.Is(err, file.ErrTooLarge) {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		for i, p := range at {
			describe(list[i], levels(text, offset(text, p)))
		}
		return list, nil
	}
	if filepath.Ext(path) != ".jsonl" {
		return list, nil
	}
	var head finding.Transcript // what the first line says of all
	lines := bufio.NewReaderSize(r, 1<<20)
	for number := 1; ; number++ {
		wanted := number == 1 || slices.ContainsFunc(at, func(p Position) bool { return p.Line == number })
		line, err := readLine(lines, wanted)
		if number == 1 {
			describe(&head, []level{{members: object(line)}})
		}
		for i, p := range at {
			if p.Line == number {
				describe(list[i], levels(line, p.Column-1))
			}
		}
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	isHistory := strings.HasPrefix(filepath.Base(path), "history") // of what a person typed
	for _, t := range list {
		if t.Author == "" && isHistory {
			t.Author = finding.AuthorPerson
		}
		if t.Project == "" {
			t.Project = head.Project
		}
		if t.Session == "" {
			t.Session = head.Session
		}
		if t.Session == "" && !isHistory {
			t.Session = strings.TrimSuffix(filepath.Base(path), ".jsonl")
		}
	}
	return list, nil
}

// readLine reads a line; what is not wanted, or longer than maxLine, is read and
// dropped.
func readLine(r *bufio.Reader, wanted bool) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if wanted && len(line)+len(part) <= maxLine {
			line = append(line, part...)
		} else {
			line, wanted = nil, false
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// offset returns where a position is in a text.
func offset(text []byte, p Position) int {
	at := 0
	for range p.Line - 1 {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			return len(text)
		}
		at += i + 1
	}
	return at + p.Column - 1
}

// level is an object around a position, and the member or list that it is in.
type level struct {
	name    string
	members map[string]any
}

// levels returns the objects around a position of a JSON text, the outermost first.
func levels(text []byte, at int) (list []level) {
	start, end := 0, len(text)
	name := ""
	for {
		if bytes.HasPrefix(bytes.TrimSpace(text[start:end]), []byte("{")) {
			list = append(list, level{name, object(text[start:end])})
		}
		parts, err := jsontext.Parts(text, start, end)
		if err != nil {
			return list
		}
		i := slices.IndexFunc(parts, func(p jsontext.Part) bool { return p.At <= at && at < p.End })
		if i < 0 {
			return list
		}
		if parts[i].Name != "" {
			name = parts[i].Name
		}
		start, end = parts[i].Start, parts[i].End
		if c := text[start]; c != '{' && c != '[' {
			return append(list, level{name: name})
		}
	}
}

// object returns the members of an object that are short texts and numbers, and those of
// the objects in it that describe it, in one map.
func object(text []byte) map[string]any {
	var raw map[string]json.RawMessage
	if json.Unmarshal(text, &raw) != nil {
		return nil
	}
	members := map[string]any{}
	for name, value := range raw {
		const short = 4 << 10
		if len(value) > short {
			continue
		}
		var v any
		if json.Unmarshal(value, &v) == nil {
			members[name] = v
		}
	}
	return members
}

// describe fills in what levels say, the innermost first, and what t says already stays.
func describe(t *finding.Transcript, list []level) {
	for i := len(list) - 1; i >= 0; i-- {
		l := list[i]
		if t.Author == "" {
			t.Author = author(l)
		}
		for _, m := range []map[string]any{l.members, inner(l.members, "payload"), inner(l.members, "data"), inner(inner(l.members, "data"), "context")} {
			t.Project = first(t.Project, m, "cwd", "project", "projectPath")
			t.Session = first(t.Session, m, "sessionId", "session_id", "sessionID")
			if m["type"] == nil && m["cwd"] != nil {
				t.Session = first(t.Session, m, "id") // of Codex, in the first line
			}
			if t.Date.IsZero() {
				t.Date = date(m)
			}
		}
	}
}

func inner(m map[string]any, name string) map[string]any {
	v, _ := m[name].(map[string]any)
	return v
}

// first returns said, or the first of the members that is a text.
func first(said string, m map[string]any, names ...string) string {
	for _, name := range names {
		if text, _ := m[name].(string); said == "" {
			said = text
		}
	}
	return said
}

// date returns when an object says that it was written: a text of RFC 3339, or a number
// of seconds or milliseconds.
func date(m map[string]any) time.Time {
	for _, name := range []string{"timestamp", "ts", "startTime", "time"} {
		switch v := m[name].(type) {
		case string:
			if at, err := time.Parse(time.RFC3339, v); err == nil {
				return at.UTC()
			}
		case float64:
			const milliseconds = 1e11
			if v > 1e6 && v < milliseconds {
				return time.Unix(int64(v), 0).UTC()
			} else if v >= milliseconds && v < 1e14 {
				return time.UnixMilli(int64(v)).UTC()
			}
		}
	}
	return time.Time{}
}

// author returns who wrote what is in an object, or in a member: by its name, type and
// role, as each agent has them.
func author(l level) string {
	switch l.name {
	case "permissions", "allow":
		return finding.AuthorRule
	case "toolUseResult", "tool_response", "toolResult", "functionResponse", "resultDisplay":
		return finding.AuthorTool
	case "functionCall", "args", "toolArgs", "arguments":
		return finding.AuthorAgent
	case "display", "pastedContents":
		return finding.AuthorPerson
	}
	for _, name := range []string{"type", "role"} {
		text, _ := l.members[name].(string)
		switch text {
		case "tool_result", "function_call_output", "custom_tool_call_output", "exec_command_end", "mcp_tool_call_end", "tool", "tool.execution_complete", "patch_apply_end":
			return finding.AuthorTool
		case "tool_use", "function_call", "custom_tool_call", "local_shell_call", "reasoning", "agent_message", "agent_reasoning", "exec_command_begin",
			"assistant", "model", "gemini", "assistant.message", "tool.execution_start", "thinking":
			return finding.AuthorAgent
		case "user", "user_message", "user.message":
			return finding.AuthorPerson
		}
	}
	return ""
}
