package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// update is a line that git hands pre-push or pre-receive: a ref, and what it
// is to name instead of what. Both are hexadecimal ids; zeros are none.
type update struct {
	old, new, ref string
}

const (
	// maxUpdates is the most bytes of such lines: half a million refs.
	maxUpdates = 64 << 20
	// patience is how long a read of standard input may take. Git writes all
	// lines at once. Who lets the hook wait is not git: a hook runner may
	// leave a pipe open for ever.
	patience = 5 * time.Second
)

// stdinVariable is set in the scripts that install writes (see package hooks): git
// calls, and standard input is git's own unless the value says otherwise.
const stdinVariable = "KEYSWEEP_STDIN"

const (
	// stdinToCopy asks for a copy of git's lines on standard output, and stdinCopied
	// says that this is one. A copy ends in endOfCopy.
	stdinToCopy = "copy"
	stdinCopied = "copied"
)

const endOfCopy = "end"

var errNoStdin = errors.New("standard input is not what git hands this hook, a line for each ref: it is closed, a device, or silent")

// copyStdin writes what git hands a hook to w: a shell, which cannot tell the end
// of standard input from an error, passes it on to two hooks.
func copyStdin(w io.Writer, stdin io.Reader) error {
	text, given, err := readStdin(stdin, patience)
	if err == nil && !given {
		err = errNoStdin
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text+endOfCopy)
	return writing(err)
}

// readUpdates reads what git hands a hook on standard input. given is false if
// nothing was: see readStdin.
func readUpdates(stdin io.Reader) (list []update, given bool, err error) {
	text, given, err := readStdin(stdin, patience)
	switch word := os.Getenv(stdinVariable); {
	case err != nil:
		return nil, false, err
	case !given && word != "":
		return nil, false, errNoStdin
	case word == stdinCopied:
		if text, given = strings.CutSuffix(text, endOfCopy); !given {
			return nil, false, errors.New("standard input: the hook that ran before did not leave all of it")
		}
	}
	list, err = parseUpdates(text)
	return list, given, err
}

// readStdin reads standard input to its end. given is false for one that says
// nothing: a terminal, another device, which is what a closed one becomes, or one on
// which nothing comes within patience.
func readStdin(stdin io.Reader, patience time.Duration) (text string, given bool, err error) {
	if f, ok := stdin.(*os.File); stdin == nil || ok && f == nil {
		return "", false, nil
	} else if ok {
		info, err := f.Stat()
		if err != nil {
			return "", false, fmt.Errorf("standard input: %w", err)
		}
		if info.Mode()&os.ModeCharDevice != 0 {
			return "", false, nil
		}
	}
	text, ended, err := readPatiently(stdin, patience)
	switch {
	case err != nil:
		return "", false, fmt.Errorf("standard input: %w", err)
	case len(text) > maxUpdates:
		return "", false, errors.New("standard input is larger than 64 MiB: git hands this hook a line for each ref")
	case !ended && len(text) > 0:
		return "", false, errors.New("standard input did not end: git hands this hook a line for each ref")
	}
	return text, ended, nil
}

func parseUpdates(text string) (list []update, err error) {
	for line := range strings.Lines(text) {
		u, ok := parseUpdate(strings.TrimRight(line, "\r\n"))
		if !ok {
			return nil, fmt.Errorf("standard input, line %d: not what git hands this hook", len(list)+1)
		}
		list = append(list, u)
	}
	return list, nil
}

// parseUpdate reads LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID of pre-push, or
// OLD-ID NEW-ID REF of pre-receive. LOCAL-REF is what the user typed, and may hold
// blanks: main@{1 day ago}.
func parseUpdate(line string) (update, bool) {
	f := strings.Split(line, " ")
	n := len(f)
	var u update
	switch {
	case n < 3:
		return u, false
	case n == 3:
		u = update{old: f[0], new: f[1], ref: f[2]}
	default:
		u = update{old: f[n-1], new: f[n-3], ref: f[n-2]}
	}
	return u, isID(u.old) && isID(u.new)
}

// isID reports whether s is a whole id, of SHA-1 or SHA-256.
func isID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

func isZeroID(s string) bool { return strings.Trim(s, "0") == "" }

// readPatiently reads r to its end, or until a read takes longer than patience
// or there are too many bytes; then ended is false. A read that fails is an error:
// more lines may have followed.
func readPatiently(r io.Reader, patience time.Duration) (text string, ended bool, err error) {
	type part struct {
		n   int
		err error
	}
	var all []byte
	for len(all) <= maxUpdates {
		b := make([]byte, 64<<10)
		next := make(chan part, 1) // so that a read that ends too late can end
		go func() {
			n, err := r.Read(b)
			next <- part{n, err}
		}()
		select {
		case p := <-next:
			all = append(all, b[:p.n]...)
			switch {
			case p.err == nil:
			case errors.Is(p.err, io.EOF):
				return string(all), true, nil
			default:
				return "", false, p.err
			}
		case <-time.After(patience):
			return string(all), false, nil
		}
	}
	return string(all), false, nil
}

// prefixed puts a prefix in front of each line.
type prefixed struct {
	w      io.Writer
	prefix string
	within bool // of a line
}

func (p *prefixed) Write(b []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if !p.within {
			out.WriteString(p.prefix)
		}
		out.WriteString(line)
		p.within = !strings.HasSuffix(line, "\n")
	}
	if _, err := io.WriteString(p.w, out.String()); err != nil {
		return 0, err
	}
	return len(b), nil
}
