package exceptions

import (
	"cmp"
	"slices"
	"time"

	"keysweep/finding"
)

// Added returns the exceptions that after has and before lacks, or has with
// less effect: what a commit accepts anew, for people to see. The words alone
// changed make none. Problem is not set.
func Added(before, after *Set) []finding.Exception {
	var list []finding.Exception
	for i := range after.Allows {
		a := &after.Allows[i]
		covered := slices.ContainsFunc(before.Allows, func(b Allow) bool {
			return b.Path == a.Path && b.Fingerprint == a.Fingerprint && !later(a.Expires, b.Expires)
		})
		if !covered {
			list = append(list, finding.Exception{Kind: finding.KindConfig, File: after.File, Line: a.Line, Entry: cmp.Or(a.Path, a.Fingerprint),
				Reason: a.Reason, Owner: a.Owner, Expires: a.Expires})
		}
	}
	for _, l := range after.Baseline.Lines() {
		if before.Baseline.Line(l.Fingerprint) == nil {
			list = append(list, finding.Exception{Kind: finding.KindBaseline, File: after.Baseline.Name, Line: l.Number, Entry: l.Fingerprint[:16], Reason: l.Reason})
		}
	}
	return list
}

// later reports whether a counts for longer than b; zero is for ever.
func later(a, b time.Time) bool {
	return !b.IsZero() && (a.IsZero() || a.After(b))
}
