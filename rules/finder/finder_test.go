package finder

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"go/build"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func benchLiterals() [][]byte {
	var lits [][]byte
	for _, p := range []string{"sk_live_", "sk_test_", "rk_live_", "rk_test_"} {
		lits = append(lits, []byte(p))
		var le, be []byte
		for _, c := range []byte(p) {
			le = append(le, c, 0)
			be = append(be, 0, c)
		}
		lits = append(lits, le, be)
		for o := range 3 {
			e := base64.StdEncoding.EncodeToString(append(make([]byte, o), p...))
			lits = append(lits, []byte(e[(8*o+5)/6:(8*(o+len(p)))/6]))
		}
	}
	return lits
}

// sourceText returns Go source text of at most n bytes.
func sourceText(t testing.TB, n int) []byte {
	var text []byte
	files, err := filepath.Glob(filepath.Join(build.Default.GOROOT, "src", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if text = append(text, b...); len(text) >= n {
			return text[:n]
		}
	}
	if len(text) == 0 {
		t.Skip("no source text: GOROOT/src is not here")
	}
	return text
}

type hit struct{ start, literal int }

func hitsOf(f *Finder, b []byte) []hit {
	var hits []hit
	for start := range f.All(b) {
		for _, l := range f.AppendAt(nil, b, start) {
			hits = append(hits, hit{start, l})
		}
	}
	return hits
}

// naiveHits leaves out a literal of shortLen at the end of b, as a finder may.
func naiveHits(lits [][]byte, b []byte) []hit {
	var hits []hit
	for i := range b {
		for j, l := range lits {
			if bytes.HasPrefix(b[i:], l) && (len(l) != shortLen || i+len(l) < len(b)) {
				hits = append(hits, hit{i, j})
			}
		}
	}
	return hits
}

// shortLiterals are of shortLen, one of them the start of another literal.
func shortLiterals() [][]byte {
	return [][]byte{[]byte("H4sIAA"), []byte("H4sICA"), []byte("sk_liv"), []byte("aaaaaa")}
}

func sameHits(a, b []hit) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestFinderFindsEachLiteralAtEachOffsetAndLength(t *testing.T) {
	lits := append(benchLiterals(), shortLiterals()...)
	f := New(lits)
	if f.stride != 5 {
		t.Errorf("a stride of %d", f.stride)
	}
	for _, l := range lits {
		for off := range 90 {
			for _, tail := range []int{0, 1, 3, 37, 41} {
				b := bytes.Repeat([]byte{'_'}, off)
				b = append(append(b, l...), bytes.Repeat([]byte{'s'}, tail)...)
				if got, want := hitsOf(f, b), naiveHits(lits, b); !sameHits(got, want) {
					t.Fatalf("%q at %d, tail %d: got %v, want %v", l, off, tail, got, want)
				}
			}
		}
	}
}

func TestFinderAgreesWithNaiveSearchOnTextOfLiteralPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, lits := range [][][]byte{
		benchLiterals(),
		append(shortLiterals(), benchLiterals()...),
		append(benchLiterals(), []byte("live"), []byte("acme_"), []byte("aaaa"), []byte("aaaaaaa")),
		{[]byte("abcde"), []byte("abcdefg"), []byte("cdefghi")},
		{},
	} {
		f := New(lits)
		for range 2000 {
			var b []byte
			for range r.IntN(12) {
				switch {
				case r.IntN(3) == 0 || len(lits) == 0:
					b = append(b, "aaaa_sk\x00"[r.IntN(8)])
				default:
					l := lits[r.IntN(len(lits))]
					i := r.IntN(len(l))
					b = append(b, l[i:i+r.IntN(len(l)-i)+1]...)
				}
			}
			if got, want := hitsOf(f, b), naiveHits(lits, b); !sameHits(got, want) {
				t.Fatalf("%q: got %v, want %v", b, got, want)
			}
		}
	}
}

func TestHeadsAloneAreEnoughWhereThereIsNoLiteral(t *testing.T) {
	long := append(shortLiterals(), benchLiterals()...)
	whole := New(long)
	made := 0
	var heads strings.Builder
	for _, l := range long {
		fmt.Fprintf(&heads, "%x\n", l[:min(len(l), HeadLen)])
	}
	f := FromHeads(heads.String(), whole.MaxLen(), func() *Finder { made++; return whole })
	if f.stride != whole.stride || f.headLen != whole.headLen || f.MaxLen() != whole.MaxLen() || f.filter != whole.filter || f.second != whole.second || f.offsets != whole.offsets || len(f.Literals()) > 0 {
		t.Errorf("stride %d, heads of %d bytes, longest literal of %d", f.stride, f.headLen, f.MaxLen())
	}
	if f.Contains(bytes.Repeat([]byte("sk_li sk_test rk_ H4sIA"), 1000)) || made > 0 {
		t.Error("the literals were asked for")
	}
	text := bytes.Join(long, []byte("_-_"))
	if got, want := hitsOf(f, text), hitsOf(whole, text); !sameHits(got, want) || made == 0 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzFinder(f *testing.F) {
	lits := append(append(shortLiterals(), benchLiterals()...), []byte("abcdefg"))
	long, short := New(lits[:len(lits)-1]), New(lits)
	f.Add([]byte("xsk_live_sk_test_\x00s\x00k"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := hitsOf(long, b), naiveHits(lits[:len(lits)-1], b); !sameHits(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		if got, want := hitsOf(short, b), naiveHits(lits, b); !sameHits(got, want) {
			t.Fatalf("stride 4: got %v, want %v", got, want)
		}
	})
}

func BenchmarkFinder(b *testing.B) {
	text := sourceText(b, 16<<20)
	f := New(benchLiterals())
	b.Run("source", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			for range f.All(text) {
			}
		}
	})
	b.Run("48 bytes", func(b *testing.B) {
		b.SetBytes(48)
		i := 0
		for b.Loop() {
			f.Contains(text[i : i+48])
			if i += 48; i > 1<<20 {
				i = 0
			}
		}
	})
}
