package rules

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"keysweep/rules/ascii"
)

// boundary is what is to the left of a prefix, and whether a key can
// start there.
type boundary struct {
	ok bool
	// doubtful boundaries cost a step of confidence.
	doubtful bool
	why      string // in words
	// vendor is how many bytes before the prefix belong to it: the prefix is
	// another company's, gw_sk_live_.
	vendor int
}

// The limits of what is read on the left, in bytes of the judged text.
const (
	maxEscapes  = 64 // backslashes in a row
	maxANSI     = 16 // parameters of an escape sequence
	maxGlued    = maxBody + 24
	maxEmphasis = 400 // from the sign that begins it to the one behind the key
	maxEllipsis = 24  // characters between an ellipsis and the key
)

// leftBoundary judges the bytes before b[at:], where a prefix starts. plain
// finds the prefixes of all rules.
func leftBoundary(b []byte, at int, plain *Finder) boundary {
	if at == 0 {
		return boundary{ok: true, why: "start of the text"}
	}
	c := b[at-1]
	if !ascii.IsName(c) {
		return boundary{ok: true, why: "not part of a word"}
	}
	if e, ok := escapeBefore(b, at); ok {
		return e
	}
	if c == 'm' && ansiBefore(b, at) {
		return boundary{ok: true, why: "behind a terminal's colour sequence"}
	}
	if c == '-' && (at == 1 || ascii.IsSpace(b[at-2])) {
		return boundary{ok: true, why: "behind a dash that starts the word"}
	}
	if (c == 'u' || c == 'H') && at >= 2 && b[at-2] == '-' && (at == 2 || ascii.IsSpace(b[at-3]) || ascii.IsQuote(b[at-3])) {
		return boundary{ok: true, why: "behind the option -" + string(c)}
	}
	if n := at - len(bytes.TrimRight(b[:at], "_")); n > 0 && n <= 2 && (at == n || !ascii.IsName(b[at-n-1])) {
		return boundary{ok: true, why: "behind Markdown's sign of emphasis"}
	}
	if k := prefixBefore(b, at, plain); k.ok {
		return k
	}
	if ellipsisCopyBefore(b, at) {
		return boundary{ok: true, why: "behind its own shortened copy"}
	}
	if n := vendorBefore(b, at); n > 0 {
		return boundary{ok: true, vendor: n, why: "behind " + string(b[at-n:at]) + ", which makes it the prefix of another company"}
	}
	return boundary{why: "part of a longer identifier"}
}

// maxVendor is the length of the longest left part that a company puts before
// a prefix. Those seen have up to eight characters.
const maxVendor = 16

// skWords are English words in sk that identifiers with a prefix in them are
// made of: task_test_, cpumask_test_, disk_live_.
var skWords = [...]string{"task", "risk", "disk", "mask", "desk", "flask", "kiosk", "dusk", "tusk", "husk", "musk", "whisk", "brisk", "frisk", "asterisk", "lisk", "bask", "cask"}

// vendorBefore returns the length of the letters, digits and underscores that
// are before b[at:] and make with it a prefix like gw_sk_live_ or pssk_live_;
// 0 if they make an identifier, or are none of that.
func vendorBefore(b []byte, at int) int {
	n := at - ascii.RunStart(b, at, maxVendor+1, ascii.IsWord)
	if n == 0 || n > maxVendor {
		return 0
	}
	start := at - n
	if start > 0 && (b[start-1] == '\\' || b[start-1] == '%') {
		// An escape, which ends within the run: \ngw_sk_live_, %20gw_sk_live_.
		end := start + 1
		if b[start-1] == '%' {
			end++
		}
		if _, ok := escapeBefore(b, end); !ok || end >= at {
			return 0
		}
		start, n = end, at-end
	}
	if start > 0 && b[start-1] == '-' || ascii.ClassOf(b[start]) == ascii.Digit || b[start] == '_' {
		return 0
	}
	word := string(bytes.ToLower(b[start : at+2]))
	if b[at-1] != '_' && slices.ContainsFunc(skWords[:], func(w string) bool { return strings.HasSuffix(word, w) }) {
		return 0
	}
	return n
}

// escapeBefore recognises an escape sequence of a string or URL that ends at
// b[:at] and means a byte that is not part of a word.
func escapeBefore(b []byte, at int) (boundary, bool) {
	c := b[at-1]
	if bytes.IndexByte([]byte("nrtbfv0"), c) >= 0 {
		if n := backslashesBefore(b, at-1); n > 0 {
			// An even number is a backslash and a letter, or an escape within
			// a string within a string: sources in eval(""), JSON in JSON.
			return boundary{ok: true, doubtful: n%2 == 0, why: `behind the escape \` + string(c)}, true
		}
	}
	if !ascii.IsHex(c) {
		return boundary{}, false
	}
	for _, e := range [...]struct {
		mark   string
		digits int
	}{{"x", 2}, {"u", 4}, {"U", 8}} {
		m := at - e.digits - 1
		if m < 1 || b[m] != e.mark[0] || backslashesBefore(b, m) == 0 {
			continue
		}
		if v, err := strconv.ParseUint(string(b[m+1:at]), 16, 32); err == nil && !(v < 0x80 && ascii.IsWord(byte(v))) {
			return boundary{ok: true, why: `behind the escape \` + string(b[m:at])}, true
		}
	}
	if at >= 4 && b[at-4] == '\\' {
		if v, err := strconv.ParseUint(string(b[at-3:at]), 8, 16); err == nil && !ascii.IsWord(byte(v)) {
			return boundary{ok: true, why: `behind the escape \` + string(b[at-3:at])}, true
		}
	}
	if at >= 3 {
		if v, ok := ascii.HexByte(b[at-2], c); ok && !ascii.IsWord(v) {
			if b[at-3] == '=' { // quoted-printable
				return boundary{ok: true, why: "behind the escape =" + string(b[at-2:at])}, true
			}
			if b[at-3] == '%' || at >= 5 && string(b[at-5:at-2]) == "%25" {
				return boundary{ok: true, why: "behind the escape %" + string(b[at-2:at])}, true
			}
		}
	}
	return boundary{}, false
}

// backslashesBefore counts the backslashes that end at b[:at].
func backslashesBefore(b []byte, at int) int {
	return at - ascii.RunStart(b, at, maxEscapes, func(c byte) bool { return c == '\\' })
}

// ansiBefore recognises ESC [ digits ; digits m, with ESC as the byte or as
// one of its escapes.
func ansiBefore(b []byte, at int) bool {
	i := ascii.RunStart(b, at-1, maxANSI, func(c byte) bool { return ascii.ClassOf(c) == ascii.Digit || c == ';' })
	if i == 0 || b[i-1] != '[' {
		return false
	}
	head := b[max(0, i-8) : i-1]
	escapes := []string{"\x1b", `\e`, `\033`, `\33`, `\x1b`, `\x1B`, `\u001b`, `\u001B`}
	return slices.ContainsFunc(escapes, func(esc string) bool { return bytes.HasSuffix(head, []byte(esc)) })
}

// prefixBefore recognises a complete prefix right before b[at:] (the
// key was pasted behind a sample's prefix), or another key that runs into it.
func prefixBefore(b []byte, at int, plain *Finder) boundary {
	start := ascii.RunStart(b, at, maxGlued, ascii.IsName)
	run := b[start:at]
	glued := false
	for p, l := range plain.All(run) {
		switch end := p + len(plain.Literals()[l]); {
		case end == len(run):
			return boundary{ok: true, why: "behind another prefix"}
		case len(run)-end >= minBody:
			glued = true
		}
	}
	if glued {
		return boundary{ok: true, why: "behind another key"}
	}
	return boundary{}
}

// ellipsisCopyBefore recognises the key's shortened copy, as documentation
// that was copied together with its widgets has it: prefix...TAILprefixBODYTAIL.
func ellipsisCopyBefore(b []byte, at int) bool {
	start := ascii.RunStart(b, at, maxEllipsis+1, ascii.IsAlnum)
	tail := b[start:at]
	if len(tail) == 0 || len(tail) > maxEllipsis {
		return false
	}
	if !bytes.HasSuffix(b[:start], []byte("...")) && !bytes.HasSuffix(b[:start], []byte("…")) {
		return false
	}
	end := ascii.RunEnd(b, at, maxBody+maxEllipsis, ascii.IsWord)
	return bytes.HasSuffix(b[at:end], tail)
}

// neighbour is what follows a body at once, in words.
type neighbour string

const (
	neighbourNone     neighbour = ""            // anything that says nothing
	neighbourEllipsis neighbour = "an ellipsis" // ... or …
	neighbourMask     neighbour = "a mask"      // *** or •
	neighbourTemplate neighbour = "a template"  // ${ or <, or a quote followed by +
	neighbourRegex    neighbour = "a pattern"   // [ or ( or \w or a bare *
)

// rightNeighbour judges the bytes behind a key b[start:end].
func rightNeighbour(b []byte, start, end int) neighbour {
	rest := b[end:min(len(b), end+maxANSI)]
	switch {
	case len(rest) == 0:
		return neighbourNone
	case bytes.HasPrefix(rest, []byte("...")), bytes.HasPrefix(rest, []byte("…")), bytes.HasPrefix(rest, []byte(`\u2026`)):
		return neighbourEllipsis
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
	case bytes.IndexByte([]byte("${<%"), rest[0]) >= 0:
		return neighbourTemplate
	case ascii.IsQuote(rest[0]):
		i := ascii.RunEnd(rest, 1, len(rest), ascii.IsSpace)
		if i < len(rest) && rest[i] == '+' {
			return neighbourTemplate
		}
	}
	return neighbourNone
}

// secretAssigned reports whether b[:at] ends as the left side of an
// assignment to something called secret, key or token: NAME=, "name": ',
// name => ", Name("Bearer .
func secretAssigned(b []byte, at int) bool {
	const maxName = 64
	low := max(0, at-200)
	i := at
	skip := func(set string) { i = low + len(bytes.TrimRight(b[low:i], set)) }
	skip("\"'`\\ \t(")
	for _, scheme := range [...]string{"Bearer", "bearer", "Basic", "basic"} {
		if bytes.HasSuffix(b[low:i], []byte(scheme)) {
			i -= len(scheme)
			skip("\"'`\\ \t(")
			break
		}
	}
	end := i
	skip("=:>")
	if i == end {
		return false
	}
	skip("\"'`\\ \t])")
	end = i
	i = ascii.RunStart(b, i, min(maxName, i-low), ascii.IsDotted)
	if i == end {
		return false
	}
	name := string(bytes.ToLower(b[i:end]))
	return strings.Contains(name, "secret") || strings.Contains(name, "key") || strings.Contains(name, "token")
}
