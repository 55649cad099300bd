package hooks

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// maxScript is how much of a hook is looked at: a hook may be a large binary.
const maxScript = 256 << 10

// Kind says whose a hook is.
type Kind int

// The kinds.
const (
	// Absent is a hook that is not there.
	Absent Kind = iota
	// Ours was written by keysweep, of any version.
	Ours
	// Calling is another's, and calls keysweep.
	Calling
	// Foreign is another's, and as far as we see does not call keysweep.
	Foreign
	// Unusable is no file: a folder, or something that cannot be looked at.
	Unusable
)

// State is what there is at the place of one hook.
type State struct {
	Name string
	// Path is the hook. It is NAME.legacy where pre-commit has moved ours
	// out of its way: pre-commit runs it from there.
	Path string
	Kind Kind
	// Link says that Path is a symbolic link.
	Link bool
	// Executable says whether git would run it. Windows has no such mark.
	Executable bool
	// Version, Program, Options and Edited are of Ours: the version of the
	// script, the recorded path ("": PATH) and options, and whether somebody
	// changed it since.
	Version int
	Program string
	Options []string
	Edited  bool
	// Earlier is the hook that was there before ours; "" if there is none.
	Earlier string
	// Framework is the hook manager that a Foreign hook, or the place of an
	// Absent one, belongs to; or nil.
	Framework *Framework

	text string
}

// Look returns the state of a hook in a folder of hooks.
func Look(folder, name string) State {
	s := look(folder, name, name)
	if s.Kind == Foreign && s.Framework != nil {
		if moved := look(folder, name, name+".legacy"); moved.Kind == Ours {
			return moved
		}
	}
	return s
}

func look(folder, name, file string) State {
	s := State{Name: name, Path: filepath.Join(folder, file)}
	earlier := filepath.Join(folder, name+Suffix)
	if _, err := os.Lstat(earlier); err == nil {
		s.Earlier = earlier
	}
	info, err := os.Lstat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if isHusky(folder) {
			s.Framework = husky
		}
		return s
	}
	s.Kind = Unusable
	if err != nil {
		return s
	}
	s.Link = info.Mode()&fs.ModeSymlink != 0
	info, err = os.Stat(s.Path)
	if s.Link && err != nil {
		s.Kind = Foreign // it leads nowhere: git runs nothing
		return s
	}
	if err != nil || !info.Mode().IsRegular() {
		return s
	}
	s.Executable = info.Mode()&0o111 != 0 || runtime.GOOS == "windows"
	s.Kind = Foreign
	s.text = readScript(s.Path)
	if p, ours := parse(s.text); ours {
		s.Kind, s.Version, s.Program, s.Options, s.Edited = Ours, p.version, p.program, p.options, !p.intact
	} else if calls(s.text, name) {
		s.Kind = Calling
	} else {
		s.Framework = recognise(folder, s.text)
	}
	return s
}

// readScript returns the start of a regular file, "" if it cannot be read.
func readScript(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxScript))
	if err != nil {
		return ""
	}
	return string(b)
}

// Current reports whether a hook of ours is what this version would write for
// the program and the options that it records.
func (s *State) Current() bool {
	return s.Kind == Ours && !s.Edited && s.text == Script(s.Name, s.Program, s.Options...)
}

// Framework is a program that manages hooks itself, and would overwrite ours or
// trip over it. How to have it call keysweep is in its own configuration.
type Framework struct {
	Name string
	// Config are its files, from the top of the working tree.
	Config []string

	lines func(name string) string // to add by hand
}

// ByHand returns lines that make the framework call keysweep at a hook.
func (f *Framework) ByHand(name string) string { return f.lines(name) }

// Mentions returns the file of its configuration that calls keysweep for a
// hook, "" if none does.
func (f *Framework) Mentions(top, name string) string {
	for _, file := range f.Config {
		file = strings.ReplaceAll(file, "NAME", name)
		path := filepath.Join(top, filepath.FromSlash(file))
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue // asked first: opening a FIFO waits for a writer
		}
		if text := readScript(path); calls(text, name) || regexp.MustCompile(entries[name]).MatchString(text) {
			return file
		}
	}
	return ""
}

// entries match the ids of our .pre-commit-hooks.yaml.
var entries = map[string]string{
	"pre-commit":  `(?m)^[ \t-]*id:[ \t]*["']?keysweep(-system)?["']?[ \t\r]*(#.*)?$`,
	"pre-push":    `(?m)^[ \t-]*id:[ \t]*["']?keysweep-push(-system)?["']?[ \t\r]*(#.*)?$`,
	"commit-msg":  `(?m)^[ \t-]*id:[ \t]*["']?keysweep-commit-msg(-system)?["']?[ \t\r]*(#.*)?$`,
	"pre-receive": `$^`, // no framework has it
}

func preCommitLines(name string) string {
	text := `  add to .pre-commit-config.yaml:
    - repo: local
      hooks:
      - id: keysweep
        name: keysweep
        entry: keysweep hook NAME
        language: system
        stages: [NAME]
        always_run: true
`
	if name != "commit-msg" {
		text += "        pass_filenames: false\n"
	}
	return strings.ReplaceAll(text, "NAME", name)
}

func lefthookLines(name string) string {
	text := `  add to lefthook.yml:
    NAME:
      commands:
        keysweep:
          run: keysweep hook NAME`
	switch name {
	case "commit-msg":
		text += " {1}"
	case "pre-push":
		text += " {1} {2}\n          use_stdin: true"
	}
	return strings.ReplaceAll(text+"\n", "NAME", name)
}

var (
	preCommit = &Framework{"pre-commit", []string{".pre-commit-config.yaml"}, preCommitLines}
	prek      = &Framework{"prek", []string{".pre-commit-config.yaml", "prek.toml"}, preCommitLines}
	lefthook  = &Framework{"lefthook", []string{"lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml", "lefthook-local.yml"}, lefthookLines}
	husky     = &Framework{"husky", []string{".husky/NAME"}, func(name string) string {
		return "  add this line to .husky/" + name + ":\n    keysweep hook " + name + " \"$@\"\n"
	}}
)

// recognise returns the framework that a hook belongs to, or nil. What each
// writes was read in its source.
func recognise(folder, text string) *Framework {
	switch {
	case strings.Contains(text, "File generated by pre-commit"):
		return preCommit
	case strings.Contains(text, "File generated by prek"):
		return prek
	case strings.Contains(text, "call_lefthook"):
		return lefthook
	case strings.Contains(text, "husky.sh"), isHusky(folder):
		return husky
	}
	return nil
}

// isHusky reports whether a folder of hooks is husky's: .husky, or .husky/_,
// which it writes anew at each installation of packages.
func isHusky(folder string) bool {
	return filepath.Base(folder) == ".husky" || filepath.Base(filepath.Dir(folder)) == ".husky"
}
