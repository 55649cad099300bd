package scanner

import (
	"cmp"
	"path"
	"slices"

	"keysweep/finding"
)

// addNested notes which repositories are below t, a folder, without those in others.
func (t *target) addNested(folders []string) {
	if t.Kind != finding.TargetFolder {
		return
	}
	outer := map[string]bool{}
	for _, folder := range slices.Sorted(slices.Values(folders)) {
		above := path.Dir(folder)
		for above != "." && above != "/" && !outer[above] {
			above = path.Dir(above)
		}
		if !outer[above] {
			outer[folder] = true
			t.repositories = append(t.repositories, finding.Repository{Name: finding.Below(t.Name, folder)})
		}
	}
}

// repositories returns all that were scanned, or were to be, if they are several.
func (s *Prepared) repositories() (list []finding.Repository) {
	for _, t := range s.targets {
		if t.Kind == finding.TargetRepository && t.Scope == finding.ScopeWhole {
			t.repositories = []finding.Repository{{Name: t.Name, Failed: t.failed}}
		}
		list = append(list, t.repositories...)
	}
	if len(list) < 2 {
		return nil
	}
	slices.SortFunc(list, func(a, b finding.Repository) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
