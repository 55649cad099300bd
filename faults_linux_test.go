package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keysweep/command"
)

// Faults are injected with strace(1) into one call of the program after the other:
// a run that a call failed in says what one without a fault says, or that it does
// not know. "make faults" tries all of them; without faultsVariable, a sample.
const faultsVariable = "KEYSWEEP_FAULTS"

// sampledFaults is how many faults a run without faultsVariable injects.
const sampledFaults = 60

// alwaysInjected are faults that were silent once: "is not" was concluded from them.
var alwaysInjected = regexp.MustCompile(`^(tree and history|uninstall): newfstatat \d+ of (\{\}/\w+/)?(\.git|(\.git/)?HEAD|commondir|modules/lib|\.keysweep\.toml|\.git/hooks/.*): error=EIO$` +
	`|^tree: .* of ({}/work/)?\.gitignore: (error=EIO|error=ENOENT|retval=0)$` +
	`|^pre-receive: openat [5-9] of {}/server\.git/objects/.*: error=EMFILE$|^install: readlinkat \d+ of /proc/self/exe: error=EIO$` +
	`|^(tree and history|ci): (fstat [12] of {}/work/\.git/(refs/heads/main|packed-refs)|newfstatat 1 of (HEAD|objects|refs)|openat 1 of {}/work/\.git/modules/group): error=ENOENT$`)

// faultedCalls are the calls that fail. Those of the runtime alone are left out:
// mmap counts where it maps a file.
var faultedCalls = []string{"openat", "openat2", "read", "pread64", "getdents64", "newfstatat", "fstat", "statx", "readlinkat", "mmap", "close"}

// Errors that any call may give; a read may also end before the file does, and a
// name that a listing returned may be gone.
var faultErrors = []string{"error=EIO", "error=EACCES", "error=EMFILE", "error=EINTR"}

const (
	endsEarly = "retval=0"
	isGone    = "error=ENOENT"
)

// faultMode is one way to call the program, in a copy of the fixture.
type faultMode struct {
	name  string
	dir   string // below the copy
	args  []string
	stdin string // a file below the copy; "": /dev/null
	// shell has args run by that shell, with the program in PATH. Its pipes have
	// no names: faults hit the n-th call of each process.
	shell string
	// made are the files, below the copy, that count as what was said; in folders,
	// all.
	made []string
	// kept are texts that must be in a file of made after any fault.
	kept []string
}

const reportJSON = "-f\x00json\x00--no-progress"

func words(text string) []string { return strings.Split(strings.ReplaceAll(text, " ", "\x00"), "\x00") }

func faultModes() []faultMode {
	modes := []faultMode{
		{name: "tree and history", dir: "work", args: words("scan . " + reportJSON)},
		{name: "tree", dir: "work", args: words("scan --tree . " + reportJSON)},
		{name: "bare", dir: ".", args: words("scan server.git " + reportJSON)},
		{name: "--staged", dir: "work", args: words("scan --staged " + reportJSON)},
		{name: "--range", dir: "work", args: words("scan --range HEAD~2..HEAD " + reportJSON)},
		{name: "ci", dir: "work", args: words("ci -f json -o -")},
		{name: "standard input", dir: "work", stdin: "text", args: words("scan - " + reportJSON)},
		{name: "-o", dir: "work", args: words("scan --tree . -o ../out.json --no-progress"), made: []string{"out.json"}},
		{name: "pre-commit", dir: "work", args: words("hook pre-commit")},
		{name: "commit-msg", dir: "work", args: words("hook commit-msg ../message")},
		{name: "pre-push", dir: "work", stdin: "pushed", args: words("hook pre-push origin ../server.git")},
		{name: "pre-receive", dir: "server.git", stdin: "received", args: words("hook pre-receive")},
		{name: "baseline create", dir: "work", args: words("baseline create --no-progress"), made: []string{"work/.keysweep-baseline"}},
		{name: "baseline prune", dir: "work", args: words("baseline prune --no-progress"), made: []string{"work/.keysweep-baseline"}},
		{name: "recheck", dir: "work", args: words("recheck ../earlier.json --dry-run --verify-issuer all --no-progress")},
		{name: "explain", dir: "work", args: words("explain now.env:1 -f json")},
		{name: "install", dir: "work", args: words("install"), made: []string{"work/.git/hooks"}, kept: []string{"theirs"}},
		{name: "uninstall", dir: "hooked", args: words("uninstall"), made: []string{"hooked/.git/hooks"}, kept: []string{"theirs"}},
	}
	for _, shell := range []string{"dash", "bash", "busybox"} {
		if _, err := exec.LookPath(shell); err == nil {
			modes = append(modes, faultMode{name: "hook by " + shell, dir: "hooked", stdin: "pushed", shell: shell,
				args: []string{".git/hooks/pre-push", "origin", "../server.git"}})
		}
	}
	return modes
}

// faultFixture makes what the modes scan: repositories with keys in files, in the
// index, in packs and in loose objects, one of a submodule, one within another.
func faultFixture(t *testing.T, dir, program string) {
	t.Helper()
	const script = `
git init -q --bare server.git
git init -q work
cd work
git remote add origin ../server.git
echo '*.log' > .gitignore
echo "known $K3" > known.env
echo "gone $K6" > gone.env
keysweep baseline create --reason known >/dev/null
rm gone.env
echo "a $K1" > old.env
mkdir -p src/deep
echo "b $K2" > src/deep/b.txt
git add . && git commit -qm first
git push -q origin main && git fetch -q
printf '[[allow]]\npath = "vendor/**"\nreason = "theirs"\n' > .keysweep.toml
mkdir vendor; echo "v $K4" > vendor/v.txt
rm old.env
git add -A && git commit -qm second
git gc -q
echo "MARTIS_KEY=$K5" > now.env
echo "ignored $K6" > x.log
ln -s "$K7" link
git add . && git commit -qm third
git branch topic && git tag -am note v1
git worktree add -q ../linked topic
echo "d $K8" > staged.env
git add staged.env
git init -q nested && echo "n $K9" > nested/n.txt
git -C nested add . && git -C nested commit -qm n && rm nested/n.txt
git init -q --bare .git/modules/lib
git -C nested push -q ../.git/modules/lib main
mkdir .git/modules/group && cp -a .git/modules/lib .git/modules/group/lib
cd ..
echo "message $K1" > message
echo "text $K2" > text
echo "refs/heads/main $(git -C work rev-parse main) refs/heads/main $(git -C server.git rev-parse main)" > pushed
git -C work push -q ../server.git topic
echo "$(git -C server.git rev-parse main) $(git -C server.git rev-parse topic) refs/heads/topic" > received
git -C server.git update-ref -d refs/heads/topic
for repo in work hooked; do
	[ -d $repo ] || git clone -q server.git $repo
	rm -f $repo/.git/hooks/*
	printf '#!/bin/sh\n# theirs\ncat >/dev/null\n' > $repo/.git/hooks/pre-push
	chmod +x $repo/.git/hooks/pre-push
done
git -C hooked fetch -q ../work main && git -C hooked reset -q --hard FETCH_HEAD
keysweep install hooked >/dev/null
cd work && keysweep scan --tree . -o ../earlier.json >/dev/null || [ $? = 1 ]
`
	cmd := exec.Command("bash", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(faultEnvironment(dir), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	for i := range 9 {
		cmd.Env = append(cmd.Env, fmt.Sprintf("K%d=%s", i+1, testKey("sk_live_", fmt.Sprintf("fault %d", i), 40)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making the fixture: %v\n%s", err, out)
	}
}

func faultEnvironment(home string) []string {
	env := append(os.Environ(), "HTTPS_PROXY="+noWayOut, "GODEBUG=asyncpreemptoff=1", "COLUMNS=100", "CI=")
	for name, value := range gitEnvironment(home) {
		env = append(env, name+"="+value)
	}
	return env
}

// fault is one call to fail: the n-th, from 1, of its name that has the path.
type fault struct {
	mode   *faultMode
	call   string
	path   string // "": any; {} is the folder of the copy
	n      int
	inject string // as for strace: "error=EIO"
}

func (f fault) String() string {
	return fmt.Sprintf("%s: %s %d of %s: %s", f.mode.name, f.call, f.n, cmp.Or(f.path, "each process"), f.inject)
}

// outcome is what a run did.
type outcome struct {
	status int
	said   string // without what differs from run to run
	keys   string // what was found, accepted or written: the same if nothing failed
	lost   string // what the user had and has no more
	hit    bool   // the fault was injected
	trace  string
}

// faultLab runs the modes in a copy of the fixture of its own.
type faultLab struct {
	t                *testing.T
	program, fixture string
	dir              string // of the copy
	clean            bool   // it is as the fixture
}

// run runs a mode in a new copy, with a fault or without.
func (l *faultLab) run(m *faultMode, f *fault, traceAll bool) outcome {
	l.t.Helper()
	copied := l.dir
	if !l.clean {
		if err := os.RemoveAll(copied); err != nil {
			l.t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-a", l.fixture, copied).CombinedOutput(); err != nil {
			l.t.Fatalf("%v: %s", err, out)
		}
	}
	l.clean = m.made == nil
	trace := l.dir + ".trace"
	args := []string{"-f", "-qq", "-y", "-e", "signal=none", "-o", trace}
	if m.shell == "" {
		args = append(args, "-b", "execve") // git has faults of its own
	}
	if f != nil {
		args = append(args, "-e", "trace="+f.call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", f.call, f.inject, f.n))
		if f.path != "" {
			args = append(args, "-P", strings.ReplaceAll(f.path, "{}", copied))
		}
	} else if traceAll {
		args = append(args, "-v", "-s", "4096", "-e", "trace="+strings.Join(faultedCalls, ","))
	} else {
		args = append(args, "-e", "trace=execve")
	}
	if m.shell != "" {
		args = append(args, m.shell)
		if m.shell == "busybox" {
			args = append(args, "sh")
		}
		args = append(args, m.args...)
	} else {
		args = append(append(args, l.program), m.args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "strace", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	cmd.Dir = filepath.Join(copied, m.dir)
	cmd.Env = append(faultEnvironment(copied), "PATH="+filepath.Dir(l.program)+":"+os.Getenv("PATH"))
	if m.name == "ci" {
		cmd.Env = append(cmd.Env, "CI=true")
	}
	if m.stdin != "" {
		in, err := os.Open(filepath.Join(copied, m.stdin))
		if err != nil {
			l.t.Fatal(err)
		}
		defer in.Close()
		cmd.Stdin = in
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok || ctx.Err() != nil {
		l.t.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
	text, _ := os.ReadFile(trace)
	o := outcome{status: cmd.ProcessState.ExitCode(), trace: strings.ReplaceAll(string(text), copied, "{}")}
	o.hit = strings.Contains(o.trace, "(INJECTED)")
	if m.shell != "" && unreadScript.MatchString(o.trace) {
		o.hit = false
	}
	o.said = stracesOwn.ReplaceAllString(strings.ReplaceAll(out.String()+errs.String(), copied, "{}"), "")
	o.keys = l.found(m, copied, out.Bytes(), o.said)
	for _, text := range m.kept {
		if !strings.Contains(o.keys, text) {
			o.lost = text
		}
	}
	return o
}

// unreadScript is a shell that cannot read the hook: dash and busybox take it for an
// empty one (findings/dash-unreadable-script.sh), which no script can prevent.
var unreadScript = regexp.MustCompile(`read\(\d+<[^>]*/hooks/pre-push[^>]*>.*INJECTED`)

var stracesOwn = regexp.MustCompile(`(?m)^strace: .*\n`)

// durations differ from run to run, and so does the end of random names.
var durations = regexp.MustCompile(`in (under )?[\d,.]+ (ms|s)\b`)

// found returns what a run found and wrote.
func (l *faultLab) found(m *faultMode, copied string, stdout []byte, said string) string {
	if m.made == nil {
		return what(stdout, said)
	}
	var all strings.Builder
	for _, name := range m.made {
		err := filepath.WalkDir(filepath.Join(copied, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			info, errInfo := d.Info()
			if err = cmp.Or(err, errInfo); err == nil {
				fmt.Fprintf(&all, "%s %v\n%s\n", strings.TrimPrefix(path, copied), info.Mode(), what(text, string(text)))
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.t.Fatal(err)
		}
	}
	return all.String()
}

// what returns the findings of a JSON report, or a text without its times.
func what(text []byte, said string) string {
	var report struct {
		Scan     struct{ Complete *bool }
		Findings []map[string]any
	}
	if json.Unmarshal(text, &report) != nil || report.Scan.Complete == nil {
		return durations.ReplaceAllString(said, "")
	}
	var all strings.Builder
	fmt.Fprintln(&all, "complete", *report.Scan.Complete)
	for _, f := range report.Findings {
		line, _ := json.Marshal(f)
		all.Write(append(line, '\n'))
	}
	return all.String()
}

// Calls in the output of strace -y: "17 openat(5</a>, "b", O_RDONLY) = 3</a/b>".
var (
	tracedCall = regexp.MustCompile(`^\d+ +(\w+)\((.*)$`)
	tracedPath = regexp.MustCompile(`^(?:[^"]*?<([^>]*)>)?(?:, )?(?:"((?:[^"\\]|\\.)*)")?`)
	mappedPath = regexp.MustCompile(`, \d+<([^>]*)>, `)
	listedName = regexp.MustCompile(`d_name="((?:[^"\\]|\\.)*)"`)
)

// faultsOf returns every fault that a run of m can have.
func (l *faultLab) faultsOf(m *faultMode, trace string) (list []fault) {
	if m.shell != "" {
		for _, call := range []string{"read", "openat"} {
			for n := range 40 {
				for _, e := range faultErrors {
					list = append(list, fault{m, call, "", n + 1, e})
				}
			}
		}
		return list
	}
	counts := map[[2]string]int{}
	listed := map[string]bool{}
	for line := range strings.Lines(trace) {
		c := tracedCall.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if c == nil {
			continue
		}
		call, rest := c[1], c[2]
		p := tracedPath.FindStringSubmatch(rest)
		at, name := p[1], p[2]
		switch call {
		case "mmap":
			p := mappedPath.FindStringSubmatch(rest)
			if p == nil {
				continue
			}
			at, name = p[1], ""
		case "read", "pread64", "getdents64", "close", "fstat":
			name = ""
		}
		full := filepath.Join(at, name)
		if filepath.IsAbs(name) {
			full = name
		}
		if call == "getdents64" {
			for _, n := range listedName.FindAllStringSubmatch(rest, -1) {
				listed[filepath.Join(full, n[1])] = true
			}
		}
		path := cmp.Or(name, at)
		if strings.HasPrefix(full, "/sys/") || strings.HasPrefix(full, "/proc/") && call != "readlinkat" || path == "" || strings.HasPrefix(full, "/dev/") && !strings.HasPrefix(full, "/dev/shm/") || !strings.HasPrefix(path, "{}") && strings.HasPrefix(path, "/") && call == "close" {
			continue // the runtime's
		}
		counts[[2]string{call, path}]++
		inject := slices.Clone(faultErrors)
		if isInput := m.stdin != "" && path == "{}/"+m.stdin; (call == "read" || call == "pread64") && !isInput { // an end of standard input is one
			inject = append(inject, endsEarly)
		}
		if listed[full] && path != "." && (strings.HasPrefix(call, "open") || strings.Contains(call, "stat") || call == "readlinkat") {
			inject = append(inject, isGone)
		}
		for _, e := range inject {
			list = append(list, fault{m, call, path, counts[[2]string{call, path}], e})
		}
	}
	return list
}

// verdicts of a run with a fault.
const (
	notReached = "not reached"
	same       = "same"
	said       = "said"
	silent     = "silent"
)

// whatFailed are the words of the faults: a note that an exception does not count,
// since it could not be read, and the key that it would accept.
var whatFailed = regexp.MustCompile("(?i)input/output error|permission denied|too many open files|corrupt:")

// judge compares a run with a fault with one without.
func (o outcome) judge(mode string, whole outcome) string {
	incomplete := o.status == command.StatusUse || o.status == command.StatusIncomplete || o.status >= 126 ||
		o.status != 0 && (strings.Contains(strings.ToLower(o.said), "incomplete") || strings.Contains(o.keys, "complete false") || whatFailed.MatchString(o.said))
	switch {
	case o.lost != "":
		return silent
	case !o.hit:
		return notReached
	case o.status == whole.status && o.keys == whole.keys:
		return same
	case o.status > 128 && strings.HasPrefix(mode, "hook by"):
		return said // a shell that a signal ended
	case incomplete && strings.TrimSpace(o.said) != "" && !strings.Contains(o.said, "internal error"):
		return said
	}
	return silent
}

func TestNoFaultIsSilent(t *testing.T) {
	if testing.Short() {
		return // it runs a program that is built without the race detector
	}
	_, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: make test installs it")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "bin", "keysweep")
	fixture := filepath.Join(dir, "fixture")
	for _, d := range []string{filepath.Dir(program), fixture} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	buildFor(t, program, ".", false)
	faultFixture(t, fixture, program)

	labs := make([]*faultLab, runtime.GOMAXPROCS(0))
	for i := range labs {
		labs[i] = &faultLab{t: t, program: program, fixture: fixture, dir: filepath.Join(dir, strconv.Itoa(i))}
	}
	only := regexp.MustCompile(os.Getenv("KEYSWEEP_FAULTS_ONLY"))
	modes := slices.DeleteFunc(faultModes(), func(m faultMode) bool { return !only.MatchString(m.name) })
	wholes := make(map[string]outcome)
	var faults []fault
	for i := range modes {
		m := &modes[i]
		whole := labs[0].run(m, nil, true)
		if again := labs[0].run(m, nil, false); again.keys != whole.keys || again.status != whole.status {
			t.Fatalf("%s differs from run to run:\n%d %s\n%d %s", m.name, whole.status, whole.keys, again.status, again.keys)
		}
		wholes[m.name] = whole
		these := labs[0].faultsOf(m, whole.trace)
		t.Logf("%s: status %d, %d faults", m.name, whole.status, len(these))
		faults = append(faults, these...)
	}
	sample := sampledFaults
	switch text := os.Getenv(faultsVariable); text {
	case "":
	case "all":
		sample = len(faults)
	default:
		if sample, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if sample < len(faults) {
		// The same few, evenly drawn.
		slices.SortFunc(faults, func(a, b fault) int { return cmp.Compare(drawn(a), drawn(b)) })
		rest := slices.DeleteFunc(slices.Clone(faults[sample:]), func(f fault) bool { return !alwaysInjected.MatchString(f.String()) })
		faults = append(faults[:sample], rest...)
	}
	var silents []string
	var mu sync.Mutex
	table := map[[3]string]map[string]int{} // by mode, call and fault
	var wait sync.WaitGroup
	next := make(chan fault)
	for _, l := range labs {
		wait.Go(func() {
			for f := range next {
				whole := wholes[f.mode.name]
				o := l.run(f.mode, &f, false)
				verdict := o.judge(f.mode.name, whole)
				mu.Lock()
				row := [3]string{f.mode.name, f.call, f.inject[strings.Index(f.inject, "=")+1:]}
				if table[row] == nil {
					table[row] = map[string]int{}
				}
				table[row][verdict]++
				if verdict == silent {
					silents = append(silents, fmt.Sprintf("%v: %d instead of %d", f, o.status, whole.status))
					t.Errorf("%v\nstatus %d, without the fault %d; lost %q\n%s\n--- without ---\n%s", f, o.status, whole.status, o.lost, o.said, whole.said)
				}
				mu.Unlock()
			}
		})
	}
	for _, f := range faults {
		next <- f
	}
	close(next)
	wait.Wait()
	t.Log("\n" + faultTable(table))
	slices.Sort(silents)
	t.Log("silent:\n" + strings.Join(silents, "\n"))
}

func drawn(f fault) uint64 {
	sum := sha256.Sum256([]byte(f.String()))
	return binary.BigEndian.Uint64(sum[:])
}

// faultTable returns counts by mode, and by call and fault, as Markdown.
func faultTable(table map[[3]string]map[string]int) string {
	var out strings.Builder
	for _, by := range []struct {
		head string
		key  func(row [3]string) string
	}{
		{"mode", func(row [3]string) string { return row[0] }},
		{"call", func(row [3]string) string { return row[1] }},
		{"fault", func(row [3]string) string { return row[2] }},
		{"", func([3]string) string { return "all" }},
	} {
		sums := map[string]map[string]int{}
		for row, counts := range table {
			k := by.key(row)
			if sums[k] == nil {
				sums[k] = map[string]int{}
			}
			for verdict, n := range counts {
				sums[k][verdict] += n
			}
		}
		fmt.Fprintf(&out, "| %s | injected | same | said | silent |\n|---|--:|--:|--:|--:|\n", by.head)
		for _, k := range slices.Sorted(maps.Keys(sums)) {
			s := sums[k]
			fmt.Fprintf(&out, "| %s | %d | %d | %d | %d |\n", k, s[same]+s[said]+s[silent], s[same], s[said], s[silent])
		}
		out.WriteString("\n")
	}
	return out.String()
}
