package encoding

import (
	"bytes"
	"fmt"
	"strings"

	"keysweep/rules/ascii"
)

// listDecoder reads bytes that are written one by one, as numbers of a base:
//
//	xxd -i, arrays    0x73, 0x6b, 0x5f
//	.reg, openssl     73,6b,5f   73:6b:5f
//	od -t x1          0000000 73 6b 5f 6c 69 76 65 5f
//	hexdump -C        00000000  73 6b 5f 6c 69 76 65 5f  30 66 33 62 …  |sk_live_0f3b|
//	xxd               00000000: 736b 5f6c 6976 655f 3066  sk_live_0f
//	tcpdump -X        0x0010:  736b 5f6c 6976 655f 3066  sk_live_0f
//	curl, Java        0010: 73 6b 5f 6c 69 76 65 5f 30 … sk_live_0
//	OpenSSL, tshark   0010 - 73 6b 5f 6c-69 76 65   sk_live   0010  73 6b
//	arrays            115, 107, 95
//	hexdump, gdb      6b73 6c5f 7669 5f65   0x6c5f6b73 0x5f657669
//
// A line may start with where it is, and end with the text that it means.
type listDecoder struct{ base, word int } // word: bytes that are written in reverse; 0: none

func (d listDecoder) name() string { return map[int]string{10: "decimal", 16: "hex"}[d.base] }

// joiner is what is between two numbers. Where a part of it is in every second
// file, literals start with lead, what is before the second number.
type joiner struct{ text, lead string }

// joiners are those of a base; of encoded text only the first two.
var joiners = map[int][]joiner{
	16: {{" ", ""}, {",", ""}, {":", ""}, {"-", ""}, {", 0x", " 0x"}, {",0x", ""}, {", ", ""}, {" 0x", ""}, {"\t0x", ""}},
	10: {{", ", ""}, {",", ""}, {" ", ""}, {",\n  ", "  "}},
}

func (d listDecoder) forms(plain []byte, nested bool) (list []form) {
	for i := 0; i <= d.word && i+4 <= len(plain) && d.word > 0 && !nested; i++ { // a word begins there
		p := plain[i:]
		list = append(list, form{literal: fmt.Appendf(nil, "%02x%02x%02x%02x", p[3], p[2], p[1], p[0]), variant: 6, skip: i, single: true},
			form{literal: fmt.Appendf(nil, "%02x%02x %02x%02x", p[1], p[0], p[3], p[2]), variant: 2, skip: i, single: true})
	}
	formats := map[listDecoder][]string{{16, 0}: {"%02x", "%02X"}, {10, 0}: {"%d", "%3d"}}[d]
	add := func(format string, j joiner, groups int) {
		middle := len(plain) / 2 // a line may end on either side of it
		for n, half := range [...][]byte{plain[:middle], plain[middle:]} {
			b, skip := []byte(j.lead), n*middle
			if j.lead != "" {
				half, skip = half[1:], skip+1
			}
			for i, c := range half {
				if i > 0 && (groups == 0 || (i+groups)%2 == 0) {
					b = append(b, j.text...)
				}
				b = fmt.Appendf(b, format, c)
			}
			if i := bytes.IndexByte(b, '\n'); i > 0 { // whatever the indentation
				b = b[:i+len("\n  ")]
			}
			list = append(list, form{literal: b, variant: len(j.lead), skip: skip, single: j.text != ","})
		}
	}
	for _, format := range formats {
		for i, j := range joiners[d.base] {
			if !nested || i < 2 {
				add(format, j, 0)
			}
		}
		if d.base == 16 && !nested { // xxd, at an even and at an odd offset
			add(format, joiner{text: " "}, 2)
			add(format, joiner{text: " "}, 1)
		}
	}
	return list
}

// The limits of a list.
const (
	listBack   = 512 // bytes before a literal
	maxJoiner  = 24  // bytes between two numbers
	minOffset  = 4   // digits of what a line starts with, if no colon and a blank follow
	bareOffset = 6   // the same, if only a blank follows
	maxGutter  = 100 // bytes of the text that a line ends with
	widestItem = 8   // bytes of a number and what is before it
)

func (d listDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	plain = -1
	i := max(0, at-listBack)
	if i == 0 {
		i = behindOffset(raw, ascii.RunEnd(raw, 0, maxIndent, ascii.IsBlank))
	} else if n := bytes.IndexByte(raw[i:at], '\n'); n >= 0 {
		i += n
	}
	for end := min(len(raw), at+reach*widestItem); i < end && (plain < 0 || len(dst.B)-plain < reach); {
		next := d.skip(raw, i)
		from := next
		for _, mark := range [...]string{"0x", "0X", `\x`} {
			if d.base == 16 && bytes.HasPrefix(raw[from:], []byte(mark)) {
				from += len(mark)
			}
		}
		to := ascii.RunEnd(raw, from, 2*reach, func(c byte) bool {
			return ascii.ClassOf(c) == ascii.Digit || d.base == 16 && ascii.IsHex(c)
		})
		width := to - from
		if d.base == 16 && width > 1 {
			width = 2
		}
		if to == from || d.base == 16 && (to-from)%2 != 0 && from == next || d.base == 10 && width > 3 {
			if plain >= 0 {
				for n := 0; n < 4 && bytes.HasPrefix(raw[next:], []byte("...")); n++ {
					dst.add(`"...`[n], next, next+1)
				}
				break
			}
			dst.reset()
			i = max(to, i+1)
			continue
		}
		for first := from; from < to; from += width {
			v, part := 0, from
			if d.word > 0 {
				part = first + to - from - width
			}
			for _, c := range raw[part : part+width] {
				v = v*d.base + int(ascii.HexDigit(c))
			}
			if v > 0xff {
				break
			}
			if part == at+f.variant {
				plain = len(dst.B)
			}
			dst.add(byte(v), from, from+width)
		}
		i = to
	}
	plain -= f.skip
	return plain, plain >= 0 && plain < len(dst.B)
}

// skip returns where the next number starts behind raw[i:], past what is between
// two numbers, the end of a line and the start of the next.
func (d listDecoder) skip(raw []byte, i int) int {
	for first := true; ; first = false {
		if full := isFull(raw, i); first && (full || bytes.HasPrefix(raw[i:], []byte("  "))) {
			line, _, _ := bytes.Cut(raw[i:min(len(raw), i+maxGutter)], []byte("\n"))
			if full || !isDump(bytes.TrimLeft(line, " ")) {
				i += len(line)
			}
		}
		i = ascii.RunEnd(raw, i, maxJoiner, func(c byte) bool { return strings.IndexByte(" \t,:;-\r\\", c) >= 0 })
		if i == len(raw) || raw[i] != '\n' {
			return i
		}
		i = behindOffset(raw, i+1)
	}
}

// behindOffset returns where a line that starts at raw[i:] goes on behind the offset of
// its first byte, or i if it starts with none.
func behindOffset(raw []byte, i int) int {
	from := ascii.RunEnd(raw, i, maxIndent, ascii.IsBlank)
	hexed := bytes.HasPrefix(raw[from:], []byte("0x"))
	if hexed {
		from += len("0x")
	}
	end := ascii.RunEnd(raw, from, maxGutter, ascii.IsHex)
	rest := raw[end:]
	switch {
	case end > from && bytes.HasPrefix(rest, []byte(": ")), end-from >= minOffset && bytes.HasPrefix(rest, []byte(":")):
		return end
	case hexed, end-from < minOffset:
	case end-from >= bareOffset && (len(rest) == 0 || ascii.IsSpace(rest[0])),
		bytes.HasPrefix(rest, []byte(" - ")), bytes.HasPrefix(rest, []byte("  ")):
		return end
	}
	return i
}

// isFull reports whether 16 bytes with a short offset end at raw[:i], and 16 characters behind
// a single blank end the line: curl --trace writes their text so.
func isFull(raw []byte, i int) bool {
	const numbers, text = 16*len("00 ") - len(" "), 16
	start := i - numbers - len("0000: ")
	if start < 0 || !bytes.HasPrefix(raw[i:], []byte(" ")) || string(raw[start+4:start+6]) != ": " || start > 0 && raw[start-1] != '\n' {
		return false
	}
	line, _, _ := bytes.Cut(raw[i+1:min(len(raw), i+maxGutter)], []byte("\n"))
	return len(bytes.TrimSuffix(line, []byte("\r"))) == text
}

// isDump reports whether line, the rest of one, goes on with bytes.
func isDump(line []byte) bool {
	n := ascii.RunEnd(line, 0, len(line), ascii.IsHex)
	return bytes.HasPrefix(line, []byte("0x")) || (n == 2 || n == 4) && (n == len(line) || line[n] == ' ' || line[n] == '\r')
}
