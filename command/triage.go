package command

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/screen"
)

var triageSpec = spec{
	name: "triage", purpose: "asks a person about each key, and accepts some", args: "[REPORT] [MARKS]",
	about: `
Scans the repository of the current folder, and shows one key after the other:
what it is, where it is, and what happens if you accept it. You accept it, with
reason, owner and last day, or skip it, go back, undo, or stop. Each decision is
written at once: an [[allow]] into ` + config.Name + `, or with --into-baseline
a line into ` + exceptions.BaselineName + `. Called again, it goes on with the
keys that are neither accepted nor skipped. A key of which its issuer said that
it works cannot be accepted.
With REPORT (JSON), it asks about the keys of that report alone. MARKS is what
the page of an HTML report saved: it is taken over first, if you agree.
`,
	example: `keysweep triage`,
	options: []group{{"", "into-baseline again plain min-confidence accept-foreign-comments ignored rules config " + reachOptions + " no-archives max-unpacked max-object color no-progress jobs"}},
	run:     triageCommand,
}

// triageOptions is what the options of triage mean together.
type triageOptions struct {
	audit    audit.Options
	file     string // the configuration
	baseline string // "": decisions go to the configuration
	state    string // "": what is skipped is not kept
	report   *report.Earlier
	marks    []exceptions.Mark
	marksIn  string // the file of marks
	again    bool   // also what was skipped before
	plain    bool
	color    bool
}

// into is the file that decisions are written to.
func (o *triageOptions) into() string { return cmp.Or(o.baseline, o.file) }

func parseTriage(c *call) (o *triageOptions, err error) {
	root, ok := config.Root(".")
	if !ok {
		return nil, errors.New("there is no working tree here")
	}
	o = &triageOptions{file: c.String("config"), again: c.Bool("again"), plain: c.Bool("plain")}
	if o.audit, err = parseAudit(c, []string{root}); err != nil {
		return nil, err
	}
	if o.file == "" {
		if o.file, err = foundConfig(); err != nil {
			return nil, err
		}
	}
	if _, err := os.Lstat(o.file); errors.Is(err, fs.ErrNotExist) {
		o.audit.Sources.Config = "" // it is made
	}
	if c.Bool("into-baseline") {
		if o.baseline, _, err = config.OwnBaseline("."); err != nil {
			return nil, err
		}
	}
	o.state, _ = config.StatePath(root)
	color := "auto"
	if err := read(c, "color", parseColor, &color); err != nil {
		return nil, err
	}
	o.color = !o.plain && screen.UseColor(color, c.stdout)
	for _, name := range c.Args().Slice() {
		if err := o.readArgument(c, name); err != nil {
			return nil, err
		}
	}
	if o.report != nil && !c.IsSet("min-confidence") {
		o.audit.Scan.MinConfidence = finding.Low // as whatever the report was asked for
	}
	if !screen.IsTerminal(c.stdin) || !screen.IsTerminal(c.stdout) {
		return nil, errors.New("triage asks a person: standard input and standard output must be a terminal (keysweep allow ID accepts a key without one)")
	}
	return o, nil
}

// readArgument reads a report, or marks.
func (o *triageOptions) readArgument(c *call, name string) error {
	const most = 64 << 20
	text, err := file.Read(name, most)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file", quote.Name(name))
	case err == nil && exceptions.IsMarks(file.Text(text)):
		if o.marksIn != "" {
			return errors.New("triage takes one file of marks")
		}
		o.marksIn = name
		if o.marks, err = exceptions.ReadMarks(file.Text(text)); err != nil {
			err = fmt.Errorf("%s: %w", quote.Name(name), err)
		}
		return err
	case o.report != nil:
		return errors.New("triage takes one REPORT")
	}
	o.report, err = readEarlier(name, c.stdin)
	return err
}

// triage is a dialogue about keys.
type triage struct {
	*triageOptions
	*dialogue
	call    *call
	audit   *audit.Audit
	keys    []*triagedKey
	skipped []exceptions.Mark // of this and earlier calls
	last    exceptions.Allow  // the answers that were given last
	undo    []step
	created bool // the file of decisions was not there before
}

// triagedKey is a key and what was decided about it in this call.
type triagedKey struct {
	known
	decision string           // exceptions.Accept, exceptions.Skip or ""
	entry    exceptions.Allow // of Accept
}

// step is a decision that can be taken back.
type step struct {
	key    int
	before triagedKey
}

func triageCommand(c *call) error {
	o, err := parseTriage(c)
	if err != nil {
		return c.usage(err)
	}
	t := &triage{triageOptions: o, call: c, dialogue: newDialogue(c)}
	if _, err := os.Lstat(t.into()); errors.Is(err, fs.ErrNotExist) {
		t.created = true
	}
	if t.audit, err = c.scanWhole(o.audit); err != nil {
		return err
	}
	defer t.audit.Close()
	t.audit.Mark(false)
	if err := t.readState(); err != nil {
		return err
	}
	words := t.choose()
	if len(t.keys) == 0 {
		return c.say(words + "There is no key to decide about.\n")
	}
	if err := c.say(words); err != nil {
		return err
	}
	if err := t.takeOver(); err != nil {
		return t.end(err)
	}
	return t.end(t.run())
}

// choose fills keys with those to ask about, and says which are left out.
func (t *triage) choose() (words string) {
	inReport := make(map[string]*report.EarlierKey)
	if t.report != nil {
		for i := range t.report.Keys {
			inReport[t.report.Keys[i].SHA256] = &t.report.Keys[i]
		}
	}
	accepted, skipped := 0, 0
	for _, f := range t.audit.Result.Findings {
		k := &triagedKey{known: known{f, f.Secret.SHA256(), f.Redacted(), firstPlace(f, t.audit.Loaded.Rules)}}
		earlier := inReport[k.sha256]
		delete(inReport, k.sha256)
		switch {
		case t.report != nil && earlier == nil:
			continue
		case f.Suppressed != nil:
			accepted++
			continue
		case !t.again && t.isSkipped(k.sha256):
			skipped++
			continue
		}
		if earlier != nil {
			f.Status, f.StatusReason, f.CheckedAt = earlier.Finding.Status, earlier.Finding.StatusReason, earlier.Finding.CheckedAt
		}
		t.keys = append(t.keys, k)
	}
	if accepted > 0 {
		words += fmt.Sprintf("%s left out: accepted already.\n", keys(accepted))
	}
	if skipped > 0 {
		words += fmt.Sprintf("%s left out: skipped before (--again asks about %s).\n", keys(skipped), pronoun(skipped))
	}
	if n := len(inReport); n > 0 {
		words += fmt.Sprintf("%s of the report left out: not found here.\n", keys(n))
	}
	if unread := incompleteWords(t.audit.Result); unread != "" {
		words += capital(unread) + ".\n"
	}
	return words
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (t *triage) isSkipped(sha256 string) bool {
	return slices.ContainsFunc(t.skipped, func(m exceptions.Mark) bool { return m.Names(sha256) })
}

// readState reads what was skipped before.
func (t *triage) readState() error {
	if t.state == "" {
		return nil
	}
	text, err := file.Read(t.state, exceptions.MaxBaseline)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		t.skipped, err = exceptions.ReadMarks(text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w (delete it to begin anew)", quote.Name(t.state), err)
	}
	return nil
}

// keepState writes what is skipped.
func (t *triage) keepState() error {
	if t.state == "" {
		return nil
	}
	var out bytes.Buffer
	if err := exceptions.WriteMarks(&out, t.skipped); err != nil {
		return err
	}
	if err := file.Replace(t.state, out.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", quote.Name(t.state), err)
	}
	return nil
}

// decide replaces what was decided about a key, in the files, too.
func (t *triage) decide(i int, decision string, entry exceptions.Allow) error {
	k := t.keys[i]
	before := *k
	if before.decision == exceptions.Accept {
		if err := t.withdraw(k); err != nil {
			return err
		}
	}
	var err error
	if k.decision = decision; decision == exceptions.Accept {
		k.entry = entry
		err = t.write(k)
	}
	if wasSkipped := t.isSkipped(k.sha256); err == nil && wasSkipped != (decision == exceptions.Skip) {
		if wasSkipped {
			t.skipped = slices.DeleteFunc(t.skipped, func(m exceptions.Mark) bool { return m.Names(k.sha256) })
		} else {
			t.skipped = append(t.skipped, exceptions.Mark{Fingerprint: k.sha256, Decision: exceptions.Skip})
		}
		err = t.keepState()
	}
	if err != nil {
		k.decision = ""
	}
	return err
}

// write writes the acceptance of k.
func (t *triage) write(k *triagedKey) error {
	if isLive(k.finding) {
		return errLive(k.known)
	}
	k.entry.Fingerprint = k.sha256
	if t.baseline == "" {
		f, err := config.Edit(t.file)
		if err != nil {
			return err
		}
		if err := accept(f, k.known, k.entry); err != nil {
			return err
		}
		return f.Write()
	}
	b, err := t.readBaseline()
	if err != nil {
		return err
	}
	o := baselineOptions{reason: k.entry.Reason}
	b.Add(o.line(t.call, k.finding, t.audit.Loaded.Rules))
	return writeBaseline(t.baseline, b.Text())
}

func (t *triage) readBaseline() (*exceptions.Baseline, error) {
	_, b, err := config.OwnBaseline(".")
	if b == nil && err == nil {
		b = exceptions.NewBaseline(t.baseline)
	}
	return b, err
}

// withdraw removes what write wrote.
func (t *triage) withdraw(k *triagedKey) error {
	if t.baseline != "" {
		b, err := t.readBaseline()
		if err != nil {
			return err
		}
		b.Remove(func(l *exceptions.BaselineLine) bool { return l.Fingerprint == k.sha256 })
		if t.created && len(b.Lines()) == 0 {
			return os.Remove(t.baseline)
		}
		return writeBaseline(t.baseline, b.Text())
	}
	f, err := config.Edit(t.file)
	if err != nil {
		return err
	}
	removed, err := f.Remove(func(a *exceptions.Allow) bool {
		a.Line = 0
		return *a == k.entry
	})
	if err == nil && len(removed) == 0 {
		err = fmt.Errorf("the entry of %s in %s was changed or removed since", k.sha256[:16], quote.Name(t.file))
	}
	if err != nil {
		return err
	}
	if t.created && len(f.Text()) == 0 {
		return os.Remove(t.file)
	}
	return f.Write()
}

// takeOver takes over marks, if a person agrees.
func (t *triage) takeOver() error {
	if t.marksIn == "" {
		return nil
	}
	accepts := 0
	for _, m := range t.marks {
		if m.Decision == exceptions.Accept {
			accepts++
		}
	}
	yes, err := t.yes(fmt.Sprintf("%s marks %s as accepted and %d as skipped. Take this over?", quote.Name(t.marksIn), keys(accepts), len(t.marks)-accepts))
	if err != nil || !yes {
		return err
	}
	taken := 0
	for _, m := range t.marks {
		i := slices.IndexFunc(t.keys, func(k *triagedKey) bool { return m.Names(k.sha256) })
		wrong := "not among the keys to decide about"
		if i >= 0 {
			wrong, err = t.take(i, m)
		}
		switch {
		case err != nil:
			return err
		case wrong != "":
			t.print(fmt.Sprintf("Left out: %s: %s.\n", m.Fingerprint[:16], wrong))
		default:
			taken++
		}
	}
	t.print(fmt.Sprintf("%s taken over.\n", count(taken, "mark", "marks")))
	_, err = t.line("Press Enter to go on.")
	return err
}

// take takes over a mark about a key. wrong says why it cannot.
func (t *triage) take(i int, m exceptions.Mark) (wrong string, err error) {
	if m.Decision == exceptions.Skip {
		return "", t.record(i, exceptions.Skip, exceptions.Allow{})
	}
	a := exceptions.Allow{Reason: strings.TrimSpace(m.Reason), Owner: strings.TrimSpace(m.Owner)}
	switch {
	case isLive(t.keys[i].finding):
		return "its issuer said that it works", nil
	case a.Reason == "":
		return "it has no reason", nil
	case quote.HideKeys(a.Reason+" "+a.Owner) != a.Reason+" "+a.Owner:
		return "its reason holds a key", nil
	}
	if m.Expires != "" {
		if a.Expires, err = parseExpires(m.Expires, t.call.now()); err != nil {
			return err.Error(), nil
		}
	}
	return "", t.record(i, exceptions.Accept, a)
}

// record decides, and remembers what was before. After an error, nothing is decided.
func (t *triage) record(i int, decision string, entry exceptions.Allow) error {
	before := *t.keys[i]
	if err := t.decide(i, decision, entry); err != nil {
		return err
	}
	t.undo = append(t.undo, step{i, before})
	return nil
}

// end says what was decided. The error is that of the dialogue.
func (t *triage) end(err error) error {
	accepted, skipped := t.count(exceptions.Accept), t.count(exceptions.Skip)
	words := fmt.Sprintf("Decided about %d of %s: %d accepted, %d skipped.", accepted+skipped, keys(len(t.keys)), accepted, skipped)
	if accepted > 0 {
		words += fmt.Sprintf(" Commit %s.", quote.Name(t.into()))
	}
	if len(t.keys) > accepted+skipped {
		words += " Called again, keysweep triage goes on with the others."
	}
	t.print("\n" + wrapped(words, t.width()))
	switch {
	case t.call.ctx.Err() != nil:
		return stoppedBy(t.call.ctx)
	case errors.Is(err, errStop):
		return nil
	}
	return err
}

// count returns how many keys were decided about so.
func (t *triage) count(decision string) (n int) {
	for _, k := range t.keys {
		if k.decision == decision {
			n++
		}
	}
	return n
}
