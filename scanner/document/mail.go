package document

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
)

// The parts of a mail (RFC 5322, RFC 2045 to 2047) are found line by line: headers up to
// an empty line, then a body up to a line that one of the boundaries around it begins,
// or in a mailbox up to the next line "From ".
//
//	Content-Type: multipart/mixed; boundary=B
//
//	--B
//	Content-Type: text/plain
//	Content-Transfer-Encoding: quoted-printable
//
//	a text, which may be continued=
//	 on the next line
//	--B--
//
// What is not encoded is no part: the bytes of the mail are scanned as they are.

const (
	// maxHeaders bounds the headers of one part, in bytes; what is beyond is only scanned.
	maxHeaders = 256 << 10
	// maxBoundaries is how many multiparts may be in one another.
	maxBoundaries = 100
)

// mailHeaders are headers that most mails begin with, in lower case.
// Those that begin with x- do, too.
const mailHeaders = "\nreturn-path\nreceived\ndelivered-to\nenvelope-to\nfrom\nsender\nreply-to\nto\ncc\ndate\nmessage-id\nin-reply-to\nreferences\n" +
	"subject\nthread-topic\nuser-agent\nmime-version\ncontent-type\ncontent-transfer-encoding\ndkim-signature\nauthentication-results\narc-seal\nreceived-spf\n"

// IsMail reports whether content that begins with head is a mailbox, or a mail that has
// parts or encoded texts. Any header may come first, but one that only few mails begin
// with is also that of something else: then the headers that say so must be in head.
func IsMail(head []byte, _ string) bool {
	const least = 4 << 10
	head = head[mailStart(head):]
	isCut := len(head) >= least
	isMailbox := bytes.HasPrefix(head, []byte("From "))
	if isMailbox {
		line, rest, ok := bytes.Cut(head, newline)
		if !ok || !bytes.Contains(line, []byte(" 20")) && !bytes.Contains(line, []byte(" 19")) { // of a year
			return false
		}
		head = rest
	}
	isUsual := false
	for first := true; ; first = false {
		line, rest, whole := bytes.Cut(head, newline)
		line = bytes.TrimSuffix(line, []byte("\r"))
		if !whole {
			return isUsual && isCut // the headers go on
		}
		head = rest
		if len(line) == 0 {
			return false // no header says that there is anything to decode
		}
		if !first && (line[0] == ' ' || line[0] == '\t') {
			continue
		}
		name, _ := headerName(line)
		switch {
		case name == "":
			return false
		case isMailbox, name == "mime-version", strings.HasPrefix(name, "content-t"):
			return true // also a mailbox whose first mail has nothing to decode
		case first:
			isUsual = strings.HasPrefix(name, "x-") || strings.Contains(mailHeaders, "\n"+name+"\n")
		}
	}
}

// mailStart returns where a mail begins that programs may have saved with a mark of the order
// of bytes, or behind empty lines.
func mailStart(head []byte) int {
	return len(head) - len(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), "\r\n"))
}

var newline = []byte{'\n'}

// headerName returns the name of a header in lower case, and where its value begins; ""
// if line is none.
func headerName(line []byte) (name string, value int) {
	const maxName = 80
	n := bytes.IndexByte(line[:min(len(line), maxName)], ':')
	if n < 1 {
		return "", 0
	}
	for _, c := range line[:n] {
		if c <= ' ' || c >= 0x7f {
			return "", 0
		}
	}
	return strings.ToLower(string(line[:n])), n + 1
}

// Mail passes on the encoded parts of a mail, or of all mails in a mailbox.
func Mail(f File, sink Sink) error {
	m := &mail{file: f, sink: sink, r: bufio.NewReaderSize(f.section(Span{0, f.Size}), 64<<10), inHeaders: true}
	head, _ := m.r.Peek(4 << 10)
	m.start = int64(mailStart(head))
	m.isMailbox = bytes.HasPrefix(head[m.start:], []byte("From "))
	_, _ = m.r.Discard(int(m.start))
	return m.read()
}

type mail struct {
	file File
	sink Sink
	r    *bufio.Reader

	isMailbox  bool
	messages   int
	boundaries []boundary // around the current part, the outermost first
	inHeaders  bool
	headers    []byte // of the current part, so far
	start      int64  // of the headers or body
	part       mailPart
}

// boundary separates the parts of a multipart.
type boundary struct {
	text  string // with "--"
	parts int    // so far
}

// mailPart is what the headers of a part say.
type mailPart struct {
	encoding, name string
}

// read reads line by line.
func (m *mail) read() error {
	at := m.start
	lineStart, afterEmpty := true, true
	for {
		line, err := m.r.ReadSlice('\n')
		if len(line) == 0 && err != nil {
			return m.end(at)
		}
		next := at + int64(len(line))
		isStart := lineStart
		lineStart = line[len(line)-1] == '\n'
		text := bytes.TrimRight(line, "\r\n")
		switch {
		case isStart && afterEmpty && m.isMailbox && bytes.HasPrefix(line, []byte("From ")):
			err = m.message(at, next)
		case isStart && bytes.HasPrefix(text, []byte("--")) && m.boundary(text) >= 0:
			err = m.separated(text, at, next)
		case m.inHeaders && isStart && len(text) == 0:
			err = m.body(at, next)
		case m.inHeaders && len(m.headers)+len(line) <= maxHeaders:
			m.headers = append(m.headers, line...)
			err = nil
		default:
			err = nil
		}
		if err != nil {
			return err
		}
		if isStart {
			afterEmpty = len(text) == 0
		}
		at = next
	}
}

// message begins the next mail of a mailbox, whose line "From " is from at to next.
func (m *mail) message(at, next int64) error {
	if err := m.end(at); err != nil {
		return err
	}
	m.messages++
	m.boundaries, m.inHeaders, m.headers, m.start = m.boundaries[:0], true, m.headers[:0], next
	return nil
}

// boundary returns which of the boundaries line is; -1: none.
func (m *mail) boundary(line []byte) int {
	line = bytes.TrimRight(line, " \t")
	for i := len(m.boundaries) - 1; i >= 0; i-- {
		if rest, ok := bytes.CutPrefix(line, []byte(m.boundaries[i].text)); ok && (len(rest) == 0 || string(rest) == "--") {
			return i
		}
	}
	return -1
}

// separated ends a part at line, a boundary.
func (m *mail) separated(line []byte, at, next int64) error {
	if err := m.end(at); err != nil {
		return err
	}
	i := m.boundary(line)
	m.boundaries = m.boundaries[:i+1]
	if len(bytes.TrimRight(line, " \t")) > len(m.boundaries[i].text) { // it is the last
		m.boundaries = m.boundaries[:i]
		return nil
	}
	m.boundaries[i].parts++
	m.inHeaders, m.headers, m.start = true, m.headers[:0], next
	return nil
}

// end ends what begins at m.start, if that is a body to be decoded.
func (m *mail) end(at int64) error {
	part, start := m.part, m.start
	m.part, m.inHeaders = mailPart{}, false
	span := Span{start, at}
	switch part.encoding {
	case "quoted-printable":
		return m.sink.Part(part.name, &quotedPrintable{r: bufio.NewReader(m.file.section(span))}, span)
	case "base64":
		return m.sink.Part(part.name, base64.NewDecoder(base64.RawStdEncoding, &onlyBase64{m.file.section(span)}), span)
	case "x-uuencode", "uuencode", "x-uue":
		return m.sink.Part(part.name, &uudecoder{r: bufio.NewReader(m.file.section(span))}, span)
	case "binary":
		return m.sink.Part(part.name, m.file.section(span), span)
	}
	return nil
}

// body begins a body at next: the headers ended at at.
func (m *mail) body(at, next int64) error {
	headers := Span{m.start, at}
	m.inHeaders, m.start = false, next
	name := m.place("")
	if bytes.Contains(m.headers, []byte("=?")) {
		text := " \n" + decodeWords(string(m.headers)) // a line that no mail begins with
		if err := m.sink.Part(path.Join(name, "headers"), strings.NewReader(text), headers); err != nil {
			return err
		}
	}
	var kind, disposition string
	m.part.encoding, kind, disposition = "", "", ""
	for header := range unfold(m.headers) {
		switch name, value := headerName(header); name {
		case "content-transfer-encoding":
			m.part.encoding = strings.ToLower(strings.TrimSpace(string(header[value:])))
			if end := strings.IndexAny(m.part.encoding, " \t;("); end > 0 { // a comment
				m.part.encoding = m.part.encoding[:end]
			}
		case "content-type":
			kind = string(header[value:])
		case "content-disposition":
			disposition = string(header[value:])
		}
	}
	media, parameters := mediaType(kind)
	switch text := parameters["boundary"]; {
	case strings.HasPrefix(media, "multipart/") && text != "":
		if len(m.boundaries) == maxBoundaries {
			return fmt.Errorf("more than %d multiparts in one another", maxBoundaries)
		}
		m.boundaries = append(m.boundaries, boundary{text: "--" + text})
		m.part.encoding = ""
	case media == "message/rfc822" && m.part.encoding != "base64" && m.part.encoding != "quoted-printable":
		m.part, m.inHeaders, m.headers = mailPart{}, true, m.headers[:0]
	default:
		_, others, _ := mime.ParseMediaType(disposition)
		file := others["filename"]
		if file == "" {
			file = parameters["name"]
		}
		if file == "" {
			file = m.number()
		}
		m.part.name = m.place(decodeWords(file))
	}
	return nil
}

// mediaType returns a type and its parameters. If they are not as RFC 2045 asks for, it
// finds at least the boundary, which programs write without quotes.
func mediaType(kind string) (media string, parameters map[string]string) {
	media, parameters, err := mime.ParseMediaType(kind)
	if err == nil {
		return media, parameters
	}
	fields := strings.Split(kind, ";")
	for _, field := range fields[1:] {
		if name, value, _ := strings.Cut(field, "="); strings.EqualFold(strings.TrimSpace(name), "boundary") {
			parameters = map[string]string{"boundary": strings.Trim(value, " \t\"")}
		}
	}
	return strings.ToLower(strings.TrimSpace(fields[0])), parameters
}

// place returns where the part called name is: in which message of a mailbox.
func (m *mail) place(name string) string {
	if m.isMailbox {
		return path.Join(fmt.Sprintf("message %d", m.messages), name)
	}
	return name
}

// number names a part as IMAP counts: the second part of the first one is 1.2.
func (m *mail) number() string {
	if len(m.boundaries) == 0 {
		return "body"
	}
	name := "part "
	for i, b := range m.boundaries {
		if i > 0 {
			name += "."
		}
		name += fmt.Sprint(b.parts)
	}
	return name
}

// unfold yields the headers in text, each in one line.
func unfold(text []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		var header []byte
		for line := range bytes.Lines(text) {
			if (line[0] == ' ' || line[0] == '\t') && len(header) > 0 {
				header = append(bytes.TrimRight(header, "\r\n"), line...)
				continue
			}
			if len(header) > 0 && !yield(bytes.TrimRight(header, "\r\n")) {
				return
			}
			header = bytes.Clone(line)
		}
		if len(header) > 0 {
			yield(bytes.TrimRight(header, "\r\n"))
		}
	}
}

// decodeWords decodes encoded words (RFC 2047), and joins what lines of a header they
// are folded into.
func decodeWords(text string) string {
	d := mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}
	var all strings.Builder
	for header := range unfold([]byte(text)) {
		decoded, err := d.DecodeHeader(string(header))
		if err != nil {
			decoded = string(header)
		}
		all.WriteString(decoded)
		all.WriteByte('\n')
	}
	return strings.TrimSuffix(all.String(), "\n")
}

// onlyBase64 drops what is not of base64's alphabet, as RFC 2045 asks for.
type onlyBase64 struct{ r io.Reader }

func (o *onlyBase64) Read(p []byte) (int, error) {
	for {
		n, err := o.r.Read(p)
		kept := 0
		for _, c := range p[:n] {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
				p[kept] = c
				kept++
			}
		}
		if kept > 0 || err != nil || n == 0 {
			return kept, err
		}
	}
}

// quotedPrintable decodes what RFC 2045, section 6.7, describes. What is no escape is
// passed on as it is.
type quotedPrintable struct {
	r    *bufio.Reader
	rest []byte // decoded, of the current piece
	err  error
}

func (q *quotedPrintable) Read(p []byte) (int, error) {
	for len(q.rest) == 0 {
		if q.err != nil {
			return 0, q.err
		}
		var piece []byte
		piece, q.err = q.r.ReadSlice('\n')
		if errors.Is(q.err, bufio.ErrBufferFull) {
			q.err = nil
			for n := bytes.LastIndexByte(piece, '='); n >= 0 && len(piece)-n < 3 && q.err == nil; { // half of an escape
				var c byte
				c, q.err = q.r.ReadByte()
				piece = append(bytes.Clone(piece), c)
			}
		}
		q.rest = unquote(piece)
	}
	n := copy(p, q.rest)
	q.rest = q.rest[n:]
	return n, nil
}

// unquote decodes a line, or a piece of one, in its place.
func unquote(line []byte) []byte {
	text := bytes.TrimRight(line, " \t\r\n")
	if len(text) < len(line) && bytes.HasSuffix(text, []byte("=")) {
		line = text[:len(text)-1] // it goes on in the next one
	}
	kept := 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		if c == '=' && i+2 < len(line) {
			high, low := hexDigit(line[i+1]), hexDigit(line[i+2])
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		line[kept] = c
		kept++
	}
	return line[:kept]
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// uudecoder decodes the lines between "begin MODE NAME" and "end": a character for how
// many bytes follow, then four for each three.
type uudecoder struct {
	r    *bufio.Reader
	rest []byte
	err  error
}

func (u *uudecoder) Read(p []byte) (int, error) {
	for len(u.rest) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		var line []byte
		line, u.err = u.r.ReadSlice('\n')
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || bytes.HasPrefix(line, []byte("begin ")) || string(line) == "end" {
			continue
		}
		want := int(line[0]-' ') & 63
		var out []byte
		for line = line[1:]; len(line) >= 4; line = line[4:] {
			v := uint32(line[0]-' ')&63<<18 | uint32(line[1]-' ')&63<<12 | uint32(line[2]-' ')&63<<6 | uint32(line[3]-' ')&63
			out = append(out, byte(v>>16), byte(v>>8), byte(v))
		}
		u.rest = out[:min(want, len(out))]
	}
	n := copy(p, u.rest)
	u.rest = u.rest[n:]
	return n, nil
}
