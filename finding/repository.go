package finding

import "strings"

// CountRepositories fills in Keys and Complete of r.Repositories, by Findings and Skipped.
// What belongs to no known one makes all of its target incomplete, or of all targets.
func (r *Result) CountRepositories() {
	index := make(map[string]int, len(r.Repositories))
	for i := range r.Repositories {
		repo := &r.Repositories[i]
		index[repo.Name] = i
		repo.Keys, repo.Complete = 0, repo.Failed == ""
	}
	for _, f := range r.Findings {
		counted := map[int]bool{}
		for i := range f.Listed {
			o := &f.Listed[i]
			at, known := repositoryOf(index, o.Target, Below(o.Folder, o.Path))
			if known && f.Suppressed == nil && !counted[at] {
				counted[at] = true
				r.Repositories[at].Keys++
			}
		}
	}
	for _, s := range r.Skipped {
		if s.Reason.Class() != ClassIncomplete {
			continue
		}
		target := s.Target
		if target == "" && len(r.Targets) == 1 {
			target = r.Targets[0].Name
		}
		if at, known := repositoryOf(index, target, Below(s.Folder, strings.TrimPrefix(s.Detail, target+": "))); known {
			r.Repositories[at].Complete = false
			continue
		}
		for i := range r.Repositories {
			if repo := &r.Repositories[i]; s.Target == "" || s.Target == "." || strings.HasPrefix(repo.Name, strings.TrimSuffix(s.Target, "/")+"/") {
				repo.Complete = false
			}
		}
	}
}

// repositoryOf returns which repository holds a path below a target: the outermost one.
func repositoryOf(index map[string]int, target, below string) (at int, known bool) {
	if at, known = index[target]; known {
		return at, true
	}
	for i, c := range []byte(below) {
		if c == '/' || c == ':' { // ends a name, or a path before what is wrong with it
			if at, known = index[Below(target, below[:i])]; known {
				return at, true
			}
		}
	}
	at, known = index[Below(target, below)]
	return at, known
}

// Below returns the path of name in a folder, '/'-separated. It cleans nothing: a name
// may be anything.
func Below(folder, name string) string {
	switch {
	case name == "":
		return folder
	case folder == "" || folder == ".":
		return name
	case strings.HasSuffix(folder, "/"):
		return folder + name
	}
	return folder + "/" + name
}
