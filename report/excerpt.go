package report

import (
	"strconv"
	"strings"

	"keysweep/finding"
	"keysweep/quote"
)

// tabWidth is what most code is written for, and leaves room for the line.
const tabWidth = 4

// excerptOf returns the line of f's first place, without keys, and its number; 0: it
// has none. Key is "" if there is no excerpt.
func (p *phrases) excerptOf(f *finding.Finding) (e finding.Excerpt, line int) {
	if len(f.Listed) == 0 || f.Listed[0].Excerpt.Key == "" {
		return e, 0
	}
	o := f.Listed[0]
	e = o.Excerpt
	if p.opts.ShowSecrets && len(f.Encoding) == 0 {
		e.Key = f.Secret.Reveal()
	}
	e.Before, e.Key, e.After = p.Text(e.Before), p.Text(e.Key), p.Text(e.After)
	if o.Source != finding.SourcePath && o.Source != finding.SourceRef {
		line = o.Line
	}
	return e, line
}

// excerpt writes the source line with its key underlined:
//
//	42 | const key = "sk_live_…Wxyz"
//	   |              ^^^^^^^^^^^^^
//
// A line that does not fit loses its ends, never the key's place. line 0 means
// that the text is a name, which has no line number.
func (c *canvas) excerpt(line int, e finding.Excerpt) {
	number := ""
	if line > 0 {
		number = strconv.Itoa(line) + " "
	}
	left, key, right := fit(e, c.width-c.margin-len(number)-len("| "))

	c.pad(0)
	c.put(dim, number+"|")
	c.write(" " + left)
	c.put(boldRed, key)
	c.write(strings.TrimRight(right, " ") + "\n")

	c.pad(0)
	c.put(dim, strings.Repeat(" ", len(number))+"|")
	c.write(strings.Repeat(" ", 1+width(left)))
	c.put(boldRed, strings.Repeat("^", width(key)))
	c.write("\n")
}

// fit returns the three parts of e, escaped and cut to limit columns.
func fit(e finding.Excerpt, limit int) (left, key, right string) {
	limit = max(limit, minWidth/2)
	after := e.After
	if !e.CutRight {
		after = strings.TrimRight(after, "\r\n")
	}
	left, column := expand(e.Before, 0)
	key, column = expand(e.Key, column)
	right, _ = expand(after, column)

	key = cutRight(key, limit, false)
	room := limit - width(key)
	leftWidth, rightWidth := width(left), width(right)
	if e.CutLeft {
		leftWidth++
	}
	if e.CutRight {
		rightWidth++
	}
	// What precedes a key says more than what follows it: two thirds, and what
	// the other side leaves.
	left = cutLeft(left, min(max(room*2/3, room-rightWidth), leftWidth), e.CutLeft)
	return left, key, cutRight(right, min(room-width(left), rightWidth), e.CutRight)
}

// expand escapes s, which starts at a column, and turns its tabs into spaces.
func expand(s string, column int) (string, int) {
	var out strings.Builder
	for i, part := range strings.Split(s, "\t") {
		if i > 0 {
			n := tabWidth - column%tabWidth
			out.WriteString(strings.Repeat(" ", n))
			column += n
		}
		part = quote.Words(part)
		out.WriteString(part)
		column += width(part)
	}
	return out.String(), column
}

const ellipsis = "…"

// cutLeft returns the end of s in at most limit columns, after an ellipsis if
// something is gone, or was before.
func cutLeft(s string, limit int, cut bool) string {
	w := width(s)
	if !cut && w <= limit {
		return s
	}
	if limit < 1 {
		return ""
	}
	for i, r := range s {
		// A combining mark belongs to the rune before it.
		if w <= limit-1 && cells.RuneWidth(r) > 0 {
			return ellipsis + s[i:]
		}
		w -= cells.RuneWidth(r)
	}
	return ellipsis
}

// cutRight returns the start of s in at most limit columns, with an ellipsis
// after it if something is gone, or was before.
func cutRight(s string, limit int, cut bool) string {
	if !cut && width(s) <= limit {
		return s
	}
	if limit < 1 {
		return ""
	}
	w := 0
	for i, r := range s {
		w += cells.RuneWidth(r)
		if w > limit-1 {
			return s[:i] + ellipsis
		}
	}
	return s + ellipsis
}
