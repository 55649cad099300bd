package verify

import (
	"context"
	"errors"
	"fmt"
	"io"

	"keysweep/finding"
)

// control is what a host said to a made-up key.
type control uint8

const (
	controlNone     control = iota // it was not asked
	controlRefused                 // so its acceptance means something
	controlAccepted                // so it means nothing
)

// controlled returns o, the outcome of a key that works, if the host refuses a
// made-up key of the same shape. There are sandboxes, mocks and portals that
// take anything. A host is asked once for each environment; if that tells
// nothing, the next key tries once more.
func (r *run) controlled(ctx context.Context, j *job, o outcome) outcome {
	e := j.endpoint
	e.controlMu.Lock()
	defer e.controlMu.Unlock()
	if e.control == controlNone && e.controlTries < maxControls {
		e.controlTries++
		made, err := makeUp(j.secret, r.opts.Rand, r.keys)
		if err != nil {
			return said(finding.Unknown, finding.CodeControlFailed, "no key could be made up")
		}
		switch c := r.attempts(ctx, e, made, true); c.verdict {
		case finding.Inactive:
			e.control = controlRefused
		case finding.Active, finding.Restricted:
			e.control = controlAccepted
		default:
			if c.code == finding.CodeCancelled || c.code == finding.CodeTimeout && ctx.Err() != nil {
				return c
			}
			e.controlWords = c.code.Reason(c.words)
		}
	}
	switch e.control {
	case controlAccepted:
		return said(finding.Unknown, finding.CodeAcceptsAnything, acceptsAnything)
	case controlRefused:
		return o
	}
	return said(finding.Unknown, finding.CodeControlFailed,
		fmt.Sprintf("the host took the key (%s), and did not clearly refuse a made-up one (%s)", o.code, e.controlWords))
}

// maxControls is how often it is tried.
const maxControls = 2

const acceptsAnything = "the host took a made-up key, too"

// makeUp returns a random key with the prefix, length and kinds of characters
// of like, and that is none of keys.
func makeUp(like finding.Secret, random io.Reader, keys map[string]bool) (finding.Secret, error) {
	body := like.Reveal()[len(like.Prefix()):]
	for range 100 {
		made := []byte(body)
		for i, c := range made {
			alphabet := alphabetOf(body, c)
			n, err := below(random, len(alphabet))
			if err != nil {
				return finding.Secret{}, err
			}
			made[i] = alphabet[n]
		}
		if s := finding.NewSecret(like.Prefix(), string(made)); !keys[s.Reveal()] {
			return s, nil
		}
	}
	return finding.Secret{}, errors.New("no other key has this shape")
}

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// alphabetOf returns what may stand in the place of c: hexadecimal stays so,
// capitals stay capitals, and signs stay what they are.
func alphabetOf(body string, c byte) string {
	letters := len(lower)
	if !beyondHex(body) {
		letters = len("abcdef")
	}
	switch {
	case c >= '0' && c <= '9':
		return digits
	case c >= 'a' && c <= 'z':
		return lower[:letters]
	case c >= 'A' && c <= 'Z':
		return upper[:letters]
	}
	return string(c)
}

func beyondHex(body string) bool {
	for i := range len(body) {
		if c := body[i] | 0x20; c > 'f' && c <= 'z' {
			return true
		}
	}
	return false
}

// below returns a random number from 0 to n-1, each as likely as the others.
func below(random io.Reader, n int) (int, error) {
	var b [1]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("reading random bytes: %w", err)
		}
		if limit := 256 - 256%n; int(b[0]) < limit {
			return int(b[0]) % n, nil
		}
	}
}
