package foreign

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"keysweep/finding"
)

// A .gitleaksignore, and betterleaks' .betterleaksignore, has a fingerprint a line,
// and comments:
//
//	COMMIT:FILE:RULE:LINE    of a history
//	FILE:RULE:LINE           of a folder, and of a file in every commit
//
// FILE may hold colons, and "!" between an archive and what is in it; on Windows its
// folders are separated by "\".

const gitleaks, betterleaks = "gitleaks", "betterleaks"

func readFingerprints(text []byte) (*File, error) {
	f := &File{Tool: gitleaks}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		words := strings.TrimSpace(string(line))
		if words == "" || words[0] == '#' {
			continue
		}
		e := parseFingerprint(words)
		if e.Damaged != "" && len(f.Entries) == 0 {
			return nil, errOther
		}
		e.Place = "line " + strconv.Itoa(n)
		f.Entries = append(f.Entries, e)
	}
	if len(f.Entries) == 0 && len(bytes.TrimSpace(text)) > 0 && bytes.TrimSpace(text)[0] != '#' {
		return nil, errOther
	}
	return f, nil
}

// parseFingerprint reads a fingerprint from both ends.
func parseFingerprint(s string) (e Entry) {
	const wrong = "not a fingerprint: COMMIT:FILE:RULE:LINE or FILE:RULE:LINE"
	rest, line, ok := cutLast(s, ":")
	n, err := strconv.Atoi(line)
	path, rule, more := cutLast(rest, ":")
	if commit, file, ok := strings.Cut(path, ":"); ok && isHex(commit, 40, 64) {
		e.Commit, path = commit, file
	}
	if !ok || !more || err != nil || n < 0 || path == "" || rule == "" || strings.ContainsAny(rule, `/"`) {
		return Entry{Damaged: wrong}
	}
	e.Path, e.Rule, e.Line = path, rule, n
	return e
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// A report is a JSON array, and so is a baseline. Secret is plain unless the report
// was made with --redact: then it is REDACTED, or its first characters and "...".
type gitleaksFinding struct {
	RuleID, Secret, File, Commit, Fingerprint string
	StartLine                                 int
	// ValidationStatus is betterleaks'.
	ValidationStatus string
	Attributes       map[string]string
}

// readArray reads an array of findings, of gitleaks, betterleaks or, put together by
// jq -s, trufflehog.
func readArray(text []byte) (*File, error) {
	if !startsWith(text, '[') {
		return nil, errOther
	}
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[[")) || !bytes.HasPrefix(bytes.TrimLeft(bytes.TrimSpace(text)[1:], " \t\r\n"), []byte("{")) {
			return nil, errOther // a header of TOML
		}
		return nil, damaged("gitleaks or betterleaks", err)
	}
	f := &File{Tool: gitleaks}
	for i, raw := range list {
		var g gitleaksFinding
		if err := json.Unmarshal(raw, &g); err != nil || g.RuleID == "" {
			if t := parseTrufflehog(raw); t.Damaged == "" {
				f.Tool = trufflehog
				f.add(t, number(i))
				continue
			}
			if i == 0 {
				return nil, errOther
			}
			f.add(Entry{Damaged: "not a finding"}, number(i))
			continue
		}
		if g.ValidationStatus != "" || g.Attributes != nil {
			f.Tool = betterleaks
		}
		e := Entry{Rule: g.RuleID, Path: g.File, Line: g.StartLine}
		if isHex(g.Commit, 40, 64) {
			e.Commit = g.Commit
		}
		if !isRedacted(g.Secret) {
			e.Secret = finding.NewSecret("", g.Secret)
		}
		if strings.EqualFold(g.ValidationStatus, "valid") {
			e.Real = verifiedLive
		}
		f.add(e, number(i))
	}
	return f, nil
}

// add adds an entry.
func (f *File) add(e Entry, place string) {
	e.Place = place
	f.Plain = f.Plain || e.Secret.Len() > 0
	f.Entries = append(f.Entries, e)
}

// isRedacted reports whether s stands for a secret.
func isRedacted(s string) bool {
	return s == "REDACTED" || strings.HasSuffix(s, "...") || strings.Trim(s, "*") == ""
}
