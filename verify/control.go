package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"keysweep/finding"
)

// control is a host's answer to a made-up key.
type control uint8

const (
	controlNone     control = iota // not asked, or no clear answer
	controlRefused                 // acceptance of a key counts
	controlAccepted                // acceptance of a key means nothing
)

// maxControls is how many made-up keys are tried for each endpoint.
const maxControls = 2

// acceptsAnything is the outcome of every key at such a host.
var acceptsAnything = final(finding.Unknown, finding.CodeAcceptsAnything, "the host also accepted a made-up key")

// controlled returns o, the outcome of a key that works, if the host refuses a
// made-up key of the same shape: sandboxes, mocks and portals accept anything. The
// first such key of an environment asks; if the answer is unclear, the next one
// asks again.
func (r *run) controlled(ctx context.Context, j *job, o outcome) outcome {
	e := j.endpoint
	e.controlMu.Lock()
	defer e.controlMu.Unlock()
	if e.control == controlNone && e.controlTries < maxControls {
		e.controlTries++
		made, err := makeUp(j.secret, r.keys)
		if err != nil {
			return final(finding.Unknown, finding.CodeControlFailed, "no key could be made up")
		}
		switch c, _ := r.attempts(ctx, e, made, true, maxAttempts); c.verdict {
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
		return acceptsAnything
	case controlRefused:
		return o
	}
	return final(finding.Unknown, finding.CodeControlFailed,
		fmt.Sprintf("the host accepted the key (%s) but did not clearly refuse a made-up one (%s)", o.code, e.controlWords))
}

// makeUp returns a random key that has the prefix, length and kinds of characters
// of like and is not in keys.
func makeUp(like finding.Secret, keys map[string]bool) (finding.Secret, error) {
	body := like.Reveal()[len(like.Prefix()):]
	for range 100 {
		made := []byte(body)
		for i, c := range made {
			alphabet := alphabetOf(body, c)
			made[i] = alphabet[rand.IntN(len(alphabet))]
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

// alphabetOf returns the characters that may replace c: a hexadecimal body stays
// hexadecimal, capitals stay capitals, and signs stay as they are.
func alphabetOf(body string, c byte) string {
	letters := len("abcdef")
	if strings.ContainsAny(strings.ToLower(body), lower[letters:]) {
		letters = len(lower)
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
