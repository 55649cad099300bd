package shell

import (
	"slices"
	"strings"
	"testing"
)

// denied returns what of a command line leaves out our hooks or accepts keys, and
// where; "" if nothing does.
func denied(text string) (what, dir string) {
	calls, _ := Parse(text)
	for _, c := range calls {
		if what := c.Accepts(); what != "" {
			return what, c.Dir
		}
		if what, dir := c.Bypass(); what != "" {
			return what, dir
		}
	}
	return "", ""
}

func TestCommandsThatLeaveOutHooks(t *testing.T) {
	for _, tt := range []struct{ command, what string }{
		{"git commit --no-verify -m x", "--no-verify"},
		{"git commit -n -m x", "-n"},
		{"git commit -anm x", "-anm"},
		{"git commit -am x -n", "-n"},
		{"git commit -m x --no-veri", "--no-veri"},
		{"git commit -qn", "-qn"},
		{"git commit --amend --no-edit -n", "-n"},
		{"git commit -nm 'a message'", "-nm"},
		{"git -C sub commit -n", "-n"},
		{"git --git-dir x/.git --work-tree x commit -n", "-n"},
		{"git --git-dir=x/.git commit -n", "-n"},
		{"git --no-pager commit --no-verify", "--no-verify"},
		{"/usr/bin/git commit -n", "-n"},
		{`C:\\Git\\bin\\git.exe commit -n`, "-n"},
		{"git push --no-verify", "--no-verify"},
		{"git push --no-verify origin main", "--no-verify"},
		{"git push origin HEAD --no-verify", "--no-verify"},
		{"git push -o ci.skip --no-verify", "--no-verify"},
		{"git merge --no-verify topic", "--no-verify"},
		{"git merge -m x --no-verify topic", "--no-verify"},
		{"git pull --no-verify", "--no-verify"},
		{"git -c core.hooksPath=/dev/null commit -m x", "-c core.hooksPath"},
		{"git -c core.hookspath= push", "-c core.hookspath"},
		{"git -c user.name=x -c CORE.HOOKSPATH=x commit", "-c CORE.HOOKSPATH"},
		{"git --config-env=core.hooksPath=EMPTY commit", "-c core.hooksPath"},
		{"git --config-env core.hooksPath=EMPTY commit", "-c core.hooksPath"},
		{"git -c hook.keysweep-pre-commit.enabled=false commit", "-c hook.keysweep-pre-commit.enabled"},
		{"git config core.hooksPath /dev/null", "git config core.hooksPath"},
		{"git config --global core.hooksPath /tmp/none && git commit -m x", "git config core.hooksPath"},
		{"git config set core.hooksPath x", "git config core.hooksPath"},
		{"GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/dev/null git commit", "GIT_CONFIG_KEY_0"},
		{"export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=; git push", "GIT_CONFIG_KEY_0"},
		{`GIT_CONFIG_PARAMETERS="'core.hooksPath=/x'" git commit`, "GIT_CONFIG_PARAMETERS"},
		{"SKIP=keysweep git commit -m x", "SKIP"},
		{"SKIP=black,keysweep-push git push", "SKIP"},
		{"env SKIP=keysweep-system git commit", "SKIP"},
		{"HUSKY=0 git commit -m x", "HUSKY=0"},
		{"export HUSKY=0 && git commit -m x", "HUSKY=0"},
		{"LEFTHOOK=0 git push", "LEFTHOOK=0"},
		{"LEFTHOOK=false git push", "LEFTHOOK=false"},
		{"$env:HUSKY=0; git commit -m x", "HUSKY=0"},
		{"$env:HUSKY = '0'; git commit -m x", "HUSKY=0"},
		{"cd sub && git commit -n", "-n"},
		{"(cd sub; git commit -n)", "-n"},
		{"{ git commit -n; }", "-n"},
		{"true && git add . && git commit -nm x && git push", "-nm"},
		{"if true; then git commit -n; fi", "-n"},
		{"for i in a b; do git commit -n -m $i; done", "-n"},
		{"f() { git commit -n; }; f", "-n"},
		{"echo $(git commit -n)", "-n"},
		{"x=$(git commit -n)", "-n"},
		{"x=(a $(git commit -n))", "-n"},
		{"export A=$(git commit -n)", "-n"},
		{"flock lock git commit -n", "-n"},
		{"poetry run git commit -n -m x", "-n"},
		{"npx keysweep baseline create", "keysweep baseline create"},
		{"git commit -n &", "-n"},
		{"! git commit -n", "-n"},
		{"time git commit -n", "-n"},
		{"sudo -u me git commit -n", "-n"},
		{"env -u X git commit -n", "-n"},
		{"timeout -k 5 10 git push --no-verify", "--no-verify"},
		{"nohup git push --no-verify >log 2>&1", "--no-verify"},
		{"xargs git commit -n <list", "-n"},
		{`bash -c "git commit -n"`, "-n"},
		{`bash -lc 'cd x && git commit --no-verify'`, "--no-verify"},
		{`sh -c "bash -c 'git commit -n'"`, "-n"},
		{"eval git commit -n", "-n"},
		{`pwsh -Command "git commit -n"`, "-n"},
		{"cmd /c git commit -n", "-n"},
		{`git commit "--no-verify"`, "--no-verify"},
		{`git commit --no-'verify'`, "--no-'verify'"},
		{`git commit \-n`, "-n"},
		{"git commit -m x \\\n  -n", "-n"},
		{"git commit -m \"$(cat <<'EOF'\na message\nEOF\n)\" -n", "-n"},
		{"git commit -n; 0&0\x8e", "-n"},
		{"git commit -n; if (", "-n"}, // what does not parse comes after
		{"keysweep baseline create --reason x", "keysweep baseline create"},
		{"./bin/keysweep --reason x baseline create", "keysweep baseline create"},
		{"keysweep baseline --reason x create .", "keysweep baseline create"},
		{"keysweep uninstall", "keysweep uninstall"},
		{"keysweep allow 0123456789abcdef", "keysweep allow"},
		{"keysweep triage", "keysweep triage"},
		{"keysweep install --agent claude --allow-no-verify", "keysweep install"},
		{"env HOME=/x keysweep baseline create", "keysweep baseline create"},
	} {
		want := strings.ReplaceAll(tt.what, "'", "")
		if what, _ := denied(tt.command); what != want {
			t.Errorf("%s: %q, want %q", tt.command, what, want)
		}
	}
}

func TestHarmlessCommands(t *testing.T) {
	for _, command := range []string{
		"", "git", "git commit", "git commit -m x", "git commit -am 'fix: all'", "git status", "git log -n 5", "git log -n5",
		"git push -n", "git push --dry-run", "git push -nu origin main", "git push -o no-verify", "git push --push-option --no-verify",
		"git merge -n topic", "git merge --no-commit topic", "git merge -m --no-verify topic", "git pull -n", "git pull --no-rebase",
		"git commit -m --no-verify", "git commit -m -n", "git commit -mn", "git commit -m 'use --no-verify'", "git commit --message --no-verify",
		"git commit --message=--no-verify", "git commit -F -n", "git commit --author -n", "git commit -C n", "git commit -Sn", "git commit -uno",
		"git commit -- -n", "git commit -m x -- --no-verify", "git commit --no-ver", "git commit --no-edit", "git commit --no-status", "git commit --verify",
		`git commit -m "$(git log -n 1)"`,
		"git commit -F - <<'EOF'\nuse git commit -n or --no-verify\nEOF",
		"git commit -m \"$(cat <<'EOF'\ndo not call git commit --no-verify\nEOF\n)\"",
		"cat > notes.md <<'EOF'\ngit commit -n\nEOF",
		"echo git commit -n", "echo 'git push --no-verify'", "printf '%s' --no-verify", "grep -rn no-verify .", "rg -n 'git commit -n' docs",
		"# git commit -n", "ls # --no-verify", "man git-commit -n", "git help commit -n", "git show -n commit",
		"git -c user.name=commit log -n 3", "git -c color.ui=never commit -m x", "git config --get core.hooksPath", "git config core.hooksPath",
		"git config get core.hooksPath", "git config --list -n", "git config --unset core.hooksPath", "git config user.name core.hooksPath",
		"SKIP=black git commit -m x", "SKIP= git commit", "HUSKY=1 git commit", "HUSKY=0 npm ci", "LEFTHOOK=1 git push", "export HUSKY=0; npm ci", "(export HUSKY=0; npm ci); git commit -m x",
		"HUSKY=0; git commit -m x", "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=core.hooksPath git commit",
		"git rebase --no-verify main", "git am -n", "git cherry-pick -n abc", "git revert -n HEAD", "git clean -n", "git add -n .", "git fetch -n",
		"npm publish --no-verify", "hg commit -n", "gitk commit -n", "not-git commit -n", "git-lfs push --no-verify",
		"bash script.sh -n", "bash -n commit.sh", "sh -e build.sh commit -n", "eval", "bash -c", "X=--no-verify; echo $X",
		"keysweep scan .", "keysweep baseline prune", "keysweep", "keysweep doctor", "echo keysweep baseline create", "keysweep scan baseline",
		"keysweep baseline create --help", "keysweep help baseline create", "keysweep uninstall -h", "keysweep allow --list", "keysweep install", "uv add git", "npx git-cz -n",
	} {
		if what, _ := denied(command); what != "" {
			t.Errorf("%s: %q", command, what)
		}
	}
}

func TestTheFolderThatGitIsCalledIn(t *testing.T) {
	for _, tt := range []struct{ command, dir string }{
		{"git commit -n", ""},
		{"git -C sub commit -n", "sub"},
		{"git -C sub -C deep commit -n", "sub/deep"},
		{"cd sub && git -C deep commit -n", "sub/deep"},
		{"cd sub && cd .. && git commit -n", "."},
		{"(cd sub); git commit -n", ""},
		{"cd /srv && git commit -n", "/srv"},
		{"cd ~/x && git commit -n", "~/x"},
		{"cd && git commit -n", Unknown},
		{"cd $X && git commit -n", Unknown},
		{"cd $X && cd /srv && git commit -n", "/srv"},
		{"cd sub; bash -c 'cd deep; git commit -n'", "sub/deep"},
	} {
		if _, dir := denied(tt.command); dir != tt.dir {
			t.Errorf("%s: %q, want %q", tt.command, dir, tt.dir)
		}
	}
}

func TestFilesOfCommands(t *testing.T) {
	for _, tt := range []struct {
		command       string
		reads, writes []string
	}{
		{"cat .env", []string{".env"}, nil},
		{"cat -n a 'b c' \"d\"", []string{"a", "b c", "d"}, nil},
		{"head -n 5 .env", []string{".env"}, nil},
		{"head -5 .env | grep x", []string{".env"}, nil},
		{"cat <.env", []string{".env"}, nil},
		{"cat <<EOF\n.env\nEOF", nil, nil},
		{"cat $FILE", nil, nil},
		{"sudo cat .env", []string{".env"}, nil},
		{"bash -c 'cat .env'", []string{".env"}, nil},
		{"export $(cat .env | xargs)", nil, nil},
		{"A=$(cat a) npm start", nil, nil},
		{"A=$(bash -c 'cat a') B=1; cat b", []string{"b"}, nil},
		{"echo $(cat a)", []string{"a"}, nil},
		{"for x in $(cat a); do echo $x; done", []string{"a"}, nil},
		{"cat a > b", nil, []string{"b"}},
		{"cat a 1>> b", nil, []string{"b"}},
		{"cat a 2> b", []string{"a"}, []string{"b"}},
		{"cat a > /dev/null", nil, []string{"/dev/null"}},
		{"head -c 9 /dev/urandom; cat < /dev/stdin", nil, nil},
		{"cat a > /dev/stderr", []string{"a"}, []string{"/dev/stderr"}},
		{"grep x .env", nil, nil},
		{"echo .env", nil, nil},
		{"echo x > a", nil, []string{"a"}},
		{"echo x >> a 2>b", nil, []string{"a", "b"}},
		{"{ echo x; } &> a", nil, []string{"a"}},
		{"> a", nil, []string{"a"}},
		{"cat > a <<EOF\nx\nEOF", nil, []string{"a"}},
		{"echo x | tee -a a", nil, []string{"a"}},
		{"cp a b", nil, []string{"a", "b"}},
		{"sed -i s/x/y/ a", nil, []string{"s/x/y/", "a"}},
		{"sed -ni.bak p a", nil, []string{"p", "a"}},
		{"sed s/x/y/ a", nil, nil},
		{"perl -pi -e s/x/y/ a", nil, []string{"s/x/y/", "a"}},
		{"dd if=x of=a", nil, []string{"if=x", "a"}},
		{"rm -f a", nil, []string{"a"}},
	} {
		calls, err := Parse(tt.command)
		if err != nil {
			t.Fatal(err)
		}
		var reads, writes []string
		for _, c := range calls {
			reads = append(reads, c.ReadFiles()...)
			writes = append(writes, c.WriteFiles()...)
		}
		if !slices.Equal(reads, tt.reads) || !slices.Equal(writes, tt.writes) {
			t.Errorf("%s: reads %q, writes %q, want %q and %q", tt.command, reads, writes, tt.reads, tt.writes)
		}
	}
}

func TestWhatDoesNotParseIsAnError(t *testing.T) {
	calls, err := Parse("git status\ngit commit -n\nif (")
	if err == nil || len(calls) != 2 {
		t.Errorf("%d calls, error %v", len(calls), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"git -c core.hooksPath=x commit -anm x", "bash -c \"bash -c 'git -C'\"", "cd $X; git -C .. push --no-veri", "cat <<EOF\n$(git commit -n)\nEOF", "export A=1 B; env C=2 git", "$env:A = 1", "git commit -", "declare -x 'A=1'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		calls, _ := Parse(text)
		for i := range calls {
			c := &calls[i]
			c.Bypass()
			c.Accepts()
			c.ReadFiles()
			c.WriteFiles()
		}
	})
}
