package scanner

import (
	"strings"
	"testing"

	"keysweep/finding"
)

func TestRepositoriesInOthersAreNoneOfTheirOwn(t *testing.T) {
	for given, want := range map[string]string{
		"":                        "",
		"a":                       "w/a",
		"a/c a-b a":               "w/a w/a-b",
		"x/y/z/deep x/y x/yy":     "w/x/y w/x/yy",
		"a/.git/modules/lib a b/": "w/a w/b/",
	} {
		folder := &target{Target: finding.Target{Name: "w", Kind: finding.TargetFolder}}
		folder.addNested(strings.Fields(given))
		var got []string
		for _, r := range folder.repositories {
			got = append(got, r.Name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v", given, got)
		}
	}
	whole := &target{Target: finding.Target{Name: "w", Kind: finding.TargetRepository}}
	if whole.addNested([]string{"lib"}); whole.repositories != nil {
		t.Error("a repository's own", whole.repositories)
	}
}
