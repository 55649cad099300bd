package shell

import (
	"slices"
	"strings"
)

// Accepts returns the command of keysweep, in a call, by which a person accepts keys,
// takes out hooks or writes the settings of an agent, as "keysweep baseline create"; "" if it is none.
func (c *Call) Accepts() string {
	if c.Name() != "keysweep" || slices.Contains(c.Words, "--help") || slices.Contains(c.Words, "-h") {
		return ""
	}
	var operands []string
	for _, word := range c.Words[1:] {
		if !strings.HasPrefix(word, "-") {
			operands = append(operands, word)
		}
	}
	for i, word := range operands[:min(2, len(operands))] { // the first may be the value of an option
		switch {
		case word == "help" || word == "allow" && slices.Contains(c.Words, "--list"):
			return ""
		case word == "baseline" && slices.Contains(operands[i:], "create"):
			return "keysweep baseline create"
		case word == "allow" || word == "triage" || word == "uninstall",
			word == "install" && slices.ContainsFunc(c.Words, func(w string) bool { return strings.HasPrefix(w, "--agent") }):
			return "keysweep " + word
		}
	}
	return ""
}

// readers are programs whose output is the files that they are given.
const readers = " cat head tail less more bat batcat nl tac type gc Get-Content "

// ReadFiles returns the files that a call prints: the arguments of cat and its like,
// and what < hands to them. A folder may be among them. There are none if its output is
// not printed.
func (c *Call) ReadFiles() []string {
	if !among(readers, c.Name()) || c.Captured {
		return nil
	}
	list := slices.Clone(c.Reads)
	skip := false
	for _, word := range c.Words[1:] {
		switch {
		case skip:
			skip = false
		case word == "-n" || word == "-c":
			skip = c.Name() == "head" || c.Name() == "tail"
		case word == "" || strings.HasPrefix(word, "-") || strings.Contains(word, Unknown):
		default:
			list = append(list, word)
		}
	}
	return slices.DeleteFunc(list, func(name string) bool { return strings.Contains(name, Unknown) || isDevice(name) })
}

func isDevice(name string) bool { return strings.HasPrefix(name, "/dev/") }

const (
	// writers are programs that change files that they are given.
	writers = " tee cp mv rm chmod unlink ln truncate install dd patch shred ed ex vi vim nano " +
		"Set-Content Add-Content Out-File Remove-Item Move-Item Copy-Item del "
	// inPlace change them with -i.
	inPlace = " sed perl ruby "
)

// WriteFiles returns the files that a call may change: where its output goes, and the
// arguments of cp, rm, sed -i and their like. Not all of them need be files.
func (c *Call) WriteFiles() []string {
	list := slices.Clone(c.Writes)
	isOption := func(word string) bool {
		return strings.HasPrefix(word, "--in-place") || strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") && strings.Contains(word, "i")
	}
	if name := c.Name(); !among(writers, name) && (!among(inPlace, name) || !slices.ContainsFunc(c.Words, isOption)) {
		return list
	}
	for _, word := range c.Words[1:] {
		word = strings.TrimPrefix(word, "of=")
		if !strings.HasPrefix(word, "-") {
			list = append(list, word)
		}
	}
	return list
}
