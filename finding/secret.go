// Package finding holds the records that every other package shares: the
// secret, where it occurs, what was thought of it, and the result of a scan.
// It does not know who made them nor how they are printed.
package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Secret is the matched bytes: a prefix that anyone may see (sk_live_) and a
// body that no one may. It formats, logs and marshals redacted; Reveal is the
// only way to the whole of it.
type Secret struct {
	prefix, body string
	// seal stands for the body of a secret that was sealed: its hash, in hex, the length
	// in digits, a colon, and what RedactedWithTail shows behind the ellipsis.
	seal string
}

// NewSecret returns the secret prefix + body. The prefix is printed freely.
func NewSecret(prefix, body string) Secret { return Secret{prefix: prefix, body: body} }

// Format writes the redacted form, whatever the verb (also %x and %#v).
func (s Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, s.Redacted()) }

// MarshalText returns the redacted form; encoding/json and slog call it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Redacted()), nil }

// Reveal returns the whole secret, or the redacted form if it is sealed. Every caller
// sees a key.
func (s Secret) Reveal() string {
	if s.seal != "" {
		return s.Redacted()
	}
	return s.prefix + s.body
}

// Prefix returns the public part, for example "sk_live_".
func (s Secret) Prefix() string { return s.prefix }

// Len returns the length of the whole secret in bytes.
func (s Secret) Len() int {
	if s.seal != "" {
		digits, _, _ := strings.Cut(s.seal[hashDigits:], ":")
		n, _ := strconv.Atoi(digits)
		return n
	}
	return len(s.prefix) + len(s.body)
}

// hashDigits is the length of a SHA-256 in hex.
const hashDigits = 2 * sha256.Size

// Sealed returns the secret without its body: identity, length and redacted forms stay.
func (s Secret) Sealed() Secret {
	if s.seal != "" || s.Len() == 0 {
		return s
	}
	tail := strings.TrimPrefix(s.RedactedWithTail(), s.Redacted())
	return Secret{prefix: s.prefix, seal: s.SHA256() + strconv.Itoa(s.Len()) + ":" + tail}
}

// IsSealed reports whether the body of the secret is gone.
func (s Secret) IsSealed() bool { return s.seal != "" }

// MarshalBinary returns the sealed form, in which a secret is stored and sent.
func (s Secret) MarshalBinary() ([]byte, error) {
	s = s.Sealed()
	return []byte(s.prefix + "\n" + s.seal), nil
}

// UnmarshalBinary reads what MarshalBinary wrote: a sealed secret.
func (s *Secret) UnmarshalBinary(b []byte) error {
	prefix, seal, ok := strings.Cut(string(b), "\n")
	*s = Secret{prefix: prefix}
	if ok && seal == "" && prefix == "" {
		return nil
	}
	if len(seal) < hashDigits || strings.Trim(seal[:hashDigits], "0123456789abcdef") != "" {
		return errSeal
	}
	digits, tail, ok := strings.Cut(seal[hashDigits:], ":")
	if n, err := strconv.Atoi(digits); !ok || err != nil || n < 1 || n > maxSealed || len(tail) > tailLen {
		return errSeal
	}
	s.seal = seal
	return nil
}

// maxSealed is the most bytes of a secret whose sealed form is read.
const maxSealed = 1 << 30

var errSeal = errors.New("not a sealed secret")

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
	if s.seal != "" {
		_, tail, _ := strings.Cut(s.seal, ":")
		return s.Redacted() + tail
	}
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
	if s.seal != "" {
		return s.seal[:hashDigits]
	}
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// ID returns the first 16 hex digits of SHA256, the short name of a key.
func (s Secret) ID() string { return s.SHA256()[:16] }
