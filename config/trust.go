package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"keysweep/exceptions"
	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/rules"
)

// Trust says whose exceptions count instead of the working tree's: those of the
// index, where the next commit is scanned, or those of a commit that the scanned
// change cannot have touched.
type Trust struct {
	Rev  string // a revision; "": the index
	Name string // what reports call it
	// Nothing says that no exception of the repository counts.
	Nothing bool
	// Comments says that comments count as in a scan by hand: in what HEAD
	// reaches.
	Comments bool
	// Anywhere says that this holds also if the working directory is outside.
	Anywhere bool
	// Config and Baseline are paths from the top. "": the usual ones.
	Config, Baseline string
	// Rules are files that the user named, read at Rev if they are there.
	Rules []RuleFile
}

// RuleFile is a file of rules that the user named and that the scanned change
// may have touched.
type RuleFile struct {
	Name string // as the user named it
	Path string // from the top
}

// Reader reads a file at a revision, "" being the index. path is '/'-separated,
// from the top. The error wraps fs.ErrNotExist if the file is not there.
type Reader func(rev, path string, limit int64) ([]byte, error)

// trusted reads what a Trust names. Configuration and baseline are read once.
type trusted struct {
	Trust
	reader   Reader
	config   func() (*Config, error)              // nil if it is not there
	baseline func() (*exceptions.Baseline, error) // likewise
	files    map[string][]byte                    // of believes; nil: not there
	foreign  bool                                 // see Sources.Foreign
	unread   error                                // of config or baseline: there, and could not be read
}

func newTrusted(t Trust, read Reader) *trusted {
	r := &trusted{Trust: t, reader: read, files: map[string][]byte{}}
	r.config = sync.OnceValues(func() (*Config, error) {
		c, err := configs.at(r, r.Config)
		if c != nil {
			c.Named = r.Config != ""
		}
		return c, err
	})
	r.baseline = sync.OnceValues(func() (*exceptions.Baseline, error) { return baselines.at(r, r.Baseline) })
	return r
}

// at reads the file that t has at path, "" being the usual one; nil: it is not
// there.
func (k *kind[T]) at(t *trusted, path string) (*T, error) {
	path = cmp.Or(path, k.name)
	text, err := t.read(path, k.limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	t.unread = cmp.Or(t.unread, err)
	return k.parsed(t.name(path), text, err)
}

// distrustOutside makes nothing count where the working directory is outside of
// what is scanned, and says so of the files that are there.
func (t *trusted) distrustOutside() (notes []Note) {
	for _, name := range []string{Name, exceptions.BaselineName} {
		if _, err := t.read(name, exceptions.MaxBaseline); !errors.Is(err, fs.ErrNotExist) {
			notes = append(notes, Note{Words: t.name(name) + " was not used: the working directory is outside (--config and --baseline read files)."})
		}
	}
	t.Nothing = true
	return notes
}

func (t *trusted) read(path string, limit int64) ([]byte, error) {
	if t.Nothing {
		return nil, fs.ErrNotExist
	}
	return t.reader(t.Rev, path, limit)
}

func (t *trusted) name(path string) string { return path + " of " + t.Name }

// believes says which comments count.
func (t *trusted) believes() func(*finding.Finding, *finding.Occurrence) bool {
	switch {
	case t.Nothing:
		return func(*finding.Finding, *finding.Occurrence) bool { return false }
	case t.Rev == "":
		return func(*finding.Finding, *finding.Occurrence) bool { return true }
	case t.Comments:
		return func(_ *finding.Finding, o *finding.Occurrence) bool { return o.Comment.Merged }
	}
	inTrusted := exceptions.InTrusted(func(o *finding.Occurrence) ([]byte, bool) {
		path, ok := pathInTree(o)
		if !ok || strings.Contains(path, "\x00") {
			return nil, false
		}
		text, known := t.files[path]
		if !known {
			const limit = 16 << 20 // a larger file has no comments
			text, _ = t.read(path, limit)
			t.files[path] = text
		}
		return text, text != nil
	}, t.foreign)
	return func(f *finding.Finding, o *finding.Occurrence) bool { return o.Comment.Merged || inTrusted(f, o) }
}

// all returns the exceptions of t. What is broken has none.
func (t *trusted) all() *exceptions.Set {
	c, _ := t.config()
	b, _ := t.baseline()
	return &exceptions.Set{File: t.file(), Allows: c.Allows(), Baseline: t.named(b)}
}

// file returns the path of the configuration from the top.
func (t *trusted) file() string { return cmp.Or(t.Config, Name) }

// named returns a baseline under its path from the top; nil: there is none.
func (t *trusted) named(b *exceptions.Baseline) *exceptions.Baseline {
	if b == nil {
		return nil
	}
	named := *b
	named.Name = cmp.Or(t.Baseline, exceptions.BaselineName)
	return &named
}

// Added returns the exceptions that the next commit adds to those of HEAD:
// entries of the configuration and lines of the baseline. A broken file has
// none: Load reports the one in the index, and that of HEAD is being mended. The
// error says that HEAD's could not be read, so that more may seem added.
func (l *Loaded) Added() ([]finding.Exception, error) {
	after := l.trusted.all()
	if len(after.Allows) == 0 && after.Baseline == nil {
		return nil, nil
	}
	head := newTrusted(Trust{Rev: "HEAD", Name: "HEAD"}, l.trusted.reader)
	added := exceptions.Added(head.all(), after)
	return added, head.unread
}

// Change is what a change makes of the exceptions.
type Change struct {
	// Added are the exceptions that it adds to those that count, comments on the
	// lines of findings among them.
	Added []finding.Exception
	// Broken says which of its files cannot be read, and why. "": all can.
	Broken string
}

// ExceptionsIn returns how many exceptions the configuration and the baseline of a
// repository hold that is not the user's. What is broken has none.
func ExceptionsIn(read Reader) int {
	all := newTrusted(Trust{Rev: "HEAD", Name: "HEAD"}, read).all()
	n := len(all.Allows)
	if all.Baseline != nil {
		n += len(all.Baseline.Lines())
	}
	return n
}

// ChangeOf compares the exceptions of a commit, the tip of a change, with those
// that count. Nothing counts, and nothing is compared, where Trust says so.
func (l *Loaded) ChangeOf(tip string, findings []*finding.Finding) (c Change) {
	base := l.trusted
	if base == nil || base.Nothing || l.sources.None {
		return c
	}
	change := newTrusted(Trust{Rev: tip, Name: "this change", Config: base.Config, Baseline: base.Baseline}, base.reader)
	if _, err := change.config(); err != nil {
		c.Broken = "What the change makes of the exceptions is broken and would not count: " + err.Error() + "."
	} else if _, err := change.baseline(); err != nil {
		c.Broken = "What the change makes of the accepted keys is broken and would not count: " + err.Error() + "."
	}
	c.Added = exceptions.Added(base.all(), change.all())
	believed := base.believes()
	for _, f := range findings {
		for i := range f.Listed {
			if o := &f.Listed[i]; f.Suppressed == nil && o.Comment.Reason != "" && !believed(f, o) {
				c.Added = append(c.Added, finding.Exception{Kind: finding.KindInline, File: path.Join(o.Folder, o.Path)})
			}
		}
	}
	return c
}

// Files returns the names of the files that hold what c adds, sorted.
func (c Change) Files() (names []string) {
	for _, e := range c.Added {
		names = append(names, quote.Name(e.File))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// namedRules reads the files of Trust.Rules. One that is not there is the
// change's own: rules only add, so that it can hide nothing, but it may not say
// where a key is sent.
func (l *Loaded) namedRules() (list []rules.File, err error) {
	if l.trusted == nil {
		return nil, nil
	}
	for _, f := range l.trusted.Rules {
		const limit = 1 << 20 // of rules.Load
		text, err := l.trusted.read(f.Path, limit)
		own := errors.Is(err, fs.ErrNotExist)
		if own {
			text, err = file.Read(f.Name, limit)
			l.note(fmt.Sprintf("The rules of %s come from the change: %s has no such file.", quote.Name(f.Name), l.trusted.Name))
		}
		if err != nil {
			return nil, fmt.Errorf("--rules %s: %w", quote.Name(f.Name), err)
		}
		list = append(list, rules.File{Name: f.Name, Text: text, Found: own})
	}
	return list, nil
}

// absent notes that a file that the user named does not count, since what is
// trusted lacks it. A file that is nowhere is an error.
func (k *kind[T]) absent(l *Loaded, name string) error {
	if _, err := os.Stat(name); err != nil {
		_, named := k.named(name)
		return cmp.Or(named, err) // which names the file as well
	}
	l.note(fmt.Sprintf("%s %s does not count: it is not in %s (merge the exceptions first).", k.option, quote.Name(name), l.trusted.Name))
	return nil
}
