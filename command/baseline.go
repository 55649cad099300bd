package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// baselineCommands are the words behind "keysweep baseline".
var baselineCommands = []string{"create", "prune"}

var baselineSpec = spec{
	name: "baseline", purpose: "accepts today's keys, or removes the ones that are gone", args: "create|prune [PATH…]",
	about: `
create [PATH…]  scans PATH, or the current folder, and accepts the keys that
                keysweep scan lists and that the working tree, the index or
                HEAD's history holds: each becomes a line of the baseline. It
                lists the others, of other branches, stashes and dropped
                objects; --all-objects accepts these too. Lines that are there
                stay as they are. With --from, it accepts only the keys that
                the files of other scanners accept, and lists the entries that
                mean none, with the reason: .gitleaksignore, JSON reports and
                baselines of gitleaks, betterleaks and trufflehog,
                .secrets.baseline, .gitguardian.yaml, kingfisher's baseline.
prune [PATH…]   scans the repositories PATH, or that of the current folder, and
                removes the lines of keys that are in them no more, at whatever
                confidence. It refuses if the scan is incomplete, and keeps
                keys whose prefix no rule has.
The file holds a hash of each key and no character of its body; commit it. The
status is 0, or 3 if the scan was incomplete.
`,
	example: `keysweep baseline create --reason "known before we scanned"`,
	options: []group{{"", "output from reason min-confidence accept-foreign-comments all-objects ignored " + ruleOptions + " " + reachOptions + " no-archives max-unpacked max-object no-progress jobs"}},
	run:     baselineCommand,
}

// baselineOptions is what the options of baseline mean together.
type baselineOptions struct {
	audit      audit.Options
	file       string // "": the one at the top
	reason     string
	all        bool               // also what neither the files nor HEAD's history hold
	from       []string           // files of other scanners; nil: none
	confidence finding.Confidence // that was asked for; zero: none was
}

// defaultReason is that of a line whose author gave none.
const defaultReason = "accepted with the baseline"

func baselineCommand(c *call) error {
	word, err := c.subcommand(baselineCommands)
	if err != nil {
		return c.usage(err)
	}
	o, err := parseBaseline(c, word)
	if err != nil {
		return c.usage(err)
	}
	if word == "prune" {
		return baselinePrune(c, o)
	}
	if len(o.from) > 0 {
		return baselineFrom(c, o)
	}
	return baselineCreate(c, o)
}

func parseBaseline(c *call, word string) (o *baselineOptions, err error) {
	paths := c.Args().Tail()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	o = &baselineOptions{reason: strings.TrimSpace(c.String("reason")), all: c.Bool("all-objects"), from: c.StringSlice("from")}
	if o.audit, err = parseAudit(c, paths); err != nil {
		return nil, err
	}
	files := c.StringSlice("output")
	o.confidence = o.audit.Scan.MinConfidence
	switch {
	case len(o.from) > 0 && o.all:
		return nil, errors.New("--all-objects has no effect with --from: entries are matched with all that the repository holds")
	case len(o.from) > 0 && len(paths) > 1:
		return nil, errors.New("--from takes one PATH: entries name files from the top of one repository")
	case slices.Contains(paths, "-"):
		return nil, errors.New("a baseline is of files and repositories, not of standard input")
	case len(files) > 1:
		return nil, errors.New("--output: one baseline at a time")
	case c.IsSet("reason") && o.reason == "":
		return nil, errors.New("--reason: it is empty")
	case quote.HideKeys(o.reason) != o.reason:
		return nil, errors.New("--reason: it holds a key")
	}
	if len(files) == 1 {
		o.file = files[0]
	}
	if word != "prune" {
		return o, nil
	}
	for _, name := range []string{"reason", "min-confidence", "all-objects", "ignored", "from", "no-archives"} {
		if c.IsSet(name) {
			return nil, fmt.Errorf("prune has no --%s", name)
		}
	}
	o.audit.Scan.MinConfidence, o.audit.Scan.Ignored = finding.Low, true
	return o, nil
}

// open reads the baseline, and returns where it is. A new one is nil.
func (o *baselineOptions) open() (path string, b *exceptions.Baseline, err error) {
	if path = o.file; path == "" {
		if path, b, err = config.OwnBaseline(o.audit.Scan.Paths[0]); path == "" {
			return "", nil, errors.New("the working directory is outside of what is scanned: --output FILE says which baseline is meant")
		}
		return path, b, err
	}
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return path, nil, nil
	}
	b, err = config.NamedBaseline(path)
	return path, b, err
}

// find scans and marks what b and others accept already.
func (o *baselineOptions) find(c *call, b *exceptions.Baseline) (*audit.Audit, error) {
	a, err := o.scan(c, b)
	if err != nil {
		return nil, err
	}
	return a, a.Close()
}

// scan is find for callers that read more of the repository, and close it.
func (o *baselineOptions) scan(c *call, b *exceptions.Baseline) (*audit.Audit, error) {
	o.audit.Baseline = b
	a, err := c.scanWhole(o.audit)
	if err != nil {
		return nil, err
	}
	a.Mark(false)
	return a, nil
}

// scanWhole scans what opts say. The caller closes the audit.
func (c *call) scanWhole(opts audit.Options) (*audit.Audit, error) {
	a, err := audit.Open(c.ctx, opts)
	if err != nil {
		return nil, err
	}
	c.program.rules = a.Loaded.Rules
	err = c.find(c.ctx, a.Scan, opts.Scan.Progress)
	if signal, ok := errors.AsType[interruption](context.Cause(c.ctx)); ok && err == nil {
		err = &ending{signal.status(), signal}
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// incompleteWords says why a scan is incomplete.
func incompleteWords(res *finding.Result) string {
	for _, s := range res.Skipped {
		if s.Reason.Class() == finding.ClassIncomplete {
			return fmt.Sprintf("the scan was incomplete (%s: %s; keysweep scan lists everything)", s.Reason, s.Detail)
		}
	}
	return ""
}

// baselineCreate accepts what a scan lists and a person has before their eyes.
func baselineCreate(c *call, o *baselineOptions) error {
	file, b, err := o.open()
	if err != nil {
		return err
	}
	isNew := b == nil
	if isNew {
		b = exceptions.NewBaseline(file)
	}
	a, err := o.find(c, b)
	if err != nil {
		return err
	}
	t := o.accept(c, a, b)
	if t.added > 0 {
		if err := writeBaseline(file, b.Text()); err != nil {
			return err
		}
	}
	if err := c.say(t.words(file, isNew)); err != nil {
		return err
	}
	if words := incompleteWords(a.Result); words != "" {
		return &ending{StatusIncomplete, errors.New(words + ": what was not read is not accepted")}
	}
	return nil
}

// tally is what baseline create did with the keys of a scan.
type tally struct {
	added, there, elsewhere, unseen, unmatched int
	addedKeys, unseenKeys                      strings.Builder
}

// accept adds to b what a scan found, as far as a person has it before their eyes.
func (o *baselineOptions) accept(c *call, a *audit.Audit, b *exceptions.Baseline) *tally {
	t := &tally{}
	for _, f := range a.Result.Findings {
		line := o.line(c, f, a.Loaded.Rules)
		if f.Suppressed != nil || o.all || slices.ContainsFunc(f.Listed, isCurrent) {
			t.take(f, b, line)
			continue
		}
		t.unseen++
		listKey(&t.unseenKeys, f.Secret.ID(), f.Secret.Redacted(), f.Issuer, f.Environment.String(), line.Comment+elsewhereWords(f))
	}
	return t
}

// take adds a key to b, unless something accepts it already.
func (t *tally) take(f *finding.Finding, b *exceptions.Baseline, line exceptions.BaselineLine) {
	switch {
	case f.Suppressed != nil && f.Suppressed.Kind == finding.KindBaseline:
		t.there++
	case f.Suppressed != nil:
		t.elsewhere++
	default:
		b.Add(line)
		t.added++
		listKey(&t.addedKeys, f.Secret.ID(), f.Secret.Redacted(), f.Issuer, f.Environment.String(), line.Comment)
	}
}

// words says what was done to a file.
func (t *tally) words(file string, isNew bool) string {
	out := strings.Builder{}
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	out.WriteString(t.addedKeys.String())
	switch {
	case t.added > 0 && isNew:
		line("%s accepted in the new file %s: commit it.", keys(t.added), quote.Name(file))
	case t.added > 0:
		line("%s accepted in %s.", keys(t.added), quote.Name(file))
	default:
		line("No further key to accept: nothing was written.")
	}
	if t.there > 0 {
		line("%s had been accepted there before.", keys(t.there))
	}
	if t.elsewhere > 0 {
		line("%s left out: the configuration or a comment accepts %s already.", keys(t.elsewhere), pronoun(t.elsewhere))
	}
	if t.unseen > 0 {
		line("%s left out: neither the working tree nor the index nor HEAD's history holds %s. --all-objects accepts %s, too.",
			keys(t.unseen), pronoun(t.unseen), pronoun(t.unseen))
		out.WriteString(t.unseenKeys.String())
	}
	return out.String()
}

func pronoun(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// isCurrent reports whether o is in the working tree, the index or HEAD's history.
func isCurrent(o finding.Occurrence) bool {
	return o.Source == finding.SourceIndex || o.Object == "" && o.Commit == "" || o.Comment.Merged
}

// elsewhereWords says what holds f, which is in no file of the user's.
func elsewhereWords(f *finding.Finding) string {
	switch o := f.Listed[0]; {
	case o.Commit == "" && o.Reachable == finding.NotKnown:
		return ", of which no commit is known"
	case o.Commit == "":
		return ", which no commit holds"
	case o.Reachable == finding.No:
		return fmt.Sprintf(" of commit %.12s, which no ref reaches", o.Commit)
	default:
		return fmt.Sprintf(" of commit %.12s", o.Commit)
	}
}

// line returns the line that accepts f.
func (o *baselineOptions) line(c *call, f *finding.Finding, set *rules.Set) exceptions.BaselineLine {
	return exceptions.BaselineLine{
		Fingerprint: f.Secret.SHA256(), Date: c.now().UTC().Format(time.DateOnly), Issuer: f.Issuer, Environment: f.Environment.String(),
		Prefix: prefixWord(f), Reason: cmp.Or(o.reason, defaultReason), Comment: firstPlace(f, set),
	}
}

func listKey(out *strings.Builder, id, redacted, issuer, environment, comment string) {
	fmt.Fprintf(out, "  %s  %s  %s %s  %s\n", id, quote.Text(redacted), quote.Text(issuer), quote.Text(environment), quote.Text(comment))
}

// prefixWord returns the prefix of f without its last underscore: with it, each
// line of the baseline would be a candidate for the next scan.
func prefixWord(f *finding.Finding) string {
	return strings.TrimSuffix(f.Secret.Prefix(), "_") + "…"
}

// firstPlace returns where to look for f, for people. A name that may hold a
// key is left out.
func firstPlace(f *finding.Finding, set *rules.Set) string {
	if len(f.Listed) == 0 {
		return ""
	}
	o := f.Listed[0]
	name := path.Join(o.Folder, o.Path)
	switch {
	case o.Path == "" && o.Object != "":
		return fmt.Sprintf("%s %s", o.Source, o.Object)
	case o.Path == "":
		return string(o.Source)
	case set.Finder().Contains([]byte(name)):
		return "a name that holds a key"
	case o.Line > 0:
		return fmt.Sprintf("%s:%d", quote.Words(name), o.Line)
	}
	return quote.Words(name)
}

// baselinePrune removes the keys that are found no more.
func baselinePrune(c *call, o *baselineOptions) error {
	file, b, err := o.open()
	if err != nil {
		return err
	}
	if b == nil {
		return fmt.Errorf("there is no baseline %s (keysweep baseline create makes one)", quote.Name(file))
	}
	for i, p := range o.audit.Scan.Paths {
		if root, ok := config.Root(p); ok {
			o.audit.Scan.Paths[i] = root
		}
	}
	a, err := o.find(c, b)
	if err != nil {
		return err
	}
	res := a.Result
	if words := incompleteWords(res); words != "" {
		return &ending{StatusIncomplete, errors.New(words + ": nothing was removed, since a key that was not read is not gone")}
	}
	found := map[string]bool{}
	for _, f := range res.Findings {
		for _, fingerprint := range f.Fingerprints() {
			found[fingerprint] = true
		}
	}
	unknown := 0 // keys that these rules cannot find
	removed := b.Remove(func(l *exceptions.BaselineLine) bool {
		if found[l.Fingerprint] {
			return false
		}
		if !a.Loaded.Rules.Finder().Contains([]byte(strings.TrimSuffix(l.Prefix, "…") + "_")) {
			unknown++
			return false
		}
		return true
	})
	var out strings.Builder
	for _, l := range removed {
		listKey(&out, l.Fingerprint[:16], l.Prefix, l.Issuer, l.Environment, quote.HideKeys(l.Comment))
	}
	if unknown > 0 {
		fmt.Fprintf(&out, "%s kept, whose prefix no rule has: name the --rules FILE that finds %s.\n", keys(unknown), pronoun(unknown))
	}
	switch {
	case len(removed) == 0 && unknown > 0:
		out.WriteString("Every other key is still found: nothing was removed.\n")
	case len(removed) == 0:
		fmt.Fprintf(&out, "Every key of %s is still found: nothing was removed.\n", quote.Name(file))
	default:
		if err := writeBaseline(file, b.Text()); err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s removed from %s: found no more. %s left.\n", keys(len(removed)), quote.Name(file), keys(len(b.Lines())))
	}
	return c.say(out.String())
}

// writeBaseline replaces the file at path, or the one that a link there leads
// to, whole or not at all. It keeps the mode of the old one.
func writeBaseline(path string, text []byte) error {
	if err := file.Replace(path, text); err != nil {
		return fmt.Errorf("writing the baseline %s: %w", quote.Name(path), err)
	}
	return nil
}
