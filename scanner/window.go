package scanner

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"slices"
	"unicode/utf8"

	"keysweep/rules"
	"keysweep/scanner/container"
)

// windowSize is how many bytes of a file or object are judged at once. The
// context on both sides comes on top. Larger windows gain nothing measurable,
// smaller ones judge the context more often.
const windowSize = 1 << 20

// nearby is how far beside a core matches are asked for: an excerpt reaches
// that far, and a key before it no further than its own length.
const nearby = 4 << 10

// window reads content of any length through one buffer, so that each key is
// judged once and with all the context that its verdict may depend on:
//
//	| context | core                  | context |
//	          | the next window's context | core …
//
// It is the scratch of one goroutine.
type window struct {
	finder  *rules.Finder
	matcher *rules.Matcher
	name    string // of the content, or ""
	buf     []byte
	// isContainer says whether what was read last is a container.
	isContainer bool
}

// each reads r to its end and calls found for every window with matches: the
// buffer, the position of its first byte, the matches in and near its core,
// and the core: only what starts there is this window's. All are valid until
// found returns. n is the number of bytes read. unpack returns the keys in a gzip file in
// base64; nil: none is opened. It ends early with ctx.
func (w *window) each(ctx context.Context, r io.Reader, unpack func(rules.Packed) []rules.Match, found func(buf []byte, at position, matches []rules.Match, core rules.Span)) (n int64, err error) {
	if w.buf == nil {
		w.buf = make([]byte, windowSize+2*rules.Context)
	}
	buf := w.buf // a longer one while a gzip file in base64 takes more
	w.isContainer = false
	var at position // of buf[0]
	held := 0       // bytes in buf
	core := 0       // where the core starts
	for {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		for held < len(buf) && err == nil {
			var m int
			m, err = r.Read(buf[held:])
			held += m
			n += int64(m)
		}
		end := held
		if err == nil {
			end = held - rules.Context
		}
		w.isContainer = w.isContainer || n == int64(held) && container.RecognizeHead(buf[:held], w.name) || err != nil && container.RecognizeTail(buf[:held])
		if w.finder.Contains(buf[:held]) {
			// What is beside the core may have to be redacted.
			near := rules.Span{Start: core - nearby, End: end + nearby}
			w.matcher.Base = at.total
			m := w.matcher.Matches(buf[:held], near)
			if unpack != nil {
				if m, end = w.unpacked(buf[:held], m, rules.Span{Start: core, End: end}, err == nil, unpack); end == core && err == nil {
					buf = slices.Concat(buf[:held], make([]byte, len(buf)))
					continue
				}
			}
			if len(m) > 0 {
				found(buf[:held], at, m, rules.Span{Start: core, End: end})
			}
			if ctx.Err() != nil {
				return n, context.Cause(ctx) // the matcher may have stopped early
			}
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		drop := characterEnd(buf[:max(0, end-rules.Context)])
		at.advance(buf[:drop])
		rest := buf[drop:held]
		if len(rest) <= len(w.buf) {
			buf = w.buf
		}
		held = copy(buf, rest)
		core = end - drop
	}
}

// unpacked adds to list, which is sorted, the keys in gzip files that begin in core. It
// returns where core ends: before a file that goes on behind buf, if more follows and buf
// can be longer.
func (w *window) unpacked(buf []byte, list []rules.Match, core rules.Span, more bool, unpack func(rules.Packed) []rules.Match) ([]rules.Match, int) {
	n := len(list)
	for p := range w.matcher.Packed(buf) {
		if p.Start < core.Start || p.Start >= core.End {
			continue
		}
		if more && p.Open && !p.Long {
			if len(buf) < rules.MaxPackedText {
				core.End = p.Start
				break
			}
			p.Long = true
		}
		list = append(list, unpack(p)...)
	}
	if len(list) > n {
		slices.SortStableFunc(list, func(a, b rules.Match) int { return cmp.Compare(a.Start, b.Start) })
	}
	return list, core.End
}

// position is how far into content something is: whole lines before it, and
// bytes and UTF-16 units since the last of them ended.
type position struct {
	total int64 // bytes before it
	lines int
	bytes int
	units int
}

// advance moves p behind b, which does not end inside a character.
func (p *position) advance(b []byte) {
	p.total += int64(len(b))
	// Count is much faster than LastIndexByte, which long lines need not pay.
	if n := bytes.Count(b, newline); n > 0 {
		p.lines += n
		p.bytes, p.units = 0, 0
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	p.bytes += len(b)
	p.units += units(b)
}

var newline = []byte{'\n'}

// units returns the length of b in UTF-16 code units. A byte that is not
// UTF-8 counts as one.
func units(b []byte) int {
	n := 0
	for len(b) > 0 {
		for ; len(b) >= 32; b = b[32:] { // ASCII, a cheap pass over long lines
			v := binary.NativeEndian.Uint64(b) | binary.NativeEndian.Uint64(b[8:]) |
				binary.NativeEndian.Uint64(b[16:]) | binary.NativeEndian.Uint64(b[24:])
			if v&0x8080808080808080 != 0 {
				break
			}
			n += 32
		}
		if len(b) == 0 {
			break
		}
		r, size := utf8.DecodeRune(b)
		n++
		if r > 0xffff {
			n++ // a surrogate pair
		}
		b = b[size:]
	}
	return n
}

// characterEnd returns the length of b without the first bytes of a character
// whose last ones are missing.
func characterEnd(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if at := len(b) - i; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				return at
			}
			break
		}
	}
	return len(b)
}
