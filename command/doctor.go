package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"keysweep/command/doctor"
	"keysweep/quote"
	"keysweep/report"
)

var doctorSpec = spec{
	name: "doctor", purpose: "checks hooks, configuration and repository, and suggests fixes", args: "[PATH]",
	about: `
Reads the repository of PATH, the current folder if not given, and changes
nothing. Each line begins with ✓ (in order), ! (works, but does less than you
may think) or ✗ (does not work), followed by a remedy. The status is 0 if
everything is in order, 1 if there is something to fix.
`,
	example: `keysweep doctor`,
	options: []group{{"", "allow-share fetch-cloud-files format"}}, run: doctorCommand,
}

func doctorCommand(c *call) error {
	var format report.Format
	if err := read(c, "format", parseShortFormat, &format); err != nil {
		return c.usage(err)
	}
	reach, err := parseReach(c)
	if err != nil {
		return c.usage(err)
	}
	dir, err := onePath(c)
	if err != nil {
		return err
	}
	checks := doctor.Run(c.ctx, dir, reach)
	if c.ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if format == report.JSON {
		err = c.writeChecksJSON(checks)
	} else {
		err = c.say(checkText(checks))
	}
	if err == nil && !allWell(checks) {
		return &ending{status: StatusFound}
	}
	return err
}

func allWell(checks []doctor.Check) bool {
	return !slices.ContainsFunc(checks, func(k doctor.Check) bool { return k.Level != doctor.Well })
}

// checkColumn is where the words of a check start: a mark, a blank, the longest
// name and two blanks.
const checkColumn = 2 + len("configuration") + 2

// checkText returns a line for each check, and its remedy below.
func checkText(checks []doctor.Check) string {
	marks := map[doctor.Level]string{doctor.Well: "✓", doctor.Weak: "!", doctor.Broken: "✗"}
	indent := strings.Repeat(" ", checkColumn)
	var b strings.Builder
	mend := 0
	for _, k := range checks {
		fmt.Fprintf(&b, "%s %-*s%s\n", marks[k.Level], checkColumn-2, k.Name, quote.Name(k.Words))
		if k.Level != doctor.Well {
			mend++
		}
		for line := range strings.Lines(k.Remedy) {
			line = strings.TrimRight(line, "\n")
			text := strings.TrimLeft(line, " ")
			b.WriteString(indent + line[:len(line)-len(text)] + quote.Name(text) + "\n")
		}
	}
	switch mend {
	case 0:
		b.WriteString("\nAll is well.\n")
	case 1:
		b.WriteString("\n1 thing to mend.\n")
	default:
		fmt.Fprintf(&b, "\n%d things to mend.\n", mend)
	}
	return b.String()
}

// writeChecksJSON writes the checks as one object.
func (c *call) writeChecksJSON(checks []doctor.Check) error {
	for i := range checks {
		checks[i].Words, checks[i].Remedy = c.program.hide(checks[i].Words), c.program.hide(checks[i].Remedy)
	}
	out := json.NewEncoder(c.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return writing(out.Encode(struct {
		SchemaVersion int            `json:"schema_version"`
		Well          bool           `json:"well"`
		Checks        []doctor.Check `json:"checks"`
	}{1, allWell(checks), checks}))
}
