package rules

import (
	"iter"

	"keysweep/rules/ascii"
	"keysweep/rules/encoding"
)

// Packed is a gzip file in base64, with what is in the same encoding behind it. The
// matcher does not look into it: that takes limits.
type Packed struct {
	Span              // of the encoded text in the buffer
	Literal  string   // what it was found by
	Data     []byte   // valid until the next one
	Encoding []string // as Match.Encoding
	Open     bool     // the encoded text may go on behind the buffer
	Long     bool     // it is longer than Data
}

// The limits of Packed.Data, in bytes: what is shorter than packedHead holds no key.
const (
	maxPacked  = 4 << 20
	packedHead = 40
)

// MaxPackedText is how many bytes of a buffer the longest Packed takes, but for its line
// breaks and escapes.
const MaxPackedText = maxPacked * 4 / 3 * 4 / 3

// packedAt is where a literal of a Packed is.
type packedAt struct {
	at    int
	steps encoding.Steps
}

// Packed returns what the last call of Matches met in buf, in order.
func (m *Matcher) Packed(buf []byte) iter.Seq[Packed] {
	return func(yield func(Packed) bool) {
		end := 0
		for _, l := range m.packed {
			if l.at < end || len(l.steps) == 1 && l.at > 0 && ascii.IsWord(buf[l.at-1]) && encoding.EscapeBefore(buf, l.at) == 0 {
				continue
			}
			// Its head first: a text may be full of them.
			t, pos, ok := m.reader.Read(buf, l.at, l.steps, packedHead)
			if !ok || !encoding.IsPacked(t.B[pos:]) {
				continue
			}
			p := Packed{Literal: string(l.steps.Literal()), Encoding: append(l.steps.Names(), "gzip")}
			p.Start = l.at
			if p.Data, p.End, ok = m.reader.ReadAll(buf, l.at, l.steps, maxPacked); !ok {
				continue
			}
			p.Open, p.Long = len(buf)-p.End < encoding.MaxBreak, len(p.Data) > maxPacked
			if end = p.End; !yield(p) {
				return
			}
		}
	}
}
