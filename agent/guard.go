package agent

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// Key is a key in a text.
type Key struct {
	ID    string // the same for the same key
	Words string // what it is, as "a Martis production key, sk_live_…"
	Line  int    // where it starts, 1-based; 0: not known
}

// Judge answers questions about texts, files and folders. Paths are absolute. Keys that
// a person accepted are left out. An error says in words what was not read; what was
// found before it is returned, too.
type Judge interface {
	// Text returns the keys in a text; path is the file that it is of, or is to be
	// written to, "" if there is none.
	Text(text, path string) ([]Key, error)
	// File returns the keys in a file, also the accepted ones if all is set. The error
	// wraps fs.ErrNotExist if there is none. A folder has none.
	File(path string, all bool) ([]Key, error)
	// Files returns the files that a glob in a command means, in any order.
	Files(glob string) []string
	// Mask returns text with what may be a key hidden.
	Mask(text string) string
	// Hooked reports whether git hooks of a folder call keysweep.
	Hooked(dir string) (bool, error)
	// Protected reports whether only a person may change a file.
	Protected(path string) bool
	// Resolve returns a path of an event as an absolute one; dir, where the agent works,
	// may be "".
	Resolve(dir, path string) string
}

// Guard decides about events.
type Guard struct {
	Judge
	// Strict blocks what could not be scanned.
	Strict bool
	// NoVerify lets commands pass that leave out git's hooks.
	NoVerify bool
}

// Kind is what is to become of an event.
type Kind int

// The kinds.
const (
	Clean      Kind = iota
	Denied          // the prompt or the tool call is stopped
	Replaced        // the model gets Verdict.Output instead of the result
	Reached         // the model has got a key
	NotScanned      // not all was read, and it goes on
)

// Verdict is what is decided about an event.
type Verdict struct {
	Kind Kind
	// Person and Model are the words for each; "": there are none. What the model reads
	// does not say how a key is accepted.
	Person, Model string
	Output        any // of Replaced, in the shape of the event's
	// Fatal says that even the event is not known, and that it is to be blocked.
	Fatal bool
}

// Decide decides about an event; wrong is the error of reading it.
func (g *Guard) Decide(e *Event, wrong error) Verdict {
	if wrong != nil {
		return g.notScanned(e, wrong)
	}
	switch e.Moment {
	case Prompt:
		return g.prompt(e)
	case Before:
		return g.before(e)
	}
	return g.after(e)
}

// notScanned is the verdict about what was not read, and holds no key as far as it was.
func (g *Guard) notScanned(e *Event, err error) Verdict {
	v := Verdict{Kind: NotScanned, Person: "not scanned: " + err.Error() + ". Whether it holds a key is not known."}
	if !g.Strict {
		return v
	}
	v.Person += " --strict stops what is not scanned."
	v.Model = "not scanned: " + err.Error() + ", and what is not scanned is stopped."
	switch {
	case e.Moment == Prompt || e.Moment == Before:
		v.Kind = Denied
	case e.Moment == After:
		v.Kind = Replaced
		left := "[keysweep: " + v.Model + "]"
		v.Output = replaced(e.Output, func(string) string { s := left; left = ""; return s })
	case e.Name == "":
		v.Fatal = true
	}
	return v
}

const (
	useVariable = "Name an environment variable that holds the key instead."
	howAccepted = "If it is no secret: accept it in .keysweep.toml or with keysweep baseline create, commit that, and try again."
)

// found is keys of an event, each once, with the words for where it is.
type found struct {
	lines []string
	seen  map[string]bool
	err   error // the first
}

// add adds keys; where is put before the line, as "pay.env, ".
func (f *found) add(where string, keys []Key, err error) {
	f.err = cmp.Or(f.err, err)
	for _, k := range keys {
		if f.seen[where+k.ID] {
			continue
		}
		if f.seen == nil {
			f.seen = map[string]bool{}
		}
		f.seen[where+k.ID] = true
		line := where
		if k.Line > 0 {
			line += fmt.Sprintf("line %d: ", k.Line)
		}
		f.lines = append(f.lines, line+k.Words)
	}
}

// list returns what was found, a line each.
func (f *found) list() string {
	const limit = 10
	list := f.lines[:min(limit, len(f.lines))]
	if more := len(f.lines) - limit; more > 0 {
		list = append(slices.Clone(list), fmt.Sprintf("and %d more", more))
	}
	return "\n  " + strings.Join(list, "\n  ") + "\n"
}

// prompt decides about a prompt, and the files that it names.
func (g *Guard) prompt(e *Event) Verdict {
	var f found
	keys, err := g.Text(e.Prompt, "")
	f.add("", keys, err)
	files := mentioned(e.Prompt)
	texts(e.Input, func(name, s string, _ bool) {
		if among(pathMembers, name) {
			files = append(files, read{path: s, from: 1})
		}
	})
	for _, r := range files {
		r.optional = true
		g.read(e, r, &f)
	}
	switch {
	case len(f.lines) > 0:
		return Verdict{Kind: Denied, Person: "this prompt holds a key, and did not reach the model:" + f.list() + useVariable + "\n" + howAccepted}
	case f.err != nil:
		return g.notScanned(e, f.err)
	}
	return Verdict{}
}

// read adds the keys in the lines of a file that are read.
func (g *Guard) read(e *Event, r read, f *found) {
	const most = 256
	path := g.Resolve(e.Dir, r.path)
	keys, err := g.File(path, false)
	invalidName := runtime.GOOS == "windows" && errors.Is(err, syscall.Errno(123)) // ERROR_INVALID_NAME: no file has a * in its name
	if (errors.Is(err, fs.ErrNotExist) || invalidName) && r.optional {
		err = nil // a command may make it first
		var list []string
		if e.Moment == Before { // in a prompt, an @ before a glob need not mean files
			list = g.Files(path)
		}
		if len(list) > most {
			err = fmt.Errorf("%s: more than %d files", r.path, most)
			list = nil
		}
		for _, p := range list {
			g.read(e, read{path: p, from: r.from, to: r.to}, f)
		}
	}
	keys = slices.DeleteFunc(keys, func(k Key) bool { return !r.holds(k.Line) })
	f.add(r.path+", ", keys, err)
}

// before decides about a tool call: first what would switch off the checks, then its
// arguments, then the files that it reads.
func (g *Guard) before(e *Event) Verdict {
	a := e.action()
	if a.dir != "" {
		e.Dir = g.Resolve(e.Dir, a.dir)
	}
	if why := g.forbidden(e, &a); why != "" {
		return Verdict{Kind: Denied, Model: why, Person: why}
	}
	var f found
	files := g.files(e, &a)
	var here map[string]bool // keys that each file of the call holds
	if a.writes() {
		here = g.inAll(files)
	}
	for _, s := range a.arguments {
		keys, err := g.text(s, files)
		f.add("", slices.DeleteFunc(keys, func(k Key) bool { return here[k.ID] }), err)
	}
	if len(f.lines) > 0 {
		why := "the arguments of " + tool(e) + " hold a key, so it was not run:" + f.list() + useVariable
		return Verdict{Kind: Denied, Model: why, Person: why}
	}
	for _, s := range a.contents {
		keys, err := g.text(s, files)
		f.add("", keys, err)
	}
	for _, r := range a.reads {
		g.read(e, r, &f)
	}
	f.err = cmp.Or(f.err, a.unparsed)
	switch {
	case len(f.lines) > 0:
		why := "a key is in what " + tool(e) + " would read, so it was not read:" + f.list() + "Read other lines, or ask the person. Code gets the key from an environment variable."
		return Verdict{Kind: Denied, Model: why, Person: why}
	case f.err != nil:
		return g.notScanned(e, f.err)
	}
	return Verdict{}
}

// files returns the files that a tool call names.
func (g *Guard) files(e *Event, a *action) (list []string) {
	for _, p := range a.paths {
		if p = g.Resolve(e.Dir, p); !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// inAll returns the keys that each of these files holds, also accepted ones: which of
// them a text goes to is not known.
func (g *Guard) inAll(files []string) (ids map[string]bool) {
	for i, p := range files {
		keys, _ := g.File(p, true)
		held := map[string]bool{}
		for _, k := range keys {
			held[k.ID] = i == 0 || ids[k.ID]
		}
		ids = held
	}
	return ids
}

// text returns the keys in a text that is of one of these files, or goes to one, without
// keys that each of them accepts.
func (g *Guard) text(s string, files []string) (keys []Key, err error) {
	if len(files) != 1 {
		// No key at all is none that a file's exceptions accept.
		if keys, err = g.Text(s, ""); len(files) == 0 || len(keys) == 0 && err == nil {
			return keys, err
		}
		keys, err = nil, nil
	}
	for _, p := range files {
		more, wrong := g.Text(s, p)
		keys, err = append(keys, more...), cmp.Or(err, wrong)
	}
	return keys, err
}

// tool names the tool of an event.
func tool(e *Event) string { return cmp.Or(e.Tool, "the tool") }

// forbidden returns why a tool call is not allowed whatever keys it holds: it leaves
// out git's hooks, or does what only a person does. "": it is allowed.
func (g *Guard) forbidden(e *Event, a *action) string {
	const person = " decides what counts as a key, or whether it is checked: only a person does that. Ask for it."
	changed := a.paths
	if !a.writes() {
		changed = nil
	}
	for i := range a.calls {
		c := &a.calls[i]
		if c.Accepts() != "" {
			return "this command" + person
		}
		for _, p := range c.WriteFiles() {
			changed = append(changed, below(strings.Trim(c.Dir, "\x00"), p))
		}
		what, dir := c.Bypass()
		if what == "" || g.NoVerify {
			continue
		}
		if strings.Contains(dir, "\x00") {
			dir = ""
		}
		if hooked, err := g.Hooked(g.Resolve(e.Dir, dir)); hooked {
			return what + " leaves out git hooks, and those of this repository stop keys. Run the command without it; if a hook stops it, take out the key."
		} else if err != nil {
			a.unparsed = cmp.Or(a.unparsed, fmt.Errorf("whether %s leaves out hooks of keysweep: %w", what, err))
		}
	}
	if a.class == other {
		for _, s := range a.arguments { // members whose names are not known
			if strings.HasPrefix(filepath.Base(s), ".keysweep") && !strings.ContainsAny(s, "\n ") {
				changed = append(changed, s)
			}
		}
	}
	for _, p := range changed {
		if g.Protected(g.Resolve(e.Dir, p)) {
			return filepath.Base(p) + person
		}
	}
	return ""
}

// after decides about the result of a tool. Of what is a file's content, lines are left
// out: what hides a key in it might be written back.
func (g *Guard) after(e *Event) Verdict {
	a := e.action()
	var f found
	persisted := false
	var files []string
	if a.class != runs {
		files = g.files(e, &a)
	}
	texts(e.Output, func(name, s string, _ bool) {
		keys, err := g.text(s, files)
		f.add("", keys, err)
		if among(" persistedOutputPath outputFile fullOutputPath ", name) && s != "" {
			keys, err := g.File(g.Resolve(e.Dir, s), false)
			f.add("", keys, err)
			persisted = true
		}
	})
	switch {
	case len(f.lines) == 0 && f.err != nil:
		return g.notScanned(e, f.err)
	case len(f.lines) == 0:
		return Verdict{}
	}
	what := "the output of " + tool(e) + " holds a key"
	v := Verdict{Kind: Replaced, Person: what + ", which was hidden from the model:" + f.list()}
	v.Model = what + ", which is hidden:" + f.list() + "The key is not there as it is shown: do not write it anywhere."
	change := g.Mask
	if a.class == reads || a.class == search || files != nil {
		v.Person = what + "; its lines were left out:" + f.list()
		v.Model = what + ", and its lines are left out:" + f.list()
		change = g.withoutLines
	}
	v.Output = replaced(e.Output, func(s string) string {
		if s = change(s); g.holds(s) { // one that only the text around it shows
			s = leftOut
		}
		return s
	})
	if m, ok := v.Output.(map[string]any); ok && persisted {
		for _, name := range []string{"persistedOutputPath", "persistedOutputSize", "outputFile", "fullOutputPath"} {
			delete(m, name)
		}
		v.Model += " The whole output is not kept, as it holds a key."
	}
	return v
}

// reached turns a verdict about a result into one where it cannot be replaced.
func reached(e *Event, v Verdict) Verdict {
	if v.Kind != Replaced {
		return v
	}
	_, list, holds := strings.Cut(v.Person, "\n")
	if !holds { // nothing is known to be in what was not scanned
		v.Kind = NotScanned
		return v
	}
	v.Kind = Reached
	v.Person = prefix + "the output of " + tool(e) + " holds a key, and has reached the model:\n" + strings.TrimRight(list, "\n") +
		"\nReplace the key: it may be stored at the provider of the model."
	v.Model = v.Person
	return v
}

// leftOut stands for a text that cannot be shown in part.
const leftOut = "[keysweep: left out, as it holds a key]\n"

// holds reports whether a text holds a key, or may.
func (g *Guard) holds(s string) bool {
	keys, err := g.Text(s, "")
	return len(keys) > 0 || err != nil
}

// withoutLines returns a text without the lines that hold a key, and says how many
// these are.
func (g *Guard) withoutLines(s string) string {
	if g.Mask(s) == s {
		return s
	}
	var b strings.Builder
	left := 0
	for line := range strings.Lines(s) {
		if g.Mask(line) != line {
			left++
		} else {
			b.WriteString(line)
		}
	}
	if left == 0 { // a key that goes over a line break
		return leftOut
	}
	if text := b.String(); text != "" && !strings.HasSuffix(text, "\n") {
		b.WriteString("\n")
	}
	words := "1 line that holds a key"
	if left > 1 {
		words = fmt.Sprintf("%d lines that hold a key", left)
	}
	b.WriteString("[keysweep: left out " + words + "]\n")
	return b.String()
}
