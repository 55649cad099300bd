package document

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// pdfText yields the text that a content stream shows (ISO 32000, 9.4):
//
//	BT /F1 12 Tf 72 700 Td [(sk_li) -20 (ve_…)] TJ 0 -14 Td <0012> Tj ET
//
// Numbers between strings move by thousandths of the font size. Whether a string goes on
// with what was shown before, is behind a space or in another line is seen by where it is.
type pdfText struct {
	pdf    *pdf
	parser pdfLexer
	fonts  pdfDict
	state  pdfState
	stack  []pdfState
	text   pdfMatrix // of the next glyph
	line   pdfMatrix // of the beginning of its line
	// Of what was shown last, on the page: where it ended, and the line that was drawn
	// since, if one was.
	shown bool
	end   pdfPoint
	pen   pdfPoint // where a line begins that is drawn
	rule  [2]pdfPoint
	gaps  pdfGaps
	out   []byte
	done  int
	given byte // what was given out last
	err   error
}

// pdfState is what q saves and Q restores, as far as text needs it.
type pdfState struct {
	page    pdfMatrix
	font    *pdfFont
	size    float64
	spacing float64 // behind each glyph
	words   float64 // behind each space, in addition
	stretch float64 // horizontally; 1 is none
	leading float64
}

// pdfMatrix maps x and y to m[0]x + m[2]y + m[4] and m[1]x + m[3]y + m[5].
type pdfMatrix [6]float64

// after returns the matrix that applies m, then n.
func (m pdfMatrix) after(n pdfMatrix) pdfMatrix {
	return pdfMatrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// point returns where x and y are mapped to.
func (m pdfMatrix) point(x, y float64) pdfPoint {
	return pdfPoint{m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]}
}

type pdfPoint struct{ x, y float64 }

var pdfIdentity = pdfMatrix{1, 0, 0, 1, 0, 0}

const (
	// Between strings of a line: from where on a gap is a space, what is no overlap any
	// more but another text, and how long a line is that is an underscore; and how far
	// apart lines are. All in font sizes.
	wideSpace, overlap, shortest, longest, nextLine = 0.15, -0.5, 0.2, 0.8, 0.3
	// maxOperands is how many operands are held; no operator has more.
	maxOperands = 100
	// maxStates is how many states are saved; PDF 1.7 allows 28.
	maxStates = 500
)

func (t *pdfText) Read(p []byte) (int, error) {
	for t.done == len(t.out) {
		if t.err != nil {
			return 0, t.err
		}
		if len(t.out) > 0 {
			t.given = t.out[len(t.out)-1]
			t.gaps = pdfGaps{closed: t.given != '\n'} // the beginning of the line was given out
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
	matrix := func() pdfMatrix {
		return pdfMatrix{number(5), number(4), number(3), number(2), number(1), number(0)}
	}
	s := &t.state
	switch word {
	case "q":
		if len(t.stack) < maxStates {
			t.stack = append(t.stack, *s)
		}
	case "Q":
		if n := len(t.stack); n > 0 {
			*s, t.stack = t.stack[n-1], t.stack[:n-1]
		}
	case "cm":
		s.page = matrix().after(s.page)
	case "Tf":
		if len(operands) >= 2 {
			name, _ := operands[len(operands)-2].(pdfName)
			s.font, s.size = t.pdf.fontOf(t.fonts, name), number(0)
		}
	case "Tc":
		s.spacing = number(0)
	case "Tw":
		s.words = number(0)
	case "Tz":
		s.stretch = number(0) / 100
	case "TL":
		s.leading = number(0)
	case "BT":
		t.text, t.line = pdfIdentity, pdfIdentity
	case "Tm":
		t.line = matrix()
		t.text = t.line
	case "TD":
		s.leading = -number(0)
		t.move(number(1), number(0))
	case "Td":
		t.move(number(1), number(0))
	case "T*":
		t.nextLine()
	case "m":
		t.pen = s.page.point(number(1), number(0))
	case "l":
		t.rule = [2]pdfPoint{t.pen, s.page.point(number(1), number(0))}
	case "re":
		x, y := number(3), number(2)+number(0)/2
		t.rule = [2]pdfPoint{s.page.point(x, y), s.page.point(x+number(1), y)}
	case "Tj":
		t.showAll(operands)
	case "'":
		t.nextLine()
		t.showAll(operands)
	case "\"":
		s.words, s.spacing = number(2), number(1)
		t.nextLine()
		t.showAll(operands)
	case "TJ":
		list, _ := last().([]any)
		t.showAll(list)
	case "ID": // also a line: a black picture of one dot
		t.rule = [2]pdfPoint{s.page.point(0, 0.5), s.page.point(1, 0.5)}
		return t.parser.skipImage()
	}
	return nil
}

// move goes to x and y from the beginning of the line.
func (t *pdfText) move(x, y float64) {
	t.line = pdfMatrix{1, 0, 0, 1, x, y}.after(t.line)
	t.text = t.line
}

// nextLine goes to the next line, where the string before may yet be gone on with by a
// matrix. Without the widths of a font that cannot be seen.
func (t *pdfText) nextLine() {
	if t.state.font == nil || !t.state.font.measured() {
		t.separate('\n')
	}
	t.move(0, -t.state.leading)
}

// advance goes on by x, which is not stretched yet.
func (t *pdfText) advance(x float64) {
	t.text = pdfMatrix{1, 0, 0, 1, x * t.state.stretch, 0}.after(t.text)
}

// showAll shows strings, and moves by the numbers between them.
func (t *pdfText) showAll(list []any) {
	for _, v := range list {
		switch v := v.(type) {
		case float64:
			t.advance(-v / 1000 * t.state.size)
		case []byte:
			t.show(v)
		}
	}
}

// show shows a string.
func (t *pdfText) show(s []byte) {
	f := t.state.font
	if t.shown {
		t.join(t.text.after(t.state.page))
	}
	var width float64 // in font sizes
	codes, spaces, before := len(s), 0, len(t.out)
	if f == nil {
		t.out = append(t.out, s...)
	} else {
		t.out, width, codes, spaces = f.append(t.pdf, t.out, s)
	}
	if codes > 1 {
		t.gaps.closed = true
	}
	t.shown = t.shown || len(t.out) > before
	t.advance(width*t.state.size + float64(codes)*t.state.spacing + float64(spaces)*t.state.words)
	t.end, t.rule = t.text.after(t.state.page).point(0, 0), [2]pdfPoint{}
}

// join separates what is shown at m from what was shown before.
func (t *pdfText) join(m pdfMatrix) {
	x, y := m[0]*t.state.size, m[1]*t.state.size // one font size along the line
	from := func(p, q pdfPoint) (along, across float64) {
		q.x, q.y = q.x-p.x, q.y-p.y
		return (q.x*x + q.y*y) / (x*x + y*y), (q.y*x - q.x*y) / (x*x + y*y)
	}
	along, across := from(t.end, m.point(0, 0))
	switch {
	case !(across > -nextLine && across < nextLine && along > overlap): // also what is no number
		t.separate('\n')
	case along > wideSpace:
		// TeX draws the underscore that its first fonts lack.
		at, above := from(t.end, t.rule[0])
		length, slope := from(t.rule[0], t.rule[1])
		if at > -0.1 && at+length < along+0.1 && length > shortest && length < longest && math.Abs(above) < nextLine && math.Abs(slope) < 0.01 {
			t.out = append(t.out, '_')
			return
		}
		t.gaps.add(along, len(t.out))
		t.separate(' ')
	default:
		t.gaps.closed = true
	}
}

// separate adds c, unless a space or a line's end is there.
func (t *pdfText) separate(c byte) {
	if c == '\n' {
		t.out = t.gaps.drop(t.out)
	}
	last := t.given
	if n := len(t.out); n > 0 {
		last = t.out[n-1]
	}
	if last != 0 && last != '\n' && last != ' ' || last == ' ' && c == '\n' {
		t.out = append(t.out, c)
	}
}

// pdfGaps are the spaces that are seen in a line by where its glyphs are. If there is one
// behind each glyph, its letters are set apart.
type pdfGaps struct {
	list   []pdfGap
	closed bool // a glyph is right behind another one
}

type pdfGap struct {
	width float64 // in font sizes
	at    int     // in what is to be given out
}

const (
	// maxGaps is how many are held; a line with more is closed. With fewer than
	// minGaps, letters are not set apart.
	maxGaps, minGaps = 1000, 4
)

func (g *pdfGaps) add(width float64, at int) {
	if g.closed = g.closed || len(g.list) == maxGaps; !g.closed {
		g.list = append(g.list, pdfGap{width, at})
	}
}

// drop removes from out the spaces of a line of letters that are set apart, and begins
// another line.
func (g *pdfGaps) drop(out []byte) []byte {
	if !g.closed && len(g.list) >= minGaps {
		least := slices.MinFunc(g.list, func(a, b pdfGap) int { return cmp.Compare(a.width, b.width) }).width
		for _, gap := range slices.Backward(g.list) {
			if gap.width < least+wideSpace && gap.at < len(out) && out[gap.at] == ' ' {
				out = slices.Delete(out, gap.at, gap.at+1)
			}
		}
	}
	*g = pdfGaps{list: g.list[:0]}
	return out
}

// pdfFont is how the codes of a string become characters, and how wide they are.
type pdfFont struct {
	size    int                // bytes of a code
	unicode map[uint32]string  // of codes; nil: ASCII is what it is
	closed  bool               // codes are numbers of glyphs, and nothing says of which characters
	widths  map[uint32]float32 // of codes, in font sizes
	other   float32            // of the other codes; 0: not known
}

// ligatures are one glyph in many fonts, of U+FB00 on.
var ligatures = [...]string{"ff", "fi", "fl", "ffi", "ffl"}

// texLigatures are where the fonts of TeX have the first of them.
var texLigatures = [...]byte{11, 27}

// append adds the characters of s to dst. The width is in font sizes.
func (f *pdfFont) append(p *pdf, dst, s []byte) (text []byte, width float64, codes, spaces int) {
	if f.closed {
		p.glyphs++
	}
	for ; len(s) >= f.size; s = s[f.size:] {
		code := uint32(s[0])
		if f.size == 2 {
			code = code<<8 | uint32(s[1])
		} else if code == ' ' {
			spaces++
		}
		codes++
		if w, ok := f.widths[code]; ok {
			width += float64(w)
		} else {
			width += float64(f.other)
		}
		if f.closed {
			continue
		}
		if text, ok := f.unicode[code]; ok {
			dst = append(dst, text...)
		} else if f.size == 1 {
			dst = appendByte(dst, s[0])
		}
	}
	return dst, width, codes, spaces
}

// appendByte adds the character that the fonts of most programs have at c.
func appendByte(dst []byte, c byte) []byte {
	for _, first := range texLigatures {
		if i := c - first; int(i) < len(ligatures) {
			return append(dst, ligatures[i]...)
		}
	}
	return append(dst, c)
}

// maxCodes is how many characters and widths of all fonts are held; maxCodesRead is how many
// are read, as a document may name its fonts again and again.
const maxCodes, maxCodesRead = 1 << 17, 1 << 22

// reads counts n codes that are read of fonts, and reports whether that is allowed.
func (p *pdf) reads(n int) bool {
	p.reading = min(p.reading+n, maxCodesRead+1)
	return p.reading <= maxCodesRead
}

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
	if d == nil || !p.reads(1) {
		return nil
	}
	f := &pdfFont{size: 1}
	if p.nameOf(d["Subtype"]) == "Type0" {
		f.size = 2
	}
	if ref, ok := d["ToUnicode"].(pdfRef); ok {
		f.read(p, uint32(ref))
	} else if f.size == 1 {
		f.encoding(d, p)
	}
	f.closed = f.size == 2 && f.unicode == nil
	f.measure(p, d)
	if p.codes += len(f.unicode) + len(f.widths); p.codes > maxCodes {
		clear(p.fonts)
		p.codes = len(f.unicode) + len(f.widths)
	}
	if isRef {
		p.fonts[uint32(ref)] = f
	}
	return f
}

func (f *pdfFont) measured() bool { return f.other != 0 || len(f.widths) > 0 }

// measure reads the widths: of a simple font a list, of a composite one
//
//	/W [12 [500 600] 20 30 700]    12 and 13; from 20 to 30
func (f *pdfFont) measure(p *pdf, d pdfDict) {
	f.widths = make(map[uint32]float32)
	set := func(code, width float64, scale float64) bool {
		if len(f.widths) < maxCMap && code >= 0 && code < maxCMap {
			f.widths[uint32(code)] = float32(width * scale)
		}
		return p.reads(1)
	}
	number := func(v any) float64 { n, _ := p.resolve(v).(float64); return n }
	if f.size == 1 {
		scale := 0.001
		if m, ok := p.resolve(d["FontMatrix"]).([]any); ok && len(m) == 6 {
			scale = number(m[0])
		}
		list, ok := p.resolve(d["Widths"]).([]any)
		for i, v := range list {
			if !set(number(d["FirstChar"])+float64(i), number(v), scale) {
				return
			}
		}
		if !ok {
			f.standard(p.nameOf(d["BaseFont"]))
		}
		return
	}
	list, _ := p.resolve(d["DescendantFonts"]).([]any)
	if len(list) == 0 {
		return
	}
	d = p.dictOf(list[0])
	f.other = 1
	if d["DW"] != nil {
		f.other = float32(number(d["DW"]) / 1000)
	}
	for list, _ = p.resolve(d["W"]).([]any); len(list) >= 2 && p.reads(1); {
		first := number(list[0])
		if widths, ok := p.resolve(list[1]).([]any); ok {
			for i, v := range widths {
				if !set(first+float64(i), number(v), 0.001) {
					return
				}
			}
			list = list[2:]
			continue
		}
		if len(list) < 3 {
			break
		}
		last, width := min(number(list[1]), maxCMap), number(list[2])
		for code := max(0, first); code <= last && set(code, width, 0.001); code++ {
		}
		list = list[3:]
	}
}

// glyphNames are the characters that keys are made of and that have a longer name.
const glyphNames = " zero=0 one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 underscore=_ hyphen=- space=  equal== colon=: period=. slash=/ quotedbl=\" "

// encoding reads where an encoding has the ligatures fi and fl, and the names of glyphs that
// it has otherwise:
//
//	/BaseEncoding /MacRomanEncoding /Differences [39 /quotesingle 96 /grave /a]
func (f *pdfFont) encoding(d pdfDict, p *pdf) {
	encoding := p.dictOf(d["Encoding"])
	switch base := p.nameOf(d["Encoding"]) + p.nameOf(encoding["BaseEncoding"]); {
	case base == "MacRomanEncoding":
		f.unicode = map[uint32]string{0xde: "fi", 0xdf: "fl"}
	case base == "" && p.nameOf(d["Subtype"]) == "Type1":
		f.unicode = map[uint32]string{0xae: "fi", 0xaf: "fl"}
	}
	list, _ := p.resolve(encoding["Differences"]).([]any)
	code := uint32(0)
	for _, v := range list {
		if !p.reads(1) {
			return
		}
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
			if n, err := strconv.Atoi(text[min(1, len(text)):]); err == nil && uint32(n) == code && n < 0x7f {
				text = string(appendByte(nil, byte(n))) // a83, as dvips and pdfTeX name the glyphs of pictures
			}
			if len(text) == 1 || slices.Contains(ligatures[:], text) {
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
	for section := pdfWord(""); parser.at < len(b) && p.reads(1); {
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
			f.setRange(p, low, parser.value(0), parser.value(0))
		}
	}
}

func (f *pdfFont) set(code uint32, text string) {
	if len(f.unicode) < maxCMap {
		f.unicode[code] = text
	}
}

func (f *pdfFont) setRange(p *pdf, low []byte, high, to any) {
	end, ok := high.([]byte)
	if !ok || len(end) == 0 || len(end) > 2 {
		return
	}
	from, last := codeOf(low), codeOf(end)
	list, isList := to.([]any)
	text, _ := to.([]byte)
	for code := from; code <= last && p.reads(1); code++ {
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
		if i := int(c) - 0xfb00; i >= 0 && i < len(ligatures) {
			s = append(s, ligatures[i]...)
			continue
		}
		s = utf8.AppendRune(s, c)
	}
	return string(s)
}

// pdfLexer reads values from a stream.
type pdfLexer struct {
	r   *bufio.Reader
	cut int // values that were longer than maxPDFValue
}

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
		start := p.at
		v := p.value(0)
		if p.at == len(b) && err == nil {
			if start > 0 {
				_, _ = l.r.Discard(start)
				continue
			}
			l.cut++
		}
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
