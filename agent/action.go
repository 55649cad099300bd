package agent

import (
	"cmp"
	"encoding/json"
	"path"
	"path/filepath"
	"strings"

	"keysweep/agent/shell"
)

// class is what kind of tool a call is of.
type class int

const (
	other  class = iota // also tools that write
	runs                // runs a command line
	reads               // returns files
	search              // returns names or lines of files
)

// Lists of words begin and end in a blank, and so does each word.
const (
	shellTools = " shell bash powershell pwsh sh run_shell_command execute_command run_terminal_cmd run_command run_in_terminal local_shell exec_command shell_command terminal exec "
	readWords  = "read view open_file get_file cat_file"
	findWords  = "grep search glob find list"
	// pathMembers hold the path of a file, or a list of them.
	pathMembers = " file_path filepath filePath path paths absolute_path absolutePath notebook_path target_file file files file_paths filename include uri "
	// dirMembers hold the folder that a command runs in.
	dirMembers = " workdir working_directory cwd directory dir_path "
	// commandMembers hold a command line.
	commandMembers = " command command_line commandLine cmd script "
)

func among(list, name string) bool { return name != "" && strings.Contains(list, " "+name+" ") }

// classOf returns the class of a tool by its name, without the name of an MCP server.
func classOf(tool string) class {
	name := strings.ToLower(tool)
	if i := strings.LastIndex(name, "__"); i >= 0 {
		name = name[i+2:]
	}
	name = strings.TrimPrefix(name, "mcp:")
	holds := func(words string) bool {
		for word := range strings.FieldsSeq(words) {
			if strings.Contains(name, word) {
				return true
			}
		}
		return false
	}
	switch {
	case among(shellTools, name):
		return runs
	case holds("write edit create delete replace update"):
		return other
	case holds(readWords):
		return reads
	case holds(findWords) || name == "ls":
		return search
	}
	return other
}

// read is a file that a tool returns, or a prompt names.
type read struct {
	path string
	// from and to are the lines, 1-based and inclusive; to is 0 if it is the last.
	from, to int
	// optional says that nothing is left unread if there is no such file: a prompt need
	// not mean one, and a command may make it first.
	optional bool
}

// holds reports whether a key that starts on a line is read; 0: the line is not known.
func (r *read) holds(line int) bool {
	return line == 0 || line >= r.from && (r.to == 0 || line <= r.to)
}

// action is what a tool call does, as far as its arguments say.
type action struct {
	class class
	dir   string // where its command runs, from where the agent works; "": there
	// patches says that it applies a patch, perhaps as a command: Codex does both.
	patches bool
	// arguments are its name and the texts that it is called with, at any depth.
	arguments []string
	paths     []string // of files, as they are written there
	reads     []read   // files whose content it returns
	contents  []string // what a payload hands over of a file that is read
	calls     []shell.Call
	unparsed  error // of a command line
}

// wordList returns a list of texts.
func wordList(v any) (words []string, ok bool) {
	list, ok := v.([]any)
	for _, element := range list {
		word, isText := element.(string)
		words, ok = append(words, word), ok && isText
	}
	return words, ok
}

// writes reports whether a changes the files of its paths, as far as is known.
func (a *action) writes() bool { return a.class == other || a.patches }

// action returns what the tool call of an event does.
func (e *Event) action() (a action) {
	a.class = classOf(e.Tool)
	a.arguments = []string{e.Tool}
	lines := read{from: 1}
	input, isObject := asObject(e.Input)
	if input["command"] == "view" { // of a tool that edits, too
		a.class = reads
	}
	for name, v := range input {
		if !among(commandMembers, name) {
			continue
		}
		words, isList := wordList(v)
		if args, ok := wordList(input["args"]); !isList && ok { // a program and its arguments
			program, _ := v.(string)
			words, isList = append([]string{program}, args...), true
		}
		if isList {
			a.calls = append(a.calls, shell.Words(words)...)
		}
	}
	texts(e.Input, func(name, s string, _ bool) {
		if a.class == reads && name == "content" {
			a.contents = append(a.contents, s)
			return
		}
		a.arguments = append(a.arguments, s)
		if a.class == runs && among(dirMembers, name) {
			a.dir = s
		}
		switch {
		case among(pathMembers, name) && s != "" && !strings.Contains(s, "\n"):
			if s = strings.TrimPrefix(s, "file://"); !strings.Contains(s, "://") { // else of no file
				a.paths = append(a.paths, s)
			}
		case among(commandMembers, name) && !strings.HasPrefix(s, patchHead):
			if strings.Contains(" powershell pwsh ", " "+strings.ToLower(e.Tool)+" ") {
				s = strings.ReplaceAll(s, `\`, "/") // it escapes nothing there
			}
			calls, err := shell.Parse(s)
			a.calls = append(a.calls, calls...)
			if a.class == runs && (strings.Contains(s, "git") || strings.Contains(s, "keysweep")) {
				a.unparsed = cmp.Or(a.unparsed, err)
			}
		}
		files := patched(s)
		a.paths, a.patches = append(a.paths, files...), a.patches || files != nil
	})
	if isObject {
		lines.restrict(input)
	}
	if a.class == reads && len(a.contents) == 0 {
		for _, p := range a.paths {
			a.reads = append(a.reads, read{path: p, from: lines.from, to: lines.to, optional: strings.ContainsAny(p, "*?[")})
		}
	}
	for i := range a.calls {
		c := &a.calls[i]
		for _, p := range c.ReadFiles() {
			if c.Dir != shell.Unknown {
				a.reads = append(a.reads, read{path: below(c.Dir, p), from: 1, optional: true})
			}
		}
	}
	return a
}

// asObject returns arguments that are an object, or a text that is one in JSON.
func asObject(v any) (map[string]any, bool) {
	if s, ok := v.(string); ok {
		v, _ = parseText(s)
	}
	m, ok := v.(map[string]any)
	return m, ok
}

// restrict takes the lines of a read from its arguments. Agents count from 0 or from
// 1: a line more is read.
func (r *read) restrict(input map[string]any) {
	number := func(names ...string) (int, bool) {
		for _, name := range names {
			if n, ok := input[name].(json.Number); ok {
				if i, err := n.Int64(); err == nil && i >= 0 && i < 1<<40 {
					return int(i), true
				}
			}
		}
		return 0, false
	}
	if from, ok := number("offset", "start_line", "startLine"); ok {
		r.from = from
	}
	if n, ok := number("limit"); ok {
		r.to = max(r.from, 1) + n
	} else if to, ok := number("end_line", "endLine"); ok {
		r.to = to + 1
	}
	if list, ok := input["view_range"].([]any); ok && len(list) == 2 {
		r.restrict(map[string]any{"start_line": list[0], "end_line": list[1]})
	}
}

// patchHead begins a patch of apply_patch.
const patchHead = "*** Begin Patch"

// patched returns the files that a patch in the form of apply_patch names.
func patched(s string) (paths []string) {
	if !strings.Contains(s, patchHead) {
		return nil
	}
	for line := range strings.Lines(s) {
		for _, head := range []string{"*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "} {
			if name, ok := strings.CutPrefix(line, head); ok {
				paths = append(paths, strings.TrimSpace(name))
			}
		}
	}
	return paths
}

// below returns a path as seen from where folder is seen from.
func below(folder, p string) string {
	if folder == "" || isRooted(p) {
		return p
	}
	return filepath.Join(folder, p)
}

func isRooted(p string) bool {
	return filepath.IsAbs(p) || path.IsAbs(p) || strings.HasPrefix(p, "~")
}

// mentioned returns the files that a prompt names behind an @, as @src/main.go,
// @"a b.txt" or @main.go#L10-20.
func mentioned(prompt string) (list []read) {
	for rest, before := prompt, byte(' '); ; {
		i := strings.IndexByte(rest, '@')
		if i < 0 {
			return list
		}
		if i > 0 {
			before = rest[i-1]
		}
		rest = rest[i+1:]
		if strings.IndexByte(" \t\r\n([{\"'`<:,", before) < 0 {
			before = '@'
			continue
		}
		before = '@'
		name := rest
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			name, _, _ = strings.Cut(quoted, `"`)
		} else {
			name = unescaped(rest)
		}
		if name = strings.TrimRight(name, ".,;:!?"); name == "" || strings.Contains(name, "\n") {
			continue
		}
		list = append(list, ranged(name))
	}
}

// unescaped returns the name that a prompt begins with, up to a blank or a bracket that no
// backslash precedes, as Gemini writes a\ b.txt.
func unescaped(prompt string) string {
	var name strings.Builder
	for i := 0; i < len(prompt); i++ {
		const ends = " \t\r\n\"'`<>()[]{}"
		if prompt[i] == '\\' && i+1 < len(prompt) && strings.IndexByte(ends, prompt[i+1]) >= 0 {
			i++
		} else if strings.IndexByte(ends, prompt[i]) >= 0 {
			break
		}
		name.WriteByte(prompt[i])
	}
	return name.String()
}

// ranged reads FILE#L10-20; the lines are whole if they do not parse.
func ranged(name string) read {
	r := read{path: name, from: 1}
	if file, lines, ok := strings.Cut(name, "#L"); ok {
		first, last, _ := strings.Cut(strings.ReplaceAll(lines, "L", ""), "-")
		from, err := json.Number(first).Int64()
		to, errTo := json.Number(last).Int64()
		r.path = file
		if err == nil && from > 0 && from < 1<<40 {
			r.from, r.to = int(from), int(from)
			if errTo == nil && to >= from && to < 1<<40 {
				r.to = int(to)
			}
		}
	}
	return r
}
