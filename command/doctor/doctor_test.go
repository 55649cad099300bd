package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keysweep/command/hooks"

	"keysweep/file"
	"keysweep/quote"
)

// patient is a repository to be checked.
type patient struct {
	t   *testing.T
	dir string // of everything
	top string
	own string // the running program
}

// newPatient makes an empty repository. git reads no configuration of the machine,
// and PATH has no keysweep.
func newPatient(t *testing.T) *patient {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": dir, "PATH": filepath.Dir(git), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": filepath.Join(dir, "gitconfig"),
		"GIT_CEILING_DIRECTORIES": dir,
		"GIT_AUTHOR_NAME":         "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
	} {
		t.Setenv(name, value)
	}
	p := &patient{t, dir, filepath.Join(dir, "shop"), own}
	p.write("gitconfig", "[protocol \"file\"]\n\tallow = always\n[init]\n\tdefaultBranch = main\n", 0o644)
	p.git("init", "-q", "shop")
	return p
}

// write writes a file below dir.
func (p *patient) write(name, text string, mode os.FileMode) {
	p.t.Helper()
	path := filepath.Join(p.dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644), os.Chmod(path, mode)); err != nil {
		p.t.Fatal(err)
	}
}

// git runs git in dir.
func (p *patient) git(args ...string) {
	p.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// hook writes a hook of ours that records program.
func (p *patient) hook(name, program string, mode os.FileMode) {
	p.write("shop/.git/hooks/"+name, hooks.Script(name, program), mode)
}

func TestWhatIsFoundAndWhatHelps(t *testing.T) {
	const foreign = "#!/bin/sh\nexit 0\n"
	for _, tt := range []struct {
		name          string
		prepare       func(p *patient)
		folder        string // that is checked; "": shop
		check         string
		level         Level
		words, remedy string // parts
	}{
		{"no repository", func(*patient) {}, ".", "repository", Broken, "not in a git repository", "git init"},
		{"a repository", func(*patient) {}, "", "repository", Well, "shop", ""},
		{"a bare one", func(p *patient) { p.git("init", "-q", "--bare", "bare.git") }, "bare.git", "repository", Well, "bare.git, bare", ""},
		{"a linked working tree", func(p *patient) {
			p.git("-C", "shop", "commit", "-q", "--allow-empty", "-m", "root")
			p.git("-C", "shop", "worktree", "add", "-q", "../linked")
		}, "linked", "repository", Well, "linked, a linked working tree of ", ""},
		{"a format that is not known", func(p *patient) {
			p.git("-C", "shop", "config", "core.repositoryFormatVersion", "1")
			p.git("-C", "shop", "config", "extensions.unheard", "true")
		}, "", "format", Weak, "is not supported by this keysweep", "a newer keysweep"},
		{"a repository that git refuses", func(p *patient) {
			p.git("-C", "shop", "config", "core.repositoryFormatVersion", "1")
			p.git("-C", "shop", "config", "extensions.unheard", "true")
		}, "", "hooks", Broken, "asking git: ", "hooks were not checked"},
		{"a shallow clone", func(p *patient) { p.write("shop/.git/shallow", strings.Repeat("1", 40)+"\n", 0o644) }, "", "history", Weak, "a shallow clone", "fetch --unshallow"},
		{"a partial clone", func(p *patient) {
			p.git("-C", "shop", "config", "remote.origin.promisor", "true")
			p.git("-C", "shop", "config", "remote.origin.url", "../gone")
		}, "", "history", Weak, "a partial clone", "--filter"},
		{"borrowed objects", func(p *patient) {
			p.git("clone", "-q", "--shared", "shop", "far/away/borrower")
		}, "far/away/borrower", "alternates", Weak, "objects are borrowed from ", "--follow-alternates"},
		{"Git LFS", func(p *patient) { p.write("shop/.gitattributes", "*.bin filter=lfs\n", 0o644) }, "", "git lfs", Well, "scans read the content that is here", ""},

		{"no hook", func(*patient) {}, "", "hooks", Weak, "none installed", "keysweep install "},
		{"no hook of a server", func(p *patient) { p.git("init", "-q", "--bare", "bare.git") }, "bare.git", "hooks", Weak, "none installed", "keysweep install "},
		{"one hook of three", func(p *patient) { p.hook("pre-push", p.own, 0o755) }, "", "hooks", Weak, "not installed: pre-commit, commit-msg; nothing stops a commit with a key", "keysweep install "},
		{"two hooks of three", func(p *patient) { p.hook("pre-commit", p.own, 0o755); p.hook("pre-push", p.own, 0o755) }, "", "hooks", Well, "not installed: commit-msg (keysweep install ", ""},
		{"an extension of no concern", func(p *patient) {
			p.git("-C", "shop", "config", "core.repositoryFormatVersion", "1")
			p.git("-C", "shop", "config", "extensions.worktreeConfig", "true")
		}, "", "format", Well, "worktreeconfig", ""},
		{"a hook", func(p *patient) { p.hook("pre-commit", p.own, 0o755) }, "", "pre-commit", Well, "pre-commit", ""},
		{"one after another", func(p *patient) {
			p.hook("pre-commit", p.own, 0o755)
			p.write("shop/.git/hooks/pre-commit.before-keysweep", foreign, 0o755)
		}, "", "pre-commit", Well, ", after pre-commit.before-keysweep", ""},
		{"a hook that git does not run", func(p *patient) { p.hook("pre-commit", p.own, 0o644) }, "", "pre-commit", Broken, "is not executable", "keysweep install "},
		{"an edited hook", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", strings.Replace(hooks.Script("pre-commit", p.own), "\n", "\necho hello\n", 1), 0o755)
		}, "", "pre-commit", Weak, "was edited", "pre-commit.before-keysweep"},
		{"an outdated hook", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "# keysweep hook 0 e3b0c44298fc1c14\n", 0o755)
		}, "", "pre-commit", Weak, "an older keysweep", "keysweep install "},
		{"a hook of a newer version", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "# keysweep hook 99 e3b0c44298fc1c14\n", 0o755)
		}, "", "pre-commit", Weak, "a newer keysweep", "update this keysweep"},
		{"a hook that pre-commit renamed", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\n# File generated by pre-commit\n", 0o755)
			p.write("shop/.git/hooks/pre-commit.legacy", hooks.Script("pre-commit", p.own), 0o755)
		}, "", "pre-commit", Well, "pre-commit.legacy, which pre-commit runs", ""},
		{"a hook written by hand", func(p *patient) {
			p.write("shop/.git/hooks/pre-push", "#!/bin/sh\nkeysweep hook pre-push \"$@\"\n", 0o755)
		}, "", "pre-push", Well, "pre-push calls keysweep", ""},
		{"one that git does not run", func(p *patient) {
			p.write("shop/.git/hooks/pre-push", "#!/bin/sh\nkeysweep hook pre-push \"$@\"\n", 0o644)
		}, "", "pre-push", Broken, "is not executable", "chmod +x "},
		{"a hook of another program", func(p *patient) { p.write("shop/.git/hooks/pre-push", foreign, 0o755) }, "", "hooks", Weak, "none installed", ""},
		{"a framework that calls keysweep", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook run pre-commit\n", 0o755)
			p.write("shop/lefthook.yml", "pre-commit:\n  commands:\n    keysweep:\n      run: keysweep hook pre-commit\n", 0o644)
		}, "", "pre-commit", Well, "lefthook calls keysweep (lefthook.yml)", ""},
		{"a framework that does not", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook run pre-commit\n", 0o755)
		}, "", "pre-commit", Weak, "belongs to lefthook, which does not call keysweep", "run: keysweep hook pre-commit"},
		{"a framework whose configuration is in .config", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook run pre-commit\n", 0o755)
			p.write("shop/.config/lefthook.toml", "[pre-commit.commands.keysweep]\nrun = \"keysweep hook pre-commit\"\n", 0o644)
		}, "", "pre-commit", Well, "lefthook calls keysweep (.config/lefthook.toml)", ""},
		{"a framework whose configuration is TOML", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\n# File generated by prek\n", 0o755)
			p.write("shop/prek.toml", "[[repos]]\nhooks = [{ id = \"keysweep-push\" }, { id = \"keysweep\" }]\n", 0o644)
		}, "", "pre-commit", Well, "prek calls keysweep (prek.toml)", ""},
		{"a configuration whose manager is not installed", func(p *patient) {
			p.write("shop/.pre-commit-config.yaml", "- id: keysweep\n", 0o644)
		}, "", "pre-commit", Weak, ".pre-commit-config.yaml calls keysweep, but pre-commit (or prek) does not run: it is not installed", "pre-commit install --hook-type pre-commit"},
		{"a manager where another one is set up", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook run pre-commit\n", 0o755)
			p.write("shop/.husky/pre-commit", "keysweep hook pre-commit\n", 0o644)
		}, "", "pre-commit", Weak, "git runs lefthook, which does not call keysweep; .husky/pre-commit calls keysweep, but husky does not run", "add to lefthook.yml"},
		{"prek's hook that pre-commit renamed", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\n# File generated by pre-commit\n", 0o755)
			p.write("shop/.git/hooks/pre-commit.legacy", "#!/bin/sh\n# File generated by prek\n", 0o755)
		}, "", "pre-commit", Broken, "pre-commit.legacy, which is prek's and refuses", "pre-commit install --hook-type pre-commit -f"},
		{"a hook written by hand that prek renamed", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\n# File generated by prek\n", 0o755)
			p.write("shop/.git/hooks/pre-commit.legacy", "#!/bin/sh\nkeysweep hook pre-commit\n", 0o755)
		}, "", "pre-commit", Well, "pre-commit.legacy calls keysweep (which prek runs)", ""},
		{"a hook that pre-commit renamed, before lefthook came", func(p *patient) {
			p.write("shop/.git/hooks/pre-commit", "#!/bin/sh\ncall_lefthook run pre-commit\n", 0o755)
			p.write("shop/.git/hooks/pre-commit.legacy", hooks.Script("pre-commit", p.own), 0o755)
		}, "", "pre-commit", Weak, "belongs to lefthook, which does not call keysweep", ""},
		{"a local core.hooksPath", func(p *patient) {
			p.hook("pre-commit", p.own, 0o755)
			p.git("-C", "shop", "config", "core.hooksPath", "team")
		}, "", "pre-commit", Broken, "does not run: core.hooksPath (local, ", "config --local --unset core.hooksPath\nor, to keep that folder: keysweep install "},
		{"a global core.hooksPath", func(p *patient) {
			p.hook("pre-commit", p.own, 0o755)
			p.git("config", "--global", "core.hooksPath", filepath.Join(p.dir, "shared"))
		}, "", "pre-commit", Broken, "does not run: core.hooksPath (global, ", "/.git/hooks\nor call keysweep in the hook there: keysweep hook pre-commit \"$@\""},
		{"core.hooksPath in the environment", func(p *patient) {
			p.hook("pre-commit", p.own, 0o755)
			for name, value := range map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "team"} {
				p.t.Setenv(name, value)
			}
		}, "", "pre-commit", Broken, "(command, ", "from the environment"},

		{"this program", func(p *patient) { p.hook("pre-commit", p.own, 0o755) }, "", "program", Well, ", which is this keysweep", ""},
		{"a program that is gone", func(p *patient) { p.hook("pre-commit", "/gone/keysweep", 0o755) }, "", "program", Broken, "record /gone/keysweep, which does not exist, and PATH has no keysweep", "keysweep install "},
		{"one in PATH instead", func(p *patient) {
			p.hook("pre-commit", "/gone/keysweep", 0o755)
			p.onPath()
		}, "", "program", Weak, "which does not exist: they run ", "keysweep install "},
		{"none in PATH", func(p *patient) { p.hook("pre-commit", "", 0o755) }, "", "program", Broken, "look for keysweep in PATH, which has none", "add keysweep to PATH"},
		{"a script in PATH", func(p *patient) {
			p.hook("pre-commit", "", 0o755)
			p.onPath()
		}, "", "program", Well, "whose version is not known", ""},
		{"a file that cannot be run", func(p *patient) {
			p.write("keysweep", foreign, 0o644)
			p.hook("pre-commit", filepath.Join(p.dir, "keysweep"), 0o755)
		}, "", "program", Broken, "which does not exist", ""},

		{"no configuration", func(*patient) {}, "", "configuration", Well, "none (no .keysweep.toml)", ""},
		{"a configuration that is not tracked", func(p *patient) { p.write("shop/.keysweep.toml", "# nothing yet\n", 0o644) },
			"", "configuration", Weak, "is not tracked", "shop add .keysweep.toml, and commit it"},
		{"a configuration", func(p *patient) {
			p.write("shop/.keysweep.toml", "# nothing yet\n", 0o644)
			p.git("-C", "shop", "add", ".keysweep.toml")
		}, "", "configuration", Well, "is used by scans from inside the repository", ""},
		{"a configuration with a mistake", func(p *patient) { p.write("shop/.keysweep.toml", "# a mistake\ncolour = 1\n", 0o644) },
			"", "configuration", Broken, "line 2, column 1", "fix it"},
		{"a rule with a mistake", func(p *patient) { p.write("shop/.keysweep.toml", "[[rule]]\nid = \"a\"\n", 0o644) },
			"", "configuration", Broken, ".keysweep.toml: line 1, column 1: ", "fix it"},
		{"a baseline that is not tracked", func(p *patient) { p.write("shop/.keysweep-baseline", "keysweep-baseline 1\n", 0o644) },
			"", "baseline", Weak, "is not tracked", "shop add .keysweep-baseline, and commit it"},
		{"a baseline with a mistake", func(p *patient) { p.write("shop/.keysweep-baseline", "keysweep-baseline 1\noops\n", 0o644) },
			"", "baseline", Broken, "line 2", "fix it"},
		{"a damaged index", func(p *patient) {
			p.write("shop/.keysweep.toml", "# nothing yet\n", 0o644)
			p.write("shop/.git/index", "DIRC", 0o644)
		}, "", "index", Broken, "", "git reset"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPatient(t)
			tt.prepare(p)
			folder := tt.folder
			if folder == "" {
				folder = "shop"
			}
			var same []Check
			for _, c := range Run(context.Background(), filepath.Join(p.dir, folder), file.Reach{}) {
				if (c.Remedy == "") != (c.Level == Well) {
					t.Errorf("%s, %v: remedy %q", c.Name, c.Level, c.Remedy)
				}
				if c.Name == tt.check {
					same = append(same, c)
				}
			}
			if len(same) != 1 || same[0].Level != tt.level || !strings.Contains(same[0].Words, tt.words) || !strings.Contains(same[0].Remedy, tt.remedy) {
				t.Errorf("%s: %+v, want %v, %q, %q", tt.check, same, tt.level, tt.words, tt.remedy)
			}
		})
	}
}

// onPath puts a script called keysweep in PATH.
func (p *patient) onPath() {
	p.write("bin/keysweep", "#!/bin/sh\n", 0o755)
	p.t.Setenv("PATH", filepath.Join(p.dir, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestARemedyNamesTheFolder(t *testing.T) {
	for _, tt := range []struct{ dir, install, git string }{
		{".", "keysweep install", "git fetch"},
		{"../shop", "keysweep install ../shop", "git -C ../shop fetch"},
		{"it's", "keysweep install " + quote.Shell("it's"), "git -C " + quote.Shell("it's") + " fetch"},
	} {
		e := newExamination(tt.dir)
		if e.install != tt.install || e.git+"fetch" != tt.git {
			t.Errorf("%s: %s, %s", tt.dir, e.install, e.git+"fetch")
		}
	}
}

func TestWhatHelpsIfGitCannotBeAsked(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{hooks.ErrNoGit, "install git"},
		{errors.New("asking git: detected dubious ownership in repository at 'x'"), "safe.directory " + quote.Shell("/a b")},
		{errors.New("asking git: unknown repository extension"), "a newer git"},
	} {
		if got := askRemedy(tt.err, "/a b"); !strings.Contains(got, tt.want) {
			t.Errorf("%v: %q", tt.err, got)
		}
	}
}
