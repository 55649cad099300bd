package finding

import "testing"

func TestKeysAndSkipsBelongToTheOutermostRepository(t *testing.T) {
	repositories := func() []Repository {
		return []Repository{{Name: "w/a"}, {Name: "w/a-b"}, {Name: "w/x:y"}, {Name: "https://git.example/c"}, {Name: "gone", Failed: "no answer"}}
	}
	key := func(suppressed bool, at ...Occurrence) *Finding {
		f := &Finding{Listed: at}
		if suppressed {
			f.Suppressed = &Suppression{}
		}
		return f
	}
	in := func(target, folder, path string) Occurrence {
		return Occurrence{Target: target, Folder: folder, Path: path}
	}
	for _, c := range []struct {
		name       string
		findings   []*Finding
		skipped    []Skipped
		keys       string // of each, in their order
		incomplete string
	}{
		{"nothing", nil, nil, "00000", "....x"},
		{"a file of a working tree", []*Finding{key(false, in("w", "", "a/file"))}, nil, "10000", "....x"},
		{"a blob", []*Finding{key(false, in("w", "a", "file"))}, nil, "10000", "....x"},
		{"a repository in another", []*Finding{key(false, in("w", "a/lib", "file"))}, nil, "10000", "....x"},
		{"a message of a commit", []*Finding{key(false, in("w", "a-b", ""))}, nil, "01000", "....x"},
		{"an address", []*Finding{key(false, in("https://git.example/c", "", "w/a/file"))}, nil, "00010", "....x"},
		{"a name with a colon", []*Finding{key(false, in("w", "", "x:y/file"))}, nil, "00100", "....x"},
		{"a file in none", []*Finding{key(false, in("w", "", "file"), in("w", "", "ab/file"))}, nil, "00000", "....x"},
		{"two places of one key and another key", []*Finding{key(false, in("w", "a", "1"), in("w", "", "a/2"), in("w", "a-b", "1")), key(false, in("w", "a", "1"))}, nil, "21000", "....x"},
		{"an accepted key", []*Finding{key(true, in("w", "a", "1"))}, nil, "00000", "....x"},
		{"an object", nil, []Skipped{{Reason: ReasonDamaged, Target: "w", Folder: "a", Detail: "repository a: an object"}}, "00000", "x...x"},
		{"a file without its target", nil, []Skipped{{Reason: ReasonUnreadable, Detail: "a-b/file: permission denied"}}, "00000", ".x..x"},
		{"a file of one of several targets", nil, []Skipped{{Reason: ReasonUnreadable, Target: "w", Detail: "w: a-b/file: permission denied"}}, "00000", ".x..x"},
		{"an unknown place of a target", nil, []Skipped{{Reason: ReasonDamaged, Target: "w", Detail: "w: index of /home/w/a"}}, "00000", "xxx.x"},
		{"an unknown place of a target whose name begins another's", nil, []Skipped{{Reason: ReasonDamaged, Target: "w/x", Detail: "w/x: index"}}, "00000", "....x"},
		{"a repository itself", nil, []Skipped{{Reason: ReasonUnreadable, Detail: "a: permission denied"}}, "00000", "x...x"},
		{"something noted", nil, []Skipped{{Reason: ReasonExcluded, Target: "w", Folder: "a"}}, "00000", "....x"},
		{"a signal", nil, []Skipped{{Reason: ReasonInterrupted, Detail: "signal"}}, "00000", "xxxxx"},
	} {
		r := &Result{Targets: []Target{{Name: "w"}}, Findings: c.findings, Skipped: c.skipped, Repositories: repositories()}
		for range 2 { // counting again changes nothing
			r.CountRepositories()
		}
		keys, incomplete := "", ""
		for _, repo := range r.Repositories {
			keys += string(rune('0' + repo.Keys))
			incomplete += map[bool]string{true: ".", false: "x"}[repo.Complete]
		}
		if keys != c.keys || incomplete != c.incomplete {
			t.Errorf("%s: keys %s, not %s; incomplete %s, not %s", c.name, keys, c.keys, incomplete, c.incomplete)
		}
	}
	r := &Result{Targets: []Target{{Name: "."}}, Repositories: []Repository{{Name: "a"}}, Findings: []*Finding{key(false, in(".", "", "a/file"))}}
	if r.CountRepositories(); r.Repositories[0].Keys != 1 {
		t.Error("below the working directory")
	}
}
