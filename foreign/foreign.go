// Package foreign reads the files in which other secret scanners keep what people
// accepted, and finds the keys that their entries mean. It accepts nothing itself.
package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"keysweep/file"
	"keysweep/finding"
)

// MaxSize is the most bytes of a file: a report of 300 000 findings.
const MaxSize = 256 << 20

// File is a file of another scanner.
type File struct {
	Name    string // as the user named it
	Tool    string // in words
	Entries []Entry
	// Plain says that the file holds secrets in plain text.
	Plain bool
}

// Entry is what a file says of one secret. What it does not say is zero.
type Entry struct {
	// Place is where in the file the entry is, in words: "line 7", "entry 3".
	Place string
	// Rule is the other scanner's name for the kind of secret.
	Rule string
	// Commit is a hex id of 40 or 64 digits.
	Commit string
	// Path is as in the file. Line is 1-based.
	Path string
	Line int
	// Secret is the secret in plain text, or the part of it that the other scanner
	// took for it.
	Secret finding.Secret
	// SHA1 and SHA256 are lower-case hex digests of it.
	SHA1, SHA256 string
	// Damaged says what is wrong with the entry.
	Damaged string
	// Real says why the entry accepts nothing, in words: a person or the issuer
	// called the secret real.
	Real string

	below string // a folder that Path may begin with: "*" is any
}

// The words of Entry.Real.
const (
	auditedAsReal = "audited there as a real secret"
	verifiedLive  = "verified there as working"
)

// format reads the files of one tool, if text is one.
type format func(text []byte) (*File, error)

// errOther says that a text is in another format.
var errOther = errors.New("another format")

// Read reads a file called name, and recognises by its content which tool wrote it.
// Errors do not repeat what it holds.
func Read(name string, text []byte) (*File, error) {
	text = file.Text(text)
	for _, read := range []format{readArray, readDetectSecrets, readTrufflehog, readYAML, readFingerprints} {
		f, err := read(text)
		if errors.Is(err, errOther) {
			continue
		}
		if err != nil {
			return nil, err
		}
		f.Name = name
		return f, nil
	}
	switch {
	case regexp.MustCompile(`(?m)^\[\[?(allowlists?|rules)\b`).Match(text):
		return nil, errors.New("a configuration of gitleaks: its allowlists are patterns, not keys; docs/migrating.md says what replaces them")
	case regexp.MustCompile(`"name":\s*"keysweep"`).Match(text[:min(len(text), 1<<10)]):
		return nil, errors.New("a report of keysweep: keysweep triage reads it")
	}
	return nil, errors.New("none of .gitleaksignore, a JSON report of gitleaks, betterleaks or trufflehog, .secrets.baseline, .gitguardian.yaml and a baseline of kingfisher")
}

// number reads the place of an entry of an array.
func number(i int) string { return fmt.Sprintf("entry %d", i+1) }

// startsWith reports whether text is JSON that starts so.
func startsWith(text []byte, c byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == c
}

// damaged says where JSON cannot be read, and nothing of what is there.
func damaged(tool string, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("damaged file of %s: byte %d: no JSON", tool, syntax.Offset)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("damaged file of %s: byte %d: %s is a %s", tool, kind.Offset, kind.Field, kind.Value)
	}
	return fmt.Errorf("damaged file of %s: it ends too early", tool)
}

func isHex(s string, lengths ...int) bool {
	for _, n := range lengths {
		if len(s) == n && strings.Trim(s, "0123456789abcdef") == "" {
			return true
		}
	}
	return false
}
