package command

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/quote"
)

var allowSpec = spec{
	name: "allow", purpose: "accepts one key, or stops accepting it", args: "ID [REPORT]",
	about: `
Writes an [[allow]] for the key ID into ` + config.Name + ` of the repository: the
id of a report, its secret_sha256, or as many of their first digits as no other
key has. The key is looked for in REPORT (JSON), or else in the repository: the
working tree and the whole history. An id that is not there is refused, and so
is a key of which its issuer said that it works. The rest of the file keeps its
bytes. --list lists the entries, and --remove ID removes those of a key, from
the baseline as well.
`,
	example: `keysweep allow 0123456789abcdef --reason "revoked on 3 March" --owner payments`,
	options: []group{{"", "reason owner expires path list remove ignored rules config " + reachOptions + " no-archives max-unpacked max-object no-progress jobs"}},
	run:     allow,
}

// allowOptions is what the options of allow mean together.
type allowOptions struct {
	audit  audit.Options
	file   string           // the configuration
	id     string           // lower-case digits
	report string           // "": scan
	entry  exceptions.Allow // but for its fingerprint
}

// leastDigits are needed of an id.
const leastDigits = 4

// parseID reads an id, or its first digits.
func parseID(s string) (string, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(s), "sha256:"), "…")
	switch {
	case strings.Trim(id, "0123456789abcdef") != "" || len(id) > 64:
		return "", fmt.Errorf("%s is not the id of a key: 16 hex digits in a report, or secret_sha256, 64", quote.Name(s))
	case len(id) < leastDigits:
		return "", fmt.Errorf("%s: an id needs %d digits at least", quote.Name(s), leastDigits)
	}
	return id, nil
}

func parseAllow(c *call) (o *allowOptions, err error) {
	o = &allowOptions{}
	if o.file = c.String("config"); o.file == "" {
		if o.file, err = foundConfig(); err != nil {
			return nil, err
		}
	}
	root, ok := config.Root(".")
	if !ok {
		root = "."
	}
	if o.audit, err = parseAudit(c, []string{root}); err != nil {
		return nil, err
	}
	o.audit.Scan.MinConfidence = finding.Low
	if _, err := os.Lstat(o.file); errors.Is(err, fs.ErrNotExist) {
		o.audit.Sources.Config = "" // it is made
	}
	args := c.Args().Slice()
	if c.Bool("list") || c.IsSet("remove") {
		for _, name := range []string{"reason", "owner", "expires", "ignored"} {
			if c.IsSet(name) {
				return nil, fmt.Errorf("--%s has no effect with --list and --remove", name)
			}
		}
		if len(args) > 0 || c.Bool("list") && (c.IsSet("remove") || c.IsSet("path")) {
			return nil, errors.New("--list and --remove ID are used alone")
		}
		o.entry.Path = c.String("path")
		if c.IsSet("remove") {
			o.id, err = parseID(c.String("remove"))
		}
		return o, err
	}
	if len(args) == 0 || len(args) > 2 {
		return nil, errors.New("allow needs the ID of a key, and at most one REPORT")
	}
	if o.id, err = parseID(args[0]); err != nil {
		return nil, err
	}
	if len(args) == 2 {
		o.report = args[1]
	}
	o.entry, err = parseEntry(c)
	return o, err
}

// foundConfig returns where the configuration of the current folder is or would be. One
// that a link leads out of the repository is refused, as where it is read.
func foundConfig() (string, error) {
	path, ok := config.Path(".")
	if !ok {
		return "", errors.New("there is no working tree here: --config FILE says which configuration is meant")
	}
	_, _, err := config.Find(nil)
	return path, err
}

// parseEntry reads what an entry says beside the key.
func parseEntry(c *call) (a exceptions.Allow, err error) {
	a = exceptions.Allow{Path: c.String("path"), Reason: strings.TrimSpace(c.String("reason")), Owner: strings.TrimSpace(c.String("owner"))}
	if a.Reason == "" {
		return a, errors.New("--reason WORDS is needed: why the key is accepted")
	}
	for _, name := range []string{"path", "reason", "owner"} {
		switch v := c.String(name); {
		case c.IsSet(name) && strings.TrimSpace(v) == "":
			return a, fmt.Errorf("--%s: it is empty", name)
		case quote.HideKeys(v) != v:
			return a, fmt.Errorf("--%s: it holds a key", name)
		}
	}
	return a, read(c, "expires", func(s string) (time.Time, error) { return parseExpires(s, c.now()) }, &a.Expires)
}

// parseExpires reads the last day on which an entry counts.
func parseExpires(s string, now time.Time) (time.Time, error) {
	t, err := exceptions.ParseExpires(s)
	switch {
	case err != nil:
		return t, fmt.Errorf("%s is not a day, as 2026-01-31", quote.Name(s))
	case t.Before(now):
		return t, fmt.Errorf("%s is in the past", s)
	}
	return t, nil
}

func allow(c *call) error {
	o, err := parseAllow(c)
	if err != nil {
		return c.usage(err)
	}
	if !c.Bool("list") && !c.IsSet("remove") {
		return allowOne(c, o)
	}
	file, err := config.Edit(o.file)
	if err != nil {
		return err
	}
	if c.Bool("list") {
		return allowList(c, file)
	}
	return allowRemove(c, o, file)
}

// known is a key that may be accepted, of a report or of a scan.
type known struct {
	finding  *finding.Finding
	sha256   string
	redacted string
	place    string // the first one; "": not known
}

// words describe k in a line.
func (k known) words() string {
	words := fmt.Sprintf("%s  %s  %s %s", k.sha256[:16], quote.Text(k.redacted), quote.Text(k.finding.Issuer), k.finding.Environment)
	if k.place != "" {
		words += "  " + quote.Text(k.place)
	}
	return words
}

// keysOf returns the keys of a report, or else of a scan. a is nil for a report.
func (o *allowOptions) keysOf(c *call) (list []known, a *audit.Audit, err error) {
	if o.report != "" {
		earlier, err := readEarlier(o.report, c.stdin)
		if err != nil {
			return nil, nil, err
		}
		for i := range earlier.Keys {
			k := &earlier.Keys[i]
			list = append(list, known{finding: &k.Finding, sha256: k.SHA256, redacted: k.Redacted})
		}
		return list, nil, nil
	}
	if a, err = c.scanWhole(o.audit); err != nil {
		return nil, nil, err
	}
	defer a.Close()
	for _, f := range a.Result.Findings {
		list = append(list, known{f, f.Secret.SHA256(), f.Redacted(), firstPlace(f, a.Loaded.Rules)})
	}
	return list, a, nil
}

// keyOf returns the key of list with that id.
func keyOf(list []known, id, where string) (known, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(k known) bool { return !strings.HasPrefix(k.sha256, id) })
	switch len(list) {
	case 0:
		return known{}, fmt.Errorf("no key in %s has the id %s", where, id)
	case 1:
		return list[0], nil
	}
	words := fmt.Sprintf("%s is the id of several keys in %s:", id, where)
	for _, k := range list {
		words += "\n" + k.words()
	}
	return known{}, errors.New(words)
}

// errLive says why a key cannot be accepted.
func errLive(k known) error {
	return fmt.Errorf("%s cannot be accepted: its issuer said that it works (%s). Revoke it, then scan again", k.sha256[:16], k.finding.Status)
}

func isLive(f *finding.Finding) bool {
	return f.Status == finding.Active || f.Status == finding.Restricted
}

func allowOne(c *call, o *allowOptions) error {
	list, a, err := o.keysOf(c)
	if err != nil {
		return err
	}
	where := "this repository"
	if a == nil {
		where = "the report"
	}
	k, err := keyOf(list, o.id, where)
	if err != nil {
		return cmp.Or(unreadHint(a, err), err)
	}
	if isLive(k.finding) {
		return errLive(k)
	}
	if a != nil && !isIn(a, k, o.entry) {
		return fmt.Errorf("--path: %s is in no file that %s matches", k.sha256[:16], quote.Name(o.entry.Path))
	}
	file, err := config.Edit(o.file) // now: others may have written it since
	if err != nil {
		return err
	}
	for _, there := range file.Allows() {
		if there.Names(k.sha256) && (there.Path == "" || there.Path == o.entry.Path) {
			return alreadyThere(c, file, k, &there)
		}
	}
	if err := accept(file, k, o.entry); err != nil {
		return err
	}
	if err := file.Write(); err != nil {
		return err
	}
	out := fmt.Sprintf("  %s\nAccepted in %s, line %d.\n", k.words(), quote.Name(file.Path), file.Allows()[len(file.Allows())-1].Line)
	if a != nil {
		out += stillCounts(a, file, k.finding)
	}
	return c.say(out)
}

// isIn reports whether an occurrence of k is where entry would accept it.
func isIn(a *audit.Audit, k known, entry exceptions.Allow) bool {
	entry.Fingerprint = k.sha256
	set := exceptions.Set{Allows: []exceptions.Allow{entry}, PathOf: a.Loaded.PathOf}
	return entry.Path == "" || slices.ContainsFunc(k.finding.Listed, func(o finding.Occurrence) bool {
		return set.AcceptsOccurrence(k.finding.Secret, &o, a.Result.Started)
	})
}

// accept adds an entry for k to file.
func accept(file *config.Edited, k known, entry exceptions.Allow) error {
	entry.Fingerprint = k.sha256
	comment := strings.TrimSpace(fmt.Sprintf("%s %s %s", quote.Words(k.finding.Issuer), k.finding.Environment, quote.HideKeys(k.place)))
	return file.Add(entry, comment)
}

// unreadHint adds to an error about a key that was not found that some content was
// not read. Nil: all was.
func unreadHint(a *audit.Audit, err error) error {
	if a == nil {
		return nil
	}
	if words := incompleteWords(a.Result); words != "" {
		return fmt.Errorf("%w; %s", err, words)
	}
	return nil
}

// alreadyThere says what an entry that is there means.
func alreadyThere(c *call, file *config.Edited, k known, there *exceptions.Allow) error {
	if there.Expired(c.now()) {
		return fmt.Errorf("line %d of %s accepted it until %s: keysweep allow --remove %s removes that", there.Line, quote.Name(file.Path),
			there.Expires.Format(time.DateOnly), k.sha256[:16])
	}
	return c.say(fmt.Sprintf("  %s\nIt is accepted already, in %s, line %d: %s. Nothing was written.\n", k.words(), quote.Name(file.Path), there.Line, quote.Text(there.Reason)))
}

// stillCounts says why a key counts although file accepts it: an entry with a path
// accepts it only if it is nowhere else. It is "" if it does not count.
func stillCounts(a *audit.Audit, file *config.Edited, f *finding.Finding) string {
	a.Loaded.File, a.Loaded.Allows = file.Path, file.Allows()
	a.Mark(false)
	if f.Suppressed != nil {
		return ""
	}
	for i := range f.Listed {
		if o := &f.Listed[i]; !a.Loaded.AcceptsOccurrence(f.Secret, o, a.Result.Started) {
			place := finding.Finding{Listed: []finding.Occurrence{*o}}
			return fmt.Sprintf("It still counts, since it is also elsewhere: %s.\n", quote.Text(firstPlace(&place, a.Loaded.Rules)))
		}
	}
	return "It still counts, since some content was not read, or it is in too many places.\n"
}

// allowList lists the entries, and how many lines the baseline has.
func allowList(c *call, file *config.Edited) error {
	var out strings.Builder
	for _, e := range file.Allows() {
		if e.Fingerprint != "" {
			e.Fingerprint = e.Fingerprint[:16]
		}
		fmt.Fprintf(&out, "%s:%d  %s  %s", quote.Name(file.Path), e.Line, quote.Text(e.Entry()), quote.Text(e.Reason))
		if e.Owner != "" {
			fmt.Fprintf(&out, ", owner %s", quote.Text(e.Owner))
		}
		if !e.Expires.IsZero() {
			fmt.Fprintf(&out, ", until %s", e.Expires.Format(time.DateOnly))
		}
		if e.Expired(c.now()) {
			out.WriteString(" (expired)")
		}
		out.WriteByte('\n')
	}
	if len(file.Allows()) == 0 {
		fmt.Fprintf(&out, "%s accepts nothing.\n", quote.Name(file.Path))
	}
	if path, b, err := config.OwnBaseline("."); err != nil {
		return err
	} else if b != nil {
		fmt.Fprintf(&out, "%s accepts %s.\n", quote.Name(path), keys(len(b.Lines())))
	}
	return c.say(out.String())
}

// allowRemove removes the entries and the line of one key.
func allowRemove(c *call, o *allowOptions, file *config.Edited) error {
	path, baseline, err := config.OwnBaseline(".")
	if err != nil {
		return err
	}
	named := func(fingerprint string) bool {
		return fingerprint != "" && (strings.HasPrefix(fingerprint, o.id) || len(fingerprint) == 16 && strings.HasPrefix(o.id, fingerprint))
	}
	gone := func(a *exceptions.Allow) bool {
		return named(a.Fingerprint) && (o.entry.Path == "" || a.Path == o.entry.Path)
	}
	ids := map[string][]string{} // of the keys that o.id may mean: what accepts them
	for _, a := range file.Allows() {
		if gone(&a) {
			id := a.Fingerprint[:16]
			ids[id] = append(ids[id], fmt.Sprintf("%s:%d  %s", quote.Name(file.Path), a.Line, quote.Text(a.Reason)))
		}
	}
	for _, l := range baseline.Lines() {
		if o.entry.Path == "" && named(l.Fingerprint) {
			id := l.Fingerprint[:16]
			ids[id] = append(ids[id], fmt.Sprintf("%s:%d  %s", quote.Name(path), l.Number, quote.Text(l.Reason)))
		}
	}
	switch len(ids) {
	case 0:
		return fmt.Errorf("neither %s nor the baseline accepts a key with the id %s%s (keysweep allow --list lists all)", quote.Name(file.Path), o.id, inPath(o.entry.Path))
	case 1:
	default:
		return errors.New(o.id + " is the id of several accepted keys:" + listed(ids))
	}
	removed, err := file.Remove(gone)
	if err != nil {
		return err
	}
	if len(removed) > 0 {
		if err := file.Write(); err != nil {
			return err
		}
	}
	if o.entry.Path == "" && baseline != nil {
		if lines := baseline.Remove(func(l *exceptions.BaselineLine) bool { return named(l.Fingerprint) }); len(lines) > 0 {
			if err := writeBaseline(path, baseline.Text()); err != nil {
				return err
			}
		}
	}
	return c.say("No longer accepted:" + listed(ids) + "\n")
}

func inPath(path string) string {
	if path == "" {
		return ""
	}
	return " in " + quote.Name(path)
}

// listed returns a line for each exception, by key.
func listed(ids map[string][]string) (out string) {
	var lines []string
	for id, list := range ids {
		for _, words := range list {
			lines = append(lines, "\n  "+id+"  "+words)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
