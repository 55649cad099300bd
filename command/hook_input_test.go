package command

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

func TestLinesThatGitHandsAHookAreRead(t *testing.T) {
	const a, b = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	zero, long := strings.Repeat("0", 40), strings.Repeat("3", 64)
	for _, tt := range []struct {
		name, text string
		want       []update // nil: refused
	}{
		{"nothing", "", []update{}},
		{"of pre-push", "refs/heads/x " + a + " refs/heads/y " + b + "\n", []update{{b, a, "refs/heads/y"}}},
		{"of pre-receive", b + " " + a + " refs/heads/y\n", []update{{b, a, "refs/heads/y"}}},
		{"several", b + " " + a + " refs/a\n" + zero + " " + b + " refs/b\n", []update{{b, a, "refs/a"}, {zero, b, "refs/b"}}},
		{"a deletion", "(delete) " + zero + " refs/heads/y " + b + "\n", []update{{b, zero, "refs/heads/y"}}},
		{"ids of SHA-256", long + " " + strings.Repeat("0", 64) + " refs/heads/y\n", []update{{long, strings.Repeat("0", 64), "refs/heads/y"}}},
		{"no line end", b + " " + a + " refs/heads/y", []update{{b, a, "refs/heads/y"}}},
		{"line ends of Windows", b + " " + a + " refs/heads/y\r\n", []update{{b, a, "refs/heads/y"}}},
		{"a name instead of an id", "main " + a + " refs/heads/y\n", nil},
		{"an id that was cut", b + " " + a[1:] + " refs/heads/y\n", nil},
		{"too few words", b + " " + a + "\n", nil},
		{"too many words", b + " " + a + " c d e\n", nil},
		{"an empty line", "\n", nil},
		{"an option instead of an id", "--all " + a + " refs/heads/y\n", nil},
	} {
		got, given, err := readUpdates(strings.NewReader(tt.text))
		if (err != nil) != (tt.want == nil) || err == nil && !given || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

func TestStandardInputThatHasNothingToSayIsNotWaitedFor(t *testing.T) {
	const short = 50 * time.Millisecond
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	device, err := os.Open(os.DevNull) // what a closed one becomes in a process
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for name, stdin := range map[string]io.Reader{"a pipe on which nothing comes": r, "none": nil, "a device": device} {
		if text, given, err := readStdin(stdin, short); text != "" || given || err != nil {
			t.Errorf("%s: %q, %v, %v", name, text, given, err)
		}
	}
	closed, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if text, given, err := readStdin(closed, short); given || err == nil {
		t.Errorf("closed: %q, %v, %v", text, given, err)
	}
	// An error after the first line is no end: the key may be in the second.
	id := strings.Repeat("1", 40)
	failing := io.MultiReader(strings.NewReader(id+" "+id+" refs/heads/x\n"), iotest.ErrReader(syscall.EIO))
	if got, _, err := readStdin(failing, short); !errors.Is(err, syscall.EIO) {
		t.Errorf("a read that fails: %v, %v", got, err)
	}
	in, out := io.Pipe()
	go func() { _, _ = io.WriteString(out, strings.Repeat("1", 40)+" ") }() // and no more
	if got, _, err := readStdin(in, short); err == nil || !strings.Contains(err.Error(), "did not end") {
		t.Errorf("a line that does not end: %v, %v", got, err)
	}
}

func TestACopyOfStandardInputShowsThatItIsWhole(t *testing.T) {
	id := strings.Repeat("1", 40)
	lines := id + " " + id + " refs/heads/x\n"
	var out bytes.Buffer
	if err := copyStdin(&out, strings.NewReader(lines)); err != nil || out.String() != lines+endOfCopy {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := copyStdin(io.Discard, iotest.ErrReader(syscall.EIO)); err == nil {
		t.Error("an error is copied as the end")
	}
	if err := copyStdin(io.Discard, nil); err == nil {
		t.Error("no standard input is copied as an empty one")
	}
	t.Setenv(stdinVariable, stdinCopied)
	for text, want := range map[string]int{lines + endOfCopy: 1, endOfCopy: 0, lines: -1, "": -1} {
		if got, _, err := readUpdates(strings.NewReader(text)); (err != nil) != (want < 0) || err == nil && len(got) != want {
			t.Errorf("%q: %v, %v, want %d lines", text, got, err, want)
		}
	}
}

func TestALineIsPrefixedHoweverItIsWritten(t *testing.T) {
	var out bytes.Buffer
	p := &prefixed{w: &out, prefix: "> "}
	for _, part := range []string{"a\nb", "c\n", "\n", "", "d"} {
		if n, err := io.WriteString(p, part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := "> a\n> bc\n> \n> d"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
