package file

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrElsewhere is wrapped by the error for a path that may lead to another host or
// to a device. To open one makes the system connect, or does what the device does.
var ErrElsewhere = errors.New("not followed")

// place returns the share that path names on a system (a GOOS), "" if it names
// none, going by the text alone. A share is //host/share in lower case, or where
// an automounter shows another host, /net/host or /afs/cell. The error wraps ErrElsewhere: the
// path names a device, a stream of a file, or no file at all.
func place(system, text string) (share string, err error) {
	if system == "windows" {
		return windowsPlace(strings.ReplaceAll(text, `\`, "/"))
	}
	clean := path.Clean(text)
	if system == "darwin" {
		clean = strings.ToLower(clean) // most of its disks ignore case
	}
	switch top, rest, _ := strings.Cut(strings.TrimLeft(clean, "/"), "/"); {
	case !path.IsAbs(clean), below(clean, "/dev/shm"):
		return "", nil
	case top == "dev" || top == "proc" || top == "sys":
		return "", fmt.Errorf("%w: /%s is no folder of a disk", ErrElsewhere, top)
	case top == "net" || top == "afs" || system == "darwin" && top == "network":
		host, _, _ := strings.Cut(rest, "/")
		return path.Join("/", top, host), nil
	}
	return "", nil
}

func below(text, folder string) bool {
	return text == folder || strings.HasPrefix(text, folder+"/")
}

// windowsPlace is place for a path with '/' as its separator. See "Naming Files,
// Paths, and Namespaces" in Microsoft's documentation.
func windowsPlace(text string) (share string, err error) {
	device := fmt.Errorf("%w: a device", ErrElsewhere)
	switch {
	case strings.HasPrefix(text, "/??/"):
		return "", device
	case strings.HasPrefix(text, "//"):
		rest := text[2:]
		if len(rest) >= 6 && (rest[0] == '?' || rest[0] == '.') && strings.EqualFold(rest[1:6], "/UNC/") {
			rest = rest[6:]
		} else if name, _, _ := strings.Cut(rest, "/"); name == "?" || name == "." {
			return "", device // //?/C:/x too: git writes no such path
		}
		host, rest, _ := strings.Cut(rest, "/")
		name, rest, _ := strings.Cut(rest, "/")
		if host == "" || name == "" {
			return "", fmt.Errorf("%w: another host", ErrElsewhere)
		}
		share, text = strings.ToLower("//"+host+"/"+name), rest
	}
	if len(text) >= 2 && text[1] == ':' && isLetter(text[0]) && share == "" {
		if text = text[2:]; !strings.HasPrefix(text, "/") {
			return "", fmt.Errorf("%w: relative to a drive", ErrElsewhere)
		}
	}
	for name := range strings.SplitSeq(text, "/") {
		if reserved(name) {
			return "", device
		}
	}
	return share, nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// reserved reports whether Windows takes a name in any folder for a device, or for
// a stream of a file (x:y).
func reserved(name string) bool {
	return strings.Contains(name, ":") || isDevice(name)
}

// isDevice reports whether Windows takes a name for a device.
func isDevice(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	name = strings.TrimRight(name, " ")
	for _, device := range [...]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"} {
		if strings.EqualFold(name, device) {
			return true
		}
	}
	if len(name) < 4 || !strings.EqualFold(name[:3], "COM") && !strings.EqualFold(name[:3], "LPT") {
		return false
	}
	switch number := name[3:]; number {
	case "¹", "²", "³":
		return true
	default:
		return len(number) == 1 && number[0] >= '0' && number[0] <= '9'
	}
}

// ParseShare returns the share that a user names, as place has it: //HOST/SHARE, or
// /net/HOST where there are automounters.
func ParseShare(system, text string) (string, error) {
	share, err := place(system, text)
	if system != "windows" && strings.HasPrefix(text, "//") {
		// The same file system on all systems: an option in a script.
		share, err = windowsPlace(text)
	}
	if err != nil || strings.Count(share, "/") < 2 {
		return "", errors.New("it must be //HOST/SHARE")
	}
	return share, nil
}

// Absolute returns path as an absolute path: below folder, which is absolute, unless
// it is Rooted.
func Absolute(folder, path string) string { return absolute(runtime.GOOS, folder, path) }

// Rooted reports whether path starts at a root: on Windows also at that of the
// current drive, which filepath.IsAbs denies.
func Rooted(path string) bool { return rooted(runtime.GOOS, path) }

func rooted(system, text string) bool {
	if system != "windows" {
		return path.IsAbs(text)
	}
	return text != "" && (text[0] == '/' || text[0] == '\\') || len(text) > 1 && text[1] == ':'
}

// absolute returns text, a path of a system, as an absolute path: as it is, on the
// drive of folder if it only names no drive, else below folder, which is absolute.
func absolute(system, folder, text string) string {
	if system != "windows" {
		if path.IsAbs(text) {
			return path.Clean(text)
		}
		return path.Join(folder, text)
	}
	text = strings.ReplaceAll(text, `\`, "/")
	folder = strings.ReplaceAll(folder, `\`, "/")
	switch drive := len(text) >= 2 && text[1] == ':'; {
	case strings.HasPrefix(text, "//") || drive:
	case strings.HasPrefix(text, "/"):
		text = volume(folder) + text
	default:
		text = folder + "/" + text
	}
	head := volume(text)
	return strings.ReplaceAll(head+path.Clean("/"+text[len(head):]), "/", `\`)
}

// volume returns the volume that path, with '/', starts with: C:, //host/share,
// //?/C:, //?/UNC/host/share, or "".
func volume(text string) string {
	names := 2
	switch {
	case len(text) >= 2 && text[1] == ':':
		return text[:2]
	case !strings.HasPrefix(text, "//"):
		return ""
	case strings.HasPrefix(strings.ToUpper(text), "//?/UNC/"):
		names = 4
	}
	end := 2
	for ; names > 0 && end < len(text); names-- {
		n := strings.IndexByte(text[end:], '/')
		if n < 0 {
			return text
		}
		end += n + 1
	}
	return text[:end-1]
}

// Exact returns an absolute path in a form in which Windows takes names as they are:
// in C:\x.\y it would look in C:\x, and C:\x\aux is a device.
func Exact(path string) string { return exact(runtime.GOOS, path) }

func exact(system, path string) string {
	if system != "windows" || strings.HasPrefix(path, long) {
		return path
	}
	for name := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '\\' || r == '/' }) {
		if end := name[len(name)-1]; !isDevice(name) && end != ' ' && (end != '.' || name == "." || name == "..") {
			continue
		}
		path = strings.ReplaceAll(path, "/", `\`)
		if share, ok := strings.CutPrefix(path, `\\`); ok {
			return longShare + share
		}
		return long + path
	}
	return path
}

// Typed returns a path that a user typed in the form of Exact, as it is if that is the
// same for Windows.
func Typed(path string) string {
	if here, err := os.Getwd(); err == nil {
		return typed(runtime.GOOS, here, path)
	}
	return path
}

func typed(system, here, path string) string {
	if system != "windows" || strings.HasPrefix(path, `\\.\`) {
		return path
	}
	whole := absolute(system, here, path)
	if as := exact(system, whole); as != whole {
		return as
	}
	return path
}

// Abs is filepath.Abs, which would change what Exact returned.
func Abs(path string) (string, error) {
	if runtime.GOOS == "windows" && strings.HasPrefix(path, long) {
		return filepath.Clean(path), nil
	}
	return filepath.Abs(path)
}

// How paths start that Windows takes as they are.
const (
	long      = `\\?\`
	longShare = long + `UNC\`
)

// inexact returns what exact was given, or the like.
func inexact(system, path string) string {
	if system != "windows" {
		return path
	}
	if share, ok := strings.CutPrefix(path, longShare); ok {
		return `\\` + share
	}
	return strings.TrimPrefix(path, long)
}
