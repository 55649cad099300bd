// Package linehash computes what GitHub's upload action calls
// primaryLocationLineHash of the lines of a checkout. The action complains about
// every result with another value, so ours must be equal, bit for bit. For each
// line, counted from 1:
//
//	hash = c[0]·37^99 + c[1]·37^98 + … + c[99]    modulo 2^64
//
// over the 100 UTF-16 code units from the line's start on, across the ends of
// lines, where
//
//   - spaces and tabs are left out: a line starts at its first other unit,
//     which may be its end;
//   - CR, LF and CR LF are one LF each, and end a line;
//   - bytes that are not UTF-8 are U+FFFD, as the WHATWG decoder puts it;
//   - the text ends with a unit 65535, which may start a line of its own, and
//     then zeros.
//
// The value is the hash in hex, a colon, and how many lines up to this one have
// the same hash. The source followed is github/codeql-action,
// src/fingerprints.ts.
package linehash

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	hashedUnits = 100
	hashFactor  = 37
	endOfText   = 65535
)

// maxHashes bounds how many different hashes of one file are counted, 40 MB
// of memory. Lines after that have none.
const maxHashes = 1 << 20

// hashDrop is 37^100: what a unit has been multiplied by when it leaves.
var hashDrop = func() uint64 {
	v := uint64(1)
	for range hashedUnits {
		v *= hashFactor
	}
	return v
}()

// Hasher hashes the wanted lines of the file whose bytes are written to it.
type Hasher struct {
	wanted map[int]string // by line; "" until known
	left   int            // lines still to be hashed

	units  [hashedUnits]uint16 // the last ones, a ring
	starts [hashedUnits]int    // the line that starts at a unit; 0: none
	next   int                 // where the next unit goes, and the oldest is
	hash   uint64              // of units
	line   int
	within bool // line has a unit
	wasCR  bool
	counts map[uint64]int32

	partial []byte // the start of a character, at most three bytes
}

// New returns a hasher of these lines, counted from 1.
func New(lines []int) *Hasher {
	h := &Hasher{wanted: make(map[int]string, len(lines)), counts: make(map[uint64]int32)}
	for _, n := range lines {
		h.wanted[n] = ""
	}
	h.left = len(h.wanted)
	return h
}

// Write implements io.Writer. It never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	for _, c := range p {
		if h.left == 0 {
			break
		}
		h.decode(c)
	}
	return len(p), nil
}

// decode takes the next byte as the WHATWG's Encoding Standard says, "UTF-8
// decoder": what is not UTF-8 becomes one U+FFFD for as many bytes as a
// character could have begun with. Go's own decoder makes one of every byte.
func (h *Hasher) decode(c byte) {
	if c < utf8.RuneSelf && len(h.partial) == 0 {
		h.unit(uint16(c))
		return
	}
	before := len(h.partial)
	h.partial = append(h.partial, c)
	if !utf8.FullRune(h.partial) {
		return
	}
	r, size := utf8.DecodeRune(h.partial)
	h.partial = h.partial[:0]
	h.add(r)
	if before > 0 && size == 1 { // not the rest of a character, perhaps the start of one
		h.decode(c)
	}
}

// Finish takes the end of the text and returns the hashes by line, "" for a line
// that is not there. Nothing may be written after it.
func (h *Hasher) Finish() map[int]string {
	if h.left > 0 {
		if len(h.partial) > 0 {
			h.add(utf8.RuneError)
		}
		h.unit(endOfText)
		for range hashedUnits {
			h.pass()
			h.push(0)
		}
	}
	return h.wanted
}

func (h *Hasher) add(r rune) {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		h.unit(uint16(high))
		r = low
	}
	h.unit(uint16(r))
}

func (h *Hasher) unit(u uint16) {
	if u == ' ' || u == '\t' || u == '\n' && h.wasCR {
		h.wasCR = false
		return
	}
	if h.wasCR = u == '\r'; h.wasCR {
		u = '\n'
	}
	h.pass()
	if !h.within {
		h.within = true
		h.line++
		h.starts[h.next] = h.line
	}
	if u == '\n' {
		h.within = false
	}
	h.push(u)
}

// pass notes the hash of the line that starts at the oldest unit, if one does:
// the 100 units from there on are the ones that hash is of.
func (h *Hasher) pass() {
	line := h.starts[h.next]
	if line == 0 {
		return
	}
	h.starts[h.next] = 0
	n, counted := h.counts[h.hash]
	if !counted && len(h.counts) == maxHashes {
		h.left = 0
		return
	}
	h.counts[h.hash] = n + 1
	if known, wanted := h.wanted[line]; wanted && known == "" {
		h.wanted[line] = strconv.FormatUint(h.hash, 16) + ":" + strconv.Itoa(int(n)+1)
		h.left--
	}
}

func (h *Hasher) push(u uint16) {
	oldest := h.units[h.next]
	h.units[h.next] = u
	h.hash = h.hash*hashFactor + uint64(u) - hashDrop*uint64(oldest)
	h.next = (h.next + 1) % hashedUnits
}
