package scanner

import (
	"maps"
	"path/filepath"
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

// Of several targets, what was not read says of which one it is.
func TestWhatWasNotReadNamesItsTarget(t *testing.T) {
	dir := t.TempDir()
	origin := newRepo(t, filepath.Join(dir, "origin"))
	k := keysOf(1, 5)
	write(t, filepath.Join(origin.dir, "a.env"), "A="+k[0]+"\n")
	origin.commit("one")
	write(t, filepath.Join(origin.dir, "sealed"), "Salted__12345678\x00\x01\x02\x03")
	origin.commit("two")
	shallow := filepath.Join(dir, "shallow")
	origin.git("clone", "-q", "--depth=1", "file://"+filepath.ToSlash(origin.dir), shallow)
	sealed := filepath.Join(shallow, "sealed")

	for _, tt := range []struct {
		name   string
		paths  []string
		prefix map[finding.Reason]string
	}{
		{"one target", []string{shallow}, map[finding.Reason]string{finding.ReasonShallow: "commits whose", finding.ReasonEncrypted: ""}},
		{"several", []string{origin.dir, shallow}, map[finding.Reason]string{finding.ReasonShallow: shallow + ": commits whose", finding.ReasonEncrypted: dir}},
		{"a file among several", []string{t.TempDir(), sealed}, map[finding.Reason]string{finding.ReasonEncrypted: sealed + ": OpenSSL"}},
	} {
		met := map[finding.Reason]bool{}
		for _, s := range scanAll(t, Options{Paths: tt.paths}).Skipped {
			met[s.Reason] = true
			if !strings.HasPrefix(s.Detail, tt.prefix[s.Reason]) {
				t.Errorf("%s: %s %q", tt.name, s.Reason, s.Detail)
			}
		}
		for reason := range tt.prefix {
			if !met[reason] {
				t.Errorf("%s: nothing is %s", tt.name, reason)
			}
		}
	}
	// What lacks in one does not make the others incomplete.
	write(t, filepath.Join(shallow, ".git", "index"), "damaged")
	folder := filepath.Join(dir, "folder")
	for _, name := range []string{"a", "b"} {
		r := newRepo(t, filepath.Join(folder, name))
		write(t, filepath.Join(r.dir, "x"), name)
		r.commit("one")
	}
	write(t, filepath.Join(folder, "b", ".git", "objects", "11", strings.Repeat("1", 38)), "damaged")
	res := scanAll(t, Options{Paths: []string{origin.dir, shallow, folder}})
	res.CountRepositories()
	complete := map[string]bool{}
	for _, r := range res.Repositories {
		complete[r.Name] = r.Complete
	}
	want := map[string]bool{origin.dir: true, shallow: false, filepath.Join(folder, "a"): true, filepath.Join(folder, "b"): false}
	if !maps.Equal(complete, want) {
		t.Errorf("complete are %v; not read: %v", complete, res.Skipped)
	}
}
