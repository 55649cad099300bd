package ci

import (
	"fmt"
	"io"
	"strings"
)

// Output is a value that a step of GitHub Actions hands to the next.
type Output struct{ Name, Value string }

// WriteOutputs writes what goes into the file that GITHUB_OUTPUT names. Each
// value stands between two lines with a delimiter made from token, which
// nobody can have known before: no value can end itself and begin another
// (docs.github.com, "Workflow commands", multiline strings). The error is w's,
// or says that a value holds the token.
func WriteOutputs(w io.Writer, list []Output, token string) error {
	var b strings.Builder
	for _, o := range list {
		if strings.Contains(o.Value, token) {
			return fmt.Errorf("the output %s holds the delimiter", o.Name)
		}
		fmt.Fprintf(&b, "%s<<keysweep_%s\n%s\nkeysweep_%s\n", o.Name, token, o.Value, token)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
