package exceptions

import (
	"bytes"

	"keysweep/finding"
	"keysweep/rules"
)

// InTrusted returns a Set.Inline that believes a comment only if a trusted
// version of the file has one too, on every line that holds the key. read
// returns the trusted version of the file that an occurrence is in, and
// false if there is none. A key that is encoded there is not recognised,
// and its comment not believed.
func InTrusted(read func(o *finding.Occurrence) ([]byte, bool)) func(*finding.Finding, *finding.Occurrence) bool {
	return func(f *finding.Finding, o *finding.Occurrence) bool {
		text, ok := read(o)
		if !ok {
			return false
		}
		key, held := []byte(f.Secret.Reveal()), false
		for line := range bytes.Lines(text) {
			if !bytes.Contains(line, key) {
				continue
			}
			if reason, _ := rules.FindComment(line); reason.Start == reason.End {
				return false
			}
			held = true
		}
		return held
	}
}
