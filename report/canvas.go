package report

import (
	"bufio"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"keysweep/quote"
)

// cells counts columns the same way in every locale; the package functions of
// runewidth look at the environment, and reports must not.
var cells = runewidth.Condition{StrictEmojiNeutral: true}

// width returns the columns that s takes on a terminal. s is escaped: it holds
// no joiners or variation selectors, so the columns of its runes add up.
func width(s string) int {
	n := 0
	for _, r := range s {
		n += cells.RuneWidth(r)
	}
	return n
}

// style is an SGR sequence. It marks what the words already say.
type style string

const (
	plain      style = ""
	bold       style = "\x1b[1m"
	dim        style = "\x1b[2m"
	red        style = "\x1b[31m"
	boldRed    style = "\x1b[1;31m"
	boldYellow style = "\x1b[1;33m"
	reset            = "\x1b[0m"
)

// minWidth is where lines of words and indent stop making sense.
const minWidth = 24

// maxProse is the longest line of words that is comfortable to read, however
// wide the terminal is. Source lines use the whole width.
const maxProse = 100

// canvas writes lines of text, and hides the keys in them. Its writer keeps the
// first error until Flush.
type canvas struct {
	w     *bufio.Writer
	keys  *quote.Redactor
	color bool
	width int
	// margin is the column at which rows start.
	margin int
	last   string // the label of the row above; "": it has none
}

func newCanvas(w io.Writer, opts Options, keys *quote.Redactor) *canvas {
	return &canvas{bufio.NewWriter(w), keys, opts.Color, max(opts.Width, minWidth), 0, ""}
}

func (c *canvas) write(s string) { _, _ = c.w.WriteString(c.keys.Text(s)) }

// put writes s in a style.
func (c *canvas) put(st style, s string) {
	if !c.color || st == plain || s == "" {
		c.write(s)
		return
	}
	c.write(string(st))
	c.write(s)
	c.write(reset)
}

// label writes "name  words…", the words in a column of their own. Rows of one
// name that follow each other have it once; without words there is no row.
func (c *canvas) label(name string, indent int, words string) {
	if words == "" {
		return
	}
	shown := name
	if name == c.last {
		shown = ""
	}
	c.row(dim, shown, indent, plain, words)
	c.last = name
}

// row writes "label  words…", the words wrapped at spaces to a column of their
// own, indent columns after the margin. Without a label the row is indented.
func (c *canvas) row(labelStyle style, label string, indent int, st style, words string) {
	c.last = ""
	c.pad(0)
	c.put(labelStyle, label)
	pad := indent - width(label)
	if pad <= 0 && label != "" {
		pad = 1
	}
	for i, line := range c.wrap(words, c.margin+indent) {
		if i > 0 {
			c.pad(indent)
		} else {
			c.write(strings.Repeat(" ", pad))
		}
		c.put(st, line)
		c.write("\n")
	}
}

// pad writes spaces up to a column after the margin.
func (c *canvas) pad(column int) { c.write(strings.Repeat(" ", c.margin+column)) }

// wrap breaks words at spaces into lines that fit after indent. A word that
// is longer than a line, such as a path, stays whole: it can be copied.
func (c *canvas) wrap(words string, indent int) []string {
	limit := max(min(c.width, maxProse)-indent, minWidth/2)
	var lines []string
	line, used := "", 0
	for _, word := range strings.Split(words, " ") {
		w := width(word)
		switch {
		case used == 0 && line == "":
			line, used = word, w
		case used+1+w > limit:
			lines = append(lines, strings.TrimRight(line, " "))
			line, used = word, w
		default:
			line += " " + word
			used += 1 + w
		}
	}
	return append(lines, line)
}
