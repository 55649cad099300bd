package screen

import "strings"

// isPty reports whether name, that of a pipe, is one of the pseudo terminals of
// Cygwin and Git's bash: \\msys-1888ae32e00d56aa-pty0-to-master.
func isPty(name string) bool {
	parts := strings.Split(strings.TrimPrefix(name, `\`), "-")
	if len(parts) != 5 || parts[0] != "cygwin" && parts[0] != "msys" || parts[1] == "" {
		return false
	}
	number, ok := strings.CutPrefix(parts[2], "pty")
	return ok && number != "" && strings.Trim(number, "0123456789") == "" && (parts[3] == "from" || parts[3] == "to") && parts[4] == "master"
}
