package doctor

import (
	"debug/buildinfo"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

func TestABuildIsReadAsTheGoCommandReadsIt(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := buildinfo.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := parseBuild(text)
	if !ok {
		t.Fatal("no build in this program")
	}
	want.GoVersion = "" // is not in the list
	if got.String() != want.String() {
		t.Errorf("%s, want %s", got, want)
	}
	if _, ours := builtFrom(exe); ours != (want.Main.Path == "keysweep") {
		t.Errorf("%s is ours: %v", want.Main.Path, ours)
	}
}

func framed(modules string) []byte {
	start, _ := hex.DecodeString(buildStart)
	end, _ := hex.DecodeString(buildEnd)
	return append(append(start, modules...), end...)
}

func FuzzParseBuild(f *testing.F) {
	whole := framed("path\tkeysweep\nmod\tkeysweep\t(devel)\t\nbuild\tvcs.revision=0123456789abcdef\n")
	f.Add(whole)
	f.Add(whole[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		info, ok := parseBuild(b)
		if ok {
			_ = describeBuild(info)
		}
	})
	if info, ok := parseBuild(whole); !ok || describeBuild(info) != "(devel) of 0123456789ab" {
		f.Errorf("%+v, %v", info, ok)
	}
}

func TestAFileThatIsNoProgramHasNoBuild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "script")
	for _, text := range []string{"", "#!/bin/sh\n", string(framed("")), string(framed("\xff\xff")), string(framed("mod\tkeysweep\n")[:20])} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if got, ok := builtFrom(path); ok {
			t.Errorf("%q: %s", text, got)
		}
	}
}
