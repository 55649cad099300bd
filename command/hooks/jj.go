package hooks

import (
	"path/filepath"
	"strings"

	"keysweep/file"
)

// Jujutsu returns the git repository folder of the jj repository that dir is in, by jj's
// layout: .jj/repo, or what that file names, and store/git_target in it. "": it is in
// none, or in one without a git repository.
func Jujutsu(dir string) string {
	dir, err := file.Abs(dir)
	for err == nil {
		repo := filepath.Join(dir, ".jj", "repo")
		if info, err := file.Lstat(repo); err == nil {
			g := file.Reach{}.Guard(dir)
			if !info.IsDir() { // of a further workspace
				repo = pointed(g, repo)
			}
			if repo == "" {
				return ""
			}
			return pointed(g, filepath.Join(repo, "store", "git_target"))
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	return ""
}

// pointed returns the path that a small file holds, relative to its folder; "" if there
// is none, or it leads where g does not.
func pointed(g *file.Guard, name string) string {
	b, err := file.Read(name, 4<<10)
	if err != nil {
		return ""
	}
	path, err := g.Path(filepath.Dir(name), strings.TrimSpace(string(b)))
	if err != nil {
		return ""
	}
	return path
}

// NoHooksInJujutsu says what hooks miss where jj is used.
const NoHooksInJujutsu = "jj runs no hooks: what it commits and pushes is not checked here"

// InsteadInJujutsu says what to do about that.
const InsteadInJujutsu = "run keysweep scan before jj git push, or check what is pushed on the server (pre-receive) or in CI"
