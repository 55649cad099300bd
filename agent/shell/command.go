// Package shell says what a command line does, as far as its text shows: which
// programs it calls with which words, and which files it reads and writes by
// redirection. It runs nothing. What a script, a variable or an alias hides is not
// seen.
package shell

import (
	"cmp"
	"errors"
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Call is one program that a command line calls.
type Call struct {
	// Words are the program and its arguments, quotes taken off. What only a running
	// shell knows, as the value of a variable, is Unknown.
	Words []string
	// Env are the variables that are set for it in the command line, as NAME=VALUE, the
	// last of a name counts.
	Env []string
	// Dir is where it runs, as cd says: "" for where the command line starts, Unknown
	// if that cannot be said.
	Dir string
	// Reads and Writes are the files that its standard streams come from and go to.
	Reads, Writes []string
	// Captured says that its output is not printed: it goes to a file, or a variable.
	Captured bool
}

// Unknown stands in a word for what only a running shell knows.
const Unknown = "\x00"

const (
	// maxNested is how deep command lines in command lines are read, as in
	// bash -c "bash -c …".
	maxNested = 4
	// maxText is how many bytes are parsed: each may be a level of nesting, which takes
	// 8 KiB.
	maxText = 64 << 10
	// maxCalls is how many calls of a command line are looked at.
	maxCalls = 10_000
)

// Parse returns the programs that a command line of a POSIX shell or of bash calls,
// in the order of the text. With an error, which says what does not parse and where,
// it returns those before that.
func Parse(text string) ([]Call, error) {
	r := &reader{}
	if len(text) > maxText {
		return nil, errors.New("longer than 64 KiB")
	}
	err := r.read(text, 0)
	return r.calls, err
}

// Words returns the programs that a list of words calls: a program and its arguments.
func Words(words []string) []Call {
	r := &reader{}
	_ = r.add(Call{Words: words}, 0) // an inner command line that does not parse
	return r.calls
}

// reader collects the calls of a command line.
type reader struct {
	calls []Call
	env   []string // exported so far
	dir   string
	// captured says that what is read now is substituted in an assignment.
	captured bool
}

func (r *reader) read(text string, depth int) error {
	if depth > maxNested {
		return nil
	}
	p := syntax.NewParser(syntax.Variant(syntax.LangBash))
	var first error
	for stmt, err := range p.StmtsSeq(strings.NewReader(text)) { // to its end: it goes on after an error
		if err == nil && first == nil {
			err = r.statement(stmt, depth)
		}
		first = cmp.Or(first, err)
	}
	return first
}

// statement reads one statement and all that is in it.
func (r *reader) statement(stmt syntax.Node, depth int) (err error) {
	syntax.Walk(stmt, func(n syntax.Node) bool {
		if err != nil || len(r.calls) > maxCalls {
			return false
		}
		switch n := n.(type) {
		case *syntax.Subshell:
			err = r.inside(n.Stmts, depth)
			return false
		case *syntax.CmdSubst:
			err = r.inside(n.Stmts, depth)
			return false
		case *syntax.Stmt:
			if n.Cmd == nil || isCompound(n.Cmd) {
				r.redirected(Call{Dir: r.dir}, n.Redirs)
			}
			if c, ok := n.Cmd.(*syntax.CallExpr); ok {
				err = r.call(c, n.Redirs, depth)
			}
		case *syntax.Assign:
			err = r.assignment(n, depth)
			return false
		case *syntax.DeclClause:
			if n.Variant.Value == "export" || n.Variant.Value == "declare" || n.Variant.Value == "typeset" {
				r.env = append(r.env[:len(r.env):len(r.env)], assigned(n.Args)...)
			}
		}
		return true
	})
	return err
}

// assignment reads what is substituted in the value of a variable, or in the words of
// export.
func (r *reader) assignment(n *syntax.Assign, depth int) error {
	before := r.captured
	r.captured = true
	defer func() { r.captured = before }()
	var err error
	if n.Value != nil {
		err = r.statement(n.Value, depth)
	}
	if n.Array != nil {
		err = cmp.Or(err, r.statement(n.Array, depth))
	}
	return err
}

// inside reads the statements of a subshell: what they export, and where they go,
// ends with it.
func (r *reader) inside(list []*syntax.Stmt, depth int) error {
	dir, env := r.dir, r.env
	defer func() { r.dir, r.env = dir, env }()
	for _, s := range list {
		if err := r.statement(s, depth); err != nil {
			return err
		}
	}
	return nil
}

// isCompound reports whether a command is made of others, which are read by
// themselves.
func isCompound(c syntax.Command) bool {
	_, simple := c.(*syntax.CallExpr)
	return !simple
}

// redirected appends a call that has nothing but redirections, if it has any.
func (r *reader) redirected(c Call, redirs []*syntax.Redirect) {
	redirect(&c, redirs)
	if len(c.Reads)+len(c.Writes) > 0 {
		r.calls = append(r.calls, c)
	}
}

// redirect fills in the files of redirections.
func redirect(c *Call, redirs []*syntax.Redirect) {
	for _, d := range redirs {
		switch d.Op {
		case syntax.RdrIn, syntax.RdrInOut:
			c.Reads = append(c.Reads, literal(d.Word))
		case syntax.RdrOut, syntax.AppOut, syntax.RdrClob, syntax.AppClob, syntax.RdrAll, syntax.AppAll:
			c.Writes = append(c.Writes, literal(d.Word))
			if to := literal(d.Word); (d.N == nil || d.N.Value == "1") && (to == "/dev/null" || !isDevice(to)) {
				c.Captured = true
			}
		}
	}
}

// call reads a simple command: the assignments in front of it, what it wraps, and
// the command line that it hands to a shell.
func (r *reader) call(n *syntax.CallExpr, redirs []*syntax.Redirect, depth int) error {
	c := Call{Dir: r.dir, Env: append(r.env[:len(r.env):len(r.env)], assigned(n.Assigns)...)}
	redirect(&c, redirs)
	for _, w := range n.Args {
		c.Words = append(c.Words, literal(w))
	}
	if len(c.Words) > 0 && strings.HasPrefix(c.Words[0], Unknown+":") {
		r.powerShell(c.Words, source(n.Args[0]))
	}
	return r.add(c, depth)
}

// add adds a call, and those of the command line that it hands to a shell.
func (r *reader) add(c Call, depth int) error {
	unwrap(&c)
	c.Captured = c.Captured || r.captured
	if len(c.Words)+len(c.Reads)+len(c.Writes) == 0 {
		return nil
	}
	switch c.Name() {
	case "cd", "pushd", "Set-Location":
		r.dir = join(r.dir, operand(c.Words))
	case "export":
		r.env = append(r.env[:len(r.env):len(r.env)], c.Words[1:]...)
	}
	r.calls = append(r.calls, c)
	inner, ok := commandLine(&c)
	if !ok {
		return nil
	}
	dir, env := r.dir, r.env
	r.dir, r.env = c.Dir, c.Env
	err := r.read(inner, depth+1)
	if c.Name() != "eval" {
		r.dir, r.env = dir, env
	}
	return err
}

// powerShell reads $env:NAME=VALUE, whose first word begins with the parameter env.
func (r *reader) powerShell(words []string, first string) {
	if !strings.HasPrefix(strings.ToLower(first), "$env:") {
		return
	}
	set := strings.TrimPrefix(words[0], Unknown+":") + strings.Join(words[1:], "")
	r.env = append(r.env[:len(r.env):len(r.env)], set)
}

// source returns the parameter that a word begins with, as $env, and a colon.
func source(w *syntax.Word) string {
	if p, ok := w.Parts[0].(*syntax.ParamExp); ok && p.Param != nil {
		return "$" + p.Param.Value + ":"
	}
	return ""
}

// assigned returns assignments as NAME=VALUE.
func assigned(list []*syntax.Assign) (env []string) {
	for _, a := range list {
		switch {
		case a.Naked && a.Name == nil && a.Value != nil: // export "A=1", or an option
			env = append(env, literal(a.Value))
		case a.Name != nil && !a.Naked:
			value := ""
			if a.Value != nil {
				value = literal(a.Value)
			}
			env = append(env, a.Name.Value+"="+value)
		}
	}
	return env
}

// Name returns the program without its folder: git for /usr/bin/git and git.exe.
func (c *Call) Name() string {
	if len(c.Words) == 0 {
		return ""
	}
	name := path.Base(strings.ReplaceAll(c.Words[0], `\`, "/"))
	return strings.TrimSuffix(name, ".exe")
}

// Var returns the value of a variable that is set in the command line.
func (c *Call) Var(name string) (value string, set bool) {
	for _, v := range c.Env {
		if n, text, ok := strings.Cut(v, "="); ok && strings.EqualFold(n, name) {
			value, set = text, true
		}
	}
	return value, set
}

// Lists of programs are texts with a blank before and after each name: they are there
// when the program starts.
const (
	// wrappers run the program that their arguments name.
	wrappers = " sudo doas env command builtin exec nohup nice ionice timeout stdbuf setsid xargs time winpty caffeinate " +
		"flock watch npx bunx uv poetry pipenv mise direnv "
	// wrapped are looked for behind a wrapper, whose own options are not known.
	wrapped = wrappers + "git keysweep sh bash zsh dash ksh eval cat head tail tee cp mv rm sed "
)

// among reports whether a list of programs has a name.
func among(list, name string) bool { return name != "" && strings.Contains(list, " "+name+" ") }

// unwrap takes off what runs another program, and takes over the variables that env
// sets for it.
func unwrap(c *Call) {
	for among(wrappers, c.Name()) {
		at := -1
		for i, word := range c.Words[1:] {
			inner := Call{Words: []string{word}}
			if among(wrapped, inner.Name()) {
				at = i + 1
				break
			}
			if strings.Contains(word, "=") && !strings.HasPrefix(word, "-") {
				c.Env = append(c.Env[:len(c.Env):len(c.Env)], word)
			}
		}
		if at < 0 {
			return
		}
		c.Words = c.Words[at:]
	}
}

// commandLine returns the command line that a call hands to a shell.
func commandLine(c *Call) (string, bool) {
	args := c.Words[min(1, len(c.Words)):]
	switch c.Name() {
	case "eval":
		return strings.Join(args, " "), len(args) > 0
	case "sh", "bash", "zsh", "dash", "ksh":
		for i, word := range args {
			if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "c") && i+1 < len(args) {
				return args[i+1], true
			}
		}
	case "pwsh", "powershell":
		for i, word := range args {
			if strings.EqualFold(word, "-Command") || strings.EqualFold(word, "-c") {
				return strings.Join(args[i+1:], " "), i+1 < len(args)
			}
		}
	case "cmd":
		for i, word := range args {
			if strings.EqualFold(word, "/c") || strings.EqualFold(word, "//c") {
				return strings.Join(args[i+1:], " "), i+1 < len(args)
			}
		}
	}
	return "", false
}

// operand returns the first word that is no option, "" if there is none.
func operand(words []string) string {
	for _, word := range words[1:] {
		if !strings.HasPrefix(word, "-") {
			return word
		}
	}
	return ""
}

// join returns a folder as seen from where the command line starts. Going to the
// home folder, back, or where only the shell knows, is Unknown.
func join(dir, to string) string {
	switch {
	case to == "" || to == "-" || strings.Contains(to, Unknown) || dir == Unknown && !path.IsAbs(to):
		return Unknown
	case path.IsAbs(to) || strings.HasPrefix(to, "~") || len(to) > 1 && to[1] == ':':
		return to
	}
	return path.Join(dir, to)
}

// literal returns a word without its quotes.
func literal(w *syntax.Word) string {
	var b strings.Builder
	if w != nil {
		literals(&b, w.Parts, false)
	}
	return b.String()
}

func literals(b *strings.Builder, parts []syntax.WordPart, quoted bool) {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			unescape(b, p.Value, quoted)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			literals(b, p.Parts, true)
		default:
			b.WriteString(Unknown)
		}
	}
}

// unescape writes text without the backslashes that quote: between double quotes,
// only those before $, `, ", \ and a line break do.
func unescape(b *strings.Builder, text string, quoted bool) {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!quoted || strings.IndexByte("$`\"\\\n", text[i+1]) >= 0) {
			i++
			if text[i] == '\n' {
				continue
			}
		}
		b.WriteByte(text[i])
	}
}
