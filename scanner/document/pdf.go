package document

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A PDF (ISO 32000) is objects. Where each one is, the table at its end says, which is not
// read: objects are found by their beginning, also those of earlier versions and of a
// damaged file.
//
//	12 0 obj
//	<< /Type /Page /Contents 13 0 R /Resources << /Font << /F1 5 0 R >> >> >>
//	endobj
//	13 0 obj
//	<< /Length 99 /Filter /FlateDecode >>
//	stream
//	…
//	endstream
//
// Streams of the type ObjStm hold objects without streams of their own. Dictionaries
// outside of streams are in the bytes of the file. What is decoded of a stream is one part:
// the objects, the text that a page shows, or what it is otherwise. Pictures and fonts are
// not decoded.

const (
	// maxPDFObjects is how many objects are read; more are damage.
	maxPDFObjects = 1 << 19
	// maxPDFObject bounds the text of an object that is looked into, in bytes.
	maxPDFObject = 256 << 10
	// maxObjStm bounds a decoded stream of objects, and maxHeldObjects those of all that
	// are held to be looked up.
	maxObjStm      = 16 << 20
	maxHeldObjects = 16 << 20
)

type pdf struct {
	file    File
	sink    Sink
	objects []pdfObject       // in the order of the file
	latest  map[uint32]int    // index in objects, by number
	inner   map[uint32][]byte // the texts of objects in streams, by number
	held    int               // bytes of inner
	fonts   map[uint32]*pdfFont
	codes   int               // that fonts hold
	reading int               // codes of fonts that were read, also again
	pages   map[uint32]uint32 // which page shows a stream, by the numbers of both
	// resolved are the values of long objects that were resolved last: pages share them.
	resolved map[uint32]any
	anyFonts pdfDict // of all pages: a name that one of them has
	glyphs   int     // texts that are only numbers of glyphs
}

// pdfObject is where an object is: at is behind "obj".
type pdfObject struct {
	number  uint32
	at, end int64 // the next one's beginning
}

// IsPDF reports whether content called name, which begins with head, is a PDF: white space
// may be before it, and if it is called so, anything, as readers allow.
func IsPDF(head []byte, name string) bool {
	const (
		magic = "%PDF-"
		most  = 1 << 10
	)
	return bytes.HasPrefix(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"), []byte(magic)) ||
		IsPDFName(name) && bytes.Contains(head[:min(len(head), most)], []byte(magic))
}

// IsPDFName reports whether name is that of a PDF.
func IsPDFName(name string) bool {
	n := len(name) - len(".pdf")
	return n > 0 && strings.EqualFold(name[n:], ".pdf")
}

// PDF passes on the streams of a file.
func PDF(f File, sink Sink) error {
	p := &pdf{file: f, sink: sink, latest: make(map[uint32]int), inner: make(map[uint32][]byte), fonts: make(map[uint32]*pdfFont), pages: make(map[uint32]uint32), resolved: make(map[uint32]any), anyFonts: make(pdfDict)}
	encrypted, err := p.find()
	if err != nil {
		return err
	}
	if encrypted {
		return ErrEncrypted
	}
	if len(p.objects) == 0 {
		return errors.New("no objects")
	}
	if err := p.each(p.objectStream); err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(p.inner)) {
		r := pdfParser{b: p.inner[number]}
		d, _ := r.value(0).(pdfDict)
		p.notePage(number, d)
		if err := p.texts(number, r.hidden); err != nil {
			return err
		}
	}
	if err := p.each(func(s *pdfStream) error { p.notePage(s.number, s.dict); return nil }); err != nil {
		return err
	}
	if err := p.each(p.part); err != nil {
		return err
	}
	if len(p.objects) == maxPDFObjects {
		return fmt.Errorf("%d objects or more", maxPDFObjects)
	}
	if p.glyphs > 0 {
		return fmt.Errorf("%w: %d texts are numbers of glyphs", ErrUnsupported, p.glyphs)
	}
	return nil
}

// each calls use for each object of the file that is a dictionary.
func (p *pdf) each(use func(*pdfStream) error) error {
	for i := range p.objects {
		s, err := p.stream(i)
		if err != nil {
			return err
		}
		if s != nil {
			if err := use(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// find finds where objects begin, and whether a trailer says that the file is encrypted.
func (p *pdf) find() (encrypted bool, err error) {
	const overlap = 64
	buf := make([]byte, 256<<10)
	for base, kept := int64(0), 0; ; {
		n, err := io.ReadFull(p.file.section(Span{base + int64(kept), p.file.Size}), buf[kept:])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return false, err
		}
		b := buf[:kept+n]
		for at := 0; ; {
			i := bytes.Index(b[at:], []byte("obj"))
			if i < 0 {
				break
			}
			at += i + 3
			if number, start, ok := objectNumber(b[:at-3]); ok && len(p.objects) < maxPDFObjects {
				if last := len(p.objects) - 1; last < 0 || p.objects[last].at < base+int64(at) {
					if last >= 0 {
						p.objects[last].end = base + int64(start)
					}
					p.latest[number] = len(p.objects)
					p.objects = append(p.objects, pdfObject{number: number, at: base + int64(at), end: p.file.Size})
				}
			}
		}
		encrypted = encrypted || hasEncrypt(b)
		if err != nil {
			return encrypted, nil
		}
		kept = copy(buf, b[len(b)-overlap:])
		base += int64(len(b) - overlap)
	}
}

// hasEncrypt reports whether the entry of a trailer is there that encryption has.
func hasEncrypt(b []byte) bool {
	for {
		i := bytes.Index(b, []byte("/Encrypt"))
		if i < 0 {
			return false
		}
		b = b[i+len("/Encrypt"):]
		rest := bytes.TrimLeft(b[:min(len(b), 40)], " \t\r\n")
		if len(rest) > 0 && (rest[0] >= '0' && rest[0] <= '9' || bytes.HasPrefix(rest, []byte("<<"))) {
			return true
		}
	}
}

// objectNumber returns the number in "12 0 " at the end of b, and where that begins.
func objectNumber(b []byte) (number uint32, start int, ok bool) {
	at := len(b)
	digits := func() bool {
		end := at
		for at > 0 && end-at < 10 && b[at-1] >= '0' && b[at-1] <= '9' {
			at--
		}
		return at < end
	}
	space := func() bool {
		end := at
		for at > 0 && isPDFSpace(b[at-1]) {
			at--
		}
		return at < end
	}
	if space(); !digits() || !space() {
		return 0, 0, false
	}
	end := at
	if !digits() {
		return 0, 0, false
	}
	v := uint64(0)
	for _, c := range b[at:end] {
		v = v*10 + uint64(c-'0')
	}
	return uint32(v), at, v < 1<<32
}

// pdfStream is an object: its dictionary, and where the data of its stream is.
type pdfStream struct {
	number uint32
	dict   pdfDict
	hidden []string // in the dictionary; see pdfParser
	data   Span     // empty: it has none
}

// stream reads the object i; nil if it is no dictionary.
func (p *pdf) stream(i int) (*pdfStream, error) {
	o := p.objects[i]
	text := make([]byte, max(0, min(o.end-o.at, 4<<10)))
	for {
		n, err := p.file.ReadAt(text, o.at)
		if err != nil && err != io.EOF {
			return nil, err
		}
		r := pdfParser{b: text[:n]}
		v := r.value(0)
		if r.at >= n && n == len(text) && int64(n) < min(o.end-o.at, maxPDFObject) {
			text = make([]byte, min(o.end-o.at, maxPDFObject)) // it goes on
			continue
		}
		dict, ok := v.(pdfDict)
		if !ok {
			return nil, nil
		}
		s := &pdfStream{number: o.number, dict: dict, hidden: r.hidden}
		r.space()
		if rest, ok := bytes.CutPrefix(r.b[r.at:], []byte("stream")); ok {
			start := o.at + int64(r.at+len("stream"))
			if bytes.HasPrefix(rest, []byte("\r\n")) {
				start += 2
			} else if bytes.HasPrefix(rest, []byte("\n")) || bytes.HasPrefix(rest, []byte("\r")) {
				start++
			}
			s.data, err = p.data(s, start)
		}
		return s, err
	}
}

// data returns where the data is that begins at start: its length is a claim.
func (p *pdf) data(s *pdfStream, start int64) (Span, error) {
	if length, ok := p.resolve(s.dict["Length"]).(float64); ok && length >= 0 && length <= float64(p.file.Size-start) {
		end := start + int64(length)
		var b [16]byte
		n, err := p.file.ReadAt(b[:], end)
		if err != nil && err != io.EOF {
			return Span{}, err
		}
		if bytes.HasPrefix(bytes.TrimLeft(b[:n], "\r\n \t"), []byte("endstr")) {
			return Span{start, end}, nil
		}
	}
	const text = "endstream"
	buf := make([]byte, 64<<10)
	for at := start; at < p.file.Size; at += int64(len(buf) - len(text)) {
		n, err := p.file.ReadAt(buf, at)
		if err != nil && err != io.EOF {
			return Span{}, err
		}
		if i := bytes.Index(buf[:n], []byte(text)); i >= 0 {
			return Span{start, at + int64(i)}, nil
		}
	}
	return Span{start, p.file.Size}, nil
}

// resolve returns what v refers to.
func (p *pdf) resolve(v any) any {
	for range 10 {
		ref, ok := v.(pdfRef)
		if !ok {
			return v
		}
		if v, ok = p.resolved[uint32(ref)]; ok {
			continue
		}
		text := p.inner[uint32(ref)]
		if i, ok := p.latest[uint32(ref)]; ok {
			o := p.objects[i]
			text = make([]byte, max(0, min(o.end-o.at, 32<<10)))
			n, _ := p.file.ReadAt(text, o.at)
			text = text[:n]
		} else if text == nil {
			continue
		}
		v = (&pdfParser{b: text}).value(0)
		const long, most = 1 << 10, 20
		if len(text) > long {
			if len(p.resolved) == most {
				clear(p.resolved)
			}
			p.resolved[uint32(ref)] = v
		}
	}
	return nil
}

func (p *pdf) dictOf(v any) pdfDict {
	d, _ := p.resolve(v).(pdfDict)
	return d
}

func (p *pdf) nameOf(v any) string {
	n, _ := p.resolve(v).(pdfName)
	return string(n)
}

// objectStream takes a stream of objects apart, and passes its text on:
//
//	number and position of each object | the objects, from First on
func (p *pdf) objectStream(s *pdfStream) error {
	if s.data.End == s.data.Start || p.nameOf(s.dict["Type"]) != "ObjStm" {
		return nil
	}
	r, err := p.decode(s)
	if err != nil {
		return p.problem(s, err)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxObjStm))
	if err == nil && len(b) == maxObjStm {
		err = fmt.Errorf("%d bytes of objects or more", maxObjStm)
	}
	if err != nil {
		if err := p.problem(s, err); err != nil {
			return err
		}
	}
	if err := p.sink.Part(p.name(s), bytes.NewReader(b), s.data); err != nil {
		return err
	}
	first, _ := p.resolve(s.dict["First"]).(float64)
	n, _ := p.resolve(s.dict["N"]).(float64)
	if first < 0 || int(first) > len(b) {
		return nil
	}
	if p.held+len(b) > maxHeldObjects {
		return p.problem(s, fmt.Errorf("%w: streams of objects of more than %d bytes", ErrUnsupported, maxHeldObjects))
	}
	p.held += len(b)
	head, body := pdfParser{b: b[:int(first)]}, b[int(first):]
	for range int(min(n, maxPDFObjects)) {
		number, ok1 := head.value(0).(float64)
		at, ok2 := head.value(0).(float64)
		if !ok1 || !ok2 || number < 0 || at < 0 || int(at) > len(body) || len(p.inner) > maxPDFObjects {
			break
		}
		p.inner[uint32(number)] = body[int(at):]
	}
	return nil
}

// notePage notes which streams a page shows, if d is the page number.
func (p *pdf) notePage(number uint32, d pdfDict) {
	if p.nameOf(d["Type"]) != "Page" {
		return
	}
	for name, font := range p.dictOf(p.inherited(d, "Resources")["Font"]) {
		if _, ok := p.anyFonts[name]; !ok && len(p.anyFonts) < 1<<16 {
			p.anyFonts[name] = font
		}
	}
	list, ok := p.resolve(d["Contents"]).([]any)
	if ref, isRef := d["Contents"].(pdfRef); isRef && !ok {
		list = []any{ref}
	}
	for _, v := range list {
		if ref, ok := v.(pdfRef); ok {
			p.pages[uint32(ref)] = number
		}
	}
}

// inherited returns the dictionary name of a page, or of what it is part of.
func (p *pdf) inherited(d pdfDict, name pdfName) pdfDict {
	for range 50 {
		if v, ok := d[name]; ok {
			return p.dictOf(v)
		}
		if d = p.dictOf(d["Parent"]); d == nil {
			break
		}
	}
	return nil
}

// texts passes on texts that are in an object, but not readable in its bytes.
func (p *pdf) texts(number uint32, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	return p.sink.Part(fmt.Sprintf("object %d", number), strings.NewReader(strings.Join(texts, cellEnd)))
}

func (p *pdf) name(s *pdfStream) string { return fmt.Sprintf("object %d", s.number) }

func (p *pdf) problem(s *pdfStream, err error) error { return p.sink.Problem(p.name(s), err) }

// part passes on a stream: what it is, or the text that it shows.
func (p *pdf) part(s *pdfStream) error {
	if err := p.texts(s.number, s.hidden); err != nil {
		return err
	}
	kind, subtype := p.nameOf(s.dict["Type"]), p.nameOf(s.dict["Subtype"])
	_, isFont := s.dict["Length1"]
	if s.data.End == s.data.Start || kind == "ObjStm" || kind == "XRef" || subtype == "Image" || isFont || strings.HasSuffix(subtype, "Type1C") || strings.HasSuffix(subtype, "Type0C") || subtype == "OpenType" {
		return nil
	}
	r, err := p.decode(s)
	if err != nil {
		return p.problem(s, err)
	}
	in := bufio.NewReaderSize(r, 64<<10)
	head, _ := in.Peek(32 << 10)
	name := p.name(s)
	page, isShown := p.pages[s.number]
	switch {
	case bytes.Contains(head, []byte("begincodespacerange")):
		return nil
	case kind == "EmbeddedFile" || kind == "Metadata":
	case isShown || subtype == "Form" || bytes.Contains(head, []byte("BT")) && (bytes.Contains(head, []byte("Tf")) || bytes.Contains(head, []byte("Tj")) || bytes.Contains(head, []byte("TJ"))):
		resources := p.dictOf(s.dict["Resources"])
		if isShown && resources == nil {
			resources = p.inherited(p.dictOf(pdfRef(page)), "Resources")
		}
		t := &pdfText{pdf: p, parser: pdfLexer{r: in}, fonts: p.dictOf(resources["Font"]), text: pdfIdentity, line: pdfIdentity, state: pdfState{page: pdfIdentity, stretch: 1}}
		enough := p.reads(0)
		if err := p.sink.Part(name, t, s.data); err != nil {
			return err
		}
		if enough && !p.reads(0) {
			return p.problem(s, fmt.Errorf("%w: fonts of more than %d codes", ErrUnsupported, maxCodesRead))
		}
		if t.parser.cut == 0 {
			return nil
		}
		return p.problem(s, fmt.Errorf("%w: %d texts of more than %d bytes", ErrUnsupported, t.parser.cut, maxPDFValue))
	}
	return p.sink.Part(name, in, s.data)
}
