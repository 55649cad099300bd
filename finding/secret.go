// Package finding holds the records that every other package shares: the
// secret, where it occurs, what was thought of it, and the result of a scan.
// It does not know who made them nor how they are printed.
package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Secret is the matched bytes: a prefix that anyone may see (sk_live_) and a
// body that no one may. It formats, logs and marshals redacted; Reveal is the
// only way to the whole of it.
type Secret struct{ prefix, body string }

// NewSecret returns the secret prefix + body. The prefix is printed freely.
func NewSecret(prefix, body string) Secret { return Secret{prefix: prefix, body: body} }

// Format writes the redacted form, whatever the verb (also %x and %#v).
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, s.Redacted()) }

// MarshalText returns the redacted form; encoding/json and slog call it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Redacted()), nil }

// Reveal returns the whole secret. Every caller sees a key.
func (s Secret) Reveal() string { return s.prefix + s.body }

// Prefix returns the public part, for example "sk_live_".
func (s Secret) Prefix() string { return s.prefix }

// Len returns the length of the whole secret in bytes.
func (s Secret) Len() int { return len(s.prefix) + len(s.body) }

// Redacted returns the prefix and an ellipsis.
func (s Secret) Redacted() string { return s.prefix + "…" }

// tailLen is how many characters of a body help its owner to recognise it.
const tailLen = 4

// hiddenBits is what must stay unknown when the tail is shown: 96 bits cannot
// be searched.
const hiddenBits = 96

// RedactedWithTail returns the prefix, an ellipsis and the last four
// characters, if at least 96 bits of a random body over the same alphabet stay
// hidden; otherwise it is Redacted. Callers decide whether the body is random.
func (s Secret) RedactedWithTail() string {
	if float64(len(s.body)-tailLen)*bitsPerCharacter(s.body) < hiddenBits {
		return s.Redacted()
	}
	return s.Redacted() + s.body[len(s.body)-tailLen:]
}

// bitsPerCharacter returns log2 of the smallest alphabet class that holds body.
func bitsPerCharacter(body string) float64 {
	var lower, upper, beyondHex, other bool
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c >= '0' && c <= '9':
			// Every class holds the digits.
		case c >= 'a' && c <= 'z':
			lower = true
			beyondHex = beyondHex || c > 'f'
		case c >= 'A' && c <= 'Z':
			upper = true
			beyondHex = beyondHex || c > 'F'
		case c == '-':
			// A UUID's dashes carry nothing, and base64url's gain is small.
		default:
			other = true
		}
	}
	switch {
	case other:
		return 6
	case !lower && !upper:
		return 3.32
	case !beyondHex && !(lower && upper):
		return 4
	case lower && upper:
		return 5.95
	}
	return 5.17
}

// SHA256 returns the lower-case hex SHA-256 of the whole secret, the identity
// of a key in reports and baselines.
func (s Secret) SHA256() string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// ID returns the first 16 hex digits of SHA256, the short name of a key.
func (s Secret) ID() string { return s.SHA256()[:16] }
