package quote

import "strings"

// HideKeys returns s with everything that looks like a key cut down to its
// prefix and an ellipsis. It is for messages, where the keys of a result are not
// known: a user may type a key where a path belongs.
func HideKeys(s string) string { return NewRedactor(nil, false).Text(s) }

// minBody is how many characters after a prefix may be a key. No built-in rule
// takes fewer; those of other rules are hidden where a Redactor knows them.
const minBody = 16

// bodyLength returns how many bytes at the start of s look like the body of a
// key, or 0. Words do not: many names hold a prefix by chance, such as
// mask_test_lookup_cgroup_id.c.
func bodyLength(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || s[n] >= '0' && s[n] <= '9' || s[n] == '_' || s[n] == '-') {
		n++
	}
	if n < minBody || isWords(s[:n]) {
		return 0
	}
	return n
}

// isWords reports whether body is words with _ or - between them: each of fewer
// letters than a body has, in lower case, in capitals, or capitalised.
func isWords(body string) bool {
	for word := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '_' || r == '-' }) {
		if len(word) >= minBody {
			return false
		}
		if strings.ContainsAny(word, "0123456789") || strings.ToUpper(word) != word && strings.ToLower(word[1:]) != word[1:] {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// Name returns what a user or a file named in a form that is safe to print: its
// keys hidden, the rest as Text has it.
func Name(s string) string { return Text(HideKeys(s)) }

// Message returns a message for standard error: its keys hidden, its lines
// quoted where they hold what a terminal or a CI would take for a command, those
// after the first indented, so that no name can forge a line of ours.
func Message(message string) string {
	lines := strings.Split(strings.TrimRight(HideKeys(message), "\n"), "\n")
	for i, line := range lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if line = line[len(indent):]; line != "" {
			line = Text(line)
		}
		if i > 0 && len(indent) < 2 && line != "" {
			indent = "  "
		}
		lines[i] = indent + line
	}
	return strings.Join(lines, "\n")
}
