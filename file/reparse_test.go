package file

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"
)

func TestWhatAReparsePointIs(t *testing.T) {
	for _, tt := range []struct {
		name string
		tag  uint32
		want Reparse
	}{
		{"symbolic link", 0xa000000c, ReparseLink},
		{"junction, volume mount", 0xa0000003, ReparseLink},
		{"link of WSL", 0xa000001d, ReparseLink},
		{"link of a container", 0xa0000027, ReparseLink},
		{"OneDrive", 0x9000001a, ReparseContent},
		{"OneDrive, another root", 0x9000701a, ReparseContent},
		{"ProjFS", 0x9000001c, ReparseContent},
		{"deduplicated", 0x80000013, ReparseContent},
		{"compressed by WOF", 0x80000017, ReparseContent},
		{"application link", 0x8000001b, ReparseContent},
		{"archived by HSM", 0xc0000004, ReparseContent},
		{"a driver that nobody knows", 0x00001234, ReparseContent},
		{"socket", 0x80000023, ReparseSpecial},
		{"FIFO of WSL", 0x80000024, ReparseSpecial},
		{"character device of WSL", 0x80000025, ReparseSpecial},
		{"block device of WSL", 0x80000026, ReparseSpecial},
	} {
		if got := ReparseOf(tt.tag); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestWhichAttributesSayThatAFileIsAway(t *testing.T) {
	for _, tt := range []struct {
		name       string
		attributes uint32
		want       bool
	}{
		{"ordinary", 0x20, false},
		{"read-only, hidden, system, reparse point", 0x1 | 0x2 | 0x4 | 0x400, false},
		{"pinned in OneDrive", 0x80000 | 0x400, false},
		{"not pinned, and here", 0x100000 | 0x400, false},
		{"offline", 0x1000, true},
		{"fetched when it is opened", 0x40000, true},
		{"fetched when it is read", 0x400000 | 0x400, true},
	} {
		if got := AwayOf(tt.attributes); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestWhichFlagsSayThatAFileOfMacOSIsAway(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags uint32
		want  bool
	}{
		{"none", 0, false},
		{"compressed, tracked, hidden", 0x20 | 0x40 | 0x8000, false},
		{"restricted, cannot be removed, firmlink", 0x80000 | 0x100000 | 0x800000, false},
		{"in iCloud alone", 0x40000000, true},
		{"in iCloud alone, and tracked", 0x40000000 | 0x40, true},
	} {
		if got := DatalessOf(tt.flags); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// reparsePoint returns the data of a link.
func reparsePoint(tag uint32, name string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, tag)
	text := utf16.Encode([]rune(name))
	b = append(b, 0, 0, 0, 0) // length, reserved
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, uint16(2*len(text)))
	b = append(b, 0, 0, 0, 0) // the name to print
	if tag == 0xa000000c {
		b = append(b, 0, 0, 0, 0) // flags
	}
	b = append(b, 'x', 0) // before the name
	for _, c := range text {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

func TestWhereALinkOfWindowsLeads(t *testing.T) {
	const junction, symlink, wsl = 0xa0000003, 0xa000000c, 0xa000001d
	for _, tt := range []struct {
		name string
		data []byte
		want string
		ok   bool
	}{
		{"a junction", reparsePoint(junction, `\??\C:\x`), `C:\x`, true},
		{"a volume", reparsePoint(junction, `\??\Volume{1}\`), `\\?\Volume{1}\`, true},
		{"an absolute link", reparsePoint(symlink, `\??\D:\ü`), `D:\ü`, true},
		{"a link to a share", reparsePoint(symlink, `\??\UNC\host\share`), `\\host\share`, true},
		{"a relative link", reparsePoint(symlink, `..\x`), `..\x`, true},
		{"a link to nothing", reparsePoint(symlink, ``), ``, true},
		{"a link of WSL", reparsePoint(wsl, `x`), ``, false},
		{"cut in the header", reparsePoint(symlink, `x`)[:19], ``, false},
		{"cut in the name", reparsePoint(symlink, `xyz`)[:26], ``, false},
		{"nothing", nil, ``, false},
	} {
		got, ok := ReparseTarget(tt.data)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: %q, %v; want %q, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzReparseTarget(f *testing.F) {
	f.Add(reparsePoint(0xa000000c, `\??\UNC\h\s`))
	f.Add(reparsePoint(0xa0000003, `\??\C:\`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if target, ok := ReparseTarget(data); !ok && target != "" {
			t.Errorf("%q, and not ok", target)
		}
	})
}
