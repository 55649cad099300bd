package document

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// RTF is text in groups, with control words between:
//
//	{\rtf1\ansi{\fonttbl …}{\*\generator …}\pard sk_li{\b ve_…}\par
//	{\field{\*\fldinst HYPERLINK "https://…"}{\fldrslt link}}
//	{\object\objemb{\*\objdata 0105000002000000…}}}
//
//	\'5f  a byte in hex    \u8208?  a character, and what old readers show
//	\_    a hyphen         \bin5    five bytes follow as they are
//
// The text is a part; what is in groups that are not shown, and in footnotes and the
// like, follows the paragraph. So is each embedded object.

// asideGroups are the control words whose group is not in the text around it.
const asideGroups = " fonttbl colortbl stylesheet info title author operator manager company subject keywords comment doccomm category hlinkbase " +
	"fldinst header headerl headerr headerf footer footerl footerr footerf footnote annotation atnid atnauthor pict shptxt listtext pntext " +
	"propname staticval linkval xe tc revtbl deleted "

// cellWords are the control words that end a paragraph or a cell.
const cellWords = " par cell row sect page column tab nestcell nestrow "

const (
	// maxGroups is how many groups may be in one another; deeper ones are like the last.
	maxGroups = 10_000
	// maxObjects is how many embedded objects are passed on; more are damage.
	maxObjects = 10_000
)

// RTF passes on the text and the embedded objects of a file.
func RTF(f File, sink Sink) error {
	whole := Span{0, f.Size}
	r := &rtfText{r: bufio.NewReaderSize(f.section(whole), 32<<10)}
	if err := sink.Part("text", r, whole); err != nil {
		return err
	}
	for i, span := range r.objects {
		if err := oleObject(fmt.Sprintf("object %d", i+1), f.section(span), sink); err != nil {
			return err
		}
	}
	if len(r.objects) == maxObjects {
		return fmt.Errorf("%d embedded objects or more", maxObjects)
	}
	return nil
}

// rtfGroup is what ends with a group.
type rtfGroup struct {
	aside, data bool // not in the text; hex of an object
	begins      bool // what is aside
	skip        int  // characters that stand for a \u, less one
}

type rtfText struct {
	r     *bufio.Reader
	at    int64 // of r
	out   []byte
	done  int
	aside []byte // lines behind the paragraph
	err   error

	group   rtfGroup
	groups  []rtfGroup // around it
	left    int        // characters to be skipped behind a \u
	objects []Span
}

func (x *rtfText) Read(p []byte) (int, error) {
	for x.done == len(x.out) {
		if x.err != nil {
			return 0, x.err
		}
		x.out, x.done = x.out[:0], 0
		for x.err == nil && len(x.out) < 16<<10 {
			x.err = x.next()
		}
		if x.err != nil {
			x.endLine(&x.out)
			x.flush()
		}
	}
	n := copy(p, x.out[x.done:])
	x.done += n
	return n, nil
}

func (x *rtfText) readByte() (byte, error) {
	c, err := x.r.ReadByte()
	if err == nil {
		x.at++
	}
	return c, err
}

// next reads one character, or a control word.
func (x *rtfText) next() error {
	c, err := x.readByte()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		if len(x.groups) < maxGroups {
			x.groups = append(x.groups, x.group)
		}
		x.group.begins = false
	case '}':
		x.endGroup()
	case '\\':
		return x.control()
	case '\r', '\n', 0:
	default:
		x.character(rune(c))
	}
	return nil
}

func (x *rtfText) endGroup() {
	x.left = 0
	last := len(x.groups) - 1
	if last < 0 {
		return
	}
	was := x.group
	x.group, x.groups = x.groups[last], x.groups[:last]
	if was.data && !x.group.data && len(x.objects) > 0 {
		x.objects[len(x.objects)-1].End = x.at - 1
	}
	if was.begins {
		x.endLine(&x.aside)
		if len(x.aside) > maxAside {
			x.endLine(&x.out)
			x.flush()
		}
	}
}

// character adds a character, unless it stands for one that was written before.
func (x *rtfText) character(c rune) {
	switch {
	case x.left > 0:
		x.left--
	case x.group.data:
	case x.group.aside:
		x.aside = utf8.AppendRune(x.aside, c)
		if len(x.aside) > maxAside {
			x.flush()
		}
	default:
		x.out = utf8.AppendRune(x.out, c)
	}
}

// endLine ends the line in b, if there is one.
func (x *rtfText) endLine(b *[]byte) {
	if n := len(*b); n > 0 && (*b)[n-1] != '\n' {
		*b = append(*b, '\n')
	}
}

func (x *rtfText) flush() {
	x.out = append(x.out, x.aside...)
	x.aside = x.aside[:0]
}

// control reads what is behind a backslash.
func (x *rtfText) control() error {
	c, err := x.readByte()
	if err != nil {
		return err
	}
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return x.word(c)
	case c == '\'':
		high, _ := x.readByte()
		low, err := x.readByte()
		if a, b := hexDigit(high), hexDigit(low); err == nil && a >= 0 && b >= 0 {
			x.character(rune(a<<4 | b))
		}
		return err
	case c == '*':
		x.group.aside, x.group.begins = true, true
	case c == '~':
		x.character(' ')
	case c == '_':
		x.character('-')
	case c == '\r' || c == '\n':
		x.line(cellEnd)
	case c == '\\' || c == '{' || c == '}':
		x.character(rune(c))
	}
	return nil
}

// line ends a line of the text, or of what is aside, with end.
func (x *rtfText) line(end string) {
	if x.group.aside {
		x.endLine(&x.aside)
		return
	}
	x.out = append(x.out, end...)
	x.flush()
}

// word reads a control word that begins with c, and its number.
func (x *rtfText) word(c byte) error {
	const longest = 32
	var name [longest]byte
	n, number, digits, negative := 0, 0, 0, false
	var err error
	for ; err == nil && c|0x20 >= 'a' && c|0x20 <= 'z'; c, err = x.readByte() {
		if n < longest {
			name[n] = c
			n++
		}
	}
	if err == nil && c == '-' {
		negative = true
		c, err = x.readByte()
	}
	for ; err == nil && c >= '0' && c <= '9' && digits < 10; c, err = x.readByte() {
		number = number*10 + int(c-'0')
		digits++
	}
	if err == nil && c != ' ' {
		_ = x.r.UnreadByte()
		x.at--
	}
	if negative {
		number = -number
	}
	if errW := x.apply(string(name[:n]), number, digits > 0); errW != nil {
		return errW
	}
	return err
}

func (x *rtfText) apply(word string, number int, has bool) error {
	switch {
	case word == "u":
		x.left = 0
		x.character(rune(uint16(number)))
		x.left = x.group.skip + 1
	case word == "uc":
		x.group.skip = max(0, min(number, 100)) - 1
	case word == "bin":
		return x.binary(int64(number))
	case word == "objdata":
		x.group.aside, x.group.data, x.group.begins = true, true, true
		if len(x.objects) < maxObjects {
			x.objects = append(x.objects, Span{x.at, x.at})
		}
	case word == "line":
		x.line("\n")
	case strings.Contains(cellWords, " "+word+" "):
		x.line(cellEnd)
	case strings.Contains(asideGroups, " "+word+" "):
		x.group.aside = !has || number != 0
		x.group.begins = x.group.begins || x.group.aside
	}
	return nil
}

// binary passes on n bytes as they are.
func (x *rtfText) binary(n int64) error {
	x.endLine(&x.out)
	for n > 0 {
		b, err := x.r.Peek(int(min(n, 16<<10)))
		x.out = append(x.out, b...)
		_, _ = x.r.Discard(len(b))
		x.at += int64(len(b))
		n -= int64(len(b))
		if err != nil {
			return err
		}
		if len(x.out) > maxAside {
			return nil // more than a picture; the rest is read as text
		}
	}
	return nil
}

// oleObject passes on what an embedded object holds ([MS-OLEDS], 2.2.5), in hex:
//
//	version, 4 | 2, 4 | class, topic and item: length, 4, and text each | length, 4 | content
//
// The content of class Package is a file:
//
//	2, 2 | label, NUL | path, NUL | 0, 2 | 3, 2 | length, 4 | path | length, 4 | file
func oleObject(name string, r *io.SectionReader, sink Sink) error {
	in := bufio.NewReader(&hexReader{r: r})
	var head [8]byte
	_, err := io.ReadFull(in, head[:])
	var class string
	for i := range 3 {
		var text []byte
		if text, err = lengthAndText(in, err); i == 0 {
			class = string(bytes.TrimRight(text, "\x00"))
		}
	}
	var size uint32
	if err == nil {
		err = binary.Read(in, binary.LittleEndian, &size)
	}
	if err != nil { // it is no object of this kind: all of it is passed on
		_, _ = r.Seek(0, io.SeekStart)
		return sink.Part(name, &hexReader{r: r})
	}
	if class == "Package" {
		if label, err := packageHead(in); err == nil && label != "" {
			return sink.Part(name+"/"+label, in)
		}
	}
	return sink.Part(name, in)
}

// lengthAndText reads a text behind its length, unless there was an error before.
func lengthAndText(r *bufio.Reader, err error) ([]byte, error) {
	var length uint32
	if err == nil {
		err = binary.Read(r, binary.LittleEndian, &length)
	}
	if err != nil || length > 4<<10 {
		return nil, io.ErrUnexpectedEOF
	}
	text := make([]byte, length)
	_, err = io.ReadFull(r, text)
	return text, err
}

// packageHead reads what is before the file in a Package, and returns its label.
func packageHead(r *bufio.Reader) (label string, err error) {
	if head, err := r.Peek(2); err != nil || string(head) != "\x02\x00" {
		return "", io.ErrUnexpectedEOF
	}
	_, _ = r.Discard(2)
	for i := range 2 {
		text, err := r.ReadSlice(0) // as long as r's buffer
		if err != nil {
			return "", err
		}
		if i == 0 {
			label = string(text[:len(text)-1])
		}
	}
	if _, err := r.Discard(4); err != nil {
		return "", err
	}
	if _, err := lengthAndText(r, nil); err != nil {
		return "", err
	}
	_, err = r.Discard(4)
	return label, err
}

// hexReader decodes pairs of hex digits; what is between them is dropped.
type hexReader struct {
	r    io.Reader
	buf  [4096]byte
	half int // a digit that waits for the next one, and 16; 0: none
}

func (h *hexReader) Read(p []byte) (int, error) {
	for {
		n, err := h.r.Read(h.buf[:min(len(h.buf), len(p))])
		written := 0
		for _, c := range h.buf[:n] {
			d := hexDigit(c)
			switch {
			case d < 0:
			case h.half == 0:
				h.half = d + 16
			default:
				p[written] = byte((h.half-16)<<4 | d)
				written++
				h.half = 0
			}
		}
		if written > 0 || err != nil || n == 0 {
			return written, err
		}
	}
}
