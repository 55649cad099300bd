package encoding

import (
	"strconv"
	"strings"

	"keysweep/rules/ascii"
)

// cellDecoder reads what od -c writes: the octal offset of a line, and each byte in four
// columns, as a character, as an escape, or in octal.
//
//	0000020   K   E   Y   =   s   k   _   l   i   v   e   _   0   f   3  \n
type cellDecoder struct{}

func (cellDecoder) name() string { return "characters" }

const (
	cell    = 4 // columns of a byte
	odLine  = len("0000000") + 16*cell
	offsets = len("000000") // the least digits of an offset
)

func (cellDecoder) forms(plain []byte, _ bool) []form {
	cells := strings.Join(strings.Split(string(plain), ""), "   ")
	list := halves([]byte(cells), 0) // a line may end in one of them
	for i := range list {
		// From a character on.
		cut := (cell - list[i].skip%cell) % cell
		list[i].literal, list[i].skip, list[i].single = list[i].literal[cut:], (list[i].skip+cut)/cell, true
	}
	return list
}

func (cellDecoder) decode(raw []byte, at int, f form, reach int, dst *Text) (plain int, ok bool) {
	plain = -1
	first := ascii.RunStart(raw, at, odLine, func(c byte) bool { return c != '\n' })
	for i := max(0, first-2*odLine); i < len(raw) && (plain < 0 || len(dst.B)-plain < reach); {
		if i == 0 || raw[i-1] == '\n' {
			end := ascii.RunEnd(raw, i, odLine, func(c byte) bool { return ascii.ClassOf(c) == ascii.Digit })
			if end-i >= offsets {
				i = end
				continue
			}
		}
		value, ok := cellAt(raw, i)
		switch {
		case ok:
			if i+cell-1 == at {
				plain = len(dst.B) - f.skip
			}
			dst.add(value, i+cell-1, i+cell)
			i += cell
		case raw[i] == '\n' || raw[i] == '\r':
			i++
		case plain >= 0:
			return plain, plain < len(dst.B)
		default: // a line of something else
			dst.reset()
			i = ascii.RunEnd(raw, i, at-i, func(c byte) bool { return c != '\n' })
			if i >= at {
				return 0, false
			}
			i++
		}
	}
	return plain, plain >= 0 && plain < len(dst.B)
}

// cellAt returns the byte whose columns begin at raw[i:].
func cellAt(raw []byte, i int) (value byte, ok bool) {
	if i+cell > len(raw) || raw[i] != ' ' {
		return 0, false
	}
	switch c := raw[i+1 : i+cell]; {
	case c[0] == ' ' && c[1] == ' ':
		return c[2], c[2] >= ' '
	case c[0] == ' ' && c[1] == '\\':
		escaped, _ := stringEscapeAt(c[1:])
		if c[2] == '0' {
			escaped = []byte{0}
		}
		return append(escaped, ' ')[0], c[2] >= ' '
	default:
		v, err := strconv.ParseUint(string(c), 8, 8)
		return byte(v), err == nil
	}
}
