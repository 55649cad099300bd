package rules

import (
	"bytes"
	"slices"
	"strings"

	"keysweep/rules/ascii"
	"keysweep/rules/encoding"
)

// boundary is what is to the left of a prefix.
type boundary struct {
	why string // in words
	// joined says that the prefix goes on with what is before it: the body has to
	// make up for that.
	joined bool
	// glued says that letters or digits are directly before the prefix, listed that
	// they make a word with it.
	glued, listed bool
	// vendor is how many bytes before the prefix an older version took for a part
	// of the key: gw_sk_live_.
	vendor int
}

// The limits of what is read beside a key, in bytes of the judged text.
const (
	maxEscapes  = 64 // backslashes in a row
	maxGlued    = maxBody + 24
	maxEmphasis = 400 // from the sign that begins it to the one behind the key
	maxNear     = 16  // what is read behind it
)

// leftBoundary judges the bytes before b[at:], where a prefix starts. plain
// finds the prefixes of all rules.
func leftBoundary(b []byte, at int, plain *Finder) boundary {
	signs := ascii.RunStart(b, at, maxNear, func(c byte) bool { return c == '_' || c == '-' })
	switch {
	case at == 0:
		return boundary{why: "start of the text"}
	case !ascii.IsName(b[at-1]):
		return boundary{why: "not part of a word"}
	case encoding.EscapeBefore(b, at) > 0:
		return boundary{why: "behind the escape " + string(b[at-encoding.EscapeBefore(b, at):at])}
	case sequenceBefore(b, at):
		return boundary{why: "behind a terminal's sequence"}
	case signs == 0 || !ascii.IsAlnum(b[signs-1]):
		return boundary{why: "behind signs that start the word"}
	case signs == at && at >= 2 && b[at-2] == '-' && (at == 2 || ascii.IsSpace(b[at-3]) || ascii.IsQuote(b[at-3])):
		return boundary{why: "behind the option -" + string(b[at-1])}
	case keyBefore(b, at, plain) != "":
		return boundary{why: keyBefore(b, at, plain)}
	}
	left := boundary{joined: true, glued: b[at-1] != '-', why: "part of a longer identifier"}
	word := string(bytes.ToLower(b[ascii.RunStart(b, at, maxNear, ascii.IsAlnum) : at+2]))
	left.listed = slices.ContainsFunc(skWords[:], func(w string) bool { return strings.HasSuffix(word, w) })
	if start := ascii.RunStart(b, at, maxNear+1, ascii.IsWord); at-start <= maxNear && b[start] != '_' && ascii.ClassOf(b[start]) != ascii.Digit {
		left.vendor = at - start
	}
	return left
}

// skWords are English words in sk that identifiers with a prefix in them are
// made of: task_test_, cpumask_test_, disk_live_.
var skWords = [...]string{"task", "risk", "disk", "mask", "desk", "flask", "kiosk", "dusk", "tusk", "husk", "musk", "whisk", "brisk", "frisk", "asterisk", "lisk", "bask", "cask"}

// keyBefore recognises a complete prefix right before b[at:] (the key was pasted
// behind a sample's prefix), or another key that runs into it.
func keyBefore(b []byte, at int, plain *Finder) (why string) {
	run := b[ascii.RunStart(b, at, maxGlued, ascii.IsName):at]
	for p, l := range plain.All(run) {
		switch end := p + len(plain.Literals()[l]); {
		case end == len(run):
			return "behind another prefix"
		case len(run)-end >= minBody:
			why = "behind another key"
		}
	}
	return why
}

// neighbour is what follows a body at once, in words.
type neighbour string

const (
	neighbourNone     neighbour = ""            // anything that says nothing
	neighbourEllipsis neighbour = "an ellipsis" // ... or …
	neighbourMask     neighbour = "a mask"      // *** or •
	neighbourTemplate neighbour = "a template"  // ${ or <, or a quote followed by +
	neighbourRegex    neighbour = "a pattern"   // [ or ( or \w or a bare *

	neighbourCut  neighbour = "a sign that more was there" // "..., [...] or (truncated
	neighbourOpen neighbour = "a line's end, and no quote" // where one is before the key
)

// rightNeighbour judges the bytes behind a key b[start:end].
func rightNeighbour(b []byte, start, end int) neighbour {
	rest := b[end:min(len(b), end+maxNear)]
	switch {
	case len(rest) == 0:
		return neighbourNone
	case isEllipsis(rest):
		return neighbourEllipsis
	case bytes.IndexByte([]byte("\"'`["), rest[0]) >= 0 && isEllipsis(rest[1:]), bytes.HasPrefix(bytes.TrimLeft(rest, " \"'`[(<"), []byte("truncated")):
		return neighbourCut
	case bytes.HasPrefix(rest, []byte("•")), bytes.HasPrefix(rest, []byte("●")), bytes.HasPrefix(rest, []byte(`\u2022`)):
		return neighbourMask
	case rest[0] == '*':
		stars := len(rest) - len(bytes.TrimLeft(rest, "*"))
		// **key** is emphasis, and so is ***the key is key***.
		if stars == 3 && bytes.Contains(b[max(0, start-maxEmphasis):start], rest[:stars]) && (stars == len(rest) || !ascii.IsWord(rest[stars])) {
			return neighbourNone
		}
		if stars >= 3 && !bytes.HasSuffix(b[:start], rest[:stars]) {
			return neighbourMask
		}
		if stars < len(rest) && (ascii.IsAlnum(rest[stars]) || stars == 2) && !bytes.HasSuffix(b[:start], rest[:1]) {
			return neighbourMask
		}
		return neighbourRegex
	case rest[0] == '[' || rest[0] == '(' || rest[0] == '.':
		return neighbourRegex
	case rest[0] == '\\' && len(rest) > 1 && bytes.IndexByte([]byte(`wSdb[`), rest[1]) >= 0:
		return neighbourRegex
	case rest[0] == '\n' || rest[0] == '\r':
		quote := b[max(0, start-1):start]
		if opens := bytes.Equal(quote, []byte(`"`)) || bytes.Equal(quote, []byte("'")); opens && !bytes.HasSuffix(b[:start-1], quote) && !bytes.HasPrefix(bytes.TrimLeft(rest, "\r\n"), quote) { // \n" was decoded
			return neighbourOpen
		}
	case bytes.IndexByte([]byte("${<%"), rest[0]) >= 0, ascii.IsQuote(rest[0]) && bytes.HasPrefix(bytes.TrimLeft(rest[1:], " \t\r\n"), []byte("+")):
		return neighbourTemplate
	}
	return neighbourNone
}

// isEllipsis reports whether b begins with one.
func isEllipsis(b []byte) bool {
	return slices.ContainsFunc([]string{"...", "…", `\u2026`, "&hellip;", "&#8230;"}, func(e string) bool { return bytes.HasPrefix(b, []byte(e)) })
}

// secretAssigned reports whether b[:at] ends as the left side of an
// assignment to something called secret, key or token: NAME=, "name": ',
// name => ", Name("Bearer .
func secretAssigned(b []byte, at int) bool {
	const maxName, signs = 64, "\"'`\\ \t("
	line := bytes.TrimRight(b[max(0, at-200):at], signs)
	for _, scheme := range [...]string{"Bearer", "bearer", "Basic", "basic"} {
		if rest, ok := bytes.CutSuffix(line, []byte(scheme)); ok {
			line = bytes.TrimRight(rest, signs)
			break
		}
	}
	left := bytes.TrimRight(line, "=:>")
	name := bytes.TrimRight(left, "\"'`\\ \t])")
	name = bytes.ToLower(name[ascii.RunStart(name, len(name), maxName, ascii.IsDotted):])
	return len(left) < len(line) && slices.ContainsFunc([]string{"secret", "key", "token"}, func(w string) bool { return bytes.Contains(name, []byte(w)) })
}
