package file

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// A reparse point of Windows is a file or folder with a tag that says which driver
// makes something else of it ([MS-FSCC], 2.1.2.1).

// Reparse is what a reparse point is for us.
type Reparse uint8

// The classes.
const (
	// ReparseContent is a file or folder, by its attribute: a driver keeps the
	// content elsewhere or compressed (OneDrive, ProjFS, deduplication).
	ReparseContent Reparse = iota
	// ReparseLink stands for another name: a symbolic link, junction or volume mount.
	ReparseLink
	// ReparseSpecial is a socket, FIFO or device of WSL.
	ReparseSpecial
)

// ReparseOf returns the class of a tag.
func ReparseOf(tag uint32) Reparse {
	const nameSurrogate = 1 << 29
	switch tag {
	case 0x80000023, 0x80000024, 0x80000025, 0x80000026: // AF_UNIX, LX_FIFO, LX_CHR, LX_BLK
		return ReparseSpecial
	}
	if tag&nameSurrogate != 0 {
		return ReparseLink
	}
	return ReparseContent
}

// AwayOf reports whether attributes of a file say that its content is not on this
// disk: FILE_ATTRIBUTE_OFFLINE, RECALL_ON_OPEN, RECALL_ON_DATA_ACCESS.
func AwayOf(attributes uint32) bool { return attributes&(0x1000|0x40000|0x400000) != 0 }

// DatalessOf reports whether the flags of a file of macOS (st_flags) say the same:
// SF_DATALESS, of iCloud and its like.
func DatalessOf(flags uint32) bool { return flags&0x40000000 != 0 }

// ReparseTarget returns what a link leads to, from the data of its reparse point
// ([MS-FSCC], 2.1.2.4 and 2.1.2.5), with the names of the object manager taken off:
//
//	4 tag | 2 length | 2 | 2 offset and 2 length of the name | 4 | 4 flags, not of a junction | UTF-16
//
// ok is false for links of other kinds, and for what does not decode.
func ReparseTarget(data []byte) (target string, ok bool) {
	const junction, symlink = 0xa0000003, 0xa000000c
	at := 16
	switch {
	case len(data) < 20:
		return "", false
	case binary.LittleEndian.Uint32(data) == symlink:
		at = 20
	case binary.LittleEndian.Uint32(data) != junction:
		return "", false
	}
	from := at + int(binary.LittleEndian.Uint16(data[8:]))
	size := int(binary.LittleEndian.Uint16(data[10:]))
	if size > len(data)-from || size%2 != 0 {
		return "", false
	}
	name := make([]uint16, size/2)
	for i := range name {
		name[i] = binary.LittleEndian.Uint16(data[from+2*i:])
	}
	target = string(utf16.Decode(name))
	if rest, ok := strings.CutPrefix(target, `\??\`); ok {
		switch {
		case len(rest) > 1 && rest[1] == ':':
			return rest, true
		case strings.HasPrefix(strings.ToUpper(rest), `UNC\`):
			return `\\` + rest[4:], true
		}
		return `\\?\` + rest, true
	}
	return target, true
}
