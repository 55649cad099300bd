package worktree

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	disk "keysweep/file"
)

// maxRules is the most bytes of ignore files that apply to one folder: the sum
// of info/exclude and the .gitignore files of all folders above. It bounds what
// a hostile tree can make us hold and compare (git's limit is 100 MiB a file).
// Where a .gitignore goes beyond it, only .gitignore files further down count:
// reading more costs time, reading less hides a key.
const maxRules = 1 << 20

// rules is what one ignore file says, linked to the files of lower rank: those
// of the folders above, and last info/exclude.
type rules struct {
	patterns []pattern
	// base is how many bytes of a path below the top are the folder that
	// holds the file, with its '/'.
	base  int
	fold  bool // core.ignoreCase
	bytes int  // sum along the chain
	above *rules
}

// pattern is one line of an ignore file. See gitignore(5).
type pattern struct {
	text       string // without '!', and without '/' at either end
	literal    int    // how many bytes of text come before the first of *?[\
	negated    bool   // "!text"
	folderOnly bool   // "text/"
	nameOnly   bool   // no '/' but at the end: compared with the last name
	suffix     bool   // "*literal", a nameOnly pattern that most files hold
	glob       *glob  // nil if text is literal or suffix
}

// parseRules reads the lines of an ignore file as git does: a byte order mark
// is skipped, a carriage return before the end of a line is no part of it,
// spaces at the end count only if escaped, a NUL byte ends the pattern.
func parseRules(data []byte, base int, fold bool, above *rules) *rules {
	r := &rules{base: base, fold: fold, above: above, bytes: len(data)}
	if above != nil {
		r.bytes += above.bytes
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	text := string(data) // patterns are parts of it
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSuffix(line, "\r")
		line, _, _ = strings.Cut(line, "\x00")
		if p, ok := parsePattern(trimSpaces(line), fold); ok {
			r.patterns = append(r.patterns, p)
		}
	}
	return r
}

// trimSpaces cuts the spaces at the end of s that no backslash precedes.
func trimSpaces(s string) string {
	end := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ' ':
			continue
		case '\\':
			if i++; i == len(s) {
				return s
			}
		}
		end = i + 1
	}
	return s[:end]
}

func parsePattern(s string, fold bool) (p pattern, ok bool) {
	s, p.negated = strings.CutPrefix(s, "!")
	s, p.folderOnly = strings.CutSuffix(s, "/")
	p.nameOnly = !strings.Contains(s, "/")
	p.text = strings.TrimPrefix(s, "/")
	if p.text == "" {
		return p, false // matches nothing
	}
	p.literal = strings.IndexAny(p.text, `*?[\`)
	switch {
	case p.literal < 0:
		p.literal = len(p.text)
	case p.nameOnly && p.text[0] == '*' && !strings.ContainsAny(p.text[1:], `*?[\`):
		p.suffix = true
	case p.nameOnly || p.literal == 0:
		p.literal = 0
		p.glob = compileGlob(p.text, fold)
	default:
		// The glob begins with the last literal byte, which says whether "**" is
		// behind a '/'.
		p.literal--
		p.glob = compileGlob(p.text[p.literal:], fold)
	}
	return p, true
}

// match reports whether the chain ignores path, which is below the top of the
// repository. The last pattern of the nearest file that matches decides. The
// caller has made sure that no folder above path is ignored.
func (r *rules) match(path string, folder bool) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	for ; r != nil; r = r.above {
		below := path[r.base:]
		for i := len(r.patterns) - 1; i >= 0; i-- {
			p := &r.patterns[i]
			if p.folderOnly && !folder {
				continue
			}
			text := below
			if p.nameOnly {
				text = name
			}
			if matched, ok := p.match(text, r.fold); matched || !ok {
				return ok && !p.negated // too dear to find out: read it
			}
		}
	}
	return false
}

// match reports whether p matches text, a name or a path below the file's
// folder; ok is false if that is too dear to find out.
func (p *pattern) match(text string, fold bool) (matched, ok bool) {
	switch {
	case p.suffix:
		n := len(text) - (len(p.text) - 1)
		return n >= 0 && equal(text[n:], p.text[1:], fold), true
	case p.glob == nil:
		return len(text) == len(p.text) && equal(text, p.text, fold), true
	case len(text) < p.literal || !equal(text[:p.literal], p.text[:p.literal], fold):
		return false, true
	}
	return p.glob.match(text[p.literal:])
}

// equal compares two strings of one length, as strncasecmp does if fold.
func equal(a, b string, fold bool) bool {
	if a == b || !fold {
		return a == b
	}
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// extend returns the chain for a folder whose .gitignore yields src. A file
// that is too large or cannot be read to its end means "ignore nothing":
// it could have held a "!" that includes what the chain ignores. (What a
// .gitignore further down says holds, since it would come first anyway.)
// The error is that of src, or says that it ended before size.
func (r *rules) extend(src io.Reader, size int64, base int, fold bool) (*rules, error) {
	room := maxRules
	if r != nil {
		room -= r.bytes
	}
	data, err := io.ReadAll(io.LimitReader(src, int64(room)+1))
	if err == nil && int64(len(data)) < min(size, int64(room)) {
		err = errShort
	}
	if err != nil || len(data) > room {
		return nil, err
	}
	return parseRules(data, base, fold, r), nil
}

// readIgnore extends the chain by dir's .gitignore. As in git, one that is a
// link does not count. One that cannot be read, or that was listed and is gone, ends
// what the chain ignores, and is skipped as path.
func (w *walker) readIgnore(dir folder, path string, chain *rules, base int, fold, listed bool) *rules {
	var at state
	f, err := patiently(w, func() (f file, err error) {
		f, at, err = dir.open(".gitignore", nil)
		return f, err
	})
	switch {
	case errors.Is(err, errKind), disk.Absent(err) && !listed:
		return chain
	case err == nil:
		defer f.close()
		chain, err = chain.extend(f, at.size, base, fold)
	}
	if err != nil {
		w.skip(path, err)
		return nil
	}
	return chain
}

// readExclude reads info/exclude. Without it, or if it is no regular file or
// too large, there are no rules: it has the lowest rank, so that nothing can
// be missed for the lack of a "!". One that cannot be read is skipped.
func (w *walker) readExclude(path string, fold bool) *rules {
	if path == "" {
		return nil
	}
	var size int64
	f, err := os.OpenFile(path, os.O_RDONLY|openNonblock, 0)
	if err == nil {
		defer f.Close()
		var info fs.FileInfo
		if info, err = disk.Opened(f); err == nil {
			if !info.Mode().IsRegular() {
				return nil
			}
			size = info.Size()
		}
	}
	var chain *rules
	if err == nil {
		chain, err = chain.extend(f, size, 0, fold)
	}
	if err != nil && !disk.Absent(err) {
		w.skip(path, err)
	}
	return chain
}
