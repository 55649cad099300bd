package exceptions

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"keysweep/finding"
)

// Allow is an [[allow]] of a configuration: a key, the files whose keys are
// accepted, or a key in some files alone, and why.
type Allow struct {
	// Fingerprint is the SHA-256 of the whole key in 64 hex digits, or the
	// first 16 of them; "": of any key.
	Fingerprint string
	// Path is a doublestar glob over paths from the top, '/'-separated. A key is
	// accepted only if all its occurrences are. "": wherever the key is.
	Path   string
	Reason string
	Owner  string // "": not said
	// Expires is the last second, in UTC, at which it counts. Zero: none.
	Expires time.Time
	Line    int // of its header, 1-based
}

// Expired reports whether a no longer counts.
func (a *Allow) Expired(now time.Time) bool { return !a.Expires.IsZero() && now.After(a.Expires) }

// ParseExpires returns the last second, in UTC, of a day as 2026-01-31: until then an
// entry that expires that day counts.
func ParseExpires(day string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, day)
	return t.Add(24*time.Hour - time.Second), err
}

// outlasts reports whether a counts for as long as b, or longer.
func (a *Allow) outlasts(b *Allow) bool {
	return a.Expires.IsZero() || !b.Expires.IsZero() && !b.Expires.After(a.Expires)
}

// IsFingerprint reports whether s has the form of Allow.Fingerprint.
func IsFingerprint(s string) bool {
	return (len(s) == 16 || len(s) == 64) && isHex(s)
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// Names reports whether a names the key with this fingerprint, of 64 digits.
func (a *Allow) Names(fingerprint string) bool {
	return a.Fingerprint != "" && strings.HasPrefix(fingerprint, a.Fingerprint)
}

// Entry names what a accepts, for people.
func (a *Allow) Entry() string {
	if a.Fingerprint != "" && a.Path != "" {
		return a.Fingerprint[:16] + " in " + a.Path
	}
	return cmp.Or(a.Path, a.Fingerprint)
}

// isIn reports whether a names one of these keys; fingerprints are sorted.
func (a *Allow) isIn(fingerprints []string) bool {
	i, _ := slices.BinarySearch(fingerprints, a.Fingerprint)
	return i < len(fingerprints) && a.Names(fingerprints[i])
}

// exception returns a, of a configuration called file, for reports.
func (a *Allow) exception(file string, p finding.ExceptionProblem) finding.Exception {
	return finding.Exception{Kind: finding.KindConfig, File: file, Line: a.Line, Entry: a.Entry(), Problem: p,
		Reason: a.Reason, Owner: a.Owner, Expires: a.Expires}
}

// Added returns the exceptions that after has and before lacks, or has with
// less effect: what a commit accepts anew, for people to see. The words alone
// changed make none. Problem is not set.
func Added(before, after *Set) (list []finding.Exception) {
	type subject struct{ path, fingerprint string }
	lasting := make(map[subject]Allow, len(before.Allows))
	for _, b := range before.Allows {
		s := subject{b.Path, b.Fingerprint}
		if old, ok := lasting[s]; !ok || b.outlasts(&old) {
			lasting[s] = b
		}
	}
	for i := range after.Allows {
		a := &after.Allows[i]
		if b, ok := lasting[subject{a.Path, a.Fingerprint}]; !ok || !b.outlasts(a) {
			list = append(list, a.exception(after.File, ""))
		}
	}
	for _, l := range after.Baseline.Lines() {
		if before.Baseline.Line(l.Fingerprint) == nil {
			list = append(list, l.exception(after.Baseline.Name, ""))
		}
	}
	return list
}
