package inflate

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	kzlib "github.com/klauspost/compress/zlib"
)

// bitWriter writes a zlib stream bit by bit.
type bitWriter struct {
	buf   []byte
	nbits int // of the last byte of buf; 0: it is whole
}

// newStream returns a writer that has written a zlib header.
func newStream() *bitWriter {
	return &bitWriter{buf: []byte{0x78, 0x9c}}
}

// bits writes the n low bits of v, least significant first.
func (w *bitWriter) bits(v, n int) *bitWriter {
	for i := range n {
		if w.nbits == 0 {
			w.buf = append(w.buf, 0)
		}
		w.buf[len(w.buf)-1] |= byte(v>>i&1) << w.nbits
		w.nbits = (w.nbits + 1) & 7
	}
	return w
}

// code writes a code, most significant bit first.
func (w *bitWriter) code(c code) *bitWriter {
	if c.n == 0 {
		panic("symbol without a code")
	}
	for i := c.n - 1; i >= 0; i-- {
		w.bits(c.v>>i, 1)
	}
	return w
}

// bytes writes whole bytes, from the next whole byte on.
func (w *bitWriter) bytes(p ...byte) *bitWriter {
	w.buf, w.nbits = append(w.buf, p...), 0
	return w
}

// stored writes a block of type 0.
func (w *bitWriter) stored(last int, p []byte) *bitWriter {
	w.bits(last, 1).bits(0, 2)
	n := uint16(len(p))
	w.bytes(byte(n), byte(n>>8), ^byte(n), ^byte(n>>8))
	return w.bytes(p...)
}

// sum writes the Adler-32 of output, and returns the stream.
func (w *bitWriter) sum(output string) []byte {
	return binary.BigEndian.AppendUint32(w.bytes().buf, adler32.Checksum([]byte(output)))
}

// code is n bits, 0 if the symbol has none.
type code struct{ v, n int }

// canonical returns the codes of RFC 1951 section 3.2.2. It does not mind
// lengths that are no code.
func canonical(lens []int) []code {
	var count, next [17]int
	for _, n := range lens {
		count[n]++
	}
	count[0] = 0
	for n := 1; n < 17; n++ {
		next[n] = (next[n-1] + count[n-1]) << 1
	}
	codes := make([]code, len(lens))
	for i, n := range lens {
		if n != 0 {
			codes[i] = code{next[n], n}
			next[n]++
		}
	}
	return codes
}

// lens returns n code lengths, of which those of the pairs (symbol, length)
// are not zero.
func lens(n int, pairs ...int) []int {
	l := make([]int, n)
	for i := 0; i < len(pairs); i += 2 {
		l[pairs[i]] = pairs[i+1]
	}
	return l
}

// flatPre is a complete code length code for 0 to 15.
var flatPre = []int{4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 0, 0, 0}

// preHeader writes the start of a block of type 2, up to the code length code.
func (w *bitWriter) preHeader(last, nlit, ndist int, pre []int) *bitWriter {
	w.bits(last, 1).bits(2, 2).bits(nlit-257, 5).bits(ndist-1, 5).bits(19-4, 4)
	for _, sym := range preOrder {
		w.bits(pre[sym], 3)
	}
	return w
}

// header writes the start of a block of type 2 without using runs.
func (w *bitWriter) header(last int, lit, dist []int) *bitWriter {
	w.preHeader(last, len(lit), len(dist), flatPre)
	pre := canonical(flatPre)
	for _, n := range slices.Concat(lit, dist) {
		w.code(pre[n])
	}
	return w
}

// fixed is the code of a block of type 1.
var fixed = func() []code {
	l := make([]int, 288)
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	return canonical(l)
}()

// fixedBlock writes a last block of type 1 with the given bytes, without end.
func fixedBlock(literals string) *bitWriter {
	w := newStream().bits(1, 1).bits(1, 2)
	for _, c := range []byte(literals) {
		w.code(fixed[c])
	}
	return w
}

// randomLens returns n code lengths of at most limit bits, a complete code of
// those symbols in used (and in no others), in which some codes are long.
func randomLens(rnd *rand.Rand, n, limit int, used []int) []int {
	leaves := []int{0}
	for len(leaves) < len(used) {
		i := rnd.IntN(len(leaves))
		if rnd.IntN(3) > 0 {
			i = len(leaves) - 1 // makes deep trees
		}
		if leaves[i] < limit {
			leaves[i]++
			leaves = append(leaves, leaves[i])
		}
	}
	if len(leaves) == 1 {
		leaves[0] = 1
	}
	rnd.Shuffle(len(leaves), func(i, j int) { leaves[i], leaves[j] = leaves[j], leaves[i] })
	l := make([]int, n)
	for i, sym := range used {
		l[sym] = leaves[i]
	}
	return l
}

// randomStream writes blocks of all types with random symbols.
func randomStream(rnd *rand.Rand) (stream, output []byte) {
	w := newStream()
	var out []byte
	for last := 0; last == 0; {
		if rnd.IntN(3) == 0 {
			last = 1
		}
		lit, dist := fixed, canonical(slices.Repeat([]int{5}, 32))
		ndist := 30
		switch rnd.IntN(6) {
		case 0:
			p := make([]byte, rnd.IntN(40))
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
			w.stored(last, p)
			out = append(out, p...)
			continue
		case 1:
			w.bits(last, 1).bits(1, 2)
		default:
			nlit := 257 + rnd.IntN(30)
			ndist = 1 + rnd.IntN(30)
			used := rnd.Perm(nlit)[:1+rnd.IntN(nlit)]
			if !slices.Contains(used, 256) {
				used[0] = 256
			}
			litLens := randomLens(rnd, nlit, 15, used)
			distLens := make([]int, ndist)
			if k := rnd.IntN(ndist + 1); k > 0 {
				distLens = randomLens(rnd, ndist, 15, rnd.Perm(ndist)[:k])
			}
			w.header(last, litLens, distLens)
			lit, dist = canonical(litLens), canonical(distLens)
		}
		for range rnd.IntN(400) {
			sym := rnd.IntN(min(286, len(lit)))
			if rnd.IntN(3) == 0 {
				sym = 257 + rnd.IntN(29)
			}
			if sym == 256 || sym >= len(lit) || lit[sym].n == 0 {
				continue
			}
			if sym < 256 {
				w.code(lit[sym])
				out = append(out, byte(sym))
				continue
			}
			d := rnd.IntN(ndist)
			base, extra := int(distSymbols[d]>>16), int(distSymbols[d]&63)
			if base > len(out) || dist[d].n == 0 {
				continue
			}
			more := rnd.IntN(min(1<<extra, len(out)-base+1))
			e := litSymbols[sym]
			lengthMore := rnd.IntN(1 << (e & 63))
			w.code(lit[sym]).bits(lengthMore, int(e&63))
			w.code(dist[d]).bits(more, extra)
			for range int(e>>16&511) + lengthMore {
				out = append(out, out[len(out)-base-more])
			}
		}
		w.code(lit[256])
	}
	return w.sum(string(out)), out
}

// sourceLike returns n bytes that look like a program: words of a small
// vocabulary, indented lines, repeated phrases.
func sourceLike(rnd *rand.Rand, n int) []byte {
	words := strings.Fields(`if err != nil { return } func for range := len( append( string int
		struct type const static unsigned char *p = 0; strbuf_addf(&sb, "%s", name); oid_to_hex( /* the
		object pack entry of delta base index offset reading while continue else switch case default:`)
	for range 200 {
		w := make([]byte, 3+rnd.IntN(9))
		for i := range w {
			w[i] = "etaoinshrdlucmfwypvbgkjqxz_0123456789"[min(rnd.IntN(37), rnd.IntN(37))]
		}
		words = append(words, string(w))
	}
	var b []byte
	for len(b) < n {
		if len(b) > 200 && rnd.IntN(4) == 0 { // a line much like an earlier one
			at := rnd.IntN(len(b) - 100)
			b = append(b, b[at:at+20+rnd.IntN(80)]...)
			continue
		}
		b = append(b, "\n\t\t\t"[:1+rnd.IntN(4)]...)
		for range 1 + rnd.IntN(8) {
			b = append(b, words[min(rnd.IntN(len(words)), rnd.IntN(len(words)))]...)
			b = append(b, ' ')
		}
	}
	return b[:n]
}

// deltaLike returns about n bytes that look like a delta: copies, which are a
// few binary bytes, and short inserts of text.
func deltaLike(rnd *rand.Rand, n int) []byte {
	text := sourceLike(rnd, 4*n+200)
	b := []byte{byte(rnd.Uint32()) | 128, byte(rnd.IntN(128)), byte(rnd.Uint32()) | 128, byte(rnd.IntN(128))}
	for len(b) < n {
		b = append(b, 0xb3, byte(rnd.Uint32()), byte(rnd.IntN(64)), byte(rnd.Uint32()), byte(rnd.IntN(32)))
		k, at := 1+rnd.IntN(min(100, n)), rnd.IntN(2*n)
		b = append(append(b, byte(k)), text[at:at+k]...)
	}
	return b
}

// inputs are what the encoders compress for the tests.
func inputs() map[string][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 70_000)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	m := map[string][]byte{
		"empty":          {},
		"one byte":       {'x'},
		"few bytes":      []byte("tree 1234"),
		"zeros":          make([]byte, 100_000),
		"period of 3":    bytes.Repeat([]byte("abc"), 3_000),
		"period of 7":    bytes.Repeat([]byte("abcdefg"), 1_000),
		"period of 9":    bytes.Repeat([]byte("abcdefghi"), 1_000),
		"random":         random,
		"two bits":       bytes.Map(func(r rune) rune { return 'a' + r&3 }, bytes.ToValidUTF8(random[:9_000], []byte("c"))),
		"far apart":      slices.Concat(random[:32768], random[:32768]),
		"small source":   sourceLike(rnd, 150),
		"source":         sourceLike(rnd, 5_000),
		"large source":   sourceLike(rnd, 200_000),
		"delta":          deltaLike(rnd, 300),
		"delta and more": slices.Concat(deltaLike(rnd, 2_000), random[:500], make([]byte, 600)),
	}
	for n := range 40 {
		m[fmt.Sprintf("%d bytes of source", n)] = sourceLike(rnd, n)
	}
	return m
}

// encoders compress p in each way that the tests know, by name.
func encoders() map[string]func(p []byte) []byte {
	m := map[string]func(p []byte) []byte{}
	for level := zlib.HuffmanOnly; level <= zlib.BestCompression; level++ {
		m[fmt.Sprintf("compress/zlib %d", level)] = func(p []byte) []byte {
			var b bytes.Buffer
			w, err := zlib.NewWriterLevel(&b, level)
			return encode(&b, w, err, p, false)
		}
	}
	for level := kzlib.HuffmanOnly; level <= kzlib.BestCompression; level++ {
		m[fmt.Sprintf("klauspost %d", level)] = func(p []byte) []byte {
			var b bytes.Buffer
			w, err := kzlib.NewWriterLevel(&b, level)
			return encode(&b, w, err, p, false)
		}
	}
	m["flushed"] = func(p []byte) []byte {
		var b bytes.Buffer
		w, err := zlib.NewWriterLevel(&b, 6)
		return encode(&b, w, err, p, true)
	}
	m["literals in a fixed block"] = func(p []byte) []byte {
		return fixedBlock(string(p)).code(fixed[256]).sum(string(p))
	}
	return m
}

// encode writes p to w, in pieces if flush is set, and returns what is in b.
func encode(b *bytes.Buffer, w interface {
	io.WriteCloser
	Flush() error
}, err error, p []byte, flush bool) []byte {
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	check(err)
	for flush && len(p) > 100 {
		n := 1 + len(p)/3
		_, err := w.Write(p[:n])
		check(err)
		check(w.Flush())
		p = p[n:]
	}
	_, err = w.Write(p)
	check(err)
	check(w.Close())
	return b.Bytes()
}

// deflate compresses p as git does by default.
func deflate(tb testing.TB, p []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	return encode(&b, zlib.NewWriter(&b), nil, p, false)
}
