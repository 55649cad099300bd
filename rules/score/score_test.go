package score

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"testing"
)

const (
	hexDigits = "0123456789abcdef"
	base36    = "0123456789abcdefghijklmnopqrstuvwxyz"
	base62    = base36 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	base64url = base62 + "-_"
)

// filler returns n characters of alphabet, the same for the same seed.
func filler(alphabet string, n int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 42))
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

// lines returns the lines of testdata/name of at least 16 characters.
func lines(t testing.TB, name string) []string {
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, l := range strings.Fields(string(b)) {
		if len(l) >= 16 {
			list = append(list, l)
		}
	}
	return list
}

// positives returns 1 000 random bodies of each of the 21 shapes.
func positives() map[string][]string {
	r := rand.New(rand.NewPCG(7, 7))
	draw := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	list := map[string][]string{}
	add := func(name string, f func() string) {
		for range 1000 {
			list[name] = append(list[name], f())
		}
	}
	for _, n := range []int{16, 22, 24, 32, 40, 42, 64} {
		add(fmt.Sprintf("base62-%d", n), func() string { return draw(base62, n) })
	}
	for _, n := range []int{16, 24, 32, 40, 64} {
		add(fmt.Sprintf("hex-%d", n), func() string { return draw(hexDigits, n) })
		add(fmt.Sprintf("base36-%d", n), func() string { return draw(base36, n) })
	}
	for _, n := range []int{32, 43} {
		add(fmt.Sprintf("base64url-%d", n), func() string { return draw(base64url, n) })
	}
	add("uuid", func() string {
		return draw(hexDigits, 8) + "-" + draw(hexDigits, 4) + "-4" + draw(hexDigits, 3) + "-" + draw("89ab", 1) + draw(hexDigits, 3) + "-" + draw(hexDigits, 12)
	})
	add("stripe-99", func() string { return "51" + draw(base62, 87) + "00" + draw(base62, 8) })
	return list
}

// TestScoreTable is the table of docs/internals/score.md: how many random bodies each
// setting loses, and how many placeholders, identifiers and typed bodies it
// keeps. Run it with -v.
func TestScoreTable(t *testing.T) {
	vetoed := func(s Score) bool { return s.Veto() != "" }
	settings := []struct {
		name                         string
		keep                         func(Score) bool
		lost, placeholder, ids, typd float64 // greatest share in percent
	}{
		{"Shannon(body) >= 3.5", func(s Score) bool { return s.Shannon >= 3.5 }, 100, 100, 100, 100},
		{"LLR < 0.10 alone", func(s Score) bool { return s.LLR < Max }, 0.1, 10, 0.1, 91},
		{"with the vetoes", func(s Score) bool { return s.LLR < Max && !vetoed(s) }, 0.1, 0, 0.1, 64},
		{"... and typed < 5", func(s Score) bool { return s.LLR < Max && !vetoed(s) && s.Typed < MinTyped }, 0.1, 0, 0.1, 10},
		{"LLR < -0.10 with the vetoes", func(s Score) bool { return s.LLR < High && !vetoed(s) }, 0.5, 0, 0.1, 64},
	}
	pos := positives()
	names := make([]string, 0, len(pos))
	for n := range pos {
		names = append(names, n)
	}
	sort.Strings(names)
	share := func(list []string, keep func(Score) bool) float64 {
		n := 0
		for _, b := range list {
			if keep(Of([]byte(b))) {
				n++
			}
		}
		return 100 * float64(n) / float64(len(list))
	}
	placeholders, ids, typedBodies := lines(t, "placeholder-bodies.txt"), lines(t, "identifiers.txt"), lines(t, "typed-bodies.txt")
	t.Logf("%-28s %-34s %-12s %-10s %s", "setting", "random lost, mean (worst)", "placeholder", "identifier", "typed")
	for _, s := range settings {
		mean, worst, worstName := 0.0, 0.0, ""
		for _, n := range names {
			lost := 100 - share(pos[n], s.keep)
			mean += lost / float64(len(names))
			if lost > worst {
				worst, worstName = lost, n
			}
		}
		p, i, y := share(placeholders, s.keep), share(ids, s.keep), share(typedBodies, s.keep)
		t.Logf("%-28s %6.3f %% (%s %.1f %%)%*s %6.1f %% %9.2f %% %6.0f %%", s.name, mean, worstName, worst, max(0, 18-len(worstName)), "", p, i, y)
		if mean > s.lost || p > s.placeholder || i > s.ids || y > s.typd {
			t.Errorf("%s: over the bounds: lost %.1f, placeholders %.1f, identifiers %.1f, typed %.1f", s.name, s.lost, s.placeholder, s.ids, s.typd)
		}
	}
}

func TestStepRuns(t *testing.T) {
	for body, want := range map[string]int{
		"": 0, "a": 1, "az": 1, "ab": 2, "aaaaaa": 6, "xyz123456": 6, "9876543": 7, "a1b2c3d4": 4, "a1xb2yc3z": 3, "Zz": 1, "abcba": 3, "9a": 1,
	} {
		if got := stepRun([]byte(body)); got != want {
			t.Errorf("%q: got %d, want %d", body, got, want)
		}
	}
}

func TestVetoes(t *testing.T) {
	random := Score{LLR: -1, Distinct: MinDistinct, StepRun: MaxStepRun - 1, Cover: MaxCover - 0.01}
	if v := random.Veto(); v != "" {
		t.Errorf("random: %s", v)
	}
	for _, change := range []func(*Score){
		func(s *Score) { s.Distinct-- }, func(s *Score) { s.StepRun++ }, func(s *Score) { s.Cover += 0.01 },
	} {
		s := random
		if change(&s); s.Veto() == "" {
			t.Errorf("%+v is not rejected", s)
		}
	}
}

func TestCoverTakesTheLongestWord(t *testing.T) {
	for body, want := range map[string]float64{"placeholder": 1, "zqPLACEHOLDERzqzqzqzqz": 0.5, "zqzqzqzqzq": 0, "key": 0} {
		if got := Of([]byte(body)).Cover; got != want {
			t.Errorf("%q: got %.2f, want %.2f", body, got, want)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	body := []byte(filler(base62, 42, 1))
	b.Run("LLR", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		s := tables()
		for b.Loop() {
			s.llr(body, 62)
		}
	})
	b.Run("all parts", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			Of(body)
		}
	})
}
