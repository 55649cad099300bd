package verify

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords is the most bytes of the API's message that become a reason.
const maxWords = 200

// minEcho is how many characters of a key in a row give it away. Reports show
// four.
const minEcho = 8

// clean makes an API's message fit for a reason: short and printable, without the
// key in any form or anything else that may be a secret or an identifier.
func clean(words, key, prefix string) string {
	words = strings.ToValidUTF8(words, "\uFFFD")
	words = elide(words, prefix)
	body := key[min(len(prefix), len(key)):]
	var out strings.Builder
	for _, r := range words {
		piece := string(r)
		if !unicode.IsPrint(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			piece = quoted[1 : len(quoted)-1]
		}
		if out.Len()+len(piece) > maxWords-len("…") {
			out.WriteString("…")
			break
		}
		out.WriteString(piece)
	}
	// An escape may continue a part of the key: the r of \r.
	if echoes(words, body) || echoes(out.String(), body) {
		return "message withheld: it contains the key"
	}
	return out.String()
}

// longRun is the length, in bytes, from which a run that is no plain word is
// replaced.
const longRun = 16

// elide replaces runs that look like keys, hashes, encodings or identifiers, and
// the rest of a run after the prefix of the key.
func elide(s, prefix string) string {
	var out strings.Builder
	for s != "" {
		if prefix != "" && strings.HasPrefix(s, prefix) {
			n := len(prefix) + runLength(s[len(prefix):])
			out.WriteString(prefix + "…")
			s = s[n:]
			continue
		}
		n := runLength(s)
		if n == 0 {
			_, n = utf8.DecodeRuneInString(s)
			out.WriteString(s[:n])
			s = s[n:]
			continue
		}
		run := s[:n]
		if at := strings.Index(run, prefix); prefix != "" && at > 0 {
			run = run[:at]
		}
		s = s[len(run):]
		if len(run) >= longRun && !isWord(run) {
			run = "…"
		}
		out.WriteString(run)
	}
	return out.String()
}

// runLength returns the length of the run at the start of s.
func runLength(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool {
		return r >= utf8.RuneSelf || !isAlnum(byte(r)) && !strings.ContainsRune("_+/=%*.~-", r)
	})
	if n < 0 {
		return len(s)
	}
	return n
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// isWord reports whether a run is words: letters with signs between them,
// capitals only at the start or throughout.
func isWord(run string) bool {
	if strings.ContainsAny(run, "0123456789%*+=/~") {
		return false
	}
	return strings.ToUpper(run) == run || strings.ToLower(run[1:]) == run[1:]
}

// echoes reports whether s contains minEcho characters of body in a row, plain or
// in a common encoding, ignoring signs and blanks between them.
func echoes(s, body string) bool {
	backwards := []byte(body)
	slices.Reverse(backwards)
	forms := []string{body, string(backwards), hex.EncodeToString([]byte(body)), base32.StdEncoding.EncodeToString([]byte(body))}
	for at := range 3 { // base64 depends on the offset from a multiple of 3
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", at) + body))
		forms = append(forms, text[min(4, len(text)):])
	}
	texts := squash(s) + " " + squash(html.UnescapeString(s))
	if plain, err := url.PathUnescape(s); err == nil {
		texts += " " + squash(plain)
	}
	for _, f := range forms {
		f = squash(f)
		for i := 0; i+minEcho <= len(f); i++ {
			if strings.Contains(texts, f[i:i+minEcho]) {
				return true
			}
		}
	}
	return false
}

// squash returns the letters and digits of s, in lower case.
func squash(s string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf || !isAlnum(byte(r)) {
			return -1
		}
		return r
	}, s))
}
