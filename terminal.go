package main

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/term"

	"keysweep/report"
)

// isTerminal reports whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns returns the width of the terminal w, or zero.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// set reports whether the environment variable says yes: it has a value that
// is not 0 or false.
func set(name string) bool {
	return !slices.Contains([]string{"", "0", "false"}, strings.ToLower(os.Getenv(name)))
}

// automatic reports whether a program reads our output, although it may pose as
// a terminal: pre-commit gives its hooks one.
func automatic() bool {
	return set("CI") || set("PRE_COMMIT") || os.Getenv("TERM") == "dumb"
}

// useColor decides on colour for w: what --color says, then NO_COLOR, then
// FORCE_COLOR and CLICOLOR_FORCE, then whether a person looks.
func useColor(when string, w io.Writer) bool {
	switch {
	case when == "never":
		return false
	case when == "always":
		enableEscapes(w)
		return true
	case os.Getenv("NO_COLOR") != "":
		return false
	case set("FORCE_COLOR") || set("CLICOLOR_FORCE"):
		enableEscapes(w)
		return true
	case os.Getenv("CLICOLOR") == "0" || automatic():
		return false
	}
	return isTerminal(w) && enableEscapes(w)
}

// showProgress decides on a progress bar on w. NO_COLOR asks for plain output,
// which a line that redraws itself is not.
func showProgress(w io.Writer) bool {
	return isTerminal(w) && !automatic() && os.Getenv("NO_COLOR") == ""
}

// mayShowSecrets returns an error where printed keys would be kept: in files,
// pipes and the logs of a CI.
func mayShowSecrets(stdout io.Writer) error {
	switch {
	case os.Getenv("CI") != "":
		return errors.New("--show-secrets: not where CI is set, since logs are kept")
	case !isTerminal(stdout):
		return errors.New("--show-secrets: only on a terminal, and standard output is none")
	}
	return nil
}

// quote returns what the user or a file named in a form that is safe to print.
func quote(s string) string { return report.Quote(hideKeys(s)) }

// printable returns a message for standard error: its lines quoted where they
// hold what a terminal or a CI would take for a command, those behind the first
// indented, so that no name can forge a line of ours.
func printable(message string) string {
	lines := strings.Split(strings.TrimRight(hideKeys(message), "\n"), "\n")
	for i, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if line = line[len(indent):]; line != "" {
			line = report.Quote(line)
		}
		if i > 0 && len(indent) < 2 && line != "" {
			indent = "  "
		}
		lines[i] = indent + line
	}
	return strings.Join(lines, "\n")
}

// keyLike matches what may be a key in a message. Keys are not printed even if
// the user typed one where a path belongs.
var keyLike = regexp.MustCompile(`\b(\w{0,16}?[sr]k[_-](?:live|test|sandbox|prod|org_live|org_test)[_-])[A-Za-z0-9_-]{8,}`)

func hideKeys(s string) string { return keyLike.ReplaceAllString(s, "${1}…") }
