package document

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The XML of office documents (ECMA-376, OpenDocument) has the text of a paragraph in
// pieces: a run for each change of format, language or spelling.
//
//	<w:p><w:r><w:t>sk_li</w:t></w:r><w:proofErr/><w:r><w:t>ve_…</w:t></w:r></w:p>
//	<text:p>sk_li<text:span text:style-name="T1">ve_…</text:span></text:p>
//	<si><r><t>sk_li</t></r><r><t>ve_…</t></r></si>
//
// OfficeText writes a line for each paragraph or other element, then one for each
// tag in it that has a long value: addresses of links are there.

// IsOfficeXML reports whether content that begins with head is such XML.
func IsOfficeXML(head []byte, _ string) bool {
	if !bytes.HasPrefix(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte("<")) {
		return false
	}
	for _, space := range []string{"schemas.openxmlformats.org/", "urn:oasis:names:tc:opendocument:", "purl.oclc.org/ooxml/", "schemas.microsoft.com/office/"} {
		if bytes.Contains(head, []byte(space)) {
			return true
		}
	}
	return false
}

const (
	// maxTag is how much of a tag is held, in bytes.
	maxTag = 1 << 20
	// longValue is from which length on a value in a tag is passed on: no key is shorter.
	longValue = 16
	// maxAside is how much of what belongs behind a paragraph is held.
	maxAside = 1 << 20
)

// OfficeText returns the text in the XML that r yields. If that says that the document is
// encrypted, it ends with ErrEncrypted.
func OfficeText(r io.Reader) io.Reader { return &officeText{r: bufio.NewReaderSize(r, 32<<10)} }

type officeText struct {
	r   *bufio.Reader
	out []byte // to be given out from done on
	// done is how much of out was given out.
	done int
	err  error

	paragraphs int    // that are open
	written    bool   // something is on the current line
	isAside    bool   // what comes is of a field, or was deleted
	fieldName  string // the element that it was in last
	aside      []byte // lines behind the paragraph
	field      []byte // the text of fields, and deleted text, of the paragraph
	encrypted  bool
	tag        []byte
}

func (x *officeText) Read(p []byte) (int, error) {
	for x.done == len(x.out) {
		if x.err != nil {
			return 0, x.err
		}
		x.out, x.done = x.out[:0], 0
		for x.err == nil && len(x.out) < 16<<10 {
			x.err = x.next()
		}
		if x.err == nil {
			continue
		}
		x.endLine()
		if x.err == io.EOF && x.encrypted {
			x.err = ErrEncrypted
		}
	}
	n := copy(p, x.out[x.done:])
	x.done += n
	return n, nil
}

// next reads text, or a piece of a long one, and the tag behind it.
func (x *officeText) next() error {
	text, err := x.r.ReadSlice('<')
	if err == nil {
		x.text(text[:len(text)-1])
		return x.readTag()
	}
	x.text(text)
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil
	}
	return err
}

// text adds text, with its entities decoded, unless it is only white space between
// elements.
func (x *officeText) text(b []byte) {
	if len(b) == 0 || x.paragraphs == 0 && len(bytes.TrimSpace(b)) == 0 {
		return
	}
	if x.isAside {
		x.field = appendUnescaped(x.field, b)
		x.limit()
		return
	}
	x.out = appendUnescaped(x.out, b)
	x.written = true
}

// endField ends a line of fields.
func (x *officeText) endField() {
	if n := len(x.field); n > 0 && x.field[n-1] != '\n' {
		x.field = append(x.field, '\n')
	}
}

// limit writes what belongs behind a paragraph before its end, if that is much.
func (x *officeText) limit() {
	if len(x.field)+len(x.aside) > maxAside {
		x.endLine()
	}
}

// endLine ends the paragraph or element, and writes what belongs behind it.
func (x *officeText) endLine() { x.end(cellEnd) }

func (x *officeText) end(with string) {
	if x.written {
		x.out = append(x.out, with...)
		x.written = false
	}
	x.endField()
	x.out = append(append(x.out, x.field...), x.aside...)
	x.field, x.aside = x.field[:0], x.aside[:0]
}

// readTag reads what is behind "<".
func (x *officeText) readTag() error {
	if head, _ := x.r.Peek(8); bytes.HasPrefix(head, []byte("![CDATA[")) {
		return x.until("]]>", 8, func(b []byte) {
			x.out = append(x.out, b...)
			x.written = true
		})
	} else if bytes.HasPrefix(head, []byte("!--")) {
		x.endLine()
		return x.until("-->", 3, func(b []byte) {
			x.out = append(x.out, b...)
			x.written = true
		})
	}
	x.tag = x.tag[:0]
	for quote := byte(0); ; {
		piece, err := x.r.ReadSlice('>')
		x.tag = append(x.tag, piece...)
		for _, c := range piece {
			switch {
			case c == quote:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			}
		}
		switch {
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			x.aside = append(x.aside, x.tag...)
			return err
		case err == nil && quote == 0:
			x.element(x.tag[:len(x.tag)-1])
			return nil
		case len(x.tag) > maxTag:
			x.endLine()
			x.out, x.written = append(x.out, x.tag...), true
			return nil // what follows is read as text
		}
	}
}

// until passes on what is before end, without the first skip bytes.
func (x *officeText) until(end string, skip int, pass func([]byte)) error {
	if _, err := x.r.Discard(skip); err != nil {
		return err
	}
	for {
		b, err := x.r.ReadSlice('>')
		if text, ok := bytes.CutSuffix(b, []byte(end)); ok {
			pass(text)
			return nil
		}
		pass(b)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(x.out) > maxTag { // it is given out first; what follows is read as text
			return nil
		}
		// The end may be split between two pieces: "]]" then ">".
		if n := len(b); n > 0 && b[n-1] == '>' && bytes.HasSuffix(x.out, []byte(end)) {
			x.out = x.out[:len(x.out)-len(end)]
			return nil
		}
	}
}

// element handles a tag, without "<" and ">".
func (x *officeText) element(tag []byte) {
	closes := len(tag) > 0 && tag[0] == '/'
	empty := len(tag) > 0 && tag[len(tag)-1] == '/'
	full := bytes.TrimPrefix(tag, []byte("/"))
	if n := bytes.IndexAny(full, " \t\r\n/"); n >= 0 {
		full = full[:n]
	}
	local := full[bytes.IndexByte(full, ':')+1:]
	if hasLongValue(tag) {
		x.aside = append(append(append(x.aside, '<'), tag...), ">\n"...)
		x.limit()
	}
	switch string(local) {
	case "p", "h", "si", "is":
		x.paragraph(closes, empty)
		return
	case "text":
		if len(full) == len(local) { // of a comment in a spreadsheet; OpenDocument has another
			x.paragraph(closes, empty)
			return
		}
	case "instrText", "delText", "delInstrText":
		if x.isAside = !closes && !empty; x.isAside && x.fieldName != string(local) {
			x.fieldName = string(local)
			x.endField()
		}
		return
	case "fldChar":
		x.endField()
	case "noBreakHyphen":
		x.text([]byte{'-'})
		return
	case "encryption-data":
		x.encrypted = true
	case "s":
		if string(full) == "text:s" {
			x.text([]byte{' '})
			return
		}
	case "br", "cr", "line-break":
		x.end("\n")
	case "tab", "tc":
		x.endLine()
	}
	if x.paragraphs == 0 {
		x.endLine()
	}
}

// paragraph begins or ends a paragraph.
func (x *officeText) paragraph(closes, empty bool) {
	x.endLine()
	x.isAside = false
	switch {
	case closes:
		x.paragraphs = max(0, x.paragraphs-1)
	case !empty:
		x.paragraphs++
	}
}

// hasLongValue reports whether a value in the tag, or all that it says if it has none, is
// long.
func hasLongValue(tag []byte) bool {
	if len(tag) < longValue || bytes.HasPrefix(tag, []byte("?xml ")) {
		return false
	}
	if tag[0] == '?' || tag[0] == '!' {
		return true
	}
	for {
		i := bytes.IndexAny(tag, `"'`)
		if i < 0 {
			return false
		}
		isName := bytes.Contains(tag[:i], []byte("xmlns"))
		value, rest, _ := bytes.Cut(tag[i+1:], tag[i:i+1])
		if len(value) >= longValue && !isName {
			return true
		}
		tag = rest
	}
}

// appendUnescaped adds b to dst, with entities decoded.
func appendUnescaped(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		b = b[i:]
		const longest = 10
		n := bytes.IndexByte(b[:min(len(b), longest)], ';')
		if n < 0 {
			dst, b = append(dst, '&'), b[1:]
			continue
		}
		switch name := string(b[1:n]); name {
		case "amp":
			dst = append(dst, '&')
		case "lt":
			dst = append(dst, '<')
		case "gt":
			dst = append(dst, '>')
		case "quot":
			dst = append(dst, '"')
		case "apos":
			dst = append(dst, '\'')
		default:
			c, err := uint64(0), strconv.ErrSyntax
			if digits, ok := strings.CutPrefix(name, "#x"); ok {
				c, err = strconv.ParseUint(digits, 16, 21)
			} else if digits, ok := strings.CutPrefix(name, "#"); ok {
				c, err = strconv.ParseUint(digits, 10, 21)
			}
			if err != nil {
				dst = append(dst, b[:n+1]...)
			} else {
				dst = utf8.AppendRune(dst, rune(c))
			}
		}
		b = b[n+1:]
	}
}

// CompoundFile says why a compound file is not read: the old formats of Microsoft Office
// and Outlook, and encrypted ones of the new.
//
//	header: d0 cf 11 e0 a1 b1 1a e1 | … | 30: log2 of the sector size, 2 | … | 48: directory's first sector, 4
//	directory: entries of 128, the name in UTF-16 first
func CompoundFile(f File, _ Sink) error {
	var header [52]byte
	if _, err := f.ReadAt(header[:], 0); err != nil {
		return ErrUnsupported
	}
	shift, sector := binary.LittleEndian.Uint16(header[30:]), int64(binary.LittleEndian.Uint32(header[48:]))
	if shift < 9 || shift > 12 {
		return ErrUnsupported
	}
	directory := make([]byte, 4<<10)
	n, _ := f.ReadAt(directory, (sector+1)<<shift)
	name := bytes.ReplaceAll(directory[:n], []byte{0}, nil)
	if bytes.Contains(name, []byte("EncryptedPackage")) {
		return ErrEncrypted
	}
	return ErrUnsupported
}
