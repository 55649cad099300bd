package agent

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Reply is an answer in the terms of an agent.
type Reply struct {
	Stdout []byte // one JSON object, or nothing
	Stderr string
	Status int
}

// blockStatus is the exit status that blocks: of all agents but Cline, which reads
// JSON alone.
const blockStatus = 2

// prefix begins what is said.
const prefix = "keysweep: "

// Answer returns the answer to an event in the terms of its agent.
func (e *Event) Answer(v Verdict) Reply {
	if v.Person != "" {
		v.Person = prefix + v.Person
	}
	if v.Model != "" {
		v.Model = prefix + v.Model
	}
	if v.Fatal && e.Agent.Name != "cline" {
		return Reply{Stderr: v.Person, Status: blockStatus}
	}
	return e.Agent.reply(e, v)
}

type object = map[string]any

// jsonReply is an answer that is JSON.
func jsonReply(o object) Reply { return Reply{Stdout: encode(o)} }

// encode returns texts and what was read as JSON as JSON, and a line break.
func encode(v any) []byte {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	_ = out.Encode(v) // such values cannot fail
	return b.Bytes()
}

// claude: https://code.claude.com/docs/en/hooks. A hook that prints nothing and ends
// with 0 has nothing to say.
func claude(e *Event, v Verdict) Reply {
	of := func(o object) object { o["hookEventName"] = e.Name; return o }
	if e.Name != "PostToolUse" {
		v = reached(e, v)
	}
	switch v.Kind {
	case Denied:
		if e.Moment == Prompt {
			return jsonReply(object{"decision": "block", "reason": v.Person, "hookSpecificOutput": of(object{"suppressOriginalPrompt": true})})
		}
		return jsonReply(object{"hookSpecificOutput": of(object{"permissionDecision": "deny", "permissionDecisionReason": v.Model})})
	case Replaced:
		return jsonReply(object{"systemMessage": v.Person, "hookSpecificOutput": of(object{"updatedToolOutput": v.Output, "additionalContext": v.Model})})
	case Reached:
		return jsonReply(object{"systemMessage": v.Person, "hookSpecificOutput": of(object{"additionalContext": v.Model})})
	case NotScanned:
		return jsonReply(object{"systemMessage": v.Person})
	}
	return Reply{}
}

// codex refuses members that it does not know, and an ask or an allow without more:
// the call then runs. The reason of a block replaces the result.
func codex(e *Event, v Verdict) Reply {
	switch v.Kind {
	case Denied:
		if e.Moment == Prompt {
			return jsonReply(object{"decision": "block", "reason": v.Person})
		}
		return jsonReply(object{"hookSpecificOutput": object{"hookEventName": e.Name, "permissionDecision": "deny", "permissionDecisionReason": v.Model}})
	case Replaced:
		return jsonReply(object{"decision": "block", "reason": v.Model + "\n\n" + shown(v.Output)})
	case NotScanned:
		return jsonReply(object{"systemMessage": v.Person})
	}
	return Reply{}
}

// gemini takes any plain text on standard output for leave, and without one reads
// standard error as JSON. The reason of a deny replaces the result.
func gemini(e *Event, v Verdict) Reply {
	switch v.Kind {
	case Denied:
		if e.Moment == Prompt {
			v.Model = v.Person
		}
		return jsonReply(object{"decision": "deny", "reason": v.Model})
	case Replaced:
		output := v.Output
		if m, ok := output.(map[string]any); ok && m["llmContent"] != nil {
			output = m["llmContent"]
		}
		return jsonReply(object{"decision": "deny", "reason": v.Model + "\n\n" + shown(output), "systemMessage": v.Person})
	case NotScanned:
		return jsonReply(object{"systemMessage": v.Person})
	}
	return Reply{}
}

// cursor gets an object in any case; allow would also answer for the person. Only
// results of MCP can be replaced.
func cursor(e *Event, v Verdict) Reply {
	if e.Name != "postToolUse" || !strings.HasPrefix(e.Tool, "MCP") {
		v = reached(e, v)
	}
	switch v.Kind {
	case Denied:
		if e.Moment == Prompt {
			return jsonReply(object{"continue": false, "user_message": v.Person})
		}
		return jsonReply(object{"permission": "deny", "user_message": v.Person, "agent_message": v.Model})
	case Replaced:
		output := v.Output
		if s, ok := output.(string); ok {
			if m, isJSON := parseText(s); isJSON {
				output = m
			}
		}
		return jsonReply(object{"updated_mcp_tool_output": output, "additional_context": v.Model})
	case Reached:
		r := jsonReply(object{"additional_context": v.Model})
		r.Stderr = v.Person
		return r
	}
	o := object{}
	if e.Moment == Prompt {
		o["continue"] = true
	}
	if v.Kind == NotScanned {
		o["user_message"] = v.Person
	}
	r := jsonReply(o)
	r.Stderr = v.Person
	return r
}

// copilot denies a tool at any status but 0.
func copilot(e *Event, v Verdict) Reply {
	switch v.Kind {
	case Denied:
		if e.Moment == Prompt {
			return jsonReply(object{"decision": "block", "reason": v.Person})
		}
		return jsonReply(object{"permissionDecision": "deny", "permissionDecisionReason": v.Model})
	case Replaced:
		r := jsonReply(object{"modifiedResult": v.Output, "additionalContext": v.Model})
		r.Stderr = v.Person + "\nSome versions of Copilot show the model the result as it was: replace the key."
		return r
	}
	return Reply{Stderr: v.Person}
}

// windsurf knows the exit status and standard error alone. Status 2 of an event after a
// tool blocks nothing, and shows what is said.
func windsurf(e *Event, v Verdict) Reply {
	v = reached(e, v)
	switch v.Kind {
	case Denied:
		if v.Model != "" {
			v.Person = v.Model
		}
		return Reply{Stderr: v.Person, Status: blockStatus}
	case Reached:
		return Reply{Stderr: v.Person, Status: blockStatus}
	}
	return Reply{Stderr: v.Person}
}

// cline reads one JSON object. The model reads contextModification.
func cline(e *Event, v Verdict) Reply {
	v = reached(e, v)
	switch {
	case v.Kind == Denied || v.Fatal:
		if v.Model == "" {
			v.Model = v.Person
		}
		return jsonReply(object{"cancel": true, "errorMessage": v.Model})
	case v.Kind == Reached || v.Kind == NotScanned:
		return jsonReply(object{"cancel": false, "contextModification": v.Person})
	}
	return jsonReply(object{"cancel": false})
}

// shown returns a result as text: JSON, if it is no text.
func shown(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(bytes.TrimSpace(encode(v)))
}
