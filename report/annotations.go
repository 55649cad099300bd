package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

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
// alone must be the file's own name, and is left out where quote.Text would
// change it.

// maxAnnotations is how many errors of a step the runner shows.
const maxAnnotations = 10

// Level is how a workflow command shows its message.
type Level string

// The levels.
const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
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
		b.WriteString(p.Name + "=" + escapeProperty(quote.HideKeys(p.Value)))
	}
	b.WriteString("::" + escapeData(quote.HideKeys(message)) + "\n")
	return b.String()
}

var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace
)

// Annotations writes the worst findings that count as workflow commands, and
// one more line if there are others. Keys are redacted whatever opts says.
func Annotations(w io.Writer, res *finding.Result, opts Options) error {
	opts.ShowSecrets, opts.Color = false, false
	p := newPhrases(res, opts.withDefaults())
	out := bufio.NewWriter(w)
	shown := p.counted[:min(len(p.counted), maxAnnotations)]
	for _, f := range shown {
		_, _ = out.WriteString(p.annotation(f)) // its first error stays until Flush
	}
	if more := len(p.counted) - len(shown); more > 0 {
		_, _ = out.WriteString(WorkflowCommand(LevelWarning,
			count(more, "more key is", "more keys are")+" in the report of the job.", Property{"title", "keysweep"}))
	}
	return out.Flush()
}

// annotation returns the command for f, at its best place that is a file.
func (p *phrases) annotation(f *finding.Finding) string {
	var at []Property
	where := "no place"
	for i, o := range f.Listed {
		if i == 0 {
			where = p.where(o)
		}
		if name, ok := p.opts.Links.file(o); ok && p.Text(name) == name && quote.Text(name) == name && len(name) <= maxLink {
			at = append(at, Property{"file", name})
			switch {
			case o.Line == 0 || o.Inside != nil:
			case p.scanned.commits && o.TipLine != o.Line: // people read the tip
				if o.TipLine > 0 {
					at = append(at, Property{"line", fmt.Sprint(o.TipLine)})
				}
			default:
				at = append(at, Property{"line", fmt.Sprint(o.Line)}, Property{"col", fmt.Sprint(max(1, o.Column))})
			}
			where = p.where(o)
			break
		}
	}
	status := ""
	if f.Status != finding.Unchecked {
		status = p.statusWords(f)
	}
	message := quote.Text(f.Redacted()) + ", " + p.about(f, status) + ", in " + where
	if f.FirstSeen.Commit != "" {
		message += ", first committed " + day(f.FirstSeen.Date) + " in " + short(f.FirstSeen.Commit)
	}
	return WorkflowCommand(LevelError, p.Text(message)+". "+firstStep,
		append(at, Property{"title", "Leaked key: " + p.keyWords(f)})...)
}
