package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// place is where a reader finds a key: the same line of a file in the
// working tree, in HEAD and in older versions is one place.
type place struct {
	where string
	file  string // without the line
	link  string // "": none
	notes []string
}

func (p *phrases) places(f *finding.Finding) []place {
	var list []place
	index := map[string]int{}
	for _, o := range f.Listed {
		where := p.where(o)
		i, ok := index[where]
		if !ok {
			i = len(list)
			index[where] = i
			list = append(list, place{where: where, file: p.joined(o)})
		}
		if list[i].link == "" {
			list[i].link = p.link(o)
		}
		list[i].notes = append(list[i].notes, p.notesOn(o)...)
	}
	// A reader of three places wants three files, not three lines of one.
	seen := make(map[string]bool)
	var first, rest []place
	for _, p := range list {
		if seen[p.file] {
			rest = append(rest, p)
			continue
		}
		seen[p.file] = true
		first = append(first, p)
	}
	return append(first, rest...)
}

// where names the place of o on one line.
func (p *phrases) where(o finding.Occurrence) string {
	if o.Inside != nil {
		return p.whereInside(o)
	}
	switch o.Source {
	case finding.SourceStdin:
		return fmt.Sprintf("standard input:%d", o.Line)
	case finding.SourceCommit:
		if o.Object == "" {
			return fmt.Sprintf("commit message, line %d", o.Line)
		}
		return fmt.Sprintf("text of commit %s, line %d", short(o.Object), o.Line)
	case finding.SourceTag:
		return fmt.Sprintf("text of tag object %s, line %d", short(o.Object), o.Line)
	case finding.SourceRef:
		return "name of the ref " + p.display(p.Text(o.Path))
	case finding.SourcePath:
		return "name of " + p.display(p.joined(o))
	}
	if o.Path == "" && o.Object != "" { // no tree names it
		return fmt.Sprintf("object %s, line %d", short(o.Object), o.Line)
	}
	if o.Line == 0 {
		return p.display(p.joined(o))
	}
	return fmt.Sprintf("%s:%d", p.display(p.joined(o)), o.Line)
}

// whereInside names the place of o in a container.
func (p *phrases) whereInside(o finding.Occurrence) string {
	outer := o
	outer.Inside, outer.Line = nil, 0
	if outer.Source == finding.SourcePath {
		outer.Source = finding.SourceBlob
	}
	name := "standard input"
	switch {
	case o.Source != finding.SourceStdin && o.Path == "" && o.Object != "":
		name = "object " + short(o.Object)
	case o.Source != finding.SourceStdin:
		name = p.joined(outer)
	}
	name = p.display(p.Text(o.InsideOf(name)))
	switch {
	case o.Source == finding.SourcePath:
		return "name of " + name
	case o.Line == 0:
		return name
	}
	return fmt.Sprintf("%s:%d", name, o.Line)
}

// joined returns the path of o as the user would open it.
func (p *phrases) joined(o finding.Occurrence) string {
	switch {
	case o.Path == "" || p.isFile(o.Target):
		return p.Text(o.Target)
	case len(p.res.Targets) == 1 && !p.scanned.tree && !isWithin(o.Folder):
		return p.Text(o.Path) // nothing that could be opened, and the repository is known
	}
	return p.Text(finding.Below(p.folder(o), o.Path))
}

func (p *phrases) isFile(target string) bool {
	return slices.ContainsFunc(p.res.Targets, func(t finding.Target) bool { return t.Name == target && t.Kind == finding.TargetFile })
}

// isWithin reports whether the folder of an occurrence is below its target.
func isWithin(folder string) bool {
	return folder != "" && folder != ".." && !strings.HasPrefix(folder, "../")
}

// folder returns the folder that the path of o is below, as the user would open
// it.
func (p *phrases) folder(o finding.Occurrence) string {
	dir, folder := o.Target, o.Folder
	if p.isFile(dir) {
		dir = path.Dir(dir)
	}
	for strings.HasPrefix(folder+"/", "../") { // the repository around the target
		parent, last := path.Split(strings.TrimSuffix(dir, "/"))
		if last == "" || last == "." || last == ".." {
			break
		}
		dir, folder = cmp.Or(strings.TrimSuffix(parent, "/"), "."), strings.TrimPrefix(folder[2:], "/")
	}
	return finding.Below(dir, folder)
}

// maxPath is how many columns of a path are shown; the rest of a longer one,
// which only an attack has, is in JSON.
const maxPath = 240

// display quotes a path that is already redacted.
func (p *phrases) display(path string) string {
	path = quote.Text(path)
	if width(path) <= maxPath {
		return path
	}
	return cutRight(path, maxPath*2/3, true) + strings.TrimPrefix(cutLeft(path, maxPath/3, true), ellipsis)
}

// transcriptWords says what a transcript says of a place in it.
func (p *phrases) transcriptWords(t *finding.Transcript) string {
	words := []string{t.Agent}
	if t.Project != "" {
		words = append(words, "project "+p.quote(t.Project))
	}
	if t.Session != "" {
		words = append(words, "session "+p.quote(t.Session))
	}
	if !t.Date.IsZero() {
		words = append(words, day(t.Date))
	}
	switch t.Author {
	case finding.AuthorRule:
		words = append(words, "a permission rule")
	case finding.AuthorTool:
		words = append(words, "the result of a tool")
	case finding.AuthorAgent:
		words = append(words, "written by the agent")
	case finding.AuthorPerson:
		words = append(words, "written by a person")
	}
	return strings.Join(words, ", ")
}

// notesOn says what is known of o beyond its place.
func (p *phrases) notesOn(o finding.Occurrence) []string {
	var notes []string
	if o.Layer.Number > 0 {
		notes = append(notes, fmt.Sprintf("layer %d", o.Layer.Number))
	}
	if o.Layer.RemovedIn > 0 {
		notes = append(notes, fmt.Sprintf("removed in layer %d", o.Layer.RemovedIn))
	}
	if t := o.Transcript; t != nil {
		return append(notes, p.transcriptWords(t))
	}
	switch {
	case o.Source == finding.SourceStdin, o.Source == finding.SourceRef, o.Source == finding.SourceCommit && o.Object == "":
		return notes
	case o.Source == finding.SourceMetadata:
		return append(notes, "git's own file, not committed")
	case o.Source == finding.SourceIndex, o.Source == finding.SourcePath && p.scanned.staged:
		notes = append(notes, "staged")
	case o.Source == finding.SourceWorktree || o.Object == "" && o.Commit == "":
		if !p.scanned.repository {
			return notes // a plain folder has nothing else
		}
		return append(notes, "working tree")
	case o.InHead == finding.Yes:
		notes = append(notes, "HEAD")
	case o.Source == finding.SourceCommit:
		notes = append(notes, day(o.Date))
	case o.Commit != "":
		notes = append(notes, fmt.Sprintf("added %s in %s", day(o.Date), short(o.Commit)))
	}
	if o.Versions > 1 {
		notes = append(notes, number(int64(o.Versions))+" versions")
	}
	if o.Reachable == finding.No && o.Source != finding.SourceIndex && !p.scanned.staged {
		notes = append(notes, "no ref reaches it")
	}
	return notes
}
