package file

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
