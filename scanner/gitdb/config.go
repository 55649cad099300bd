package gitdb

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
		if header, ok := strings.CutPrefix(text, "["); ok {
			header, rest, closed := unquote(header, "]")
			if !closed {
				continue
			}
			section, text = strings.ToLower(header), strings.TrimSpace(rest)
			if i := strings.IndexAny(header, " \t"); i >= 0 {
				section = strings.ToLower(header[:i]) + "." + strings.TrimSpace(header[i:])
			}
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
		value, _, commented := unquote(strings.TrimSpace(value), "#;")
		if commented {
			value = strings.TrimSpace(value)
		}
		list = append(list, setting{section + "." + name, value})
	}
	return list
}

// unquote takes quotes and escapes off text, up to a character of stop outside of
// quotes. rest is what follows that, if it is there.
func unquote(text, stop string) (value, rest string, stopped bool) {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case c == '"':
			quoted = !quoted
		case !quoted && strings.IndexByte(stop, c) >= 0:
			return b.String(), text[i+1:], true
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", false
}

// isTrue reports whether a value is true as git reads a boolean.
func isTrue(value string) bool {
	return slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(value))
}

// isFalse reports whether a value is false as git reads a boolean.
func isFalse(value string) bool {
	return slices.Contains([]string{"false", "no", "off", "0", ""}, strings.ToLower(value))
}

// maxIncludes is how deep git follows includes (config.c, MAX_INCLUDE_DEPTH).
const maxIncludes = 10

// AskGit returns an error that wraps file.ErrElsewhere if git, asked about r, would
// open what r's configuration names on another host: it follows includes.
func (r *Repository) AskGit() error {
	for _, path := range []string{filepath.Join(r.CommonDir, "config"), filepath.Join(r.GitDir, "config.worktree")} {
		if err := r.askGit(path, maxIncludes); err != nil {
			return err
		}
	}
	for _, path := range []string{filepath.Join(r.CommonDir, "hooks"), filepath.Join(r.GitDir, "hooks")} {
		if err := r.guard.Links(path); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) askGit(path string, depth int) error {
	if depth == 0 {
		return nil
	}
	b, err := readGuarded(&r.guard, path)
	if err != nil {
		return nil // git meets the same error
	}
	for _, v := range parseConfig(b) {
		folder := r.Top
		switch {
		case v.name == "include.path", strings.HasPrefix(v.name, "includeif.") && strings.HasSuffix(v.name, ".path"):
			folder = filepath.Dir(path)
		case v.name == "core.worktree":
			folder = r.GitDir
		case v.name != "core.hookspath":
			continue
		}
		if v.value == "/dev/null" || v.value == os.DevNull || strings.HasPrefix(v.value, "~") || strings.HasPrefix(v.value, "%(") {
			continue // no hooks; the user's own; git's own
		}
		named, err := r.guard.Path(folder, strings.TrimPrefix(v.value, ":(optional)"))
		if err != nil {
			return fmt.Errorf("%s: %s: %w", path, v.name, err)
		}
		if folder == filepath.Dir(path) {
			if err := r.askGit(named, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}
