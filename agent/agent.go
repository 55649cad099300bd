// Package agent knows the hooks of coding agents: what each hands to a hook, and in
// which words each takes an answer. It reads one event, puts questions about it to a
// Judge, and answers.
//
// The contracts change every few months: what an agent hands over is read leniently,
// and answers are written strictly. What cannot be read is answered as "not scanned",
// never as clean.
package agent

// Agent is one coding agent.
type Agent struct {
	Name  string // as on the command line: claude
	Title string // as people write it: Claude Code
	// Gaps is what the agent does not let a hook see or stop; "": nothing is known.
	Gaps string
	// event names the member that says which event it is. "": it is told by the members
	// that are there.
	event  string
	events []event
	reply  func(*Event, Verdict) Reply
}

// Moment is when an event happens.
type Moment int

// The moments.
const (
	Elsewhere Moment = iota // an event that is not ours
	Prompt                  // before a prompt reaches the model
	Before                  // before a tool runs
	After                   // after one ran
)

// event is one event of an agent, and where its parts are: members by their names,
// those of inner objects behind a dot.
type event struct {
	name   string
	moment Moment
	// tool is where the name of the tool is; behind "=", the tool itself, where the
	// event is about one.
	tool string
	// input is the arguments, or the prompt: one member, or several that are taken
	// together. output is the result.
	input, output string
}

// agents are all of them, in the order of the help.
func agents() []*Agent {
	claudeLike := func(prompt, before, after, failed string) []event {
		list := []event{
			{prompt, Prompt, "", "prompt", ""},
			{before, Before, "tool_name", "tool_input", ""},
			{after, After, "tool_name", "tool_input", "tool_response"},
		}
		if failed != "" {
			list = append(list, event{failed, After, "tool_name", "tool_input", "error"})
		}
		return list
	}
	return []*Agent{
		{"claude", "Claude Code", "what failed tools print, which is only reported", "hook_event_name", claudeLike("UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure"), claude},
		{"codex", "OpenAI Codex", "what failed commands print", "hook_event_name", claudeLike("UserPromptSubmit", "PreToolUse", "PostToolUse", ""), codex},
		{"gemini", "Gemini CLI", "", "hook_event_name", claudeLike("BeforeAgent", "BeforeTool", "AfterTool", ""), gemini},
		{"cursor", "Cursor", "the output of commands, which is only reported", "hook_event_name", []event{
			{"beforeSubmitPrompt", Prompt, "", "prompt attachments", ""},
			{"beforeShellExecution", Before, "=shell", "command", ""},
			{"beforeMCPExecution", Before, "tool_name", "tool_input", ""},
			{"beforeReadFile", Before, "=read", "file_path content attachments", ""},
			{"preToolUse", Before, "tool_name", "tool_input", ""},
			{"postToolUse", After, "tool_name", "tool_input", "tool_output"},
			{"afterShellExecution", After, "=shell", "command", "output"},
			{"afterMCPExecution", After, "tool_name", "tool_input", "result_json"},
		}, cursor},
		{"copilot", "GitHub Copilot CLI", "what failed tools print, and results, which not every version replaces", "", []event{
			{"postToolUse", After, "toolName", "toolArgs", "toolResult"},
			{"preToolUse", Before, "toolName", "toolArgs", ""},
			{"userPromptSubmitted", Prompt, "", "prompt", ""},
		}, copilot},
		{"windsurf", "Windsurf", "the content of files and the output of commands, which it does not hand over", "agent_action_name", []event{
			{"pre_user_prompt", Prompt, "", "tool_info.user_prompt", ""},
			{"pre_read_code", Before, "=read", "tool_info", ""},
			{"pre_write_code", Before, "=write", "tool_info", ""},
			{"pre_run_command", Before, "=shell", "tool_info", ""},
			{"pre_mcp_tool_use", Before, "tool_info.mcp_tool_name", "tool_info.mcp_tool_arguments", ""},
			{"post_mcp_tool_use", After, "tool_info.mcp_tool_name", "tool_info.mcp_tool_arguments", "tool_info.mcp_result"},
		}, windsurf},
		{"cline", "Cline", "the output of tools, which is only reported", "hookName", []event{
			{"UserPromptSubmit", Prompt, "", "userPromptSubmit.prompt", ""},
			{"PreToolUse", Before, "preToolUse.toolName", "preToolUse.parameters", ""},
			{"PostToolUse", After, "postToolUse.toolName", "postToolUse.parameters", "postToolUse.result"},
		}, cline},
	}
}

// Names returns the names of all agents.
func Names() (names []string) {
	for _, a := range agents() {
		names = append(names, a.Name)
	}
	return names
}

// Find returns the agent of that name, nil if there is none.
func Find(name string) *Agent {
	for _, a := range agents() {
		if a.Name == name {
			return a
		}
	}
	return nil
}
