package gitdb

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
)

// branchSettings are the settings of the repository's own configuration, by name, each
// with its values in their order. What the user's configuration adds is not known.
type branchSettings map[string][]string

// last returns the value that counts of a setting with one value, "" if there is none.
func (s branchSettings) last(name string) string {
	if list := s[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

func (r *Repository) branchSettings() (branchSettings, error) {
	b, err := readGuarded(&r.guard, filepath.Join(r.CommonDir, "config"))
	s := make(branchSettings)
	for _, v := range parseConfig(b) {
		s[v.name] = append(s[v.name], v.value)
	}
	return s, present(err)
}

// Branch returns the name, without refs/heads/, of the branch that is checked out, ""
// if there is none.
func (r *Repository) Branch() string {
	name, _ := strings.CutPrefix(r.Symbolic("HEAD"), "refs/heads/")
	return name
}

// Upstream returns the full name of the ref that branch@{upstream} means, by the
// configuration (git-config(1), branch.<name>.merge).
func (r *Repository) Upstream(branch string) (string, error) {
	s, err := r.branchSettings()
	if err != nil {
		return "", err
	}
	return s.upstream(branch)
}

func (s branchSettings) upstream(branch string) (string, error) {
	remote, merge := s.last("branch."+branch+".remote"), s["branch."+branch+".merge"]
	switch {
	case remote == "" || len(merge) == 0:
		return "", fmt.Errorf("no upstream is configured for the branch %q", branch)
	case remote == ".":
		return merge[0], nil
	}
	return s.tracking(remote, merge[0])
}

// tracking returns the ref that keeps what ref is at a remote.
func (s branchSettings) tracking(remote, ref string) (string, error) {
	if to, ok := mapRef(s["remote."+remote+".fetch"], ref); ok {
		return to, nil
	}
	return "", fmt.Errorf("%s of the remote %q is not kept in a remote-tracking branch", ref, remote)
}

// PushRef returns the full name of the ref that branch@{push} means: what keeps the
// branch to which git push would push (remote.c, branch_get_push).
func (r *Repository) PushRef(branch string) (string, error) {
	s, err := r.branchSettings()
	if err != nil {
		return "", err
	}
	remote := cmp.Or(s.last("branch."+branch+".pushremote"), s.last("remote.pushdefault"), s.last("branch."+branch+".remote"), s.onlyRemote())
	full := "refs/heads/" + branch
	if specs := s["remote."+remote+".push"]; len(specs) > 0 {
		to, ok := mapRef(specs, full)
		if !ok {
			return "", fmt.Errorf("the push refspecs of the remote %q do not include the branch %q", remote, branch)
		}
		return s.tracking(remote, to)
	}
	how := cmp.Or(s.last("push.default"), "simple")
	switch {
	case isTrue(s.last("remote." + remote + ".mirror")), how == "current", how == "matching":
		return s.tracking(remote, full)
	case how == "nothing":
		return "", fmt.Errorf("push.default is nothing: the branch %q has no push destination", branch)
	}
	upstream, err := s.upstream(branch)
	if err != nil || how == "upstream" || how == "tracking" {
		return upstream, err
	}
	to, err := s.tracking(remote, full)
	if err == nil && to != upstream {
		err = fmt.Errorf("the branch %q is pushed to %s, and its upstream is %s: with push.default=simple, git refuses that", branch, to, upstream)
	}
	return to, err
}

// onlyRemote returns the remote of a branch that names none.
func (s branchSettings) onlyRemote() string {
	remotes := make(map[string]bool)
	for name := range s {
		if rest, ok := strings.CutPrefix(name, "remote."); ok {
			if i := strings.LastIndexByte(rest, '.'); i > 0 {
				remotes[rest[:i]] = true
			}
		}
	}
	for remote := range remotes {
		if len(remotes) == 1 {
			return remote
		}
	}
	return "origin"
}

// mapRef returns what refspecs make of a ref (git-fetch(1), "<refspec>"). What negative
// ones leave out is mapped, too: git applies those of a fetch only when it fetches.
func mapRef(specs []string, ref string) (to string, ok bool) {
	for _, spec := range specs {
		from, dst, _ := strings.Cut(strings.TrimPrefix(spec, "+"), ":")
		if dst == "" || strings.HasPrefix(spec, "^") {
			continue
		}
		if to, ok = mapPattern(from, dst, ref); ok {
			return to, true
		}
	}
	return "", false
}

// mapPattern returns to, with what the '*' of pattern stands for in ref, if pattern
// matches ref.
func mapPattern(pattern, to, ref string) (string, bool) {
	before, after, isPattern := strings.Cut(pattern, "*")
	if !isPattern {
		return to, pattern == ref
	}
	if len(ref) < len(before)+len(after) || !strings.HasPrefix(ref, before) || !strings.HasSuffix(ref, after) {
		return "", false
	}
	return strings.Replace(to, "*", ref[len(before):len(ref)-len(after)], 1), true
}
