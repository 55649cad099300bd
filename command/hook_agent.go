package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"keysweep/agent"
	"keysweep/audit"
	"keysweep/command/hooks"
	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
)

// agentHook is what the name of a hook is for an event of a coding agent.
const agentHook = "agent"

const (
	// onlyAgents and onlyGit are the options of hook that mean something for hooks of
	// agents alone, and of git alone.
	onlyAgents = "strict allow-no-verify"
	onlyGit    = "exclude fail-on allow-incomplete show-suppressed color quiet verbose jobs"
	// agentTimeout is below what any agent waits for a hook: 30 s.
	agentTimeout = 10 * time.Second
)

// refuse returns an error if an option of a list is given.
func (c *call) refuse(list, what string) error {
	for name := range strings.FieldsSeq(list) {
		if c.IsSet(name) {
			return fmt.Errorf("--%s is not for %s", name, what)
		}
	}
	return nil
}

// hookOfAgent answers one event of a coding agent. Its errors are those of use: all
// else is said in the agent's own terms.
func hookOfAgent(c *call) error {
	name := c.Args().Get(1)
	a := agent.Find(name)
	switch {
	case name == "":
		return c.usage(errors.New("hook agent needs the name of an agent: " + orList(agent.Names())))
	case a == nil:
		return c.usage(fmt.Errorf("no agent %s: it is one of %s%s", quote.Name(name), strings.Join(agent.Names(), ", "), didYouMean(name, agent.Names())))
	case c.Args().Len() > 2:
		return c.usage(fmt.Errorf("hook agent takes one name, and %s is a second", quote.Name(c.Args().Get(2))))
	}
	if err := c.refuse(onlyGit, "hooks of agents"); err != nil {
		return c.usage(err)
	}
	opts, err := parseScanOf(c, nil)
	if err != nil {
		return c.usage(err)
	}
	e, wrong := readEvent(a, c.stdin)
	return c.reply(e.Answer(c.decide(e, opts, wrong)))
}

// readEvent reads an event, or gives up: an agent writes it at once.
func readEvent(a *agent.Agent, stdin io.Reader) (*agent.Event, error) {
	if f, ok := stdin.(*os.File); stdin == nil || ok && f == nil {
		stdin = strings.NewReader("")
	}
	type read struct {
		event *agent.Event
		err   error
	}
	done := make(chan read, 1)
	go func() {
		e, err := a.Read(stdin)
		done <- read{e, err}
	}()
	select {
	case r := <-done:
		return r.event, r.err
	case <-time.After(patience):
		return &agent.Event{Agent: a}, errors.New("no event came on standard input")
	}
}

// decide decides about an event. A crash is one more thing that was not scanned.
func (c *call) decide(e *agent.Event, opts *scanOptions, wrong error) (v agent.Verdict) {
	g := &agent.Guard{Strict: c.Bool("strict"), NoVerify: c.Bool("allow-no-verify")}
	defer func() {
		if p := recover(); p != nil {
			v = g.Decide(e, errors.New(crash(p)))
		}
	}()
	if opts.timeout == 0 {
		opts.timeout = agentTimeout
	}
	ctx, cancel := opts.limit(c.ctx)
	defer cancel()
	j := &textJudge{ctx: ctx, dir: e.Dir, opts: opts}
	if info, err := os.Stat(e.Dir); err != nil || !info.IsDir() {
		j.dir = "" // it is gone, or not said
		if here, err := os.Getwd(); err == nil {
			j.dir = here
		}
	}
	g.Judge = j
	if wrong == nil {
		opts.audit.Scan.Progress = nil
		opts.audit.Scan.Workers = 1
		opts.audit.Scan.MaxUnpacked, opts.audit.Scan.UnopenedNoted = maxHookUnpacked, true
		if j.texts, wrong = audit.OpenTexts(ctx, j.dir, opts.audit); wrong == nil {
			defer j.texts.Close()
			c.program.rules = j.texts.Loaded.Rules
		}
	}
	v = g.Decide(e, wrong)
	v.Person, v.Model = c.clean(v.Person), c.clean(v.Model)
	return v
}

// clean returns words without keys, which names of files and tools may hold, and with what
// cannot be seen in them quoted.
func (c *call) clean(words string) string {
	if words == "" {
		return ""
	}
	return quote.Message(c.program.hide(words))
}

// reply writes an answer.
func (c *call) reply(r agent.Reply) error {
	if r.Stderr != "" {
		_, _ = io.WriteString(c.stderr, c.clean(r.Stderr)+"\n")
	}
	if len(r.Stdout) > 0 {
		if _, err := c.stdout.Write(r.Stdout); err != nil {
			return writing(err)
		}
	}
	if r.Status != 0 {
		return &ending{status: r.Status}
	}
	return nil
}

// textJudge answers the questions about an event.
type textJudge struct {
	ctx   context.Context
	dir   string // where the agent works; "" if it is not known
	opts  *scanOptions
	texts *audit.Texts
}

// Text returns the keys in a text.
func (j *textJudge) Text(text, path string) ([]agent.Key, error) {
	if !j.texts.Loaded.Rules.Finder().Contains([]byte(text)) {
		return nil, nil
	}
	res, err := j.texts.Judge(j.ctx, strings.NewReader(text), path)
	return j.keys(res, false), err
}

// File returns the keys in a file.
func (j *textJudge) File(path string, all bool) ([]agent.Key, error) {
	res, err := j.texts.JudgeFile(j.ctx, path)
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", quote.Name(config.Shown(path)), err)
	}
	return j.keys(res, all), err
}

// keys returns the keys of a result, accepted keys included if all is set.
func (j *textJudge) keys(res *finding.Result, all bool) (list []agent.Key) {
	if res == nil {
		return nil
	}
	for _, f := range res.Findings {
		if f.Suppressed != nil && !all {
			continue
		}
		words := report.KeyWords(f, j.texts.Loaded.Rules) + ", " + quote.Text(f.Redacted())
		for i := range f.Listed {
			line := f.Listed[i].Line
			if f.Listed[i].Inside != nil {
				line = 0
			}
			list = append(list, agent.Key{ID: f.Secret.SHA256(), Words: words, Line: line})
		}
	}
	return list
}

// Files returns the files that a glob means: those whose names begin with a dot only if
// it does, as in a shell.
func (j *textJudge) Files(glob string) []string {
	if !strings.ContainsAny(glob, "*?[") {
		return nil
	}
	list, _ := filepath.Glob(glob) // a glob that is none means none
	hidden := func(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }
	return slices.DeleteFunc(list, func(path string) bool { return hidden(path) && !hidden(glob) })
}

// Mask hides what may be a key.
func (j *textJudge) Mask(text string) string {
	return quote.NewRedactor(j.texts.Loaded.Rules, nil, false).Text(text)
}

// Hooked reports whether git hooks of a folder call keysweep.
func (j *textJudge) Hooked(dir string) (bool, error) {
	r, err := hooks.Find(j.ctx, dir, j.opts.audit.Scan.Reach)
	if errors.Is(err, hooks.ErrNotRepository) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return r.CallsKeysweep(), nil
}

// Protected reports whether a file holds exceptions, or calls one of our hooks: an agent's
// settings, or a hook of git.
func (j *textJudge) Protected(path string) bool {
	if strings.HasPrefix(filepath.Base(path), ".keysweep") {
		return true
	}
	if named := j.opts.audit.Sources.Config; named != "" && (absolute(named) == path || sameFile(named, path)) {
		return true
	}
	folder := filepath.ToSlash(path)
	if !strings.HasSuffix(folder, hooksFolder) {
		folder = filepath.ToSlash(filepath.Dir(path)) // path may be a glob
	}
	if strings.HasSuffix(folder, hooksFolder) && (filepath.ToSlash(path) == folder || strings.ContainsAny(path, "*?[")) {
		return slices.ContainsFunc(j.Files(folder+"/*"), holdsHook)
	}
	return holdsHook(path)
}

const hooksFolder = ".git/hooks"

// holdsHook reports whether a file calls the hook of an agent, or is a hook of git in .git
// that calls ours: not one that is part of a project, as those of husky.
func holdsHook(path string) bool {
	const limit = 4 << 20
	ext := filepath.Ext(path)
	if !slices.Contains([]string{".json", ".toml", ""}, ext) {
		return false
	}
	text, err := file.Read(path, limit)
	if err != nil || !strings.Contains(string(text), "keysweep") {
		return false
	}
	return strings.Contains(string(text), "hook agent ") || strings.HasSuffix(filepath.ToSlash(filepath.Dir(path)), hooksFolder)
}

// Resolve returns a path of an event as an absolute one.
func (j *textJudge) Resolve(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == '\\') {
		if home, err := os.UserHomeDir(); err == nil {
			path = home + rest
		}
	}
	return file.Absolute(cmp.Or(dir, j.dir), filepath.FromSlash(path))
}
