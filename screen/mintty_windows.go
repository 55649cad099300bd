package screen

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// isMintty reports whether f is a terminal of mintty, which is a pipe to programs of
// Windows.
func isMintty(f *os.File) bool {
	h := windows.Handle(f.Fd())
	if kind, err := windows.GetFileType(h); err != nil || kind != windows.FILE_TYPE_PIPE {
		return false
	}
	var info struct { // FILE_NAME_INFO
		size uint32 // in bytes
		name [windows.MAX_PATH]uint16
	}
	if err := windows.GetFileInformationByHandleEx(h, windows.FileNameInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
		return false
	}
	return isPty(windows.UTF16ToString(info.name[:min(int(info.size/2), len(info.name))]))
}
