package screen

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// enableEscapes makes the console w understand colours, and reports whether it
// does: consoles before Windows 10 do not.
func enableEscapes(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return true
	}
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return true // not a console
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
