package foreign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"keysweep/finding"
)

const detectSecrets, trufflehog, ggshield, kingfisher = "detect-secrets", "trufflehog", "ggshield", "kingfisher"

// readDetectSecrets reads a .secrets.baseline:
//
//	{"version": …, "plugins_used": […], "results": {FILE: [{"type", "hashed_secret", "line_number", "is_secret", "is_verified"}]}}
//
// hashed_secret is the SHA-1 of the secret. is_secret is a person's answer in an
// audit: false is accepted, true is a real secret. IBM's fork has verified_result in
// place of is_verified. Versions before 1.0 lack "filename" in the entries.
func readDetectSecrets(text []byte) (*File, error) {
	if !startsWith(text, '{') {
		return nil, errOther
	}
	var doc struct {
		Version json.RawMessage
		Plugins json.RawMessage `json:"plugins_used"`
		Results map[string][]struct {
			Type     string
			Hash     string `json:"hashed_secret"`
			Line     int    `json:"line_number"`
			Real     *bool  `json:"is_secret"`
			Verified *bool  `json:"is_verified"`
			Result   *bool  `json:"verified_result"`
		}
	}
	err := json.NewDecoder(bytes.NewReader(text)).Decode(&doc)
	switch {
	case err != nil && bytes.Contains(text, []byte(`"plugins_used"`)):
		return nil, damaged(detectSecrets, err)
	case err != nil || doc.Plugins == nil || doc.Results == nil:
		return nil, errOther
	}
	var names []string
	for name := range doc.Results {
		names = append(names, name)
	}
	slices.Sort(names)
	is := func(b *bool) bool { return b != nil && *b }
	f := &File{Tool: detectSecrets}
	for _, name := range names {
		for _, r := range doc.Results[name] {
			e := Entry{Rule: r.Type, Path: name, Line: r.Line, SHA1: strings.ToLower(r.Hash)}
			switch {
			case !isHex(e.SHA1, 40):
				e.SHA1, e.Damaged = "", "no hashed_secret"
			case is(r.Real):
				e.Real = auditedAsReal
			case is(r.Verified) || is(r.Result):
				e.Real = verifiedLive
			}
			f.add(e, number(len(f.Entries)))
		}
	}
	return f, nil
}

// trufflehogResult is a line of trufflehog --json. Raw is the secret.
type trufflehogResult struct {
	DetectorName   string
	Verified       any // true or false; whatever else is no "false"
	Raw            string
	SourceMetadata struct {
		Data map[string]struct {
			Commit, File string
			Line         int
		}
	}
}

// readTrufflehog reads the lines of trufflehog --json, perhaps with messages of its
// log between them.
func readTrufflehog(text []byte) (*File, error) {
	if !startsWith(text, '{') {
		return nil, errOther
	}
	f, n := &File{Tool: trufflehog}, 0
	var strange []Entry
	for line := range bytes.Lines(text) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		e, place := parseTrufflehog(line), fmt.Sprintf("line %d", n)
		if e.Damaged == "" {
			f.add(e, place)
		} else if !bytes.Contains(line, []byte(`"level":`)) {
			e.Place = place
			strange = append(strange, e)
		}
	}
	if len(f.Entries) == 0 {
		return nil, errOther
	}
	f.Entries = append(f.Entries, strange...)
	return f, nil
}

func parseTrufflehog(line []byte) Entry {
	var r trufflehogResult
	// A source that has other members is not read: the secret is enough.
	if err := json.Unmarshal(line, &r); r.DetectorName == "" || r.Raw == "" && err != nil {
		return Entry{Damaged: "not a result"}
	}
	e := Entry{Rule: r.DetectorName}
	for _, at := range r.SourceMetadata.Data {
		if e.Path, e.Line = at.File, at.Line; isHex(at.Commit, 40, 64) {
			e.Commit = at.Commit
		}
	}
	if !isRedacted(r.Raw) {
		e.Secret = finding.NewSecret("", r.Raw)
	}
	if r.Verified != nil && r.Verified != false {
		e.Real = verifiedLive
	}
	return e
}

// readYAML reads the files that are YAML. Of ggshield:
//
//	version: 2                         version 1:
//	secret:                            matches-ignore:
//	  ignored_matches:                   - name: …
//	    - name: …                          match: …
//	      match: …                       - SHA-256
//
// match is the secret, or the SHA-256 of the secret, a comma and the kind of match.
// A "-" in a key may be a "_". Of kingfisher:
//
//	ExactFindings:
//	  matches:
//	  - filepath: FOLDER/FILE          FOLDER is the name of the scanned folder
//	    fingerprint: …                 differs between versions
//	    linenum: 7
//	    lastupdated: …
func readYAML(text []byte) (*File, error) {
	top, ok := parseYAML(text).(map[string]any)
	if !ok {
		return nil, errOther
	}
	if exact, ok := top["ExactFindings"]; ok {
		f := &File{Tool: kingfisher}
		for _, m := range items(member(exact, "matches")) {
			f.add(kingfisherEntry(m), number(len(f.Entries)))
		}
		return f, nil
	}
	ignored, known := member(member(top, "secret"), "ignored_matches"), false
	for key := range top {
		known = known || slices.Contains([]string{"secret", "matches_ignore", "paths_ignore", "ignored_matches"}, strings.ReplaceAll(key, "-", "_"))
	}
	if !known {
		return nil, errOther
	}
	f := &File{Tool: ggshield}
	for _, m := range append(items(ignored), items(member(top, "matches_ignore"))...) {
		f.add(ggshieldEntry(m), number(len(f.Entries)))
	}
	return f, nil
}

// items returns the items of a sequence. One that cannot be read, as "[…]", has an item
// that is nothing, so that it is listed.
func items(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	if v == nil || slices.Contains([]any{"[]", "null", "~"}, v) {
		return nil
	}
	return []any{nil}
}

func kingfisherEntry(m any) Entry {
	path, _ := member(m, "filepath").(string)
	number, _ := member(m, "linenum").(string)
	line, err := strconv.Atoi(number)
	if path == "" || err != nil || line < 1 {
		return Entry{Damaged: "no filepath or no linenum"}
	}
	return Entry{Path: path, Line: line, below: "*"}
}

func ggshieldEntry(m any) Entry {
	name, _ := member(m, "name").(string)
	match, ok := member(m, "match").(string)
	if text, isText := m.(string); isText {
		match, ok = text, true
	}
	switch {
	case !ok || match == "":
		return Entry{Rule: name, Damaged: "no match on a line of its own: YAML in [ ] and { } is not read"}
	case isHex(strings.ToLower(match), 64):
		return Entry{Rule: name, SHA256: strings.ToLower(match)}
	}
	return Entry{Rule: name, Secret: finding.NewSecret("", match)}
}

// member returns what a mapping has under key, with "_" or "-". Nil: nothing.
func member(v any, key string) any {
	m, _ := v.(map[string]any)
	if v, ok := m[key]; ok {
		return v
	}
	return m[strings.ReplaceAll(key, "_", "-")]
}
