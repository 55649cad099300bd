// Gotest runs a "go test" command with -json added, and prints what go test
// prints without -v: what failed, with its output, and a line for each package.
// Then follow the tests that were skipped, since a test that does not run
// proves nothing, the slowest ones, and the count. It exits with 1 if a test
// failed, and, where CI is set, if one was skipped.
//
// Usage: gotest go test [FLAG…] PACKAGE…
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// slowest is how many tests are listed with their times.
const slowest = 10

// event is a line of test2json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// summary is what became of the tests.
type summary struct {
	passed, failed int
	skipped        []string
	unfinished     int
	broken         bool    // a package did not build, or ended early
	times          []event // of tests, not of their subtests
}

func main() { os.Exit(run()) }

func run() (status int) {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: gotest go test [FLAG…] PACKAGE…")
		return 2
	}
	cmd := exec.Command(os.Args[1], append([]string{os.Args[2], "-json"}, os.Args[3:]...)...)
	cmd.Stderr = os.Stderr
	if dir := memoryFolder(); dir != "" {
		cmd.Env = append(os.Environ(), "TMPDIR="+dir)
		defer os.Remove(dir) // unless another run uses it
	}
	start := time.Now()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		return 2
	}
	s := read(out)
	err = cmd.Wait()
	for _, name := range s.skipped {
		fmt.Println("skipped:", name)
	}
	s.printSlowest()
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("%d passed, %d failed, %d skipped in %.0f s (processor time: %.0f s)\n",
		s.passed, s.failed, len(s.skipped), time.Since(start).Seconds(), cpu.Seconds())
	ci := os.Getenv("CI") != ""
	if ci && len(s.skipped) > 0 {
		fmt.Println("FAIL: in CI a skipped test is a failure")
	}
	if err != nil || s.failed > 0 || s.broken || s.unfinished > 0 || s.passed == 0 || ci && len(s.skipped) > 0 {
		return 1
	}
	return 0
}

// read follows the tests and prints what failed.
func read(from io.Reader) (s summary) {
	output := map[string]*strings.Builder{} // of tests that still run
	in := bufio.NewReaderSize(from, 1<<20)
	for {
		line, readErr := in.ReadBytes('\n')
		var e event
		switch {
		case json.Unmarshal(line, &e) != nil:
			os.Stdout.Write(line) // go's own words
		case e.Test != "":
			s.add(e, output)
		case e.Action == "fail":
			s.broken = true
		case e.Output != "PASS\n":
			fmt.Print(e.Output)
		}
		if readErr != nil {
			break
		}
	}
	for name, o := range output { // a crash cut them short
		fmt.Printf("--- not finished: %s\n%s", name, o)
	}
	s.unfinished = len(output)
	return s
}

// add takes in an event of a test.
func (s *summary) add(e event, output map[string]*strings.Builder) {
	name := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		if output[name] == nil {
			output[name] = new(strings.Builder)
		}
		if !strings.HasPrefix(e.Output, "=== ") {
			output[name].WriteString(e.Output)
		}
		return
	case "fail":
		s.failed++
		fmt.Print(output[name])
	case "pass":
		s.passed++
	case "skip":
		why := ""
		if o := output[name]; o != nil {
			why = strings.Join(strings.Fields(o.String()), " ")
		}
		s.skipped = append(s.skipped, name+": "+why)
	}
	delete(output, name)
	if e.Elapsed > 0 && !strings.Contains(e.Test, "/") {
		s.times = append(s.times, e)
	}
}

func (s *summary) printSlowest() {
	slices.SortFunc(s.times, func(a, b event) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	fmt.Println("slowest:")
	for _, e := range s.times[:min(slowest, len(s.times))] {
		fmt.Printf("%7.1f s  %s %s\n", e.Elapsed, e.Package, e.Test)
	}
}
