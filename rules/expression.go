package rules

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// anchored compiles an expression that must start with ^, so that it never
// searches, and that must or must not end with $.
func anchored(expr string, whole bool) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%q does not compile: %w", expr, err)
	}
	if !startsAnchored(parsed) {
		return nil, fmt.Errorf("%q is not anchored: it must start with ^", expr)
	}
	if whole && !strings.HasSuffix(expr, "$") {
		return nil, fmt.Errorf("%q is not anchored: it must end with $", expr)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("%q does not compile: %w", expr, err)
	}
	// The time of a match is the length of the text times the program's.
	if prog, err := syntax.Compile(parsed.Simplify()); err != nil || len(prog.Inst) > maxProgram {
		return nil, fmt.Errorf("%q is too long: its repetitions make more than %d steps", expr, maxProgram)
	}
	return re, nil
}

// startsAnchored reports whether every match of re starts at the beginning of
// the text.
func startsAnchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return len(re.Sub) > 0 && startsAnchored(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !startsAnchored(s) })
	}
	return false
}

// fixedLength returns the number of characters that every match of re has, or -1
// if they differ.
func fixedLength(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return 0
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture:
		return fixedLength(re.Sub[0])
	case syntax.OpRepeat:
		if n := fixedLength(re.Sub[0]); n >= 0 && re.Min == re.Max {
			return n * re.Min
		}
	case syntax.OpConcat:
		sum := 0
		for _, s := range re.Sub {
			n := fixedLength(s)
			if n < 0 {
				return -1
			}
			sum += n
		}
		return sum
	}
	return -1
}
