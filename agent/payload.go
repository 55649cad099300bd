package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// MaxPayload is the most bytes of an event that are read: agents cut what they hand
// over far below.
const MaxPayload = 64 << 20

// Event is one event of an agent.
type Event struct {
	Agent  *Agent // in whose words the answer is: Copilot runs the hooks of Claude
	Name   string // as the agent calls it; "" if it does not say
	Moment Moment
	// Dir is the folder that the agent works in; "" if it does not say.
	Dir    string
	Tool   string // "" if it does not say
	Prompt string
	// Input and Output are JSON: maps, lists, strings, json.Number, bool and nil.
	Input, Output any
}

// Read reads an event of an agent. It reads no further than its end, since some agents
// leave the pipe open. The error says what of it has not the form that is known; the event
// then says what is known.
func (a *Agent) Read(r io.Reader) (*Event, error) {
	e := &Event{Agent: a}
	limited := &io.LimitedReader{R: r, N: MaxPayload}
	b := bufio.NewReader(limited)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		_, _ = b.Discard(3)
	}
	var all any
	d := json.NewDecoder(b)
	d.UseNumber()
	switch err := d.Decode(&all); {
	case err != nil && limited.N <= 0:
		return e, fmt.Errorf("the event is larger than %d MiB", MaxPayload>>20)
	case err != nil:
		return e, errors.New("the event is not JSON")
	}
	payload, ok := all.(map[string]any)
	if !ok {
		return e, errors.New("the event is no JSON object")
	}
	if _, camel := payload["toolName"]; a.Name == "claude" && payload[a.event] == nil && (camel || payload["prompt"] != nil) {
		e.Agent = Find("copilot")
	}
	at := e.Agent.eventOf(payload, &e.Name)
	e.Dir = folder(payload)
	if at == nil && e.Name == "" {
		return e, errors.New("the event has no name")
	} else if at == nil {
		return e, fmt.Errorf("the event %s is not known", e.Name)
	}
	e.Moment = at.moment
	return e, e.fill(payload, at)
}

// eventOf returns the event of a payload, nil if it is not known, and its name.
func (a *Agent) eventOf(payload map[string]any, name *string) *event {
	*name, _ = payload[a.event].(string)
	for i := range a.events {
		at := &a.events[i]
		mark := at.output
		if mark == "" {
			mark = at.input
		}
		if _, there := payload[mark]; a.event == "" && there || a.event != "" && at.name == *name {
			*name = at.name
			return at
		}
	}
	return nil
}

// fill reads the parts of an event.
func (e *Event) fill(payload map[string]any, at *event) error {
	if tool, fixed := strings.CutPrefix(at.tool, "="); fixed {
		e.Tool = tool
	} else {
		name, _ := member(payload, at.tool)
		e.Tool, _ = name.(string)
	}
	input, there := members(payload, at.input)
	if _, isText := input.(string); isText && at.tool == "=shell" {
		input = map[string]any{at.input: input}
	}
	if e.Moment == Prompt {
		e.Input = input
		if m, several := input.(map[string]any); several {
			input = m["prompt"]
		}
		if e.Prompt, there = input.(string); !there {
			return errors.New("the event has no text of a prompt")
		}
		return nil
	}
	if e.Input = input; e.Moment == Before && (!there || input == nil) {
		return errors.New("the event has no arguments of a tool")
	}
	if e.Moment == After {
		if e.Output, there = members(payload, at.output); !there {
			return errors.New("the event has no result of a tool")
		}
	}
	return nil
}

// folder returns where the agent works, as far as a payload says.
func folder(payload map[string]any) string {
	for _, name := range []string{"cwd", "tool_info.cwd"} {
		v, _ := member(payload, name)
		if dir, ok := v.(string); ok && dir != "" {
			return dir
		}
	}
	for _, name := range []string{"workspace_roots", "workspaceRoots"} {
		if roots, ok := payload[name].([]any); ok && len(roots) > 0 {
			if dir, ok := roots[0].(string); ok {
				return dir
			}
		}
	}
	return ""
}

// member returns the member of an object that names say, separated by dots, and
// whether it is there.
func member(object any, names string) (any, bool) {
	for name := range strings.SplitSeq(names, ".") {
		m, _ := object.(map[string]any)
		inner, there := m[name]
		if !there {
			return nil, false
		}
		object = inner
	}
	return object, true
}

// members returns the member that names say, or an object of several, which are
// separated by blanks; there says that the first is there.
func members(object any, names string) (v any, there bool) {
	list := strings.Fields(names)
	if len(list) == 1 {
		return member(object, names)
	}
	m := map[string]any{}
	for i, name := range list {
		if inner, ok := member(object, name); ok {
			m[name] = inner
			there = there || i == 0
		}
	}
	return m, there
}

// maxNested is how often JSON is in a string of JSON: each time doubles the
// backslashes, so that this is more than fits into an event.
const maxNested = 32

// texts calls see with every text in v, and with those in texts that are JSON
// themselves, however often: MCP arguments are. name is the member that holds it,
// "" if none does. inner says that it is in another text, which see has got as well.
func texts(v any, see func(name, text string, inner bool)) { walk(v, "", 0, see) }

func walk(v any, name string, nested int, see func(name, text string, inner bool)) {
	switch v := v.(type) {
	case string:
		see(name, v, nested > 0)
		if inner, ok := parseText(v); ok && nested < maxNested {
			walk(inner, name, nested+1, see)
		}
	case []any:
		for _, element := range v {
			walk(element, name, nested, see)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			see("", key, nested > 0)
			walk(v[key], key, nested, see)
		}
	}
}

// parseText returns what a text is if it is JSON: an object, a list or a string.
func parseText(text string) (v any, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) < 2 || strings.IndexByte(`{["`, text[0]) < 0 {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

// replaced returns v with every text changed by change, names of members included.
func replaced(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = replaced(v[i], change)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, element := range v {
			m[change(key)] = replaced(element, change)
		}
		return m
	}
	return v
}
