package exceptions

import (
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"keysweep/finding"
)

// Allow is an [[allow]] of a configuration: a key, or the files whose keys are
// accepted, and why.
type Allow struct {
	// Fingerprint is the SHA-256 of the whole key in 64 hex digits, or the
	// first 16 of them; "" if Path says what is meant.
	Fingerprint string
	// Path is a doublestar glob over paths from the top, '/'-separated. A key is
	// accepted only if all its places are.
	Path   string
	Reason string
	Owner  string // "": not said
	// Expires is the last second, in UTC, at which it counts. Zero: none.
	Expires time.Time
	Line    int // of its header, 1-based
}

// Expired reports whether a no longer counts.
func (a *Allow) Expired(now time.Time) bool { return !a.Expires.IsZero() && now.After(a.Expires) }

// IsFingerprint reports whether s has the form of Allow.Fingerprint.
func IsFingerprint(s string) bool {
	return (len(s) == 16 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func (a *Allow) matchesKey(fingerprint string) bool {
	return a.Fingerprint != "" && strings.HasPrefix(fingerprint, a.Fingerprint)
}

func (a *Allow) matchesAny(fingerprints []string) bool {
	return slices.ContainsFunc(fingerprints, a.matchesKey)
}

func (a *Allow) matchesPath(place string) bool { return doublestar.MatchUnvalidated(a.Path, place) }

func (a *Allow) suppression() *finding.Suppression {
	return &finding.Suppression{Kind: finding.KindConfig, Reason: a.Reason, Owner: a.Owner, Expires: a.Expires}
}
