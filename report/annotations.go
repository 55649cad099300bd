package report

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"sync"

	"keysweep/finding"
	"keysweep/quote"
)

// Annotations are workflow commands of GitHub Actions: lines that the runner
// takes out of the output of a step and shows beside the line of a file. It
// keeps ten errors of a step and drops the rest in silence, so the worst ten are
// written, and a warning, which it counts apart, says how many more there are.
//
// The form (docs.github.com, "Workflow commands for GitHub Actions"; the escapes
// are those of the runner, ActionCommand.cs):
//
//	::error file=PATH,line=N,col=N,title=TEXT::MESSAGE
//
// In a message, % CR and LF are %25 %0D and %0A; in a property also : and ,
// are %3A and %2C. A string of others is quoted before it is escaped; PATH
// alone must be the file's own name, and is left out where Quote would change
// it.

// maxAnnotations is how many errors of a step the runner shows.
const maxAnnotations = 10

// Level is how a workflow command shows its message.
type Level string

// The levels.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	LevelNotice  Level = "notice"
)

// Property is a property of a workflow command.
type Property struct{ Name, Value string }

// WorkflowCommand returns the line of a workflow command, with its line feed.
// Whatever the values hold, it is one command: nothing in them ends it.
func WorkflowCommand(level Level, message string, properties ...Property) string {
	var b strings.Builder
	b.WriteString("::" + string(level))
	for i, p := range properties {
		b.WriteByte(" ,"[min(i, 1)])
		b.WriteString(p.Name + "=" + escapeProperty(p.Value))
	}
	b.WriteString("::" + escapeData(message) + "\n")
	return b.String()
}

var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
)

// Links says where the scanned repository can be looked at.
type Links struct {
	// Server and Name are as in https://github.com and owner/repository. Without
	// them, or if they are not of that form, there are no links.
	Server, Name string
	// Commit is what is checked out, a whole id.
	Commit string
	// Below is the way from the top of the repository to the target of the scan,
	// '/'-separated; "": it is the top.
	Below string
	// Outside says that the target is not in the repository's working tree: no
	// place can be named.
	Outside bool
}

var (
	serverURL      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?$`) })
	repositoryName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`) })
	commitID       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })
)

// maxLink is longer than a link that anybody follows.
const maxLink = 2000

// file returns the path of o below the top of the repository, and false if it is
// no file of it. Objects of a repository inside the scanned one are none.
func (l *Links) file(o finding.Occurrence) (string, bool) {
	if l == nil || l.Outside || o.Path == "" {
		return "", false
	}
	folder := path.Join(l.Below, o.Folder)
	switch o.Source {
	case finding.SourceWorktree:
	case finding.SourceBlob, finding.SourceIndex, finding.SourcePath:
		if o.Object != "" && folder != "" && folder != "." {
			return "", false
		}
	default:
		return "", false
	}
	name := path.Join(folder, o.Path)
	return name, name != ".." && !strings.HasPrefix(name, "../") && !strings.HasPrefix(name, "/")
}

// link returns where o can be looked at, "" if nowhere. It ends at a character
// that cannot end a link of Markdown: parentheses are encoded.
func (t *textReport) link(o finding.Occurrence) string {
	l := t.opts.Links
	if l == nil || !serverURL().MatchString(l.Server) || !repositoryName().MatchString(l.Name) {
		return ""
	}
	base := l.Server + "/" + l.Name
	if o.Source == finding.SourceCommit && commitID().MatchString(o.Object) {
		return base + "/commit/" + o.Object
	}
	name, ok := l.file(o)
	commit := o.Commit
	if o.Source == finding.SourceWorktree {
		commit = l.Commit
	}
	if !ok || o.Source == finding.SourcePath || !commitID().MatchString(commit) || t.Path(name) != name {
		return ""
	}
	url := base + "/blob/" + commit + "/" + linkSafe(encodePath(name))
	if o.Line > 0 {
		url += fmt.Sprintf("#L%d", o.Line)
	}
	if len(url) > maxLink {
		return ""
	}
	return url
}

// linkSafe encodes what a path of a URI may hold and Markdown gives a meaning
// in the destination of a link.
var linkSafe = strings.NewReplacer("(", "%28", ")", "%29", "&", "%26", "*", "%2A", "_", "%5F", "~", "%7E", "'", "%27", "!", "%21", "$", "%24").Replace

// Annotations writes the worst findings that count as workflow commands, and
// one more line if there are others. Keys are redacted whatever opts says.
func Annotations(w io.Writer, res *finding.Result, opts Options) error {
	opts.ShowSecrets, opts.Color = false, false
	t := newTextReport(io.Discard, res, opts.withDefaults())
	out := bufio.NewWriter(w)
	list := t.counted
	shown := list
	if len(list) > maxAnnotations {
		shown = list[:maxAnnotations]
	}
	for _, f := range shown {
		_, _ = out.WriteString(t.annotation(f)) // its first error stays until Flush
	}
	if more := len(list) - len(shown); more > 0 {
		_, _ = out.WriteString(WorkflowCommand(LevelWarning,
			count(more, "more key is", "more keys are")+" in the report of the job.", Property{"title", "keysweep"}))
	}
	return out.Flush()
}

// annotation returns the command for f, at its best place that is a file.
func (t *textReport) annotation(f *finding.Finding) string {
	var at []Property
	where := "no place"
	for i, o := range f.Occurrences {
		if i == 0 {
			where = t.where(o)
		}
		if name, ok := t.opts.Links.file(o); ok && t.Path(name) == name && quote.Text(name) == name && len(name) <= maxLink {
			at = append(at, Property{"file", name})
			switch {
			case o.Line == 0:
			case t.looked.commits && o.TipLine != o.Line: // what people look at is the tip
				if o.TipLine > 0 {
					at = append(at, Property{"line", fmt.Sprint(o.TipLine)})
				}
			default:
				at = append(at, Property{"line", fmt.Sprint(o.Line)}, Property{"col", fmt.Sprint(max(1, o.Column))})
			}
			where = t.where(o)
			break
		}
	}
	about := []string{confidenceWords(f)}
	if f.Status != finding.Unchecked {
		about = append(about, t.statusWords(f))
	}
	if now := t.presence(f).short; now != "" {
		about = append(about, now)
	}
	message := quote.Text(f.Redacted()) + ", " + strings.Join(about, ", ") + ", in " + where
	if f.FirstSeen.Commit != "" {
		message += ", first committed " + day(f.FirstSeen.Date) + " in " + short(f.FirstSeen.Commit)
	}
	return WorkflowCommand(LevelError, message+". Revoke it: to remove the line does not undo the leak.",
		append(at, Property{"title", "Leaked key: " + t.keyWords(f)})...)
}
