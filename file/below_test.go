package file

import (
	"path/filepath"
	"testing"
)

func TestWhatIsBelowAFolder(t *testing.T) {
	for _, tt := range []struct {
		folder, path, rel string
		ok                bool
	}{
		{"/a", "/a", ".", true},
		{"/a", "/a/b/c", "b/c", true},
		{"/a", "/a/..b", "..b", true},
		{"/", "/a", "a", true},
		{"/a", "/ab", "", false},
		{"/a", "/", "", false},
		{"/a/b", "/a/c", "", false},
		{"a", "a/b/../c", "c", true},
		{"a", "/a", "", false},                        // one absolute, one not
		{"/a", "/a/con/nul.txt", "con/nul.txt", true}, // names of devices for Windows
	} {
		rel, ok := Below(filepath.FromSlash(tt.folder), filepath.FromSlash(tt.path))
		if ok != tt.ok || ok && filepath.ToSlash(rel) != tt.rel {
			t.Errorf("%s in %s: %q, %v", tt.path, tt.folder, rel, ok)
		}
	}
}

func TestNamesOnDisksThatIgnoreCase(t *testing.T) {
	for _, tt := range []struct {
		system, a, b string
		want         bool
	}{
		{"linux", "/r.json", "/R.JSON", false}, {"linux", "/r", "/r", true},
		{"darwin", "/r.json", "/R.JSON", true}, {"windows", `C:\r.json`, `c:\R.JSON`, true},
		{"windows", `C:\r`, `C:\s`, false},
	} {
		if got := SameName(tt.system, tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %s and %s: %v", tt.system, tt.a, tt.b, got)
		}
	}
}
