package command

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"keysweep/audit"
	"keysweep/config"
	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/foreign"
	"keysweep/quote"
)

// readForeign reads the files of other scanners.
func readForeign(names []string) (files []*foreign.File, err error) {
	for _, name := range names {
		text, err := file.Read(name, foreign.MaxSize)
		var f *foreign.File
		if err == nil {
			f, err = foreign.Read(name, text)
		}
		if err != nil {
			return nil, fmt.Errorf("--from %s: %w", quote.Name(name), err)
		}
		files = append(files, f)
	}
	return files, nil
}

// baselineFrom accepts the keys that the entries of other scanners' files mean, and
// lists the other entries.
func baselineFrom(c *call, o *baselineOptions) error {
	files, err := readForeign(o.from)
	if err != nil {
		return err
	}
	path, b, err := o.open()
	if err != nil {
		return err
	}
	t := &tally{}
	isNew := b == nil
	if isNew {
		b = exceptions.NewBaseline(path)
	}
	for i, p := range o.audit.Scan.Paths {
		if root, ok := config.Root(p); ok {
			o.audit.Scan.Paths[i] = root
		}
	}
	o.audit.Scan.MinConfidence = finding.Low
	a, err := o.scan(c, b)
	if err != nil {
		return err
	}
	defer a.Close()
	matches := repositoryOf(c, o, a).Match(files)
	matched := make(map[*finding.Finding]bool)
	for i := range matches {
		m := &matches[i]
		if f := m.Key; f != nil && !matched[f] {
			matched[f] = true
			line := o.line(c, f, a.Loaded.Rules)
			from := fmt.Sprintf("from %s, %s", quote.HideKeys(quote.Words(filepath.Base(m.File.Name))), m.Entry.Place)
			if line.Reason = from; o.reason != "" {
				line.Reason = o.reason + " (" + from + ")"
			}
			t.take(f, b, line)
		}
	}
	for _, f := range a.Result.Findings {
		if !matched[f] && f.Suppressed == nil && f.Confidence >= cmp.Or(o.confidence, finding.Medium) {
			t.unmatched++
		}
	}
	if t.added > 0 {
		if err := writeBaseline(path, b.Text()); err != nil {
			return err
		}
	}
	out := t.words(path, isNew) + foreignWords(files, matches, matched)
	if t.unmatched > 0 {
		out += fmt.Sprintf("%s of the scan left out: no entry means %s (keysweep scan lists %[2]s).\n", keys(t.unmatched), pronoun(t.unmatched))
	}
	if err := c.say(out); err != nil {
		return err
	}
	if words := incompleteWords(a.Result); words != "" {
		return &ending{StatusIncomplete, errors.New(words + ": entries may mean what was not read")}
	}
	return nil
}

// repositoryOf returns what entries are matched with.
func repositoryOf(c *call, o *baselineOptions, a *audit.Audit) *foreign.Repository {
	r := &foreign.Repository{Findings: a.Result.Findings, PathOf: a.Loaded.PathOf, Rules: a.Loaded.Rules}
	r.FileAt = func(commit, path string) ([]byte, bool) {
		const limit = 64 << 20
		text, err := a.ReadFile(c.ctx, commit, path, limit)
		return text, err == nil
	}
	if root, err := filepath.Abs(o.audit.Scan.Paths[0]); err == nil {
		if real, err := filepath.EvalSymlinks(root); err == nil {
			root = real
		}
		r.Root = filepath.ToSlash(root)
	}
	return r
}

// foreignWords say, for each file, how many entries were matched, and list the others
// with the reason and the keys that they may mean, if no other entry means these.
func foreignWords(files []*foreign.File, matches []foreign.Match, matched map[*finding.Finding]bool) string {
	var out strings.Builder
	for _, f := range files {
		n := 0
		var left []*foreign.Match
		for i := range matches {
			if m := &matches[i]; m.File != f {
				continue
			} else if m.Key != nil {
				n++
			} else {
				left = append(left, m)
			}
		}
		end := ":"
		if len(left) == 0 {
			end = "."
		}
		fmt.Fprintf(&out, "%s (%s): %s, %d matched, %d not%s\n", quote.Name(f.Name), f.Tool, count(len(f.Entries), "entry", "entries"), n, len(left), end)
		for _, m := range left {
			fmt.Fprintf(&out, "  %s\n    %s\n", quote.Text(m.Words()), quote.Text(m.Reason))
			for _, k := range m.Candidates {
				if matched[k] {
					continue
				}
				next := "replace it, and revoke it"
				if !m.Real {
					next = "keysweep allow " + k.Secret.ID() + " --reason … accepts it"
				}
				fmt.Fprintf(&out, "    %s  %s  %s\n", k.Secret.ID(), quote.Text(k.Redacted()), next)
			}
		}
		if f.Plain {
			fmt.Fprintf(&out, "  %s holds secrets in plain text, which is a leak of its own: delete it, and\n  where it was committed, treat what it holds as leaked.\n", quote.Name(f.Name))
		}
	}
	return out.String()
}
