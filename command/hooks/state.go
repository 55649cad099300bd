package hooks

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"keysweep/file"
)

// maxScript is the size, in bytes, up to which a hook is read: it may be a binary.
const maxScript = 1 << 20

// Kind says what a hook is.
type Kind int

// The kinds.
const (
	Absent   Kind = iota // does not exist
	Ours                 // written by keysweep, of any version
	Calling              // not written by keysweep, and calls it
	Foreign              // not written by keysweep, and does not visibly call it
	Unusable             // not a file, or not known: see Err
)

// State describes one hook.
type State struct {
	Name string
	// Path is the hook. It is NAME.legacy where pre-commit or prek has renamed
	// ours: it runs it under that name.
	Path string
	Kind Kind

	// Err is what could not be found out, and leaves Kind or Earlier open.
	Err error

	Link       bool // Path is a symbolic link
	Executable bool // git would run it: always on Windows
	// Version, Program, Options and Edited are set for Ours: the version of the
	// script, the recorded path ("": PATH) and options, and whether it was edited
	// since.
	Version int
	Program string
	Options []string
	Edited  bool
	// Earlier is the kept hook that runs before ours; "" if there is none.
	Earlier string
	// Framework is the hook manager that a Foreign hook, or the folder of an
	// Absent one, belongs to, or that runs ours under another name; nil if none.
	Framework *Framework
	// Legacy is the hook that pre-commit or prek found, renamed NAME.legacy, and
	// runs before its own; nil if none, or if it is ours.
	Legacy *State

	text string
}

// Look returns the state of a hook in a folder of hooks.
func Look(folder, name string) State {
	s := look(folder, name, name)
	if s.Framework != preCommit && s.Framework != prek {
		return s
	}
	moved := look(folder, name, name+".legacy")
	switch {
	case moved.Kind == Ours:
		moved.Framework = s.Framework
		return moved
	case moved.Executable && moved.Framework != husky: // husky goes by the name of the file
		s.Legacy = &moved
	}
	return s
}

func look(folder, name, base string) State {
	s := State{Name: name, Path: filepath.Join(folder, base)}
	earlier := filepath.Join(folder, name+Suffix)
	if _, err := os.Lstat(earlier); err == nil {
		s.Earlier = earlier
	} else if !file.Absent(err) {
		s.Err = err
	}
	info, err := file.Lstat(s.Path)
	if file.Absent(err) {
		if isHusky(folder) {
			s.Framework = husky
		}
		return s
	}
	s.Kind = Unusable
	if err != nil {
		s.Err = err
		return s
	}
	s.Link = info.Mode()&fs.ModeSymlink != 0
	info, err = file.Stat(s.Path)
	if s.Link && file.Absent(err) {
		s.Kind = Foreign // a broken link: git runs nothing
		return s
	}
	if err == nil && !info.Mode().IsRegular() {
		return s
	}
	if err == nil {
		s.text, err = readScript(s.Path)
	}
	if err != nil {
		s.Err = err
		return s
	}
	s.Executable = info.Mode()&0o111 != 0 || runtime.GOOS == "windows"
	s.Kind = Foreign
	switch {
	case s.parse():
		s.Kind = Ours
	case calls(s.text, name):
		s.Kind = Calling
	default:
		s.Framework = recognise(folder, s.text)
	}
	return s
}

// readScript returns the text of a file, "" if it is too large for a script.
func readScript(path string) (string, error) {
	text, err := file.Read(path, maxScript)
	if errors.Is(err, file.ErrTooLarge) {
		return "", nil
	}
	if err != nil {
		return "", &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return string(text), nil
}

// Current reports whether a hook of ours is what this version would write for
// the program and the options that it records.
func (s *State) Current() bool {
	return s.Kind == Ours && !s.Edited && s.text == Script(s.Name, s.Program, s.Options...)
}

// CallsKeysweep reports whether git runs keysweep in any hook of a repository, by
// itself or through a hook manager.
func (r *Repository) CallsKeysweep() bool {
	return slices.ContainsFunc(Names(), func(name string) bool {
		if _, ok := r.Calling(name); ok {
			return true
		}
		for s := new(Look(r.Hooks, name)); s != nil; s = s.Legacy {
			if s.Kind == Ours || s.Kind == Calling {
				return true
			}
			if s.Framework != nil && r.Top != "" {
				if config, err := s.Framework.Mentions(r.Top, name); config != "" && err == nil {
					return true
				}
			}
		}
		return false
	})
}

// Framework is a program that manages hooks itself, and would overwrite ours or
// fail on it. Its own configuration has to call keysweep.
type Framework struct {
	Name string
	// Config lists its configuration files, from the top of the working tree.
	Config []string
	// ByHand returns the lines to add so that a hook calls keysweep.
	ByHand func(hook string) string
	// Install returns the command that makes git run it for a hook.
	Install func(hook string) string
}

// Frameworks returns all hook managers that are known.
func Frameworks() []*Framework { return []*Framework{preCommit, prek, lefthook, husky} }

// Stuck reports whether a hook fails whatever is committed: pre-commit and prek
// each refuse to be run by the other, or by themselves.
func (s *State) Stuck() bool {
	return s.Legacy != nil && (s.Legacy.Framework == preCommit || s.Legacy.Framework == prek)
}

// Mentions returns the configuration file that calls keysweep for a hook, "" if
// none does. The error says that one could not be read.
func (f *Framework) Mentions(top, name string) (string, error) {
	// The ids in our .pre-commit-hooks.yaml, in YAML of both styles and in TOML.
	hook := "keysweep"
	if name != "pre-commit" {
		hook += "-" + strings.TrimPrefix(name, "pre-")
	}
	id := regexp.MustCompile(`(?m)^[^#\n]*\bid["']?[ \t]*[:=][ \t]*["']?` + hook + `(-system)?["']?[ \t\r]*([,}#].*)?$`)
	for _, config := range f.Config {
		config = strings.ReplaceAll(config, "NAME", name)
		text, err := readScript(filepath.Join(top, filepath.FromSlash(config)))
		if err != nil && !file.Absent(err) {
			return "", err
		}
		if calls(text, name) || id.MatchString(text) {
			return config, nil
		}
	}
	return "", nil
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
	preCommit = &Framework{"pre-commit", []string{".pre-commit-config.yaml"}, preCommitLines,
		func(name string) string { return "pre-commit install --hook-type " + name }}
	prek = &Framework{"prek", []string{"prek.toml", ".pre-commit-config.yaml", ".pre-commit-config.yml"}, preCommitLines,
		func(name string) string { return "prek install --hook-type " + name }}
	lefthook = &Framework{"lefthook", []string{
		"lefthook.yml", ".lefthook.yml", ".config/lefthook.yml", "lefthook-local.yml", ".lefthook-local.yml", ".config/lefthook-local.yml",
		"lefthook.yaml", ".lefthook.yaml", ".config/lefthook.yaml", "lefthook-local.yaml", ".lefthook-local.yaml", ".config/lefthook-local.yaml",
		"lefthook.toml", ".lefthook.toml", ".config/lefthook.toml", "lefthook-local.toml", ".lefthook-local.toml", ".config/lefthook-local.toml",
		"lefthook.json", ".lefthook.json", ".config/lefthook.json", "lefthook-local.json", ".lefthook-local.json", ".config/lefthook-local.json",
		"lefthook.jsonc", ".lefthook.jsonc", ".config/lefthook.jsonc", "lefthook-local.jsonc", ".lefthook-local.jsonc", ".config/lefthook-local.jsonc",
	}, lefthookLines,
		func(string) string { return "lefthook install" }}
	husky = &Framework{"husky", []string{".husky/NAME"}, func(name string) string {
		return "  add this line to .husky/" + name + ":\n    keysweep hook " + name + " \"$@\"\n"
	}, func(string) string { return "npx husky" }}
)

// recognise returns the framework that a hook belongs to, or nil. The texts are
// those in each framework's source.
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

// isHusky reports whether a folder of hooks is husky's: .husky, or .husky/_, which
// husky rewrites at each npm install.
func isHusky(folder string) bool {
	return filepath.Base(folder) == ".husky" || filepath.Base(filepath.Dir(folder)) == ".husky"
}
