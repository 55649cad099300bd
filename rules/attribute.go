package rules

import (
	"fmt"
	"slices"

	"keysweep/finding"
	"keysweep/rules/ascii"
)

// rank sorts the evidence of one place, keeps the best of each issuer, and
// says which of it is beaten.
func (a *attributor) rank(shapes []string, list []Evidence) []Evidence {
	slices.SortFunc(list, compareEvidence)
	kept := list[:0]
	for _, e := range list {
		if !slices.ContainsFunc(kept, func(k Evidence) bool { return k.Issuer == e.Issuer }) {
			kept = append(kept, e)
		}
	}
	best := -1
	for i := range kept {
		e := &kept[i]
		switch {
		case a.contradicts(*e, shapes):
			e.Weaker = true
		case best < 0:
			best = i
			if e.Kind == EvidenceFile && e.Distance > hostReach && a.speaksBeside(kept[i+1:], shapes) {
				e.Kind = EvidenceBeside // as good as what stands beside the key
			}
		default:
			e.Weaker = !similar(kept[best], *e)
		}
	}
	return kept
}

// speaksBeside reports whether list has evidence of the weakest kind that the
// body does not contradict.
func (a *attributor) speaksBeside(list []Evidence, shapes []string) bool {
	return slices.ContainsFunc(list, func(e Evidence) bool { return e.Kind == EvidenceBeside && !a.contradicts(e, shapes) })
}

// similar reports whether evidence b, for another issuer, is as good as a.
func similar(a, b Evidence) bool {
	if a.Kind != b.Kind {
		return false
	}
	return a.Kind == EvidenceShape || a.Kind == EvidenceBeside || b.Distance <= similarFactor*a.Distance+similarBytes
}

// contradicts reports whether the body speaks against e: documented bodies of
// its issuer look otherwise, and e is no proof.
func (a *attributor) contradicts(e Evidence, shapes []string) bool {
	return e.Kind != EvidenceShape && a.documented[e.Issuer] && !slices.Contains(shapes, e.Issuer)
}

// PathEvidence returns which issuers the path of a file names. It separates
// parts by '/'.
func (s *Set) PathEvidence(path string) []Evidence {
	a := &s.compiled().attributor
	b := []byte(path)
	var around surroundings
	around.scanWords(a, b)
	var list []Evidence
	for _, u := range around.used {
		for _, m := range around.marks[u] {
			list = append(list, Evidence{
				Issuer: a.sources[u].issuer, Kind: EvidencePath, Distance: len(b) - m.end,
				Text: fmt.Sprintf("%s in the path %s", b[m.start:m.end], path),
			})
		}
	}
	slices.SortFunc(list, compareEvidence)
	return slices.CompactFunc(list, func(a, b Evidence) bool { return a.Issuer == b.Issuer })
}

// scanWords is scan for a path: names need be no more than whole words at the
// start of a part.
func (s *surroundings) scanWords(a *attributor, b []byte) {
	s.scan(a, b, 0, 0) // sizes marks
	for _, c := range b {
		s.folded = append(s.folded, ascii.Fold(c))
	}
	for at := range a.finder.All(s.folded) {
		for _, l := range a.finder.AppendAt(nil, s.folded, at) {
			end := at + len(a.finder.Literals()[l])
			kind := a.sources[l].kind
			m, ok := mark{start: at, end: end}, false
			switch kind {
			case sourceHost:
				m, ok = hostAt(b, at, end)
			case sourceName:
				ok = isWholeWord(b, at, end) && (at == 0 || b[at-1] == '/')
			case sourceWord:
				ok = isWholeWord(b, at, end)
			case sourceNot:
				ok = true
			}
			if ok {
				if len(s.marks[l]) == 0 {
					s.used = append(s.used, l)
				}
				s.marks[l] = append(s.marks[l], m)
			}
		}
	}
	s.dropVoid(a)
	s.used = slices.DeleteFunc(s.used, func(u int) bool { return a.sources[u].kind == sourceNot })
	slices.Sort(s.used)
}

// Attribute decides whose a key is from the issuers whose documented shape it
// has and from the evidence of all its places: a shape that nobody else has;
// else what carries the key, its URL or header; else the issuer that evidence
// at every place agrees on, where a mere mention in the file yields to anything
// nearer; else the path, if what stands beside the key does not speak for
// somebody else. It returns
// finding.IssuerAmbiguous if two issuers are left, finding.IssuerUnknown if
// none is, and the evidence in words, strongest first. The order of ev does
// not matter.
func (s *Set) Attribute(shapes []string, ev []Evidence) (issuer string, why []string) {
	a := &s.compiled().attributor
	list := slices.Clone(ev)
	slices.SortFunc(list, compareEvidence)
	list = slices.DeleteFunc(list, func(e Evidence) bool { return a.contradicts(e, shapes) || e.Weaker })
	for _, kinds := range [...][2]EvidenceKind{
		{EvidenceShape, EvidenceShape}, {EvidenceCarrier, EvidenceCarrier}, {EvidenceTwin, EvidenceHost},
		{EvidenceFile, EvidenceFile}, {EvidenceBeside, EvidencePath},
	} {
		var issuers, words []string
		beside := true // nothing but what belongs to a neighbour
		for _, e := range list {
			if e.Kind < kinds[0] || e.Kind > kinds[1] {
				continue
			}
			beside = beside && e.Kind == EvidenceBeside
			if !slices.Contains(issuers, e.Issuer) {
				issuers = append(issuers, e.Issuer)
				words = append(words, e.Issuer+": "+e.Text)
			}
		}
		switch len(issuers) {
		case 0:
		case 1:
			if beside {
				return finding.IssuerUnknown, nil
			}
			return issuers[0], words
		default:
			return finding.IssuerAmbiguous, words
		}
	}
	return finding.IssuerUnknown, nil
}
