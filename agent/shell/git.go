package shell

import (
	"strconv"
	"strings"
)

// Bypass returns what in a call makes git leave out the hooks that stop keys, as
// --no-verify, and the folder that git is called in; "" if nothing does.
func (c *Call) Bypass() (what, dir string) {
	if c.Name() != "git" {
		return "", ""
	}
	g := parseGit(c)
	switch g.command {
	case "commit", "push", "merge", "pull":
	case "config":
		return g.configures(), g.dir
	default:
		return "", ""
	}
	for _, setting := range g.settings {
		if name, off := disables(setting); off {
			return "-c " + name, g.dir
		}
	}
	if v := c.disabledBy(); v != "" {
		return v, g.dir
	}
	return g.unverified(), g.dir
}

// git is a call of git, taken apart.
type git struct {
	dir      string
	settings []string // of -c and --config-env
	command  string
	args     []string
}

// globalValues are the options before git's command that take the next word.
const globalValues = " -C -c --git-dir --work-tree --namespace --super-prefix --config-env --attr-source "

func parseGit(c *Call) (g git) {
	g.dir = c.Dir
	for words := c.Words[1:]; len(words) > 0; {
		word := words[0]
		words = words[1:]
		if !strings.HasPrefix(word, "-") {
			g.command, g.args = word, words
			return g
		}
		if text, ok := strings.CutPrefix(word, "--config-env="); ok {
			g.settings = append(g.settings, text)
		}
		if !among(globalValues, word) || len(words) == 0 {
			continue
		}
		switch word {
		case "-C":
			g.dir = join(g.dir, words[0])
		case "-c", "--config-env":
			g.settings = append(g.settings, words[0])
		}
		words = words[1:]
	}
	return g
}

// disables reports whether a setting, NAME=VALUE, changes which hooks git runs.
func disables(setting string) (name string, off bool) {
	name, _, _ = strings.Cut(setting, "=")
	lower := strings.ToLower(name)
	return name, lower == "core.hookspath" || strings.HasPrefix(lower, "hook.")
}

// configures returns "core.hooksPath" if git config sets it.
func (g *git) configures() string {
	var operands []string
	for _, word := range g.args {
		switch {
		case strings.HasPrefix(word, "--get") || word == "-l" || word == "--list" || word == "get" && len(operands) == 0 || word == "list" && len(operands) == 0:
			return ""
		case strings.HasPrefix(word, "-"):
		case word == "set" && len(operands) == 0:
		default:
			operands = append(operands, word)
		}
	}
	if len(operands) < 2 {
		return "" // reads it, or --unset
	}
	if name, off := disables(operands[0]); off {
		return "git config " + name
	}
	return ""
}

// hookIDs are our hooks in .pre-commit-hooks.yaml, as SKIP of pre-commit names them.
const hookIDs = " keysweep keysweep-push keysweep-commit-msg keysweep-system keysweep-push-system keysweep-commit-msg-system "

// disabledBy returns the variable that switches hooks off, "" if none does.
func (c *Call) disabledBy() string {
	for _, name := range []string{"HUSKY", "LEFTHOOK"} {
		if v, set := c.Var(name); set && (v == "0" || strings.EqualFold(v, "false") && name == "LEFTHOOK") {
			return name + "=" + v
		}
	}
	if v, _ := c.Var("SKIP"); v != "" {
		for id := range strings.SplitSeq(v, ",") {
			if among(hookIDs, strings.TrimSpace(id)) {
				return "SKIP"
			}
		}
	}
	if v, _ := c.Var("GIT_CONFIG_PARAMETERS"); strings.Contains(strings.ToLower(v), "core.hookspath") {
		return "GIT_CONFIG_PARAMETERS"
	}
	for _, v := range c.Env {
		name, value, _ := strings.Cut(v, "=")
		number, ok := strings.CutPrefix(strings.ToUpper(name), "GIT_CONFIG_KEY_")
		if _, err := strconv.Atoi(number); !ok || err != nil {
			continue
		}
		if _, off := disables(value); off {
			return name
		}
	}
	return ""
}

// values are the options of a command of git that take a value.
type values struct {
	short    string // letters: the value is the rest of the cluster, or the next word
	attached string // letters whose value, if any, is the rest of the cluster
	long     string // a list, of those whose value may be the next word
}

func valuesOf(command string) values {
	switch command {
	case "commit":
		return values{"mFcCt", "Su", " --message --file --author --date --template --reuse-message --reedit-message --fixup --squash --cleanup --trailer --pathspec-from-file "}
	case "push":
		return values{"o", "", " --push-option --receive-pack --exec --repo "}
	case "merge":
		return values{"mFsX", "S", " --file --strategy --strategy-option --cleanup --into-name "}
	}
	return values{"sXj", "S", " --strategy --strategy-option --upload-pack --cleanup --depth --shallow-since --shallow-exclude --server-option --jobs --refmap "}
}

// unverified returns the option that leaves out hooks, "" if there is none. Git takes
// --no-veri for --no-verify, and not --no-ver, which may be --no-verbose.
func (g *git) unverified() string {
	v := valuesOf(g.command)
	for i := 0; i < len(g.args); i++ {
		word := g.args[i]
		switch {
		case word == "--":
			return ""
		case len(word) >= len("--no-veri") && strings.HasPrefix("--no-verify", word):
			return word
		case strings.HasPrefix(word, "--"):
			if among(v.long, word) {
				i++
			}
		case strings.HasPrefix(word, "-") && len(word) > 1:
			for j, letter := range word[1:] {
				if letter == 'n' && g.command == "commit" {
					return word
				}
				if strings.ContainsRune(v.attached, letter) {
					break
				}
				if strings.ContainsRune(v.short, letter) {
					if j+2 == len(word) {
						i++
					}
					break
				}
			}
		}
	}
	return ""
}
