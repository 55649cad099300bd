package main

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
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
