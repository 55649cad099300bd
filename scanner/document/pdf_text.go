package document

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// pdfText yields the text that a content stream shows (ISO 32000, 9.4):
//
//	BT /F1 12 Tf 72 700 Td [(sk_li) -20 (ve_…)] TJ 0 -14 Td <0012> Tj ET
//
// Numbers between strings move by thousandths of the font size: a large one is a space. A
// move to another line ends the line.
type pdfText struct {
	pdf    *pdf
	parser pdfLexer
	fonts  pdfDict
	font   *pdfFont
	y      float64 // of the line that was set last
	out    []byte
	done   int
	given  byte // what was given out last
	err    error
}

const (
	// wideSpace is from where on a move between strings is a space.
	wideSpace = 180
	// maxOperands is how many operands are held; no operator has more.
	maxOperands = 100
)

func (t *pdfText) Read(p []byte) (int, error) {
	for t.done == len(t.out) {
		if t.err != nil {
			return 0, t.err
		}
		if len(t.out) > 0 {
			t.given = t.out[len(t.out)-1]
		}
		t.out, t.done = t.out[:0], 0
		for t.err == nil && len(t.out) < 16<<10 {
			t.err = t.next()
		}
		if t.err != nil {
			t.separate('\n')
		}
	}
	n := copy(p, t.out[t.done:])
	t.done += n
	return n, nil
}

// next reads the operands and the name of an operator.
func (t *pdfText) next() error {
	var operands []any
	for {
		v, err := t.parser.value()
		if err != nil {
			return err
		}
		if word, ok := v.(pdfWord); ok {
			return t.operator(word, operands)
		}
		if len(operands) == maxOperands {
			operands = operands[:0]
		}
		operands = append(operands, v)
	}
}

func (t *pdfText) operator(word pdfWord, operands []any) error {
	number := func(fromEnd int) float64 {
		if i := len(operands) - 1 - fromEnd; i >= 0 {
			v, _ := operands[i].(float64)
			return v
		}
		return 0
	}
	last := func() any {
		if len(operands) == 0 {
			return nil
		}
		return operands[len(operands)-1]
	}
	switch word {
	case "Tf":
		if len(operands) >= 2 {
			name, _ := operands[len(operands)-2].(pdfName)
			t.font = t.pdf.fontOf(t.fonts, name)
		}
	case "Td", "TD":
		t.move(t.y + number(0))
	case "Tm":
		t.move(number(0))
	case "T*", "BT", "ET":
		t.separate('\n')
	case "Tj":
		t.show(last())
	case "'", "\"":
		t.separate('\n')
		t.show(last())
	case "TJ":
		list, _ := last().([]any)
		for _, v := range list {
			if n, ok := v.(float64); ok && n < -wideSpace {
				t.separate(' ')
			}
			t.show(v)
		}
	case "ID":
		return t.parser.skipImage()
	}
	return nil
}

// move moves to height y of the page, or within the line.
func (t *pdfText) move(y float64) {
	if y != t.y {
		t.separate('\n')
	} else {
		t.separate(' ')
	}
	t.y = y
}

// separate adds c, unless a space or a line's end is there.
func (t *pdfText) separate(c byte) {
	last := t.given
	if n := len(t.out); n > 0 {
		last = t.out[n-1]
	}
	if last != 0 && last != '\n' && last != ' ' || last == ' ' && c == '\n' {
		t.out = append(t.out, c)
	}
}

func (t *pdfText) show(v any) {
	if s, ok := v.([]byte); ok {
		t.out = t.font.append(t.pdf, t.out, s)
	}
}

// pdfFont is how the codes of a string become characters.
type pdfFont struct {
	size    int               // bytes of a code
	unicode map[uint32]string // of codes; nil: ASCII is what it is
	closed  bool              // codes are numbers of glyphs, and nothing says of which characters
}

// append adds the characters of s to dst.
func (f *pdfFont) append(p *pdf, dst, s []byte) []byte {
	if f == nil {
		return append(dst, s...)
	}
	if f.closed {
		p.glyphs++
		return dst
	}
	for ; len(s) >= f.size; s = s[f.size:] {
		code := uint32(s[0])
		if f.size == 2 {
			code = code<<8 | uint32(s[1])
		}
		if text, ok := f.unicode[code]; ok {
			dst = append(dst, text...)
		} else if f.size == 1 {
			dst = append(dst, s[0])
		}
	}
	return dst
}

// maxFonts is how many fonts are held.
const maxFonts = 200

// fontOf returns the font that the resources, or those of any page, call name; nil: not
// known.
func (p *pdf) fontOf(fonts pdfDict, name pdfName) *pdfFont {
	v, ok := fonts[name]
	if !ok {
		v = p.anyFonts[name]
	}
	ref, isRef := v.(pdfRef)
	if f, ok := p.fonts[uint32(ref)]; ok && isRef {
		return f
	}
	d := p.dictOf(v)
	if d == nil {
		return nil
	}
	f := &pdfFont{size: 1}
	if p.nameOf(d["Subtype"]) == "Type0" {
		f.size = 2
	}
	if ref, ok := d["ToUnicode"].(pdfRef); ok {
		f.read(p, uint32(ref))
	} else if f.size == 1 {
		f.differences(p.dictOf(d["Encoding"]), p)
	}
	f.closed = f.size == 2 && f.unicode == nil
	if len(p.fonts) >= maxFonts {
		clear(p.fonts)
	}
	if isRef {
		p.fonts[uint32(ref)] = f
	}
	return f
}

// glyphNames are the characters that keys are made of and that have a longer name.
const glyphNames = " zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 underscore=_ hyphen=- space=  equal== colon=: period=. slash=/ quotedbl=\" "

// differences reads the names of glyphs that an encoding has:
//
//	/Differences [39 /quotesingle 96 /grave /a]
func (f *pdfFont) differences(encoding pdfDict, p *pdf) {
	list, _ := p.resolve(encoding["Differences"]).([]any)
	code := uint32(0)
	for _, v := range list {
		switch v := v.(type) {
		case float64:
			code = uint32(int32(v))
		case pdfName:
			if f.unicode == nil {
				f.unicode = make(map[uint32]string)
			}
			text := string(v)
			if i := bytes.Index([]byte(glyphNames), []byte(" "+text+"=")); i >= 0 {
				text = glyphNames[i+len(text)+2:][:1]
			}
			if len(text) == 1 {
				f.unicode[code] = text
			} else {
				f.unicode[code] = "\ufffd"
			}
			code++
		}
	}
}

// maxCMap is how many codes of a font are known, and how long its table is, in bytes.
const (
	maxCMap      = 1 << 16
	maxCMapBytes = 4 << 20
)

// read reads the table ToUnicode:
//
//	1 begincodespacerange <0000> <ffff> endcodespacerange
//	1 beginbfchar <0003> <0073> endbfchar
//	1 beginbfrange <0010> <0012> <006b> endbfrange    the second one may be an array
func (f *pdfFont) read(p *pdf, number uint32) {
	i, ok := p.latest[number]
	if !ok {
		return
	}
	s, err := p.stream(i)
	if err != nil || s == nil {
		return
	}
	r, err := p.decode(s)
	if err != nil {
		return
	}
	b, _ := io.ReadAll(io.LimitReader(r, maxCMapBytes))
	f.unicode = make(map[uint32]string)
	parser := pdfParser{b: b}
	for section := pdfWord(""); parser.at < len(b); {
		v := parser.value(0)
		if word, ok := v.(pdfWord); ok {
			section = word
			continue
		}
		low, ok := v.([]byte)
		if !ok || len(low) == 0 || len(low) > 2 {
			continue
		}
		switch section {
		case "begincodespacerange":
			if f.size == 2 {
				f.size = len(low)
			}
			parser.value(0)
		case "beginbfchar":
			if text, ok := parser.value(0).([]byte); ok {
				f.set(codeOf(low), fromUTF16(text))
			}
		case "beginbfrange":
			f.setRange(low, parser.value(0), parser.value(0))
		}
	}
}

func (f *pdfFont) set(code uint32, text string) {
	if len(f.unicode) < maxCMap {
		f.unicode[code] = text
	}
}

func (f *pdfFont) setRange(low []byte, high, to any) {
	end, ok := high.([]byte)
	if !ok || len(end) == 0 || len(end) > 2 {
		return
	}
	from, last := codeOf(low), codeOf(end)
	list, isList := to.([]any)
	text, _ := to.([]byte)
	for code := from; code <= last; code++ {
		i := int(code - from)
		switch {
		case isList && i < len(list):
			text, _ := list[i].([]byte)
			f.set(code, fromUTF16(text))
		case !isList && len(text) >= 2:
			units := []rune(fromUTF16(text))
			if len(units) > 0 {
				units[len(units)-1] += rune(i)
			}
			f.set(code, string(units))
		}
	}
}

func codeOf(b []byte) (v uint32) {
	for _, c := range b {
		v = v<<8 | uint32(c)
	}
	return v
}

// fromUTF16 decodes UTF-16, the high byte first.
func fromUTF16(b []byte) string {
	if len(b) == 1 {
		return string(rune(b[0]))
	}
	var s []byte
	for ; len(b) >= 2; b = b[2:] {
		c := rune(b[0])<<8 | rune(b[1])
		if utf16.IsSurrogate(c) && len(b) >= 4 {
			c = utf16.DecodeRune(c, rune(b[2])<<8|rune(b[3]))
			b = b[2:]
		}
		s = utf8.AppendRune(s, c)
	}
	return string(s)
}

// pdfLexer reads values from a stream.
type pdfLexer struct{ r *bufio.Reader }

// maxPDFValue bounds a value of a content stream, in bytes.
const maxPDFValue = 32 << 10

// value returns the next value.
func (l *pdfLexer) value() (any, error) {
	for {
		b, err := l.r.Peek(maxPDFValue)
		if len(b) == 0 {
			return nil, err
		}
		p := pdfParser{b: b}
		p.space()
		if p.at == len(b) {
			_, _ = l.r.Discard(p.at)
			continue
		}
		v := p.value(0)
		if p.at == len(b) && err != nil && !errors.Is(err, io.EOF) {
			return nil, err // what is cut off was not read
		}
		_, _ = l.r.Discard(p.at)
		return v, nil
	}
}

// skipImage skips the bytes of a picture, up to EI.
func (l *pdfLexer) skipImage() error {
	for {
		b, err := l.r.Peek(maxPDFValue)
		if i := bytes.Index(b, []byte("EI")); i > 0 {
			_, _ = l.r.Discard(i + 2)
			if isPDFSpace(b[i-1]) && (i+2 == len(b) || isPDFSpace(b[i+2])) {
				return nil
			}
			continue
		}
		if err != nil {
			_, _ = l.r.Discard(len(b))
			return err
		}
		_, _ = l.r.Discard(max(1, len(b)-2))
	}
}
