package config

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// Sources says where rules and exceptions come from: what the user named, and
// whose exceptions count. The zero value looks for a configuration and a
// baseline in what is scanned, and believes them if they are the user's own.
type Sources struct {
	// Rules are files with rules of the user's own.
	Rules []string
	// Config and Baseline are files that the user named. "": look for one.
	Config, Baseline string
	// None reads no configuration and no baseline but one that is named, and
	// believes no comment.
	None bool
	// Foreign says that comments of other scanners count as keysweep:allow does.
	Foreign bool
	// Remote are those of the scanned paths that are addresses: nothing in such a
	// repository counts, and the paths that exceptions name are from its top.
	Remote []string
	// Cloud reads files that are not on this disk, which downloads them.
	Cloud bool
	// Trust says whose exceptions count instead of the working tree's. Nil: the
	// working tree's do.
	Trust *Trust
}

// Commenting returns the revision whose comments count, "" for HEAD (see
// scanner.Options.Trusted).
func (s Sources) Commenting() string {
	if s.Trust == nil || s.Trust.Comments {
		return ""
	}
	return s.Trust.Rev
}

// Loaded is the rules for a scan, and the configuration and the exceptions that
// count for it.
type Loaded struct {
	// Rules is what to look for.
	Rules *rules.Set
	// Set is the exceptions, after Accept.
	exceptions.Set

	sources   Sources
	roots     func() []root // of the paths of a scan
	trusted   *trusted      // nil: Sources.Trust is
	config    *Config       // nil: none counts
	ownership *ownership    // after Accept
	notes     []Note
}

// Load reads the rules for a scan of paths, and the configuration that counts
// for it. read is asked for files of the index and of commits; it may be nil if
// Trust is.
func (s Sources) Load(paths []string, read Reader) (*Loaded, error) {
	l := &Loaded{sources: s, roots: sync.OnceValue(func() []root {
		// A folder here that has the name of an address is none of the address's.
		roots := slices.DeleteFunc(rootsOf(paths), func(r root) bool { return slices.Contains(s.Remote, r.path) })
		for i := range roots {
			roots[i].cloud = s.Cloud
		}
		return roots
	})}
	if s.Trust != nil {
		l.trusted = newTrusted(*s.Trust, read)
		l.trusted.foreign = s.Foreign
		inside := func(r root) bool { return r.index == 0 && r.own }
		if len(paths) > 0 && !s.Trust.Nothing && !s.Trust.Anywhere && !slices.ContainsFunc(l.roots(), inside) {
			l.notes = l.trusted.distrustOutside()
		}
	}
	broken := l.readConfig()
	if broken == nil && l.config == nil && s.Config != "" {
		if err := configs.absent(l, s.Config); err != nil {
			return nil, err
		}
	}
	named, err := l.namedRules()
	if err != nil {
		return nil, err
	}
	if broken == nil {
		l.Rules, err = rules.Load(s.Rules, append(l.config.Rules(), named...)...)
		if at, ok := errors.AsType[*rules.LoadError](err); ok && l.config != nil && at.File == l.config.Path {
			broken = fmt.Errorf("configuration %s: line %d, column %d: %s", at.File, at.Line, at.Col, at.Reason)
		} else if err != nil {
			return nil, err
		}
	}
	switch {
	case broken == nil:
		if l.config != nil {
			l.noteUsed("configuration", l.config.Path)
		}
		return l, nil
	case l.trusted != nil && l.trusted.Rev != "" && !s.namesConfig():
		// A broken file there could not be fixed if it stopped every change.
		l.note("None of its exceptions counts: " + broken.Error())
		l.config = nil
		l.Rules, err = rules.Load(s.Rules, named...)
		return l, err
	}
	return nil, goOn(broken)
}

// goOn adds to an error of a configuration or a baseline how to do without.
func goOn(err error) error { return fmt.Errorf("%w\n  --no-config goes on without it", err) }

// namesConfig reports whether the user named a configuration that counts as it
// is in its file.
func (s *Sources) namesConfig() bool {
	return s.Config != "" && (s.Trust == nil || s.Trust.Config == "")
}

// namesBaseline is namesConfig for the baseline.
func (s *Sources) namesBaseline() bool {
	return s.Baseline != "" && (s.Trust == nil || s.Trust.Baseline == "")
}

// readConfig reads the configuration that counts, if there is one.
func (l *Loaded) readConfig() (err error) {
	switch s := &l.sources; {
	case s.None:
	case s.namesConfig():
		l.config, err = Named(s.Config)
	case l.trusted != nil:
		l.config, err = l.trusted.config()
	default:
		var notes []Note
		l.config, notes, err = findConfig(l.roots())
		l.notes = append(l.notes, notes...)
	}
	return err
}

// readBaseline reads the baseline that counts, if there is one. With Sources.None,
// only one that the user named does.
func (l *Loaded) readBaseline() (b *exceptions.Baseline, err error) {
	switch s := &l.sources; {
	case s.namesBaseline():
		return NamedBaseline(s.Baseline)
	case s.None && s.Baseline == "":
		return nil, nil
	case l.trusted == nil:
		var notes []Note
		b, _, notes, err = baselines.find(l.roots())
		l.notes = append(l.notes, notes...)
	default:
		b, err = l.trusted.baseline()
		switch {
		case err != nil && l.trusted.Rev != "":
			l.note("None of its lines counts: " + err.Error())
			return nil, nil
		case err == nil && b == nil && s.Baseline != "":
			return nil, baselines.absent(l, s.Baseline)
		}
	}
	if err != nil {
		return nil, goOn(err)
	}
	return b, nil
}

// Accept reads the exceptions that count: of the configuration and of the
// baseline, and comments in what is the user's own. If b is not nil, it is the
// baseline.
func (l *Loaded) Accept(b *exceptions.Baseline) (err error) {
	if b == nil {
		if b, err = l.readBaseline(); err != nil {
			return err
		}
	}
	l.ownership = newOwnership(l.roots(), l.config, l.sources.Remote)
	l.PathOf, l.Baseline = l.ownership.pathOf, b
	if b != nil {
		l.noteUsed("baseline", b.Name)
	}
	if l.config != nil {
		l.File, l.Allows = l.config.Path, l.config.allows
	}
	if l.trusted != nil { // reports name a file alone
		if !l.sources.namesConfig() {
			l.File = l.trusted.file()
		}
		if !l.sources.namesBaseline() {
			l.Baseline = l.trusted.named(b)
		}
	}
	switch {
	case l.sources.None:
	case l.trusted != nil:
		l.PathOf, l.Inline = pathInTree, l.trusted.believes()
	default:
		l.Inline = l.ownership.own
	}
	return nil
}

// MarkAll marks what is accepted in the result of a scan. all says that no path
// was left out that an exception may be about: an entry that matches nothing is
// then reported as unused.
func (l *Loaded) MarkAll(res *finding.Result, all bool) {
	if all && res.Complete() && res.Since.IsZero() {
		for _, t := range res.Targets {
			whole := t.Tree && (t.History || t.Kind != finding.TargetRepository && !t.InRepository)
			l.Whole = l.Whole || whole && l.ownership.covers(t.Name)
		}
	}
	l.Mark(res)
}

func (l *Loaded) note(words string) { l.notes = append(l.notes, Note{Words: words}) }

func (l *Loaded) noteUsed(word, name string) {
	l.notes = append(l.notes, Note{Words: fmt.Sprintf("The %s %s was used.", word, quote.Name(name)), detail: true})
}

// Notes returns what there is to say about files that were not used and, if
// verbose, about those that were.
func (l *Loaded) Notes(verbose bool) []Note {
	return slices.DeleteFunc(slices.Clone(l.notes), func(n Note) bool { return n.detail && !verbose })
}

// AddNotes adds Notes to the targets that they are about.
func (l *Loaded) AddNotes(res *finding.Result, verbose bool) {
	for _, n := range l.Notes(verbose) {
		if n.Path < len(res.Targets) {
			t := &res.Targets[n.Path]
			t.Notes = append(t.Notes, n.Words)
		}
	}
}
