package command

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"keysweep/audit"
	"keysweep/command/hooks"
	"keysweep/config"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/scanner"
	"keysweep/screen"
)

var hookSpec = spec{
	name: "hook", purpose: "runs one hook check, of git or of a coding agent", args: "NAME [ARG…]",
	about: `
"keysweep install" writes git hooks that call it. NAME is one of:
  pre-commit    the keys that the next commit would add
  commit-msg    the keys in the message of a commit, a file ARG
  pre-push      the keys that the pushed commits bring in
  pre-receive   the same, on the server that is pushed to
  agent AGENT   a prompt or a tool call of claude, codex, gemini, cursor,
                copilot, windsurf or cline
ARG and standard input are what git or the agent gives the hook (githooks(5)). A
hook of git that finds nothing prints nothing; an agent gets an answer in its
own form. No key is sent anywhere.
`,
	example: "keysweep hook pre-commit",
	// Git says what is scanned, and nothing is sent.
	options: []group{{headingWhat, hookReads}, {headingCounts, hookCounts}, {headingAgents, onlyAgents}, {headingReports, hookReports}, {headingLimits, hookLimits}},
	run:     hookCommand,
	statuses: []exitStatus{
		{"0", "nothing to report: git goes on"},
		{"1", "findings that count (--fail-on, --min-confidence)"},
		{"2", "wrong use, bad configuration, or nothing could be read"},
		{"3", "incomplete: some content was not read, or --timeout expired"},
		{"129, 130, 141, 143", "ended by a signal: HUP (not on Windows), INT (Ctrl-C), PIPE, TERM"},
	},
}

// The options of hook, which install writes into hooks.
const (
	hookReads   = "exclude " + ruleOptions
	hookCounts  = "min-confidence baseline accept-foreign-comments fail-on allow-incomplete show-suppressed"
	hookReports = "color quiet verbose"
	hookLimits  = "timeout jobs"
)

// hook is one call of a hook by git.
type hook struct {
	name  string
	args  []string
	stdin io.Reader
	opts  *scanOptions
	// framework says that pre-commit or prek calls: then standard input is not
	// git's.
	framework bool
}

func hookCommand(c *call) error {
	name := c.Args().First()
	if name == agentHook {
		return hookOfAgent(c)
	}
	if !slices.Contains(hooks.Names(), name) {
		message := unknownHook(name)
		if name == "" {
			message = "hook needs the name of a hook: " + orList(append(hooks.Names(), agentHook))
		}
		return c.usage(errors.New(message))
	}
	if err := c.refuse(onlyAgents, "hooks of git"); err != nil {
		return c.usage(err)
	}
	if os.Getenv(stdinVariable) == stdinToCopy {
		return copyStdin(c.stdout, c.stdin)
	}
	opts, err := parseScanOf(c, nil)
	if err != nil {
		return c.usage(err)
	}
	opts.audit.Scan.FollowAlternates, opts.audit.Scan.Reach.AsGit = true, true // git does
	opts.report.Hook, opts.audit.Scan.Progress = true, nil
	opts.audit.Scan.AllowIncomplete = c.Bool("allow-incomplete")
	h := &hook{name: name, args: c.Args().Tail(), stdin: c.stdin, opts: opts, framework: screen.EnvIsTrue("PRE_COMMIT")}
	if os.Getenv("GL_PROTOCOL") == "web" {
		// GitLab shows only these lines to a user who edits in a browser.
		c.stderr = &prefixed{w: c.stderr, prefix: "GL-HOOK-ERR: "}
	}
	c.stdout = c.stderr // one stream, so that lines stay in order
	needed, err := h.aim()
	if err == nil && !needed {
		return nil
	}
	if err == nil {
		opts.audit.Scan.FromEnvironment(os.Getenv)
		if name == "pre-receive" {
			opts.audit.Scan.WorkTree = ""
		}
		unopened := h.leaveLarge()
		err = scanWith(c, opts)
		if errSay := c.say(unopened()); err == nil {
			err = errSay
		}
	}
	end, ok := errors.AsType[*ending](err)
	if err != nil && !ok && name != "pre-receive" {
		return fmt.Errorf("%w\n  to skip the check once: git %s --no-verify", err, h.what())
	}
	if ok && end.err == nil && (end.status == StatusFound || end.status == StatusIncomplete) {
		err = cmp.Or(c.say(h.onwards(end.status)), err)
	}
	return err
}

// maxHookUnpacked is how many bytes of archives a commit or a push unpacks: a hook that
// blocked every large archive would be switched off.
const maxHookUnpacked = 256 << 20

// leaveLarge limits what is unpacked before a commit and a push, and returns what
// then says which archives were left, a line each.
func (h *hook) leaveLarge() (unopened func() string) {
	if h.name == "pre-receive" {
		return func() string { return "" }
	}
	scan := "keysweep scan --staged"
	if h.name == "pre-push" {
		scan = "keysweep scan"
	}
	o := h.opts
	o.audit.Scan.MaxUnpacked, o.audit.Scan.UnopenedNoted = maxHookUnpacked, true
	found := o.found
	var skipped []finding.Skipped
	o.found = func(a *audit.Audit) {
		if found != nil {
			found(a)
		}
		skipped = a.Result.Skipped
	}
	return func() string {
		var lines strings.Builder
		for _, s := range skipped {
			if s.Reason == finding.ReasonUnopened {
				fmt.Fprintf(&lines, "keysweep: too large for a hook, not opened: %s; %s scans it\n", quote.Words(s.Detail), scan)
			}
		}
		return lines.String()
	}
}

// aim says what the hook scans; false: there is nothing.
func (h *hook) aim() (bool, error) {
	switch h.name {
	case "commit-msg":
		return true, h.aimMessage()
	case "pre-push":
		return h.aimPush()
	case "pre-receive":
		return true, h.aimReceived()
	}
	h.aimCommit()
	return true, nil
}

// aimCommit is for pre-commit.
func (h *hook) aimCommit() {
	o := h.opts
	from, to := os.Getenv("PRE_COMMIT_FROM_REF"), os.Getenv("PRE_COMMIT_TO_REF")
	if h.framework && from != "" && to != "" {
		// pre-commit run --from-ref A --to-ref B
		o.audit.Scan.Range = &scanner.Range{Include: []string{to}, Exclude: []string{from}}
		o.audit.Sources.Trust = &config.Trust{Rev: from, Name: from}
		return
	}
	// A commit hands over its index; without one, this is pre-commit run
	// --all-files, or by hand.
	o.audit.Scan.Staged = &scanner.Staged{OrWhole: h.framework && os.Getenv("GIT_INDEX_FILE") == "", Merging: merging()}
	o.audit.Sources.Trust = &config.Trust{Name: "the index"}
	o.found = func(a *audit.Audit) {
		if res := a.Result; len(res.Targets) > 0 && res.Targets[0].Scope == finding.ScopeStaged && !o.audit.Sources.None {
			added, err := a.Loaded.Added()
			res.Added = append(added, res.Added...)
			if err != nil {
				res.Skipped = finding.AddSkipped(res.Skipped, finding.Skipped{Reason: finding.ReasonUnreadable, Count: 1, Detail: "what HEAD accepts, so that more may seem added: " + err.Error()})
			}
		}
	}
}

// merging returns the commits that git merge names in the environment of
// pre-merge-commit, which runs before it writes MERGE_HEAD.
func merging() (ids []string) {
	for _, v := range os.Environ() {
		if id, ok := strings.CutPrefix(v, "GITHEAD_"); ok {
			id, _, _ = strings.Cut(id, "=")
			ids = append(ids, id)
		}
	}
	return ids
}

// maxMessage is the most bytes of a commit message that are read.
const maxMessage = 64 << 20

// aimMessage is for commit-msg.
func (h *hook) aimMessage() error {
	if len(h.args) != 1 {
		return errors.New("hook commit-msg FILE: git hands this hook the file of the message")
	}
	text, err := file.Read(h.args[0], maxMessage)
	if err != nil {
		return fmt.Errorf("the message of the commit, %s: %w", quote.Name(h.args[0]), err)
	}
	h.opts.audit.Scan.Staged = &scanner.Staged{Message: aboveScissors(text)}
	h.opts.audit.Sources.Trust = &config.Trust{Name: "the index"}
	return nil
}

// aboveScissors returns what git commits of a message: with -v, it quotes below
// this line what is staged, and cuts it off (git-commit(1), --cleanup). The sign in
// front is core.commentChar, and the next line starts with it, too.
func aboveScissors(text []byte) []byte {
	const scissors = " ------------------------ >8 ------------------------"
	for at := 0; at < len(text); {
		line, rest, _ := bytes.Cut(text[at:], []byte("\n"))
		sign, ok := bytes.CutSuffix(bytes.TrimSuffix(line, []byte("\r")), []byte(scissors))
		if ok && len(sign) > 0 && len(sign) < 8 && bytes.HasPrefix(rest, sign) {
			return text[:at]
		}
		at += len(line) + 1
	}
	return text
}

// aimPush is for pre-push. It returns false if nothing is published, as when
// branches are deleted.
func (h *hook) aimPush() (bool, error) {
	r := &scanner.Range{AbsentNoted: true}
	args := append(h.args, "", "")
	remote, url := args[0], args[1]
	note, tip := "", "" // tip: whose exceptions count
	if h.framework {
		remote, url = os.Getenv("PRE_COMMIT_REMOTE_NAME"), os.Getenv("PRE_COMMIT_REMOTE_URL")
		if tip = cmp.Or(os.Getenv("PRE_COMMIT_TO_REF"), os.Getenv("PRE_COMMIT_LOCAL_BRANCH")); tip != "" {
			r.Include = []string{tip}
			note = "The framework passes on one ref of a push: if there are several, the others were not scanned."
		}
		if from := os.Getenv("PRE_COMMIT_FROM_REF"); from != "" {
			r.Exclude = []string{from}
		}
	} else {
		updates, given, err := readUpdates(h.stdin)
		if err != nil {
			return false, err
		}
		for _, u := range updates {
			if isZeroID(u.new) {
				continue
			}
			tip = cmp.Or(tip, u.new)
			r.Include, r.Exclude = append(r.Include, u.new), append(r.Exclude, u.old)
			if isZeroID(u.old) {
				r.Names = append(r.Names, u.ref)
			}
		}
		if len(r.Include) == 0 && (len(updates) > 0 || given && os.Getenv(stdinVariable) != "") {
			return false, nil
		}
	}
	if tip == "" {
		tip = "HEAD"
		r.IncludeRefs = []string{"refs/heads/"}
		note = "It is not known what is pushed: every branch was checked for commits that the remote lacks."
	}
	if remote != "" && remote != url {
		r.ExcludeRefs = []string{"refs/remotes/" + remote + "/"}
	}
	h.opts.audit.Scan.Range = r
	h.opts.audit.Sources.Trust = &config.Trust{Rev: tip, Name: "what is pushed", Comments: true}
	h.opts.found = func(a *audit.Audit) {
		if t := a.Result.Targets; note != "" && len(t) > 0 {
			t[0].Notes = append(t[0].Notes, note)
		}
	}
	return true, nil
}

// aimReceived is for pre-receive. What is pushed is in a folder of its own
// until the hook accepts it (git-receive-pack(1), "QUARANTINE ENVIRONMENT").
func (h *hook) aimReceived() error {
	updates, _, err := readUpdates(h.stdin)
	switch {
	case err != nil:
		return err
	case len(updates) == 0:
		return errors.New("hook pre-receive: standard input names no ref; git hands this hook a line OLD NEW REF for each")
	}
	// What any ref has, has been let in before.
	r := &scanner.Range{ExcludeRefs: []string{"refs/"}, Received: true}
	for _, u := range updates {
		r.Include = append(r.Include, u.new)
		if isZeroID(u.old) && !isZeroID(u.new) {
			r.Names = append(r.Names, u.ref)
		}
	}
	o := h.opts
	o.audit.Scan.Range = r
	// Who may push a branch is not who decides what goes into the default one.
	o.audit.Sources.Trust = &config.Trust{Rev: "HEAD", Name: "the default branch"}
	return nil
}

// what is what the hook stops.
func (h *hook) what() string {
	if h.name == "pre-push" || h.name == "pre-receive" {
		return "push"
	}
	return "commit"
}

// onwards says what was stopped, and how to go on.
func (h *hook) onwards(status int) string {
	what, commits := h.what(), h.opts.audit.Scan.Range != nil
	var lines []string
	switch {
	case status == StatusIncomplete && h.name == "pre-receive":
		lines = append(lines, "What could not be read is not let in, unless the administrator of this server allows it: --allow-incomplete.")
	case status == StatusIncomplete:
		lines = append(lines, "What could not be read may hold a key. Fix that and try again.")
	case h.name == "commit-msg":
		lines = append(lines, "Remove the key from the message: git commit -e -F "+quote.Name(h.args[0]))
	case commits:
		lines = append(lines, "A commit that removes the key is not enough: the one that added it is pushed too.",
			"Rewrite that one (git commit --amend, git rebase -i), and try again.",
			"If the key was ever anywhere else: replace it first, then revoke it.")
	default:
		lines = append(lines, "No commit has the key yet: remove it from the file, git add the file again, and commit.")
	}
	if trust := h.opts.audit.Sources.Trust; status == StatusFound && h.name != "commit-msg" {
		accepts := "keysweep:allow REASON on its line accepts it"
		switch {
		case trust.Comments:
			accepts += ", if the branch is checked out"
		case trust.Rev != "":
			accepts = "an exception counts once it is on " + quote.Name(trust.Name)
		}
		lines = append(lines, "If it is no secret: "+accepts+".")
	}
	if h.name != "pre-receive" {
		lines = append(lines, "To skip the check once: git "+what+" --no-verify")
	}
	var b strings.Builder
	b.WriteString("\nkeysweep stopped this " + what + ".\n")
	for _, line := range lines {
		b.WriteString("  ")
		wrapWords(&b, 2, line)
	}
	return b.String()
}
