package rules

import (
	"fmt"
	"regexp"
	"regexp/syntax"
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
		for _, s := range re.Sub {
			if !startsAnchored(s) {
				return false
			}
		}
		return len(re.Sub) > 0
	}
	return false
}

// fixedLength returns the number of characters that every match of expr has,
// or 0 if they differ.
func fixedLength(expr string) int {
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0
	}
	n, ok := length(re)
	if !ok {
		return 0
	}
	return n
}

func length(re *syntax.Regexp) (int, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return 0, true
	case syntax.OpLiteral:
		return len(re.Rune), true
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, true
	case syntax.OpCapture:
		return length(re.Sub[0])
	case syntax.OpRepeat:
		n, ok := length(re.Sub[0])
		return n * re.Min, ok && re.Min == re.Max
	case syntax.OpConcat:
		sum := 0
		for _, s := range re.Sub {
			n, ok := length(s)
			if !ok {
				return 0, false
			}
			sum += n
		}
		return sum, true
	}
	return 0, false
}
