package gitdb

import (
	"bytes"
	"strings"
)

// setting is one variable of a configuration: section, subsection and name
// joined by dots, all but the subsection in lower case.
type setting struct{ name, value string }

// parseConfig reads a git configuration (git-config(1), "Syntax") as far as it
// can be read. It never fails: what is not a setting is skipped, since git
// itself accepts more than a strict reader would, and we need little of it.
// Includes are not followed.
//
//	[section "subsection"]  or  [section.subsection]
//	name = value ; comment
//	name                    # true
func parseConfig(b []byte) (list []setting) {
	section := ""
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		// A backslash at the end joins the next line.
		for bytes.HasSuffix(line, []byte("\\")) && len(b) > 0 {
			var more []byte
			more, b, _ = bytes.Cut(b, []byte("\n"))
			line = append(bytes.Clone(line[:len(line)-1]), more...)
		}
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(text, "[") {
			end := sectionEnd(text)
			if end < 0 {
				continue
			}
			section = sectionName(text[1:end])
			text = strings.TrimSpace(text[end+1:])
		}
		name, value, hasValue := strings.Cut(text, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" || name[0] == '#' || name[0] == ';' || section == "" {
			continue
		}
		if !hasValue {
			if i := strings.IndexAny(name, "#;"); i >= 0 {
				name = strings.TrimSpace(name[:i])
			}
			value = "true"
		}
		list = append(list, setting{section + "." + name, configValue(value)})
	}
	return list
}

// sectionEnd returns where the ']' of a section header is, or -1.
func sectionEnd(text string) int {
	quoted := false
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ']':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

// sectionName joins a section and its subsection by a dot.
func sectionName(header string) string {
	name, sub, ok := strings.Cut(header, "\"")
	name = strings.ToLower(strings.TrimSpace(name))
	if !ok {
		return name
	}
	return name + "." + strings.TrimSuffix(sub, "\"")
}

// configValue takes quotes, escapes and a comment off a value.
func configValue(v string) string {
	v = strings.TrimSpace(v)
	var b strings.Builder
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && i+1 < len(v):
			i++
			b.WriteByte(v[i])
		case c == '"':
			quoted = !quoted
		case (c == '#' || c == ';') && !quoted:
			return strings.TrimSpace(b.String())
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isTrue reports whether a value is true as git reads a boolean.
func isTrue(value string) bool {
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		return true
	}
	return false
}
