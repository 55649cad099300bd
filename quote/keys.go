package quote

import "strings"

// HideKeys returns s with every key that a built-in rule finds cut down to its
// prefix and an ellipsis. It is for messages, where the keys of a result are not
// known: a user may type a key where a path belongs.
func HideKeys(s string) string { return NewRedactor(nil, nil, false).Text(s) }

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
