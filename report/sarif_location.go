package report

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"keysweep/file"
	"keysweep/finding"
	"keysweep/quote"
)

// Locations are URIs below a base. The base of what lies below the working
// directory, where CI checks a repository out, is SRCROOT; a target elsewhere
// has a base of its own. No base has a URI, since that would be a path of the
// machine that scanned, and no URI has "..": what a place is relative to is
// said in words.
const (
	baseSourceRoot = "SRCROOT"
	baseStdin      = "STDIN"
)

// sarifBases finds the URIs of places.
type sarifBases struct {
	redactor *quote.Redactor
	workDir  string
	targets  map[string]sarifTarget // by name
	roots    []sarifRoot            // absolute paths and what is shown instead, longest first
	words    map[string]string      // what the bases in use are
}

type sarifTarget struct {
	number int // from 1
	kind   finding.TargetKind
	remote bool
}

type sarifRoot struct{ path, shown string }

func newSARIFBases(r *quote.Redactor, res *finding.Result, opts Options) sarifBases {
	b := sarifBases{redactor: r, workDir: opts.WorkDir, targets: map[string]sarifTarget{}, words: map[string]string{
		baseSourceRoot: "The working directory of the scan, as a rule the top folder of the repository.",
	}}
	if b.workDir != "" {
		b.roots = append(b.roots, sarifRoot{filepath.Clean(b.workDir), "."})
	}
	for i, t := range res.Targets {
		if _, twice := b.targets[t.Name]; !twice {
			b.targets[t.Name] = sarifTarget{i + 1, t.Kind, t.Remote}
		}
		switch {
		case t.Remote:
		case file.Rooted(t.Name):
			b.roots = append(b.roots, sarifRoot{file.Absolute(b.workDir, t.Name), fmt.Sprintf("target %d", i+1)})
		case b.workDir != "" && t.Kind != finding.TargetStdin:
			b.roots = append(b.roots, sarifRoot{filepath.Join(b.workDir, t.Name), t.Name})
		}
	}
	slices.SortStableFunc(b.roots, func(x, y sarifRoot) int { return len(y.path) - len(x.path) })
	return b
}

// place returns the base of o's place and its path below it, redacted.
func (b *sarifBases) place(o finding.Occurrence) (base, name string) {
	if o.Source == finding.SourceStdin {
		b.words[baseStdin] = "Standard input."
		return baseStdin, "stdin"
	}
	base, folder := b.folder(o.Target, o.Folder)
	name = b.redactor.Text(o.Path)
	// No tree can hold a path with a component .git: what is not a file cannot
	// be taken for one there.
	switch {
	case o.Source == finding.SourceCommit:
		name = ".git/commit/" + o.Object
	case o.Source == finding.SourceTag:
		name = ".git/tag/" + o.Object
	case o.Source == finding.SourceRef:
		name = ".git/" + name
	case o.Path == "" && o.Object != "":
		name = ".git/object/" + o.Object
	case o.Path == "":
		name = "unknown"
	}
	if folder != "" {
		name = b.redactor.Text(folder) + "/" + name
	}
	return base, name
}

// folder returns the base of a folder of a target, and the path from the one
// to the other, '/'-separated; "" if they are the same.
func (b *sarifBases) folder(target, folder string) (base, below string) {
	t := b.targets[target]
	if t.remote {
		base = fmt.Sprintf("REPOSITORY-%d", t.number)
		b.words[base] = sarifText("The repository at "+quote.Text(b.redactor.Text(target))) + "."
		return base, ""
	}
	dir := target
	if t.kind == finding.TargetFile {
		dir = filepath.Dir(dir)
	}
	at := filepath.Join(dir, filepath.FromSlash(folder))
	if b.workDir != "" {
		at = file.Absolute(b.workDir, at)
		if rel, err := filepath.Rel(b.workDir, at); err == nil {
			at = rel
		}
	}
	if !file.Rooted(at) && !file.Up(at) {
		if at = filepath.ToSlash(at); at == "." {
			at = ""
		}
		return baseSourceRoot, at
	}
	named := fmt.Sprintf("Target %d of the scan", t.number)
	if !file.Rooted(target) {
		named += ", " + quote.Text(b.redactor.Text(target))
	}
	kind := "TARGET"
	if folder = path.Clean(folder); folder == "." {
		folder = ""
	}
	if folder == ".." || strings.HasPrefix(folder, "../") {
		kind, named = "REPOSITORY", "The repository that holds t"+named[1:]
		for strings.HasPrefix(folder, "../") {
			folder = folder[len("../"):]
		}
		folder = strings.TrimPrefix(folder, "..")
	}
	base = fmt.Sprintf("%s-%d", kind, t.number)
	b.words[base] = sarifText(named) + ". It is not below the working directory of the scan."
	return base, folder
}

// used returns the bases that places were given.
func (b *sarifBases) used() (list object) {
	for _, base := range slices.Sorted(maps.Keys(b.words)) {
		list = append(list, member{base, object{{"description", messageObject(b.words[base])}}})
	}
	return list
}

// anonymous takes paths of this machine out of words: those below the working
// directory and the targets become relative, others an ellipsis.
func (b *sarifBases) anonymous(words string) string {
	for _, r := range b.roots {
		if len(r.path) < 2 {
			continue // the root of everything
		}
		var out strings.Builder
		for {
			i := strings.Index(words, r.path)
			if i < 0 {
				break
			}
			rest := words[i+len(r.path):]
			out.WriteString(words[:i])
			switch {
			case rest != "" && (rest[0] == '/' || rest[0] == filepath.Separator):
				if r.shown != "." {
					out.WriteString(r.shown + "/")
				}
				words = rest[1:]
			case rest == "" || strings.IndexByte(" \"':;,.)", rest[0]) >= 0:
				out.WriteString(r.shown)
				words = rest
			default: // another folder, whose name starts alike
				out.WriteString(r.path)
				words = rest
			}
		}
		out.WriteString(words)
		words = out.String()
	}
	return absolute().ReplaceAllString(words, "${1}"+ellipsis)
}

// absolute matches an absolute path: up to what ends a name in our messages,
// rather too much of it than too little, since names may hold spaces.
var absolute = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[\s"'(=])(?:/|[A-Za-z]:[\\/]|\\\\)[^\s"':;)](?:[^"':;)\n]|:[^ ])*`)
})

// location returns the place of o: number, from 1, and message are those of a
// related location. Its region is 1-based; columns are UTF-16 units, and
// endColumn is the first one after the key.
func (s *sarifReport) location(o finding.Occurrence, number int, message object) object {
	base, name := s.bases.place(o)
	line, column, endColumn := 1, 1, 1 // names and refs have no line, nor has a container: the start of the file, empty
	if o.Line > 0 && o.Inside == nil {
		line, column, endColumn = o.Line, max(1, o.UnitColumn), max(1, o.UnitColumn, o.UnitEndColumn)
	}
	properties := object{given("source", o.Source), given("inside", s.names(o.Inside)), given("insideLine", insideLine(o)), given("object", o.Object), given("versions", o.Versions),
		given("commit", o.Commit), given("date", timestamp(o.Date))}
	if o.Object != "" { // of what a database holds
		properties = append(properties, member{"reachable", boolean(o.Reachable)}, member{"in_head", boolean(o.InHead)})
	}
	return object{
		given("id", number),
		{"physicalLocation", object{
			{"artifactLocation", object{{"uri", encodePath(name)}, {"uriBaseId", base}, s.artifacts.index(encodePath(name), base, s.names(o.Inside))}},
			{"region", object{{"startLine", line}, {"startColumn", column}, {"endLine", line}, {"endColumn", endColumn}}},
		}},
		given("logicalLocations", s.logical(o)),
		given("message", message),
		{"properties", properties},
	}
}

// names returns names in a container, redacted.
func (s *sarifReport) names(list []string) (names []string) {
	for _, name := range list {
		names = append(names, sarifText(s.Text(name)))
	}
	return names
}

func insideLine(o finding.Occurrence) int {
	if o.Inside == nil {
		return 0
	}
	return o.Line
}

// sarifArtifacts are the containers that hold keys, and the members that lead there:
// each has an entry, whose parent is the one that holds it (SARIF 3.24.7).
type sarifArtifacts struct {
	list    []object
	numbers map[string]int
}

// index returns the member "index" of the location of a container; none of a file that
// is no container.
func (a *sarifArtifacts) index(uri, base string, inside []string) member {
	if inside == nil {
		return member{}
	}
	outer := a.number(base+" "+uri, object{{"location", object{{"uri", uri}, {"uriBaseId", base}}}, {"roles", []string{"analysisTarget"}}})
	parent, id := outer, base+" "+uri
	for _, name := range inside {
		id += "!/" + name
		parent = a.number(id, object{{"location", object{{"uri", encodePath(name)}}}, {"parentIndex", parent}, {"roles", []string{"analysisTarget"}}})
	}
	return member{"index", outer}
}

func (a *sarifArtifacts) number(id string, artifact object) int {
	if n, ok := a.numbers[id]; ok {
		return n
	}
	if a.numbers == nil {
		a.numbers = make(map[string]int)
	}
	a.numbers[id] = len(a.list)
	a.list = append(a.list, artifact)
	return len(a.list) - 1
}

// logical names o where it is no file.
func (s *sarifReport) logical(o finding.Occurrence) []object {
	kind, name := string(o.Source), o.Object
	switch {
	case o.Source == finding.SourceCommit, o.Source == finding.SourceTag:
	case o.Source == finding.SourceRef:
		name = sarifText(s.quoteWords(o.Path))
	case o.Source != finding.SourceStdin && o.Path == "" && o.Object != "":
		kind = "object"
	default:
		return nil
	}
	return []object{{{"name", name}, {"fullyQualifiedName", kind + " " + name}, {"kind", kind}}}
}

// wherein says in words where o is. It names no path of this machine.
func (s *sarifReport) wherein(o finding.Occurrence) string {
	_, name := s.bases.place(o)
	name = o.InsideOf(name)
	line := ""
	if o.Line > 0 {
		line = fmt.Sprintf(", line %d", o.Line)
	}
	switch o.Source {
	case finding.SourceStdin:
		return "in standard input" + line
	case finding.SourceCommit:
		return "in the text of commit " + short(o.Object) + line
	case finding.SourceTag:
		return "in the text of tag object " + short(o.Object) + line
	case finding.SourceRef:
		return "in the name of the ref " + s.display(s.Text(o.Path))
	case finding.SourcePath:
		return "in the name of " + s.display(name)
	}
	if o.Path == "" && o.Object != "" {
		return "in object " + short(o.Object) + line
	}
	return "in " + s.display(name) + line
}
