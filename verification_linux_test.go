package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keysweep/command"
	"keysweep/finding"
)

// watched is a process whose argument list, environment and open files are
// looked at while it runs.
type watched struct {
	*exec.Cmd
	stdout, stderr, seen bytes.Buffer
	samples              int
}

// watch starts cmd and reads /proc until wait has returned its status.
func watch(t *testing.T, cmd *exec.Cmd) (w *watched, wait func() int) {
	t.Helper()
	w = &watched{Cmd: cmd}
	cmd.Stdout, cmd.Stderr = &w.stdout, &w.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			for _, name := range []string{"cmdline", "environ", "comm"} {
				text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", cmd.Process.Pid, name))
				if err == nil && len(text) > 0 {
					w.seen.Write(text)
					w.samples++
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return w, func() int {
		_ = cmd.Wait()
		close(stop)
		<-stopped
		return cmd.ProcessState.ExitCode()
	}
}

// keyForms finds keys in a text, whatever common form they have: one look at
// each place, however many keys there are.
type keyForms map[[formHead]byte][]string

// formHead is how many bytes of a form decide whether to look closer.
const formHead = 12

func formsOf(keys ...string) keyForms {
	forms := keyForms{}
	add := func(form string) {
		head := [formHead]byte([]byte(form))
		forms[head] = append(forms[head], form)
	}
	for _, key := range keys {
		body := key[len("sk_live_"):]
		percent := ""
		for _, c := range []byte(body) {
			percent += fmt.Sprintf("%%%02X", c)
		}
		add(body[:formHead]) // its start: the whole of it, too
		add(body[len(body)-formHead:])
		add(backwards(body)[:formHead])
		add(fmt.Sprintf("%x", body)[:2*formHead])
		add(fmt.Sprintf("%X", body)[:2*formHead])
		add(percent[:3*formHead])
		add(strings.ToLower(percent[:3*formHead]))
		add("sk%5Flive%5F" + body[:4])
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for at := range 3 {
				text := encoding.EncodeToString([]byte(strings.Repeat("x", at) + body))
				add(text[4 : len(text)-4])
			}
		}
	}
	return forms
}

// in returns the first form of a key that text holds, or "".
func (k keyForms) in(text []byte) string {
	for i := 0; i+formHead <= len(text); i++ {
		for _, form := range k[[formHead]byte(text[i:i+formHead])] {
			if bytes.HasPrefix(text[i:], []byte(form)) {
				return form
			}
		}
	}
	return ""
}

func backwards(s string) string {
	b := make([]byte, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		b = append(b, s[i])
	}
	return string(b)
}

func TestLeaksAreSeen(t *testing.T) {
	key := testKey("sk_live_", t.Name(), 40)
	forms := formsOf(testKey("sk_live_", "another", 40), key)
	percent := ""
	for _, c := range []byte(key) {
		percent += fmt.Sprintf("%%%02x", c)
	}
	for _, text := range []string{
		key, "x" + key + "x", key[8:], key[:30], key[30:], backwards(key), fmt.Sprintf("%x", key), fmt.Sprintf("%X", key), percent, strings.ToUpper(percent),
		base64.StdEncoding.EncodeToString([]byte(key)), base64.URLEncoding.EncodeToString([]byte("Bearer " + key)), base64.StdEncoding.EncodeToString([]byte(key[8:])),
		base64.StdEncoding.EncodeToString([]byte(key + ":")), strings.Replace(key, "sk_live_", "sk%5Flive%5F", 1),
	} {
		if forms.in([]byte("lines\n"+text+"\n")) == "" {
			t.Errorf("%q passes", text)
		}
	}
	if form := forms.in([]byte("sk_live_…" + key[len(key)-4:])); form != "" {
		t.Errorf("the redacted form is taken for a leak: %q", form)
	}
}

// TestNoRunLeavesAKey is for everything that verification and recheck leave
// behind: what they print, reports of every format, the egress log, temporary
// and cached files, argument lists and environments.
func TestNoRunLeavesAKey(t *testing.T) {
	t.Parallel()
	i := startIssuer(t)
	i.delay = 5 * time.Millisecond
	shop, left := t.TempDir(), t.TempDir()
	home, temp := filepath.Join(left, "home"), filepath.Join(left, "tmp")
	for _, folder := range []string{home, temp} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, key string) {
		if err := os.WriteFile(filepath.Join(shop, name), []byte("martis_key = "+key+" # api.martis.id\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// 500 keys, and one 500 times. The first few get every kind of answer; the
	// others have no turn in the time there is.
	many := 500
	if testing.Short() {
		many = 100
	}
	var keys []string
	how := []string{"active", "expired", "unrecognised", "restricted", "echo", "firewall", "away", "broken"}
	for n := range many {
		key := testKey([]string{"sk_live_", "sk_test_"}[n%2], fmt.Sprint("leak", n), 40)
		keys = append(keys, key)
		i.answer(key, how[n/2%len(how)])
		write(fmt.Sprintf("key%d.py", n), key)
	}
	often := testKey("sk_live_", "often", 40)
	i.answer(often, "active")
	for n := range many {
		write(fmt.Sprintf("often%d.py", n), often)
	}
	var outputs bytes.Buffer
	var samples int
	run := func(statuses []int, stdin string, args ...string) {
		t.Helper()
		cmd := invoke(t, args...)
		cmd.Dir = left
		cmd.Env = append(cmd.Env, "HOME="+home, "TMPDIR="+temp, "XDG_CACHE_HOME="+temp, "GOTRACEBACK=crash")
		cmd.Stdin = strings.NewReader(stdin)
		w, wait := watch(t, cmd)
		if got := wait(); !slices.Contains(statuses, got) {
			t.Errorf("%s: status %d, want %v\n%s", args[0], got, statuses, &w.stderr)
		}
		if w.samples == 0 {
			t.Errorf("%s: the process was never inspected", args[0])
		}
		samples += w.samples
		outputs.Write(w.stdout.Bytes())
		outputs.Write(w.stderr.Bytes())
		outputs.Write(w.seen.Bytes())
	}
	ask := []string{"--endpoint", "martis=" + i.plain.URL, "--egress-log", "egress.jsonl"}
	// How many keys get their turn depends on the machine, so the status may be
	// either where it depends on the answers.
	found, told := []int{command.StatusFound}, []int{command.StatusFound, command.StatusIncomplete}
	scan := append([]string{"scan", shop, "--verify", "--verify-limit", "1000", "--verify-timeout", "2s"}, ask...)
	run(told, "", append(scan[:len(scan):len(scan)], "--fail-on", "active", "--min-confidence", "low", "--show-rejected", "-f", "json")...)
	run(found, "", append(scan[:len(scan):len(scan)], "-v",
		"-o", "-", "-o", "r.json", "-o", "r.jsonl", "-o", "r.csv", "-o", "r.md", "-o", "r.sarif", "-o", "r.txt")...)
	run(found, "", "scan", shop, "--verify", "--dry-run", "--verify-limit", "1000")
	run(told, "", append([]string{"recheck", "r.json", "--verify-timeout", "2s"}, ask...)...)
	run(found, strings.Join(append(keys[:4:4], often), "\n"), append([]string{"recheck", "r.json", "--paste", "-f", "json"}, ask...)...)

	times := map[string]int{}
	for _, r := range i.requests() {
		times[r.key]++
	}
	if n := times[often]; n > 4 { // one for each run that asks
		t.Errorf("the key that occurs 500 times was sent %d times", n)
	}
	planted := append(keys, often)
	sent := 0
	for _, key := range planted {
		if times[key] > 0 {
			sent++
		}
	}
	forms := formsOf(planted...)
	if form := forms.in(outputs.Bytes()); form != "" {
		t.Errorf("a key was printed, or stood in an argument or in the environment: %q", form)
	}
	if sent < 5 {
		t.Errorf("only %d keys were sent", sent)
	}
	files, size := 0, 0
	err := filepath.WalkDir(left, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files, size = files+1, size+len(text)
		if form := forms.in(text); form != "" {
			t.Errorf("%s holds a key: %q", path, form)
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v may read it", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 7 {
		t.Errorf("%d files were left", files)
	}
	t.Logf("%d keys, %d of them sent in %d requests; %d files of %d bytes, %d bytes printed, %d looks at processes",
		len(planted), sent, len(i.requests()), files, size, outputs.Len(), samples)
}

func TestASignalDuringARequestEndsSoonAndSaysSo(t *testing.T) {
	i := startIssuer(t)
	path, key := leak(t)
	if err := os.WriteFile(path, []byte("martis_key = "+key+" # api.martis.id\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.answer(key, "silent")
	folder := t.TempDir()
	if status := invoke(t, "scan", path, "-o", filepath.Join(folder, "earlier.json")).Run(); status == nil {
		t.Fatal("no key found")
	}
	for _, tt := range []struct {
		name string
		args []string
		say  string
	}{
		{"scan", []string{"scan", path, "--verify", "-o", "-", "-o", filepath.Join(folder, "r.json")}, "cancelled: the run"},
		{"recheck", []string{"recheck", filepath.Join(folder, "earlier.json")}, "cancelled: the run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w *watched
			var status int
			for range 10 { // unless it is out of time, as in interrupted
				var wait func() int
				w, wait = watch(t, invoke(t, append(tt.args, "--endpoint", "martis="+i.plain.URL, "--egress-log", filepath.Join(folder, "log"))...))
				stuck := time.AfterFunc(hung, func() { _ = w.Process.Kill() })
				defer stuck.Stop()
				<-i.waiting
				if err := w.Process.Signal(syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
				if status = wait(); !strings.Contains(w.stderr.String(), outOfTime) {
					break
				}
			}
			if status != 128+int(syscall.SIGINT) || !strings.Contains(w.stdout.String(), tt.say) || !strings.Contains(w.stdout.String(), "exit status 130") {
				t.Errorf("status %d:\n%s%s", status, &w.stdout, &w.stderr)
			}
			all := append(w.stdout.Bytes(), w.stderr.Bytes()...)
			all = append(all, w.seen.Bytes()...)
			for _, name := range []string{"r.json", "log"} {
				text, err := os.ReadFile(filepath.Join(folder, name))
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, text...)
			}
			if form := formsOf(key).in(all); form != "" {
				t.Errorf("a key was left: %q", form)
			}
		})
	}
	var saved struct {
		Findings []struct {
			Status string
			Reason string `json:"status_reason"`
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "r.json"))
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil || len(saved.Findings) != 1 || saved.Findings[0].Status != "unknown" || finding.CodeOf(saved.Findings[0].Reason) != finding.CodeCancelled {
		t.Errorf("%v, the file says %+v", err, saved)
	}
}

// TestAPastedKeyIsNotShown types keys on a terminal.
func TestAPastedKeyIsNotShown(t *testing.T) {
	i := startIssuer(t)
	folder := t.TempDir()
	var keys []string
	for n := range 3 {
		key := testKey("sk_live_", fmt.Sprint(t.Name(), n), 40)
		keys = append(keys, key)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(n, ".py")), []byte("martis_key = "+key+" # api.martis.id\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i.answer(keys[0], "expired")
	i.answer(keys[1], "active")
	report := filepath.Join(t.TempDir(), "r.json")
	if err := invoke(t, "scan", folder, "-o", report).Run(); err == nil {
		t.Fatal("no key found")
	}
	session := func(typed ...string) (screen string, status int, echo bool) {
		person, program := openTerminal(t)
		cmd := invoke(t, "recheck", report, "--paste", "--endpoint", "martis="+i.plain.URL)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		fd := int(program.Fd()) // asked for once: the file is closed below
		var seen bytes.Buffer
		lines := make(chan string, len(typed)+1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			buffer := make([]byte, 4096)
			for prompts := 0; ; {
				n, err := person.Read(buffer)
				seen.Write(buffer[:n])
				for now := strings.Count(seen.String(), "leave it out: "); prompts < now; prompts++ {
					select {
					case line := <-lines:
						// The prompt comes before the echo is off.
						for shown := true; shown; time.Sleep(time.Millisecond) {
							state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
							shown = err == nil && state.Lflag&unix.ECHO != 0
						}
						if line == "\x03" {
							_ = cmd.Process.Signal(syscall.SIGINT)
							continue
						}
						_, _ = io.WriteString(person, line+"\r")
					default:
					}
				}
				if err != nil {
					return
				}
			}
		}()
		for _, line := range typed {
			lines <- line
		}
		stuck := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
		defer stuck.Stop()
		_ = cmd.Wait()
		state, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		program.Close()
		<-done
		return seen.String(), cmd.ProcessState.ExitCode(), state.Lflag&unix.ECHO != 0
	}
	screen, status, echo := session(keys[1], "nonsense", keys[0], "")
	if status != command.StatusFound || !echo {
		t.Errorf("status %d, echo %v\n%s", status, echo, screen)
	}
	for _, want := range []string{"STILL WORKS", "refused", "could not tell", "not_found: it was not pasted", "the report names no such key"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen lacks %q:\n%s", want, screen)
		}
	}
	if form := formsOf(keys...).in([]byte(screen)); form != "" {
		t.Errorf("a key is on the screen:\n%s", screen)
	}
	if n := len(i.requests()); n != 3 {
		t.Errorf("%d requests, want 3: two keys and a made-up one", n)
	}
	screen, status, echo = session(keys[1], "\x03")
	if status != 130 || !echo {
		t.Errorf("Ctrl-C: status %d, echo %v\n%s", status, echo, screen)
	}
}
