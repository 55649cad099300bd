// Gotest reads "go test -json" from standard input and prints what go test
// prints without -v: what failed, with its output, and a line for each package.
// Behind it come the tests that were skipped, since a test that does not run
// proves nothing, and the count. It exits with 1 if a test failed, and, where
// CI is set, if one was skipped.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// event is a line of test2json.
type event struct {
	Action, Package, Test, Output string
}

func main() {
	output := map[string]*strings.Builder{} // of tests that still run
	var skipped []string
	passed, failed := 0, 0
	broken := false // a package that did not build, or ended early
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, readErr := in.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) != nil {
			os.Stdout.Write(line) // go's own words
		} else if e.Test == "" {
			switch {
			case e.Action == "fail":
				broken = true
			case e.Output != "PASS\n":
				fmt.Print(e.Output)
			}
		} else {
			name := e.Package + " " + e.Test
			switch e.Action {
			case "output":
				if output[name] == nil {
					output[name] = new(strings.Builder)
				}
				if !strings.HasPrefix(e.Output, "=== ") {
					output[name].WriteString(e.Output)
				}
			case "fail":
				failed++
				fmt.Print(output[name])
			case "pass":
				passed++
			case "skip":
				why := ""
				if o := output[name]; o != nil {
					why = strings.Join(strings.Fields(o.String()), " ")
				}
				skipped = append(skipped, name+": "+why)
			}
			if e.Action != "output" {
				delete(output, name)
			}
		}
		if readErr != nil {
			break
		}
	}
	for name, o := range output { // a crash cut them short
		fmt.Printf("--- not finished: %s\n%s", name, o)
	}
	for _, name := range skipped {
		fmt.Println("skipped:", name)
	}
	ci := os.Getenv("CI") != ""
	if ci && len(skipped) > 0 {
		fmt.Println("FAIL: in CI a skipped test is a failure")
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	if failed > 0 || broken || len(output) > 0 || passed == 0 || ci && len(skipped) > 0 {
		os.Exit(1)
	}
}
