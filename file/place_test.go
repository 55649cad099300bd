package file

import (
	"errors"
	"strings"
	"testing"
)

func TestAPathIsJudgedByItsText(t *testing.T) {
	const elsewhere = "elsewhere" // the error
	for _, tt := range []struct{ system, text, want string }{
		{"windows", `\\Host\Share\a`, "//host/share"},
		{"windows", `//host/share`, "//host/share"},
		{"windows", `/\host/share\x`, "//host/share"},
		{"windows", `\\?\UNC\host\share\x`, "//host/share"},
		{"windows", `//./unc/host/share`, "//host/share"},
		{"windows", `\\host@SSL@8443\DavWWWRoot\x`, "//host@ssl@8443/davwwwroot"},
		{"windows", `\\wsl$\Debian\home`, "//wsl$/debian"},
		{"windows", `\\host`, elsewhere},
		{"windows", `\\host\`, elsewhere},
		{"windows", `\\`, elsewhere},
		{"windows", `\\\host\share`, elsewhere},
		{"windows", `\\?\C:\x`, elsewhere},
		{"windows", `\\?\GLOBALROOT\Device\Mup\host\share`, elsewhere},
		{"windows", `\\.\pipe\x`, elsewhere},
		{"windows", `\\.`, elsewhere},
		{"windows", `\??\UNC\host\share`, elsewhere},
		{"windows", `C:\x\..\y`, ""},
		{"windows", `c:/x`, ""},
		{"windows", `C:x`, elsewhere},
		{"windows", `C:`, elsewhere},
		{"windows", `\x`, ""},
		{"windows", `..\..\x`, ""},
		{"windows", `nul`, elsewhere},
		{"windows", `a\CON .txt\b`, elsewhere},
		{"windows", `a/com7.x`, elsewhere},
		{"windows", `a/lpt³`, elsewhere},
		{"windows", `conin$`, elsewhere},
		{"windows", `\\host\share\aux`, elsewhere},
		{"windows", `file:stream`, elsewhere},
		{"windows", `a\contract\common\com10\null.txt`, ""},
		{"windows", `.`, ""},
		{"windows", ``, ""},
		{"linux", `/home/x`, ""},
		{"linux", `//host/share`, ""}, // another way to write /host/share
		{"linux", `\\host\share`, ""}, // a name
		{"linux", `C:\x`, ""},
		{"linux", `aux`, ""},
		{"linux", `/net/host/x`, "/net/host"},
		{"linux", `//net//host`, "/net/host"},
		{"linux", `/net`, "/net"},
		{"linux", `/afs/cell/x`, "/afs/cell"},
		{"linux", `/x/../net/host`, "/net/host"},
		{"linux", `/network/x`, ""},
		{"linux", `/dev/tty`, elsewhere},
		{"linux", `/dev/../dev/fd/3`, elsewhere},
		{"linux", `/dev/shm/x`, ""},
		{"linux", `/dev/shm/../tty`, elsewhere},
		{"linux", `/device`, ""},
		{"linux", `/proc/self/cwd`, elsewhere},
		{"linux", `/sys`, elsewhere},
		{"linux", `../proc/1`, ""}, // judged again, when it is known from where
		{"darwin", `/Network/Servers/host`, "/network/servers"},
		{"darwin", `/NET/Host/x`, "/net/host"},
		{"darwin", `/DEV/fd/3`, elsewhere},
		{"darwin", `/Users/x`, ""},
	} {
		got, err := place(tt.system, tt.text)
		if errors.Is(err, ErrElsewhere) {
			got = elsewhere
		}
		if got != tt.want || (err != nil) != (tt.want == elsewhere) {
			t.Errorf("%s: place(%q) = %q, %v; want %q", tt.system, tt.text, got, err, tt.want)
		}
	}
}

func TestAShareThatTheUserNames(t *testing.T) {
	for _, tt := range []struct{ system, text, want string }{
		{"windows", `\\Host\Share`, "//host/share"},
		{"windows", `//host/share/`, "//host/share"},
		{"windows", `//host/share/below`, "//host/share"},
		{"linux", `//Host/Share`, "//host/share"},
		{"linux", `/net/host`, "/net/host"},
		{"linux", `/net`, ""},
		{"darwin", `/Network/Servers`, "/network/servers"},
		{"windows", `C:\x`, ""},
		{"windows", `\\host`, ""},
		{"linux", `/home`, ""},
		{"linux", ``, ""},
	} {
		got, err := ParseShare(tt.system, tt.text)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: ParseShare(%q) = %q, %v; want %q", tt.system, tt.text, got, err, tt.want)
		}
	}
}

func TestAPathIsMadeAbsoluteInOneWay(t *testing.T) {
	for _, tt := range []struct{ system, folder, text, want string }{
		{"linux", "/a/b", "c/../../d", "/a/d"},
		{"linux", "/a/b", "/c/", "/c"},
		{"linux", "/", "..", "/"},
		{"windows", `C:\a\b`, `..\c`, `C:\a\c`},
		{"windows", `C:\a\b`, `../../../../c`, `C:\c`},
		{"windows", `C:\a\b`, `\src\r`, `C:\src\r`},
		{"windows", `D:\a\b`, `/src/r/`, `D:\src\r`},
		{"windows", `C:\a`, `d:/x`, `d:\x`},
		{"windows", `C:\a`, `\\h\s\x\..\..\..\y`, `\\h\s\y`},
		{"windows", `\\h\s\a`, `..\..\..\b`, `\\h\s\b`},
		{"windows", `\\h\s\a`, `\b`, `\\h\s\b`},
		{"windows", `\\h\s`, `b`, `\\h\s\b`},
		{"windows", `\\?\C:\a`, `..\..\b`, `\\?\C:\b`},
		{"windows", `\\?\UNC\h\s\a`, `..\..\b`, `\\?\UNC\h\s\b`},
		{"windows", `C:\a`, ``, `C:\a`},
	} {
		if got := absolute(tt.system, tt.folder, tt.text); got != tt.want {
			t.Errorf("%s: %q in %q is %q, want %q", tt.system, tt.text, tt.folder, got, tt.want)
		}
	}
}

func TestWhatStartsAtARoot(t *testing.T) {
	for _, tt := range []struct {
		system, path string
		want         bool
	}{
		{"linux", "/x", true}, {"linux", `\x`, false}, {"linux", "C:/x", false}, {"linux", "", false},
		{"windows", `\src\r`, true}, {"windows", "/src/r", true}, {"windows", `C:\x`, true}, {"windows", `\\h\s`, true},
		{"windows", `x\y`, false}, {"windows", `..\x`, false}, {"windows", "", false},
	} {
		if got := rooted(tt.system, tt.path); got != tt.want {
			t.Errorf("%s: %q: %v", tt.system, tt.path, got)
		}
	}
}

func TestNamesKeepTheirEnds(t *testing.T) {
	for _, tt := range []struct{ system, path, want string }{
		{"windows", `C:\x.\y`, `\\?\C:\x.\y`},
		{"windows", `C:/x/y `, `\\?\C:\x\y `},
		{"windows", `\\h\s\x.`, `\\?\UNC\h\s\x.`},
		{"windows", `\\?\C:\x.`, `\\?\C:\x.`},
		{"windows", `C:\x\y.z`, `C:\x\y.z`},
		{"windows", `C:/x/aux`, `\\?\C:\x\aux`},
		{"windows", `C:\nul.pack\y`, `\\?\C:\nul.pack\y`},
		{"windows", `C:\x\null`, `C:\x\null`},
		{"windows", `C:\x\..\y\.`, `C:\x\..\y\.`},
		{"linux", `/x./y `, `/x./y `},
	} {
		got := exact(tt.system, tt.path)
		if got != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.system, tt.path, got, tt.want)
		}
		if back := inexact(tt.system, got); tt.system == "windows" && back != inexact(tt.system, strings.ReplaceAll(tt.path, "/", `\`)) {
			t.Errorf("%q and back is %q", tt.path, back)
		}
	}
}

func TestATypedPathIsThatOfTheFile(t *testing.T) {
	for _, tt := range []struct{ system, path, want string }{
		{"linux", "w/x.", "w/x."},
		{"windows", "w/x", "w/x"},
		{"windows", "w/x.", `\\?\C:\here\w\x.`},
		{"windows", `w\d \y`, `\\?\C:\here\w\d \y`},
		{"windows", "con", `\\?\C:\here\con`},
		{"windows", `..\aux.txt`, `\\?\C:\aux.txt`},
		{"windows", `.`, `.`},
		{"windows", `..\`, `..\`},
		{"windows", `\\.\pipe\x`, `\\.\pipe\x`},
		{"windows", `\\?\C:\x.`, `\\?\C:\x.`},
	} {
		if got := typed(tt.system, `C:\here`, tt.path); got != tt.want {
			t.Errorf("%s: %q is %q, want %q", tt.system, tt.path, got, tt.want)
		}
	}
}
