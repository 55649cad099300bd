package doctor

import (
	"bytes"
	"encoding/binary"
	"runtime/debug"
	"strings"

	"keysweep/file"
)

// The Go linker writes into each program, at a multiple of 16 bytes:
//
//	14 bytes   magic
//	 1 byte    size of a pointer, not used
//	 1 byte    flags; 2: what follows are the strings themselves
//	16 bytes   not used
//	           the version of Go: its length as a varint, its bytes
//	           the modules: likewise, within 16 bytes of frame on either side
//
// debug/buildinfo reads this too, through the formats of six systems; linking
// those makes every start of the program slower. See runtime/debug.BuildInfo.
const (
	buildMagic  = "\xff Go buildinf:"
	buildHeader = 32
	buildFrame  = 16
	inline      = 2
	maxProgram  = 256 << 20 // of which we are a tenth
)

// builtFrom returns the version and commit in the file of a program of ours. It
// returns false for any other program, and for a script.
func builtFrom(path string) (string, bool) {
	program, err := file.Read(path, maxProgram)
	if err != nil {
		return "", false
	}
	for at := 0; ; at++ {
		i := bytes.Index(program[at:], []byte(buildMagic))
		if i < 0 {
			return "", false
		}
		at += i
		if info, ok := parseBuild(program[at:]); ok && at%16 == 0 {
			return describeBuild(info), info.Main.Path == "keysweep"
		}
	}
}

// parseBuild reads what starts with buildMagic.
func parseBuild(b []byte) (*debug.BuildInfo, bool) {
	if len(b) < buildHeader || b[len(buildMagic)+1]&inline == 0 {
		return nil, false
	}
	_, rest, ok := cutString(b[buildHeader:])
	if !ok {
		return nil, false
	}
	modules, _, ok := cutString(rest)
	if !ok || len(modules) < 2*buildFrame {
		return nil, false
	}
	info, err := debug.ParseBuildInfo(modules[buildFrame : len(modules)-buildFrame])
	return info, err == nil
}

// cutString takes a string with its length in front.
func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return "", nil, false
	}
	b = b[used:]
	return string(b[:n]), b[n:], true
}

func describeBuild(info *debug.BuildInfo) string {
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " of " + s.Value[:min(12, len(s.Value))]
		}
	}
	return strings.TrimSpace(version)
}
