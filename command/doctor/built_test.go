package doctor

import (
	"bytes"
	"debug/buildinfo"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
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
	found := false
	for at := 0; ; at++ {
		i := bytes.Index(text[at:], []byte(buildMagic))
		if i < 0 {
			break
		}
		at += i
		if got, ok := parseBuild(text[at:]); ok && at%16 == 0 && !found {
			found = true
			if describeBuild(got) != describeBuild(want) || got.Main.Path != want.Main.Path {
				t.Errorf("%s of %s, want %s of %s", describeBuild(got), got.Main.Path, describeBuild(want), want.Main.Path)
			}
		}
	}
	if !found {
		t.Error("no build in this program")
	}
	if _, ours := builtFrom(exe); ours != (want.Main.Path == "keysweep") {
		t.Errorf("%s is ours: %v", want.Main.Path, ours)
	}
}

func FuzzParseBuild(f *testing.F) {
	frame := strings.Repeat("x", buildFrame)
	modules := frame + "path\tkeysweep\nmod\tkeysweep\t(devel)\t\nbuild\tvcs.revision=0123456789abcdef\n" + frame
	whole := []byte(buildMagic + "\x08\x02" + strings.Repeat("\x00", 16) + "\x04go1x")
	whole = append(binary.AppendUvarint(whole, uint64(len(modules))), modules...)
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
	for _, text := range []string{"", "#!/bin/sh\n", buildMagic, buildMagic + "\x08\x02" + strings.Repeat("\xff", 40)} {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		if got, ok := builtFrom(path); ok {
			t.Errorf("%q: %s", text, got)
		}
	}
}
