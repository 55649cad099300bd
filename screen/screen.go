// Package screen knows the terminal: whether a person reads it, its width and
// colour, and a line of progress that redraws itself.
package screen

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"
)

// IsTerminal reports whether stream, a reader or a writer, is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && (term.IsTerminal(int(f.Fd())) || isMintty(f))
}

// Columns returns the width of the terminal w, or zero.
func Columns(w io.Writer) int {
	width, _ := size(w)
	return width
}

// Rows returns the height of the terminal w, or zero.
func Rows(w io.Writer) int {
	_, height := size(w)
	return height
}

func size(w io.Writer) (width, height int) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, 0
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// EnvIsTrue reports whether the environment variable says yes: it has a value
// that is not 0 or false.
func EnvIsTrue(name string) bool {
	return !slices.Contains([]string{"", "0", "false"}, strings.ToLower(os.Getenv(name)))
}

// automatic reports whether a program reads our output, although it may pose as
// a terminal: pre-commit gives its hooks one.
func automatic() bool {
	return EnvIsTrue("CI") || EnvIsTrue("PRE_COMMIT") || os.Getenv("TERM") == "dumb"
}

// UseColor decides on colour for w: by when, the value of --color, then
// NO_COLOR, then FORCE_COLOR and CLICOLOR_FORCE, then whether w is a terminal.
func UseColor(when string, w io.Writer) bool {
	switch {
	case when == "never":
		return false
	case when == "always":
		enableEscapes(w)
		return true
	case os.Getenv("NO_COLOR") != "":
		return false
	case EnvIsTrue("FORCE_COLOR") || EnvIsTrue("CLICOLOR_FORCE"):
		enableEscapes(w)
		return true
	case os.Getenv("CLICOLOR") == "0" || automatic():
		return false
	}
	return IsTerminal(w) && enableEscapes(w)
}

// ShowProgress decides on a line of progress on w. NO_COLOR asks for plain
// output, which a line that redraws itself is not.
func ShowProgress(w io.Writer) bool {
	return IsTerminal(w) && !automatic() && os.Getenv("NO_COLOR") == "" && enableEscapes(w)
}
