package scanner

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"keysweep/finding"
	"keysweep/rules"
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// key returns a random production key; none is in the source.
func key(r *rand.Rand) string {
	b := []byte("sk_" + "live_")
	for range 24 {
		b = append(b, alphabet[r.IntN(len(alphabet))])
	}
	return string(b)
}

func loadRules(t testing.TB) *rules.Set {
	t.Helper()
	set, err := rules.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// seenKey is a key and where it was seen.
type seenKey struct {
	Key          string
	Line, Column int
}

func look(t testing.TB, set *rules.Set, r io.Reader) []seenKey {
	t.Helper()
	j := newCollector(set, false, new(Progress)).newJudge(context.Background())
	if _, err := j.stream(r, location{}); err != nil {
		t.Fatal(err)
	}
	var got []seenKey
	for _, s := range j.list {
		if s.match.Confidence > finding.Rejected {
			got = append(got, seenKey{s.match.Secret.Reveal(), s.at.line, s.at.column})
		}
	}
	return got
}

func TestAKeyAtEveryOffsetAroundEveryWindowEdgeIsFoundOnce(t *testing.T) {
	set := loadRules(t)
	r := rand.New(rand.NewPCG(1, 1))
	k := key(r)
	filler := bytes.Repeat([]byte("some words and a line of text\n"), 3*windowSize/30)
	// Where windows and their cores start and end.
	edges := []int{windowSize, windowSize + rules.Context, windowSize + 2*rules.Context, 2*windowSize + rules.Context}
	step := 1
	if testing.Short() {
		step = 5
	}
	for _, edge := range edges {
		for at := edge - len(k) - 3; at < edge+3; at += step {
			b := bytes.Clone(filler)
			copy(b[at-1:], "\""+k+"\"")
			want := []seenKey{{k, bytes.Count(b[:at], newline) + 1, at - bytes.LastIndexByte(b[:at], '\n')}}
			if diff := cmp.Diff(want, look(t, set, bytes.NewReader(b))); diff != "" {
				t.Fatalf("key at %d, edge at %d:\n%s", at, edge, diff)
			}
		}
	}
}

func TestReadersOfEverySizeGiveTheSame(t *testing.T) {
	set := loadRules(t)
	r := rand.New(rand.NewPCG(2, 2))
	var b strings.Builder
	var want []seenKey
	for line := 1; b.Len() < 3*windowSize; line++ {
		if r.IntN(40) == 0 {
			k := key(r)
			want = append(want, seenKey{k, line, 6})
			fmt.Fprintf(&b, "key: %s\n", k)
			continue
		}
		fmt.Fprintf(&b, "%s\n", strings.Repeat("x", r.IntN(200)))
	}
	for name, reader := range map[string]io.Reader{
		"whole":        strings.NewReader(b.String()),
		"halves":       iotest.HalfReader(strings.NewReader(b.String())),
		"byte by byte": iotest.OneByteReader(strings.NewReader(b.String())),
		"data and EOF": iotest.DataErrReader(strings.NewReader(b.String())),
	} {
		if diff := cmp.Diff(want, look(t, set, reader)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestALongLineKeepsItsColumns(t *testing.T) {
	set := loadRules(t)
	k := key(rand.New(rand.NewPCG(3, 3)))
	b := strings.Repeat("x ", 3*windowSize/2) + k
	got := look(t, set, strings.NewReader("first\n"+b))
	if diff := cmp.Diff([]seenKey{{k, 2, len(b) - len(k) + 1}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnExcerptShowsNoKey(t *testing.T) {
	set := loadRules(t)
	r := rand.New(rand.NewPCG(4, 4))
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		var line strings.Builder
		var keys []string
		for range 1 + r.IntN(5) {
			k := key(r)
			keys = append(keys, k)
			line.WriteString(strings.Repeat("y", r.IntN(150)) + " '" + k + "'")
		}
		text := strings.Repeat("z\n", r.IntN(windowSize/2)) + line.String() + "\nnext\n"
		j := newCollector(set, true, new(Progress)).newJudge(context.Background())
		if _, err := j.stream(strings.NewReader(text), location{}); err != nil {
			t.Fatal(err)
		}
		if len(j.list) != len(keys) {
			t.Fatalf("%d keys of %d found", len(j.list), len(keys))
		}
		for _, s := range j.list {
			e := s.view.excerpt
			shown := e.Before + e.Key + e.After
			for _, k := range keys {
				for n := len("sk_live_") + 4; n <= len(k); n++ {
					if strings.Contains(shown, k[n-8:n]) && n > len("sk_live_")+8 {
						t.Fatalf("a part of a key is in %q", shown)
					}
				}
			}
		}
	}
}

func TestAnExcerptOfADumpShowsNoKey(t *testing.T) {
	set := loadRules(t)
	k := key(rand.New(rand.NewPCG(5, 5)))
	j := newCollector(set, true, new(Progress)).newJudge(context.Background())
	if _, err := j.stream(strings.NewReader(hex.Dump([]byte("0123456789MARTIS_KEY="+k+"\nLAST=1\n"))), location{}); err != nil {
		t.Fatal(err)
	}
	if len(j.list) != 1 {
		t.Fatalf("%d keys", len(j.list))
	}
	e := j.list[0].view.excerpt
	for i := len("sk_live_"); i+4 <= len(k); i++ {
		if strings.Contains(e.Before+e.After, k[i:i+4]) {
			t.Fatalf("%s is in %+v", k[i:i+4], e)
		}
	}
}

func TestEveryCoreHasAllOfItsContext(t *testing.T) {
	set := loadRules(t)
	k := key(rand.New(rand.NewPCG(7, 7)))
	line := strings.Repeat("é words ", 500) + k + "\n"
	text := strings.Repeat(line, 3*windowSize/len(line))
	w := window{finder: set.Finder(), matcher: set.NewMatcher()}
	windows, read := 0, 0
	_, err := w.each(t.Context(), strings.NewReader(text), nil, func(buf []byte, _ position, _ []rules.Match, core rules.Span) {
		windows++
		left, right := core.Start, len(buf)-core.End
		if windows == 1 && left != 0 || windows > 1 && left < rules.Context {
			t.Errorf("window %d: %d bytes on the left of its core", windows, left)
		}
		if read += core.End - core.Start; read < len(text) && right < rules.Context {
			t.Errorf("window %d: %d bytes on the right of its core", windows, right)
		}
	})
	if err != nil || windows < 3 || read != len(text) {
		t.Errorf("%v; %d windows, %d bytes of %d", err, windows, read, len(text))
	}
}
