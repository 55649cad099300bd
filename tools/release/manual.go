package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// manual returns the manual page: the help of the program and of each command.
func manual(version string, date time.Time, help func(...string) (string, error)) ([]byte, error) {
	text, err := help()
	if err != nil {
		return nil, err
	}
	about, _, _ := strings.Cut(text, "\n")
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH KEYSWEEP 1 %s \"keysweep %s\"\n.SH NAME\nkeysweep \\- %s\n", date.Format(time.DateOnly), version, roff(strings.TrimPrefix(about, "keysweep ")))
	b.WriteString(".SH SYNOPSIS\n.B keysweep\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.SH DESCRIPTION\n")
	writeHelp(&b, text)
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(line, "  keysweep ")
		if !ok {
			continue
		}
		if line == "  keysweep scan .\n" {
			break // the example
		}
		name = strings.Fields(name)[0]
		of, err := help(name)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ".SH KEYSWEEP %s\n", strings.ToUpper(name))
		writeHelp(&b, of)
	}
	return b.Bytes(), nil
}

// column is where the second column of help starts.
const column = 28

// writeHelp writes one help text. Headings and entries of two columns are
// recognised by their indents; everything else that is indented keeps its lines.
func writeHelp(b *bytes.Buffer, text string) {
	kept := false // within .nf
	keep := func(on bool) {
		if on != kept {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[on])
		}
		kept = on
	}
	for line := range strings.Lines(text + "\n") {
		line = strings.TrimRight(line, "\n")
		trimmed := strings.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		runes := []rune(line)
		switch {
		case line == "":
			keep(false)
			b.WriteString(".PP\n")
		case indent == 0 && strings.HasSuffix(line, ":"):
			fmt.Fprintf(b, ".SS %s\n", roff(strings.TrimSuffix(line, ":")))
		case indent == 2 && len(runes) > column && runes[column-1] == ' ' && runes[column] != ' ':
			keep(false)
			fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(string(runes[:column]))), roff(string(runes[column:])))
		case indent == 2 && strings.HasPrefix(trimmed, "-"), indent == 2 && strings.HasPrefix(trimmed, "keysweep ") && !strings.Contains(trimmed, "  ") && strings.ContainsAny(trimmed, "[|"):
			keep(false) // too long for the first column
			fmt.Fprintf(b, ".TP\n.B %s\n", roff(trimmed))
		case indent == column:
			b.WriteString(roff(trimmed) + "\n")
		default:
			keep(indent > 0)
			b.WriteString(roff(line) + "\n")
		}
	}
	keep(false)
}

// roff quotes a line of text.
func roff(text string) string {
	var b strings.Builder
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		b.WriteString(`\&`)
	}
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
