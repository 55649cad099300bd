// Package score says how random the body of a key is, by its characters alone:
// drawn by a generator, or text, a placeholder, typed by a person.
// docs/internals/score.md has the measurements behind its numbers.
package score

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"keysweep/rules/ascii"
)

// Score is what the characters of a body alone say: random, typed or text.
// docs/rules.md explains each part; the thresholds are those of its table.
type Score struct {
	// LLR is the mixture log-likelihood ratio in bits per character of text against a uniform
	// draw from Alphabet: below zero is random, above is text.
	LLR      float64
	Alphabet int     // size of the smallest class that holds the body: 10, 16, 36, 62 or 64
	Distinct int     // different characters
	StepRun  int     // longest run at stride 1, 2 or 3 of a constant step -1, 0 or +1
	Cover    float64 // share of characters in dictionary words of 4 to 12 letters
	Typed    float64 // -log10 of the chance that a uniform draw looks as evenly mixed
	Shannon  float64 // entropy of the characters in bits; shown, never used
}

// The limits of a score. TestScoreTable holds what they lose and keep.
const (
	High        = -0.10 // LLR below: high confidence
	Max         = 0.10  // LLR at or above: rejected, if the rule does not say otherwise
	Strong      = 0.20  // instead of Max for short bodies in an assignment
	MinDistinct = 6     // fewer: rejected
	MaxStepRun  = 6     // this or longer: rejected
	MaxCover    = 0.5   // this or more: rejected
	MinTyped    = 5.0   // Typed at or above: typed by hand
)

// Veto returns why a body is not random whatever its LLR, or "".
func (s Score) Veto() string {
	switch {
	case s.Distinct < MinDistinct:
		return fmt.Sprintf("only %d different characters", s.Distinct)
	case s.StepRun >= MaxStepRun:
		return fmt.Sprintf("a sequence of %d steps", s.StepRun)
	case s.Cover >= MaxCover:
		return fmt.Sprintf("%.0f %% dictionary words", 100*s.Cover)
	}
	return ""
}

// LooksRandom reports whether a body is random beyond doubt.
func (s Score) LooksRandom() bool { return s.LLR < High && s.Veto() == "" }

// The weights of the mixture.
const (
	weightBigram    = 0.60
	weightCopy      = 0.16
	weightNeighbour = 0.14
	weightUniform   = 0.10
)

const (
	symbols    = "abcdefghijklmnopqrstuvwxyz0123456789_-" // the columns of bigram.txt
	startState = len(symbols)
)

// bigramText holds thousandths of log2 P(next | previous) over case-folded
// identifiers: a row for each of symbols and one for the start.
//
//go:embed data/bigram.txt
var bigramText string

// wordText holds a few thousand English words of 4 to 12 letters: the
// commonest ones of Go's standard library and of placeholder keys.
//
//go:embed data/words.txt
var wordText string

// keyRows are the orders in which neighbouring characters get typed.
var keyRows = [...]string{"qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "abcdefghijklmnopqrstuvwxyz"}

// scorer holds the tables of the score. It never changes once built.
type scorer struct {
	bigram    [startState + 1][startState]float64 // P(next | previous)
	neighbour [startState][startState]float64     // P(next | a neighbour of previous)
	symbol    [256]uint8                          // case-folded index in symbols; that of _ for others
	words     map[string]struct{}
	heads     []uint64 // bitmap of the first four letters of words, base 26
}

// tables builds the tables once, when the first body is scored.
var tables = sync.OnceValue(newScorer)

func newScorer() *scorer {
	s := &scorer{words: map[string]struct{}{}, heads: make([]uint64, (26*26*26*26+63)/64)}
	row := 0
	for line := range strings.Lines(bigramText) {
		for column, field := range strings.Fields(line) {
			if row <= startState && column < startState {
				milli, _ := strconv.Atoi(field) // our own table; TestScoreTable would see
				s.bigram[row][column] = math.Exp2(float64(milli) / 1000)
			}
		}
		row++
	}
	for c := range s.symbol {
		i := strings.IndexByte(symbols, ascii.Fold(byte(c)))
		if i < 0 {
			i = strings.IndexByte(symbols, '_') // a user's alphabet may hold it: noise
		}
		s.symbol[c] = uint8(i)
	}
	for _, r := range keyRows {
		for i := 1; i < len(r); i++ {
			a, b := s.symbol[r[i-1]], s.symbol[r[i]]
			s.neighbour[a][b], s.neighbour[b][a] = 1, 1
		}
	}
	for a := range s.neighbour {
		n := 0.0
		for _, is := range s.neighbour[a] {
			n += is
		}
		for b := range s.neighbour[a] {
			s.neighbour[a][b] /= max(n, 1)
		}
	}
	for _, w := range strings.Fields(wordText) {
		s.words[w] = struct{}{}
		h := headOf(w)
		s.heads[h/64] |= 1 << (h % 64)
	}
	return s
}

// headOf returns the number of w's first four letters, which are a to z.
func headOf[T string | []byte](w T) int {
	return ((int(w[0]-'a')*26+int(w[1]-'a'))*26+int(w[2]-'a'))*26 + int(w[3]-'a')
}

// Sums are running sums over a run of characters: what it takes to say that it is
// random up to some place, and text from there.
type Sums struct {
	// Random holds how many bits a uniform draw takes for the first i characters,
	// from the smallest class that holds them.
	Random []float64
	// Text holds how many bits text takes for what follows the first i characters.
	Text []float64
}

// The share of letters in text that are of the case of the one before, the shares
// of a digit and a sign behind a digit, and the bits of a dictionary word.
const (
	keepsCase  = 0.85
	nextDigit  = 0.07
	digitsSign = 0.06
	wordBits   = 12.5
)

// Read fills s with the sums over run. Its slices are used again.
func (s *Sums) Read(run []byte) {
	t := tables()
	s.Random, s.Text = append(s.Random[:0], 0), append(s.Text[:0], 0)
	previous, letter, before := startState, ascii.Other, ascii.Other
	var m members
	for i, c := range run {
		x, class := int(t.symbol[c]), ascii.ClassOf(c)
		p := weightBigram * t.bigram[previous][x]
		if i > 0 {
			p += weightNeighbour * t.neighbour[previous][x]
		}
		if previous == x {
			p += weightCopy
		}
		switch {
		case class == ascii.Digit && before == ascii.Digit:
			p = max(p, nextDigit)
		case class == ascii.Other && before == ascii.Digit:
			p, class = max(p, digitsSign), ascii.Digit
		case class == ascii.Digit || class == ascii.Other:
		case letter == ascii.Other:
			p /= 2
		case letter == class:
			p *= keepsCase
		default:
			p *= 1 - keepsCase
		}
		if class == ascii.Lower || class == ascii.Upper {
			letter = class
		}
		m, previous, before = m.with(c), x, class
		s.Random = append(s.Random, float64(i+1)*math.Log2(float64(m.size())))
		s.Text = append(s.Text, -math.Log2(p+weightUniform/64))
	}
	// From the end: each character by itself, or a word at once.
	copy(s.Text, s.Text[1:])
	s.Text[len(run)] = 0
	for i := len(run) - 1; i >= 0; i-- {
		s.Text[i] += s.Text[i+1]
		if n := t.plainWordAt(run[i:]); n > 0 {
			s.Text[i] = min(s.Text[i], wordBits+s.Text[i+n])
		}
	}
}

// plainWordAt returns the length of the longest word that b starts with, in lower
// or upper case, or with a capital, or 0.
func (s *scorer) plainWordAt(b []byte) int {
	var folded [12]byte
	n := 0
	for n < min(len(b), len(folded)) && ascii.IsAlnum(b[n]) && (n < 2 || ascii.ClassOf(b[n]) == ascii.ClassOf(b[1])) {
		folded[n] = ascii.Fold(b[n])
		n++
	}
	if n > 1 && ascii.ClassOf(b[0]) == ascii.Lower && ascii.ClassOf(b[1]) == ascii.Upper {
		return 0
	}
	return s.wordAt(folded[:n])
}

// Of returns every part of the score of body.
func Of(body []byte) Score {
	if isUUID(body) { // its dashes say nothing about its digits
		body = bytes.ReplaceAll(body, []byte("-"), nil)
	}
	if len(body) == 0 {
		return Score{}
	}
	t, s := tables(), Score{StepRun: stepRun(body)}
	var count [256]int
	for _, c := range body {
		count[c]++
	}
	var m members
	for c, n := range count {
		if n > 0 {
			m = m.with(byte(c))
			s.Distinct++
			p := float64(n) / float64(len(body))
			s.Shannon -= p * math.Log2(p)
		}
	}
	s.Alphabet = m.size()
	s.LLR, s.Cover, s.Typed = t.llr(body, s.Alphabet), t.cover(body), typed(body, s.Alphabet, s.Distinct)
	return s
}

func isUUID(body []byte) bool {
	for i, c := range body {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash && c != '-' || !dash && !ascii.IsHex(c) {
			return false
		}
	}
	return len(body) == 36
}

// members is what a body is made of: a bit for each ascii.Class, and one for letters
// beyond F.
type members uint8

const beyondHex members = 1 << (ascii.Other + 1)

// with returns m and the member c.
func (m members) with(c byte) members {
	if ascii.Fold(c) > 'f' && ascii.IsAlnum(c) {
		m |= beyondHex
	}
	return m | 1<<ascii.ClassOf(c)
}

// size returns the size of the smallest class that holds m: digits, hex, base36,
// base62 or base64url; hex and base36 in one case only.
func (m members) size() int {
	const both = 1<<ascii.Lower | 1<<ascii.Upper
	switch {
	case m>>ascii.Other&1 != 0:
		return 64
	case m&both == both:
		return 62
	case m&beyondHex != 0:
		return 36
	case m&both != 0:
		return 16
	}
	return 10
}

// llr returns mean log2(P_text / P_uniform) over body. P_text is a mixture of what makes text: a
// bigram model of identifiers, copies of characters up to eight back, neighbours in the alphabet
// or on the keyboard, and noise. The tables know no case: of both, each gets half.
func (s *scorer) llr(body []byte, alphabet int) float64 {
	a := float64(alphabet)
	mixed := alphabet >= 62
	previous, product, bits := startState, 1.0, 0.0
	// Before the body are bytes that no text holds and that neighbour none.
	const nothing = "\xff\xff\xff\xff\xff\xff\xff\xff"
	var scratch [len(nothing) + maxCovered]byte
	padded := append(append(scratch[:0], nothing...), body...)
	for i, c := range body {
		x := int(s.symbol[c])
		half := 1.0
		if mixed && x < 26 {
			half = 0.5
		}
		w := (*[8]byte)(padded[i:]) // the characters before c
		n := 0
		if w[7] == c {
			n = 3
		}
		for _, d := range w[:7] {
			if d == c {
				n++
			}
		}
		copies := float64(n) / 10
		near := 0.5*s.neighbour[s.symbol[w[7]]][x] + 0.3*s.neighbour[s.symbol[w[6]]][x] + 0.2*s.neighbour[s.symbol[w[4]]][x]
		product *= (weightBigram*s.bigram[previous][x]*half+weightCopy*copies+weightNeighbour*near*half)*a + weightUniform
		previous = x
		if i%64 == 63 { // each factor is between 0.1 and 64: 64 of them fit
			bits += math.Log2(product)
			product = 1
		}
	}
	return (bits + math.Log2(product)) / float64(len(body))
}

// stepRun returns the length of the longest run, at stride 1, 2 or 3, in which each character
// continues the step of the one before: aaaaaa, 123456, a1b2c3d4e5f6.
func stepRun(body []byte) int {
	longest := 0
	for stride := 1; stride <= 3; stride++ {
		for offset := 0; offset < stride; offset++ {
			run, step := 1, 0
			for i := offset + stride; i < len(body); i += stride {
				p, c := body[i-stride], body[i]
				d := int(c) - int(p)
				switch {
				case d < -1 || d > 1 || ascii.ClassOf(p) != ascii.ClassOf(c):
					run = 1
				case run > 1 && d == step:
					run++
				default:
					run, step = 2, d
				}
				longest = max(longest, run)
			}
		}
	}
	return max(longest, min(len(body), 1))
}

// maxCovered is how many characters of a body are searched for words: as many as
// the longest body has.
const maxCovered = 256

// cover returns the share of body that greedy longest dictionary words take,
// left to right, case-folded.
func (s *scorer) cover(body []byte) float64 {
	var folded [maxCovered]byte
	if len(body) > len(folded) {
		body = body[:len(folded)]
	}
	f := folded[:len(body)]
	for i, c := range body {
		f[i] = ascii.Fold(c)
	}
	covered := 0
	for i := 0; i+4 <= len(f); {
		n := s.wordAt(f[i:])
		covered += n
		i += max(n, 1)
	}
	return float64(covered) / float64(len(body))
}

// wordAt returns the length of the longest word that b starts with, or 0.
func (s *scorer) wordAt(b []byte) int {
	letters := 0
	for letters < len(b) && letters < 12 && b[letters] >= 'a' && b[letters] <= 'z' {
		letters++
	}
	if letters < 4 {
		return 0
	}
	if h := headOf(b); s.heads[h/64]>>(h%64)&1 == 0 {
		return 0
	}
	for n := letters; n >= 4; n-- {
		if _, ok := s.words[string(b[:n])]; ok {
			return n
		}
	}
	return 0
}

// typed returns, in -log10, how unlikely it is that a uniform draw changes so often between
// classes and repeats no character: people who type a "random" key avoid repetition.
func typed(body []byte, alphabet, distinct int) float64 {
	var share [4]float64
	a := float64(alphabet)
	share[ascii.Digit], share[ascii.Lower] = 10/a, min(26, a-10)/a
	share[ascii.Upper], share[ascii.Other] = max(0, min(26, a-36))/a, max(0, a-62)/a
	change := 1.0
	for _, p := range share {
		change -= p * p
	}
	changes := 0
	for i := 1; i < len(body); i++ {
		if ascii.ClassOf(body[i]) != ascii.ClassOf(body[i-1]) {
			changes++
		}
	}
	score := -log10Tail(len(body)-1, changes, change)
	if distinct == len(body) {
		for i := range len(body) {
			score -= math.Log10(1 - float64(i)/max(a, float64(len(body))))
		}
	}
	return score
}

// log10Tail returns log10 P(X >= k) of a binomial distribution of n draws.
func log10Tail(n, k int, p float64) float64 {
	if k <= 0 || p <= 0 || p >= 1 || k > n {
		return 0
	}
	ln := func(n int) float64 { v, _ := math.Lgamma(float64(n + 1)); return v }
	first := ln(n) - ln(k) - ln(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p)
	sum, term := 1.0, 1.0 // in units of P(X = k)
	for i := k; i < n; i++ {
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
		sum += term
	}
	return min(0, (first+math.Log(sum))/math.Ln10)
}
