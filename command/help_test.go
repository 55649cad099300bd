package command

import (
	"strings"
	"testing"
)

// Each help fits a terminal, says first what the command is for, and ends with an
// example, whose options exist.
func TestEachHelpBeginsWithAPurposeAndEndsWithAnExample(t *testing.T) {
	p := newProgram(discarded)
	for _, s := range p.commands {
		text := s.help()
		if !strings.HasPrefix(text, "keysweep "+s.name+" ") || !strings.HasSuffix(text, "\nExample:\n  "+s.example+"\n") {
			t.Errorf("%s:\n%s", s.name, text)
		}
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > helpWidth && !strings.Contains(line, s.example) {
				t.Errorf("%s: %d columns: %s", s.name, n, line)
			}
		}
		words := strings.Fields(strings.Split(s.example, ">")[0])
		if l, err := p.parse(words[1:]); err != nil || l.command != s && s.name != "help" {
			t.Errorf("%s: %q: %v", s.name, s.example, err)
		}
		// What help speaks of must be there.
		for _, status := range s.statuses {
			for word := range strings.FieldsFuncSeq(status.meaning, func(r rune) bool { return strings.ContainsRune(" ,()", r) }) {
				if name, ok := strings.CutPrefix(word, "--"); ok && !s.has(name) {
					t.Errorf("%s: the statuses name --%s, which it lacks", s.name, name)
				}
			}
		}
	}
}

func TestAHookAsksNoIssuer(t *testing.T) {
	p := newProgram(discarded)
	l, err := p.parse([]string{"hook", "pre-commit", "--fail-on", "active"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.call(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseScanOf(c, nil); err == nil || !strings.Contains(err.Error(), "hook sends no key") {
		t.Error(err)
	}
}
