// Package agents writes, removes and inspects the registrations by which coding agents
// call keysweep: entries in their settings, beside what is there.
package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"keysweep/agent/jsontext"
	"keysweep/file"
	"keysweep/quote"
)

// settings is where and how an agent is told of hooks.
type settings struct {
	agent string
	// project and user are the file from the top of a working tree, and from the home
	// folder, '/'-separated. Of Cline they are folders.
	project, user string
	// homeVariable names the folder that user's first folder is, if it is set.
	homeVariable string
	version      bool // the file begins with "version": 1
	events       []event
	// entry returns the element for an event.
	entry func(command string, e event) any
}

// event is an event to register for; matcher says for which tools, "" where that is not
// said.
type event struct{ name, matcher string }

// Seconds is how long an agent is to wait for a hook. The hook itself ends before.
const Seconds = 30

type object = map[string]any

// table has the settings of all agents.
func table() []settings {
	grouped := func(hook func(command string) object) func(string, event) any {
		return func(command string, e event) any {
			group := struct {
				Matcher string   `json:"matcher,omitempty"`
				Hooks   []object `json:"hooks"`
			}{e.matcher, []object{hook(command)}}
			return group
		}
	}
	command := func(command string) object {
		return object{"type": "command", "command": command, "timeout": Seconds}
	}
	return []settings{
		{"claude", ".claude/settings.json", ".claude/settings.json", "CLAUDE_CONFIG_DIR", false,
			[]event{{"UserPromptSubmit", ""}, {"PreToolUse", "*"}, {"PostToolUse", "*"}, {"PostToolUseFailure", "*"}}, grouped(command)},
		{"codex", ".codex/hooks.json", ".codex/hooks.json", "CODEX_HOME", false,
			[]event{{"UserPromptSubmit", ""}, {"PreToolUse", "*"}, {"PostToolUse", "*"}}, grouped(command)},
		{"gemini", ".gemini/settings.json", ".gemini/settings.json", "", false,
			[]event{{"BeforeAgent", ""}, {"BeforeTool", "*"}, {"AfterTool", "*"}}, grouped(func(command string) object {
				return object{"name": "keysweep", "type": "command", "command": command, "timeout": Seconds * 1000}
			})},
		{"cursor", ".cursor/hooks.json", ".cursor/hooks.json", "", true,
			[]event{{"beforeSubmitPrompt", ""}, {"beforeShellExecution", ""}, {"beforeMCPExecution", ""}, {"beforeReadFile", ""}, {"preToolUse", "Write|Edit|Delete"}, {"postToolUse", ""}},
			func(command string, e event) any {
				entry := object{"command": command, "timeout": Seconds}
				if e.matcher != "" {
					entry["matcher"] = e.matcher
				}
				return entry
			}},
		{"copilot", ".github/hooks/keysweep.json", ".copilot/hooks/keysweep.json", "", true,
			[]event{{"userPromptSubmitted", ""}, {"preToolUse", ""}, {"postToolUse", ""}},
			func(command string, _ event) any {
				return object{"type": "command", "bash": command, "powershell": "& " + command, "timeoutSec": Seconds}
			}},
		{"windsurf", ".windsurf/hooks.json", ".codeium/windsurf/hooks.json", "", false,
			[]event{{"pre_user_prompt", ""}, {"pre_read_code", ""}, {"pre_write_code", ""}, {"pre_run_command", ""}, {"pre_mcp_tool_use", ""}, {"post_mcp_tool_use", ""}},
			func(command string, _ event) any { return object{"command": command, "show_output": true} }},
		{"cline", ".clinerules/hooks", "Documents/Cline/Hooks", "", false,
			[]event{{"UserPromptSubmit", ""}, {"PreToolUse", ""}, {"PostToolUse", ""}}, nil},
	}
}

// Registration is that of one agent in one place.
type Registration struct {
	Agent string
	// Path is the file; of Cline, a folder of scripts.
	Path string

	s settings
}

// In returns the registration of an agent, one of agent.Names, in a project, whose
// folder is top, or of the user, if top is "".
func In(agent, top string) (*Registration, error) {
	list := table()
	i := slices.IndexFunc(list, func(s settings) bool { return s.agent == agent })
	if i < 0 {
		return nil, fmt.Errorf("no agent %s", quote.Name(agent))
	}
	r := &Registration{Agent: agent, s: list[i]}
	if top != "" {
		r.Path = filepath.Join(top, filepath.FromSlash(r.s.project))
		return r, nil
	}
	first, rest, _ := strings.Cut(r.s.user, "/")
	if folder := os.Getenv(r.s.homeVariable); r.s.homeVariable != "" && folder != "" {
		r.Path = filepath.Join(folder, filepath.FromSlash(rest))
		return r, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	r.Path = filepath.Join(home, first, filepath.FromSlash(rest))
	return r, nil
}

// Command returns the command line that calls the hook: for a POSIX shell, PowerShell
// and, on Windows, cmd.
func Command(agent, program string, options []string) (string, error) {
	words := slices.Concat([]string{program, "hook", "agent", agent}, options)
	for i, word := range words {
		rest, isOption := strings.CutPrefix(word, "--") // only a word that begins with a dash is quoted for it
		quoted, ok := quote.Word(runtime.GOOS, rest)
		if !ok {
			return "", fmt.Errorf("%s cannot be written into settings for each shell of this system", quote.Name(word))
		}
		if words[i] = quoted; isOption {
			words[i] = "--" + quoted
		}
	}
	return strings.Join(words, " "), nil
}

// errShape is the error for settings that are not in the form that the agent reads.
var errShape = errors.New("is not in the form that the agent reads")

// maxSettings is the size, in bytes, up to which settings are read.
const maxSettings = 4 << 20

// Change is what is to be done to the files of a registration.
type Change struct {
	Path string
	Old  []byte // nil: there is no file
	New  []byte // nil: the file is removed
	Mode os.FileMode
}

// Same reports whether there is nothing to do.
func (c *Change) Same() bool { return bytes.Equal(c.Old, c.New) && (c.Old == nil) == (c.New == nil) }

// Apply does it.
func (c *Change) Apply() error {
	if c.Same() {
		return nil
	}
	if c.New == nil {
		return os.Remove(c.Path)
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o777); err != nil {
		return err
	}
	return file.Write(c.Path, c.Mode, func(w io.Writer) error {
		_, err := w.Write(c.New)
		return err
	})
}

// Refused says that settings are left as they are. Lines are to be shown before it.
type Refused struct {
	Path, Why, Lines string
}

func (r *Refused) Error() string {
	return quote.Name(r.Path) + " " + r.Why + ": add the lines above by hand"
}

// Add returns what registers a command line, "" to take it out.
func (r *Registration) Add(command string) ([]Change, error) {
	if r.s.entry == nil {
		return r.scripts(command)
	}
	old, err := r.read()
	if err != nil {
		return nil, err
	}
	change := Change{Path: r.Path, Old: old, New: old}
	if command != "" && r.current(old, command) {
		return []Change{change}, nil
	}
	text := old
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}\n")
		if r.s.version && command != "" {
			text = []byte("{\n  \"version\": 1\n}\n")
		}
	}
	if !json.Valid(text) {
		if command == "" {
			return nil, fmt.Errorf("%s is not plain JSON, and is left: take out what calls keysweep", quote.Name(r.Path))
		}
		return nil, &Refused{r.Path, "is not plain JSON (it may hold comments), and is left", r.lines(command)}
	}
	text, err = r.strip(text)
	if err == nil && command != "" {
		text, err = r.insert(text, command)
	}
	if errors.Is(err, errShape) || errors.Is(err, jsontext.ErrShape) {
		return nil, &Refused{r.Path, errShape.Error() + ", and is left", r.lines(command)}
	} else if err != nil {
		return nil, err
	}
	change.New = text
	if command == "" && empty(text) {
		change.New = nil
	}
	if command == "" && old == nil {
		change.New = nil
	}
	return []Change{change}, nil
}

// read returns the settings, nil if there is no file.
func (r *Registration) read() ([]byte, error) {
	text, err := file.Read(r.Path, maxSettings)
	switch {
	case file.Absent(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", quote.Name(r.Path), err)
	case text == nil:
		text = []byte{}
	}
	return text, nil
}

// empty reports whether nothing but a version is left of settings.
func empty(text []byte) bool {
	var all map[string]any
	if json.Unmarshal(text, &all) != nil {
		return false
	}
	delete(all, "version")
	return len(all) == 0
}

// lines returns what is to be added by hand.
func (r *Registration) lines(command string) string {
	text, _ := r.insert([]byte("{}"), command)
	return strings.TrimSpace(string(text))
}

// insert adds the entries to settings that have none of ours.
func (r *Registration) insert(text []byte, command string) ([]byte, error) {
	l := layoutOf(text)
	for _, e := range r.s.events {
		start, end := root(text)
		top, err := jsontext.Parts(text, start, end)
		if err != nil {
			return nil, err
		}
		if text[start] != '{' {
			return nil, errShape
		}
		entry := r.s.entry(command, e)
		hooks := member(top, "hooks")
		if hooks == nil {
			text, err = l.add(text, start, end, `"hooks": `+l.write(object{e.name: []any{entry}}, 1), 0)
		} else {
			text, err = l.insertEvent(text, hooks, e.name, entry)
		}
		if err != nil {
			return nil, err
		}
	}
	return text, nil
}

// insertEvent adds an entry for an event to the member hooks.
func (l layout) insertEvent(text []byte, hooks *jsontext.Part, name string, entry any) ([]byte, error) {
	events, err := jsontext.Parts(text, hooks.Start, hooks.End)
	if err != nil || text[hooks.Start] != '{' {
		return nil, errShape
	}
	list := member(events, name)
	if list == nil {
		key, _ := json.Marshal(name)
		return l.add(text, hooks.Start, hooks.End, string(key)+": "+l.write([]any{entry}, 2), 1)
	}
	if text[list.Start] != '[' {
		return nil, errShape
	}
	return l.add(text, list.Start, list.End, l.write(entry, 3), 2)
}

// strip takes our entries out of settings, and lists that are empty then.
func (r *Registration) strip(text []byte) ([]byte, error) {
	for stripped := false; ; stripped = true {
		start, end := root(text)
		top, err := jsontext.Parts(text, start, end)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(top, func(p jsontext.Part) bool { return p.Name == "hooks" })
		if i < 0 {
			return text, nil
		}
		hooks := top[i]
		if stripped && len(bytes.TrimSpace(text[hooks.Start+1:hooks.End-1])) == 0 {
			return cut(text, start, end, top, i), nil
		}
		next, err := stripHooks(text, hooks)
		if err != nil || next == nil {
			return text, err
		}
		text = next
	}
}

// stripHooks takes one entry of ours out of the member hooks; nil: there is none.
func stripHooks(text []byte, hooks jsontext.Part) ([]byte, error) {
	events, err := jsontext.Parts(text, hooks.Start, hooks.End)
	if err != nil {
		return nil, errShape
	}
	for i, e := range events {
		entries, err := jsontext.Parts(text, e.Start, e.End)
		if err != nil {
			continue // of another form
		}
		for j, entry := range entries {
			if !isOurs(text[entry.Start:entry.End]) {
				continue
			}
			if inner, list, k := foreignBeside(text, entry); inner != nil {
				return cut(text, inner.Start, inner.End, list, k), nil
			}
			if len(entries) == 1 {
				return cut(text, hooks.Start, hooks.End, events, i), nil
			}
			return cut(text, e.Start, e.End, entries, j), nil
		}
	}
	return nil, nil
}

// foreignBeside returns, of an entry with a list of hooks some of which are not ours,
// that list, its elements, and which is ours; nil if all are.
func foreignBeside(text []byte, entry jsontext.Part) (list *jsontext.Part, elements []jsontext.Part, ours int) {
	members, err := jsontext.Parts(text, entry.Start, entry.End)
	if err != nil {
		return nil, nil, 0
	}
	if list = member(members, "hooks"); list == nil {
		return nil, nil, 0
	}
	if elements, err = jsontext.Parts(text, list.Start, list.End); err != nil {
		return nil, nil, 0
	}
	foreign := slices.ContainsFunc(elements, func(p jsontext.Part) bool { return !isOurs(text[p.Start:p.End]) })
	ours = slices.IndexFunc(elements, func(p jsontext.Part) bool { return isOurs(text[p.Start:p.End]) })
	if !foreign || ours < 0 {
		return nil, nil, 0
	}
	return list, elements, ours
}

// isOurs reports whether a text calls the hook.
func isOurs(text []byte) bool {
	return bytes.Contains(text, []byte("keysweep")) && bytes.Contains(text, []byte("hook agent "))
}

// current reports whether settings have each entry for a command as we write it, and no
// other of ours.
func (r *Registration) current(text []byte, command string) bool {
	var all struct {
		Hooks map[string][]json.RawMessage `json:"hooks"`
	}
	if json.Unmarshal(text, &all) != nil {
		return false
	}
	ours := 0
	for _, entries := range all.Hooks {
		for _, entry := range entries {
			if isOurs(entry) {
				ours++
			}
		}
	}
	for _, e := range r.s.events {
		want, _ := json.Marshal(r.s.entry(command, e))
		if !slices.ContainsFunc(all.Hooks[e.name], func(entry json.RawMessage) bool { return sameJSON(entry, want) }) {
			return false
		}
	}
	return ours == len(r.s.events)
}

// sameJSON reports whether two texts are the same value.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}

// scripts returns the changes of an agent that runs the files of a folder.
func (r *Registration) scripts(command string) (list []Change, err error) {
	if command != "" && runtime.GOOS == "windows" {
		return nil, errors.New("on Windows, Cline runs no hooks")
	}
	for _, e := range r.s.events {
		path := filepath.Join(r.Path, e.name)
		old, err := file.Read(path, maxSettings)
		if err != nil && !file.Absent(err) {
			return nil, fmt.Errorf("%s: %w", quote.Name(path), err)
		}
		if err == nil && !isOurs(old) {
			if command != "" {
				return nil, &Refused{path, "is another hook, and is left", command}
			}
			continue
		}
		c := Change{Path: path, Old: old, Mode: 0o755}
		if command != "" {
			c.New = []byte("#!/bin/sh\nexec " + command + "\n")
		}
		list = append(list, c)
	}
	return list, nil
}

// State is what files say of a registration.
type State struct {
	Found   bool     // the agent has left something in the folder of its settings
	Command string   // the hook's command line, as it is written first; "": not registered
	Missing []string // events that are not registered, or not with this command line
	// Seconds is the shortest time that the agent waits for the hook; 0: not said.
	Seconds float64
	// Off is the setting that switches hooks off; "": none is known.
	Off string
}

// Look returns what the files of a registration say.
func (r *Registration) Look() (s State, err error) {
	folder := filepath.Dir(r.Path)
	if r.Agent == "copilot" || r.Agent == "cline" {
		folder = filepath.Dir(folder)
	}
	_, err = os.Stat(folder)
	if s.Found = err == nil && filepath.Base(folder) != ".github"; file.Absent(err) {
		return s, nil
	}
	if r.s.entry == nil {
		return r.lookScripts(s)
	}
	text, err := r.read()
	if err != nil || text == nil {
		return s, err
	}
	var all struct {
		Hooks      map[string]json.RawMessage `json:"hooks"`
		DisableAll bool                       `json:"disableAllHooks"`
		Config     struct {
			Enabled *bool `json:"enabled"`
		} `json:"hooksConfig"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		if isOurs(text) { // with comments: who wrote them, knows
			s.Command = "keysweep hook agent " + r.Agent
		}
		return s, nil
	}
	if r.s.agent == "claude" && all.DisableAll {
		s.Off = "disableAllHooks"
	} else if r.s.agent == "gemini" && all.Config.Enabled != nil && !*all.Config.Enabled {
		s.Off = "hooksConfig.enabled"
	}
	for _, e := range r.s.events {
		var list any
		_ = json.Unmarshal(all.Hooks[e.name], &list)
		command, seconds := called(list)
		if r.s.agent == "gemini" {
			seconds /= 1000
		}
		if command == "" {
			s.Missing = append(s.Missing, e.name)
			continue
		}
		if s.Command == "" {
			s.Command = command
		}
		if seconds > 0 && (s.Seconds == 0 || seconds < s.Seconds) {
			s.Seconds = seconds
		}
	}
	return s, nil
}

// lookScripts is Look for a folder of scripts.
func (r *Registration) lookScripts(s State) (State, error) {
	for _, e := range r.s.events {
		text, err := file.Read(filepath.Join(r.Path, e.name), maxSettings)
		switch {
		case err != nil && !file.Absent(err):
			return s, fmt.Errorf("%s: %w", quote.Name(filepath.Join(r.Path, e.name)), err)
		case !isOurs(text):
			s.Missing = append(s.Missing, e.name)
		case s.Command == "":
			_, line, _ := strings.Cut(string(text), "exec ")
			s.Command = strings.TrimSpace(line)
		}
	}
	return s, nil
}

// called returns the first command line of ours in the entries of an event, and how
// long it may take by them.
func called(v any) (command string, timeout float64) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if command, timeout = called(element); command != "" {
				return command, timeout
			}
		}
	case object:
		for _, name := range []string{"command", "bash"} {
			if text, _ := v[name].(string); isOurs([]byte(text)) {
				timeout, _ = v["timeout"].(float64)
				if seconds, ok := v["timeoutSec"].(float64); ok {
					timeout = seconds
				}
				return text, timeout
			}
		}
		return called(v["hooks"])
	}
	return "", 0
}

// Program returns the program of a command line, as it is written there.
func Program(command string) string {
	program, _, _ := strings.Cut(command, " hook agent ")
	return strings.Trim(program, `'"& `)
}

// Trusted reports whether the files of an agent say that it runs the hooks of a
// registration; known is false if they do not.
func (r *Registration) Trusted() (trusted, known bool) {
	if r.Agent != "codex" {
		return false, false
	}
	user, err := In("codex", "")
	if err != nil {
		return false, false
	}
	text, err := file.Read(filepath.Join(filepath.Dir(user.Path), "config.toml"), maxSettings)
	if err != nil && !file.Absent(err) {
		return false, false
	}
	return strings.Contains(string(text), r.Path) && strings.Contains(string(text), "trusted_hash"), true
}
