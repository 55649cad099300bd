package ci

import (
	"fmt"
	"io"
	"strings"
)

// Output is a value that a step of GitHub Actions passes to later steps.
type Output struct{ Name, Value string }

// WriteOutputs writes outputs in the form of the file that GITHUB_OUTPUT names.
// Each value is between two lines with a delimiter made from token, which must be
// unpredictable: no value can end itself and begin another (docs.github.com,
// "Workflow commands", multiline strings). The error is w's, or says that a value
// contains the token.
func WriteOutputs(w io.Writer, list []Output, token string) error {
	var b strings.Builder
	for _, o := range list {
		if strings.Contains(o.Value, token) {
			return fmt.Errorf("the output %s contains the delimiter", o.Name)
		}
		fmt.Fprintf(&b, "%s<<keysweep_%s\n%s\nkeysweep_%s\n", o.Name, token, o.Value, token)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
