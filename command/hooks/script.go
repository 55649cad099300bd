package hooks

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Version is the version of the scripts that Script writes. "keysweep install"
// replaces a script of another version.
const Version = 3

// Suffix is appended to the name of an existing hook that is kept.
const Suffix = ".before-keysweep"

// Names returns the hooks that keysweep has, in the order in which git runs them.
func Names() []string { return []string{"pre-commit", "commit-msg", "pre-push", "pre-receive"} }

// Script returns the text of a hook for a POSIX sh. program is the path of keysweep
// with slashes, or "" to look for it in PATH; options are its options, one word
// each, without line breaks.
//
// The text ends in a line with the version and a checksum of all lines above,
// which shows whether a script was edited.
func Script(name, program string, options ...string) string {
	words := ""
	for _, o := range options {
		words += " " + shellQuote(o)
	}
	replace := strings.NewReplacer(
		"NAME", name,
		"PROGRAM", shellQuote(program),
		"ADVICE", shellQuote(advice(name)),
		" OPTIONS", words,
	)
	text := replace.Replace(head)
	if readsStdin(name) {
		text += replace.Replace(tailWithInput)
	} else {
		text += replace.Replace(tail)
	}
	return text + fmt.Sprintf("# keysweep hook %d %s\n", Version, sum(text))
}

// readsStdin reports whether git names what is pushed on a hook's standard input.
func readsStdin(name string) bool { return name == "pre-push" || name == "pre-receive" }

// advice says what to do without keysweep.
func advice(name string) string {
	const here = `  install keysweep and run "keysweep install" here; to skip the check once: git `
	switch name {
	case "pre-push":
		return here + "push --no-verify"
	case "pre-receive":
		return `  the administrator must install keysweep and run "keysweep install", or remove this hook`
	}
	return here + "commit --no-verify"
}

// The scripts. The hook that was kept runs first, since it may change what is
// committed. It is found by ${0%/*}, not by a recorded folder, so that a
// repository may move. All is in braces: a shell that could not read a script to its
// end would run the start of it, and end with 0.
const (
	head = `#!/bin/sh
# Written by "keysweep install"; "keysweep uninstall" removes it. First it runs
# the hook that was here before, if any: NAME.before-keysweep.
{
keysweep=PROGRAM

if ! [ -f "$keysweep" ] || ! [ -x "$keysweep" ]; then
	recorded=$keysweep
	keysweep=$(command -v keysweep) || {
		printf '%s\n' "keysweep: the NAME hook found no keysweep${recorded:+ at $recorded and none} in PATH" \
			ADVICE >&2
		exit 1
	}
fi

earlier=./NAME.before-keysweep
case $0 in */*) earlier=${0%/*}/NAME.before-keysweep ;; esac
`
	tail = `if [ "$earlier" != "$0" ] && [ -f "$earlier" ] && [ -x "$earlier" ]; then
	"$earlier" "$@" || exit $?
fi
exec "$keysweep" hook NAME OPTIONS "$@"
}
`
	// With standard input closed, bash gives the pipe of $(…) its number, and what
	// reads it would wait for itself: hence the test.
	tailWithInput = `(: 3<&0) 2>/dev/null || {
	printf '%s\n' 'keysweep: the NAME hook has no standard input: git names there what is pushed' >&2
	exit 1
}
# Git calls this hook itself, so an empty standard input means an empty push.
KEYSWEEP_STDIN=git
export KEYSWEEP_STDIN
if [ "$earlier" != "$0" ] && [ -f "$earlier" ] && [ -x "$earlier" ]; then
	# Both read what is pushed from standard input. keysweep copies it, since a shell
	# takes an error for the end; the last line says that all of it came.
	input=$(KEYSWEEP_STDIN=copy "$keysweep" hook NAME) || exit $?
	case $input in
	*end) input=${input%end} ;;
	*)
		printf '%s\n' 'keysweep: the NAME hook could not read what is pushed' >&2
		exit 1
		;;
	esac
	printf %s "$input" 2>/dev/null | "$earlier" "$@" || exit $?
	printf %s "${input}end" 2>/dev/null | KEYSWEEP_STDIN=copied "$keysweep" hook NAME OPTIONS "$@"
	exit $?
fi
exec "$keysweep" hook NAME OPTIONS "$@"
}
`
)

// shellQuote returns s as one word of sh.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// shellUnquote is the reverse of shellQuote.
func shellUnquote(word string) string {
	return strings.ReplaceAll(word[1:len(word)-1], `'\''`, "'")
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16] }

const (
	lastLine    = `(?m)^# keysweep hook (\d{1,9}) ([0-9a-f]{16})\r?$`
	quotedWord  = `'(?:[^'\n]|'\\'')*'`
	programLine = `(?m)^keysweep=(` + quotedWord + `)\r?$`
	callLine    = `(?m)^exec "\$keysweep" hook [a-z-]+((?: ` + quotedWord + `)*) "\$@"\r?$`
)

// parse fills in what s.text records if it is a script of ours, of any version. It
// returns false for any other.
func (s *State) parse() (ours bool) {
	at := regexp.MustCompile(lastLine).FindStringSubmatchIndex(s.text)
	if at == nil {
		return false
	}
	s.Version, _ = strconv.Atoi(s.text[at[2]:at[3]])
	s.Edited = sum(s.text[:at[0]]) != s.text[at[4]:at[5]] || s.text[at[5]:] != "\n"
	if m := regexp.MustCompile(programLine).FindStringSubmatch(s.text); m != nil {
		s.Program = shellUnquote(m[1])
	}
	if m := regexp.MustCompile(callLine).FindStringSubmatch(s.text); m != nil {
		for _, word := range regexp.MustCompile(quotedWord).FindAllString(m[1], -1) {
			s.Options = append(s.Options, shellUnquote(word))
		}
	}
	return true
}

// calls reports whether a script that is not ours calls keysweep for a hook,
// outside comments.
func calls(text, name string) bool {
	call := regexp.MustCompile(`(?m)^[^#\n]*\bkeysweep(?:\.exe)?["']?[ \t]+hook[ \t]+` + regexp.QuoteMeta(name) + `\b`)
	return call.MatchString(text)
}
