package file

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf16"
)

// Text returns the bytes of a text file as UTF-8 without a byte order mark: Notepad
// writes one, and PowerShell 5 writes UTF-16.
func Text(text []byte) []byte {
	var unit func([]byte) uint16
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return text[3:]
	case bytes.HasPrefix(text, []byte("\xff\xfe")):
		unit = binary.LittleEndian.Uint16
	case bytes.HasPrefix(text, []byte("\xfe\xff")):
		unit = binary.BigEndian.Uint16
	default:
		return text
	}
	units := make([]uint16, (len(text)-2)/2)
	for i := range units {
		units[i] = unit(text[2+2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// TextReader is Text for a reader, of which it holds as much as limit bytes if that
// is UTF-16.
func TextReader(r io.Reader, limit int64) io.Reader {
	b := bufio.NewReader(r)
	start, _ := b.Peek(3) // shorter at the end; the error comes again
	switch {
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		_, _ = b.Discard(3)
	case len(start) > 1 && (start[0] == 0xff && start[1] == 0xfe || start[0] == 0xfe && start[1] == 0xff):
		text, err := io.ReadAll(io.LimitReader(b, limit))
		if err != nil {
			return io.MultiReader(bytes.NewReader(Text(text)), b) // which fails again
		}
		return bytes.NewReader(Text(text))
	}
	return b
}
