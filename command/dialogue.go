package command

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"keysweep/exceptions"
	"keysweep/finding"
	"keysweep/quote"
	"keysweep/report"
	"keysweep/screen"
)

// dialogue reads lines from a person, and writes to the terminal. The terminal itself
// edits the lines: a screen reader, a slow line or an odd terminal see nothing that
// they do not know.
type dialogue struct {
	ctx   context.Context
	lines <-chan string // closed at the end of the input
	out   io.Writer
	say   func(string) error
}

// errStop ends a dialogue: the person said so, or the input ended.
var errStop = errors.New("stopped")

func newDialogue(c *call) *dialogue {
	lines := make(chan string)
	go func() {
		defer close(lines)
		const longest = 64 << 10
		s := bufio.NewScanner(c.stdin)
		s.Buffer(nil, longest)
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-c.ctx.Done():
				return
			}
		}
	}()
	return &dialogue{c.ctx, lines, c.stdout, c.say}
}

// print writes words. What cannot be written is lost with the terminal: the next line
// is its end.
func (d *dialogue) print(words string) { _ = d.say(words) }

// line asks for a line of text.
func (d *dialogue) line(prompt string) (string, error) {
	d.print(prompt + " ")
	select {
	case line, ok := <-d.lines:
		if !ok {
			return "", errStop
		}
		line = regexp.MustCompile(`\x1b(\[[0-9;]*)?.?`).ReplaceAllString(line, "") // arrow keys
		return strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(line, ""))), nil
	case <-d.ctx.Done():
		return "", errStop
	}
}

// printable leaves out control characters.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// yes asks a question until it is answered.
func (d *dialogue) yes(question string) (bool, error) {
	for {
		switch line, err := d.line(question + " [y/n]"); {
		case err != nil:
			return false, err
		case strings.HasPrefix("yes", strings.ToLower(line)) && line != "":
			return true, nil
		case strings.HasPrefix("no", strings.ToLower(line)) && line != "":
			return false, nil
		}
	}
}

// width and height are those of the terminal; 80 and 24 if they are not known.
func (d *dialogue) width() int { return min(cmp.Or(screen.Columns(d.out), 80), 100) }

func (d *dialogue) height() int { return cmp.Or(screen.Rows(d.out), 24) }

// wrapped breaks words into lines of at most width columns.
func wrapped(words string, width int) string {
	var out strings.Builder
	column := 0
	for _, w := range strings.Fields(words) {
		if n := len([]rune(w)); column > 0 && column+1+n > width {
			out.WriteByte('\n')
			column = 0
		} else if column > 0 {
			out.WriteByte(' ')
			column++
		}
		out.WriteString(w)
		column += len([]rune(w))
	}
	return out.String() + "\n"
}

// stoppedBy returns the end of a command that a signal stopped.
func stoppedBy(ctx context.Context) error {
	if signal, ok := errors.AsType[interruption](context.Cause(ctx)); ok {
		return &ending{signal.status(), signal}
	}
	return ctx.Err()
}

// triageHelp explains the letters.
const triageHelp = `
  a  accept the key: you are asked for a reason, an owner and a last day
  s  skip it: it still counts, and is not asked about again
  n  go on to the next key without a decision; Enter does the same
  b  go back to the key before
  u  undo the last decision, in the file, too
  m  more: all places of the key
  q  stop; what you decided is written already
`

// run asks about one key after the other.
func (t *triage) run() error {
	for i, said := 0, ""; ; {
		if i == len(t.keys) {
			left := len(t.keys) - t.count(exceptions.Accept) - t.count(exceptions.Skip)
			answer, err := t.line(fmt.Sprintf("\nThat was the last key; %d left undecided. b back, u undo, q stop:", left))
			switch {
			case err != nil || answer == "q" || answer == "":
				return cmp.Or(err, errStop)
			case answer == "b":
				i--
			case answer == "u":
				i, said = t.takeBack(i)
			}
			continue
		}
		if err := t.show(i, said); err != nil {
			return err
		}
		said = ""
		answer, err := t.line(t.prompt(i))
		if err != nil {
			return err
		}
		switch strings.ToLower(answer) {
		case "a", "accept":
			var done bool
			if done, said, err = t.askAcceptance(i); err != nil {
				return err
			} else if done {
				i++
			}
		case "s", "skip":
			if err := t.record(i, exceptions.Skip, exceptions.Allow{}); err != nil {
				said = "Not skipped: " + err.Error()
			} else {
				i++
			}
		case "n", "next", "":
			i++
		case "b", "back":
			if i--; i < 0 {
				i, said = 0, "This is the first key."
			}
		case "u", "undo":
			i, said = t.takeBack(i)
		case "m", "more":
			if err := t.showAll(i); err != nil {
				return err
			}
		case "q", "quit", "stop":
			return errStop
		case "?", "h", "help":
			said = strings.Trim(triageHelp, "\n")
		default:
			said = fmt.Sprintf("%s is none of the letters; ? explains them.", quote.Text(answer))
		}
	}
}

// takeBack undoes the last decision, and returns the key that it was about.
func (t *triage) takeBack(i int) (int, string) {
	last := len(t.undo) - 1
	if last < 0 {
		return min(i, len(t.keys)-1), "There is nothing to undo."
	}
	s := t.undo[last]
	if err := t.decide(s.key, s.before.decision, s.before.entry); err != nil {
		return s.key, "Not undone: " + err.Error()
	}
	t.undo = t.undo[:last]
	return s.key, "Undone."
}

// clear empties the screen.
func (t *triage) clear() {
	if !t.plain {
		_, _ = io.WriteString(t.out, "\x1b[2J\x1b[H")
	}
}

func (t *triage) prompt(i int) string {
	if isLive(t.keys[i].finding) {
		return "s skip, n next, b back, u undo, m more, q stop, ? help:"
	}
	return "a accept, s skip, n next, b back, u undo, m more, q stop, ? help:"
}

// block returns what is known of a key, in lines.
func (t *triage) block(i int, verbose bool) ([]string, error) {
	var out bytes.Buffer
	o := t.audit.ReportOptions(report.Options{Version: buildVersion().Version, Program: programName(), Color: t.color, Width: t.width(), Verbose: verbose})
	err := report.Key(&out, t.audit.Result, t.keys[i].finding, i+1, o)
	lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
	if t.plain { // nobody hears what a line of ^ points at
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Trim(l, " |^") == "" })
	}
	return lines, err
}

// show shows a key on one screen, and above the prompt what was said.
func (t *triage) show(i int, said string) error {
	block, err := t.block(i, false)
	if err != nil {
		return err
	}
	k := t.keys[i]
	head := fmt.Sprintf("Key %d of %d; %d accepted, %d skipped.", i+1, len(t.keys), t.count(exceptions.Accept), t.count(exceptions.Skip))
	tail := wrapped(flagged(k), t.width()) + wrapped(t.consequence(k), t.width())
	switch k.decision {
	case exceptions.Accept:
		tail += wrapped("Accepted now: "+quote.Text(k.entry.Reason)+".", t.width())
	case exceptions.Skip:
		tail += "Skipped now.\n"
	}
	if said != "" {
		tail += quote.Message(said) + "\n"
	}
	if !t.plain {
		around := head + "\n\n\n" + tail + t.prompt(i) + " " // and what is typed
		block = cutTo(block, max(3, t.height()-rowsOf(around, t.width())), t.width())
	}
	t.clear()
	t.print(head + "\n\n")
	// The block is a report: it hides keys itself, and may be coloured.
	if _, err := io.WriteString(t.out, strings.Join(block, "\n")+"\n\n"); err != nil {
		return writing(err)
	}
	t.print(tail)
	return nil
}

// rowsOf returns how many rows of a terminal words take.
func rowsOf(words string, width int) (rows int) {
	cells := runewidth.Condition{StrictEmojiNeutral: true} // as in reports
	for line := range strings.SplitSeq(regexp.MustCompile(`\x1b\[[\d;]*m`).ReplaceAllString(words, ""), "\n") {
		rows += 1 + max(0, cells.StringWidth(line)-1)/width
	}
	return rows
}

// cutTo cuts lines to a number of rows, of which the last says how many lines more
// there are.
func cutTo(lines []string, rows, width int) []string {
	if rowsOf(strings.Join(lines, "\n"), width) <= rows {
		return lines
	}
	n := 0
	for left := rows - 1; n < len(lines); n++ {
		if left -= rowsOf(lines[n], width); left < 0 {
			break
		}
	}
	return append(lines[:n:n], fmt.Sprintf("   + %s (m shows them)", count(len(lines)-n, "more line", "more lines")))
}

// showAll shows all that is known of a key.
func (t *triage) showAll(i int) error {
	block, err := t.block(i, true)
	if err != nil {
		return err
	}
	t.clear()
	if _, err := io.WriteString(t.out, strings.Join(block, "\n")+"\n\n"); err != nil {
		return writing(err)
	}
	_, err = t.line("Press Enter to go on.")
	return err
}

// consequence says what accepting k means.
func (t *triage) consequence(k *triagedKey) string {
	if isLive(k.finding) {
		return "It cannot be accepted: its issuer said that it works. Create a new key, switch to it, and revoke this one."
	}
	after := "The key itself keeps working until it is revoked."
	if k.finding.Status == finding.Inactive {
		after = "Its issuer refuses the key already."
	}
	return "If you accept it, it no longer counts in scans, hooks and CI, wherever it is; reports still list it as accepted. " + after
}

// flagged says why a scan takes k for a key.
func flagged(k *triagedKey) string {
	s := k.finding.Secret
	looks := map[finding.Confidence]string{finding.High: "look random", finding.Medium: "look random, though not clearly so"}[k.finding.Confidence]
	switch {
	case k.finding.Typed:
		looks = "look typed by hand, as in a placeholder"
	case looks == "":
		looks = "may be words"
	}
	return fmt.Sprintf("Flagged because it begins with %s and its other %d characters %s.", quote.Text(s.Prefix()), s.Len()-len(s.Prefix()), looks)
}

// askAcceptance asks for what an entry says, and accepts the key.
func (t *triage) askAcceptance(i int) (done bool, said string, err error) {
	if isLive(t.keys[i].finding) {
		return false, "It cannot be accepted.", nil
	}
	a := exceptions.Allow{}
	if a.Reason, err = t.answer("Reason", t.last.Reason, "do not accept"); err != nil {
		return false, "", err
	}
	if a.Reason == "" {
		return false, "Not accepted: there was no reason.", nil
	}
	if t.baseline == "" {
		if a.Owner, err = t.answer("Owner", t.last.Owner, "none"); err != nil {
			return false, "", err
		}
		for {
			day, err := t.answer("Last day, as 2026-12-31", dayOf(t.last.Expires), "none")
			if err != nil {
				return false, "", err
			}
			if day == "" {
				break
			}
			if a.Expires, err = parseExpires(day, t.call.now()); err == nil {
				break
			}
			a.Expires = time.Time{}
			t.print("  " + err.Error() + "\n")
		}
	}
	if quote.HideKeys(a.Reason+" "+a.Owner) != a.Reason+" "+a.Owner {
		return false, "Not accepted: a reason and an owner may hold no key.", nil
	}
	if err := t.record(i, exceptions.Accept, a); err != nil {
		return false, "Not accepted: " + err.Error(), nil
	}
	t.last = a
	return true, "", nil
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// answer asks for a line. Enter takes the answer that was given last, if there is one,
// and "-" takes none.
func (d *dialogue) answer(what, last, none string) (string, error) {
	hint := "Enter: " + none
	if last != "" {
		hint = "Enter: " + quote.Text(last) + "; -: " + none
	}
	line, err := d.line(fmt.Sprintf("  %s (%s):", what, hint))
	switch line {
	case "":
		line = last
	case "-":
		line = ""
	}
	return line, err
}
