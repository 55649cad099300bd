package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keysweep/command/hooks"
)

// named is content of a repository that names a path.
type named struct {
	name  string
	files map[string]string
	links map[string]string // symbolic
}

// baseConfig is that of a repository.
const baseConfig = "[core]\n\trepositoryformatversion = 1\n"

// namesOf returns everything by which a repository can name path.
func namesOf(path string) (list []named) {
	quoted := `"` + strings.ReplaceAll(path, `\`, `\\`) + `"`
	config := func(section, name string) map[string]string {
		return map[string]string{".git/config": baseConfig + "[" + section + "]\n\t" + name + " = " + quoted + "\n"}
	}
	list = []named{
		{name: "a .git file", files: map[string]string{".git": "gitdir: " + path + "\n"}},
		{name: "a nested .git file", files: map[string]string{"n/.git": "gitdir: " + path + "\n", "n/a": "x"}},
		{name: "commondir", files: map[string]string{".git/commondir": path + "\n"}},
		{name: "alternates", files: map[string]string{".git/objects/info/alternates": path + "\n"}},
		{name: "alternates of alternates", files: map[string]string{".git/objects/info/alternates": "../../o\n", "o/info/alternates": path + "\n", "o/pack/x": ""}},
		{name: "include.path", files: config("include", "path")},
		{name: "includeIf.path", files: config(`includeIf "gitdir:**"`, "path")},
		{name: "an included file", files: map[string]string{".git/config": baseConfig + "[include]\n\tpath = more\n", ".git/more": "[include]\n\tpath = " + quoted + "\n"}},
		{name: "core.worktree", files: config("core", "worktree")},
		{name: "core.hooksPath", files: config("core", "hooksPath")},
		{name: "core.excludesFile", files: config("core", "excludesFile")},
		{name: "core.attributesFile", files: config("core", "attributesFile")},
		{name: "extensions.refStorage", files: map[string]string{".git/config": baseConfig + "[extensions]\n\trefStorage = \"reftable://" + strings.ReplaceAll(path, `\`, `\\`) + "\"\n"}},
		{name: "tables.list", files: map[string]string{".git/config": baseConfig + "[extensions]\n\trefStorage = reftable\n", ".git/reftable/tables.list": path + "\n"}},
		{name: "HEAD", files: map[string]string{".git/HEAD": "ref: " + path + "\n"}},
		{name: "HEAD below refs", files: map[string]string{".git/HEAD": "ref: refs/" + strings.Repeat("../", 20) + path + "\n"}},
		{name: "a ref", files: map[string]string{".git/refs/heads/x": "ref: " + path + "\n"}},
		{name: "FETCH_HEAD", files: map[string]string{".git/FETCH_HEAD": strings.Repeat("0", 40) + "\t\tbranch 'main' of " + path + "\n"}},
		{name: "MERGE_HEAD", files: map[string]string{".git/MERGE_HEAD": path + "\n"}},
		{name: "the list of working trees", files: map[string]string{
			".git/worktrees/x/gitdir": path + "\n", ".git/worktrees/x/commondir": path + "\n", ".git/worktrees/x/HEAD": "ref: " + path + "\n"}},
		{name: "a submodule's repository", files: map[string]string{
			".git/modules/x/HEAD": "ref: refs/heads/main\n", ".git/modules/x/objects/info/alternates": path + "\n", ".git/modules/x/refs/y": "",
			".git/modules/x/config": "[core]\n\tworktree = " + quoted + "\n"}},
		{name: ".gitmodules", files: map[string]string{".gitmodules": "[submodule \"x\"]\n\tpath = " + quoted + "\n\turl = " + quoted + "\n"}},
		{name: "a pointer of LFS", files: map[string]string{
			"big": "version https://git-lfs.github.com/spec/v1\noid sha256:" + path + "\nsize 5\n", ".gitattributes": "big filter=lfs\n", ".lfsconfig": "[lfs]\n\turl = " + quoted + "\n"}},
		{name: "a pointer of annex", files: map[string]string{"big": "/annex/objects/" + path + "\n"}},
		{name: "layers of an image", files: map[string]string{"manifest.json": `[{"Config":` + quoted + `,"Layers":[` + quoted + `]}]`, "oci-layout": "{}"}},
		{name: "members of archives", files: map[string]string{"x.tar": tarOf(path), "x.zip": zipOf(path)}},
		{name: "the program of a hook", files: map[string]string{".git/hooks/pre-commit": hooks.Script("pre-commit", path)}},
		{name: "the configuration", files: map[string]string{".keysweep.toml": "rules = [" + quoted + "]\n[[allow]]\npath = " + quoted + "\nreason = \"x\"\n"}},
	}
	for _, link := range []string{"a link", ".git", ".git/HEAD", ".git/config", ".git/index", ".git/commondir", ".git/packed-refs", ".git/shallow", ".git/refs", ".git/refs/heads/x",
		".git/objects", ".git/objects/info", ".git/objects/info/alternates", ".git/objects/pack", ".git/objects/00", ".git/objects/pack/pack-" + strings.Repeat("0", 40) + ".pack",
		".git/info", ".git/info/exclude", ".git/worktrees", ".git/worktrees/x", ".git/modules", ".git/modules/x", ".git/hooks", ".git/hooks/pre-commit", ".git/reftable",
		".gitignore", ".gitattributes", ".gitmodules", ".keysweep.toml", ".keysweep-baseline", ".pre-commit-config.yaml", "lefthook.yml", "n/.git", "n/.gitignore"} {
		list = append(list, named{name: "the link " + link, links: map[string]string{link: path}})
	}
	return append(list, named{name: "a link of annex", links: map[string]string{"big": ".git/annex/objects/x", ".git/annex/objects/x": path}})
}

func tarOf(path string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := errors.Join(w.WriteHeader(&tar.Header{Name: path, Typeflag: tar.TypeReg}), w.WriteHeader(&tar.Header{Name: "l", Linkname: path, Typeflag: tar.TypeSymlink}),
		w.WriteHeader(&tar.Header{Name: "h", Linkname: path, Typeflag: tar.TypeLink}), w.Close())
	if err != nil {
		panic(err)
	}
	return b.String()
}

func zipOf(path string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	_, err := w.Create(path)
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.String()
}

// write makes a repository at dir, a copy of template, that holds n.
func (n named) write(t *testing.T, template, dir string) {
	t.Helper()
	err := os.CopyFS(dir, os.DirFS(template))
	replaced := func(name string) string {
		path := filepath.Join(dir, filepath.FromSlash(name))
		err = errors.Join(err, os.RemoveAll(path), os.MkdirAll(filepath.Dir(path), 0o700))
		return path
	}
	for name, text := range n.files {
		path := replaced(name)
		err = errors.Join(err, os.WriteFile(path, []byte(text), 0o700))
	}
	for name, to := range n.links {
		path := replaced(name)
		err = errors.Join(err, os.Symlink(to, path))
	}
	if err != nil {
		t.Fatal(n.name, err)
	}
}

// writeNames writes a repository for each of list below dir, and returns their names.
func writeNames(t *testing.T, list []named, template, dir string) (names []string) {
	t.Helper()
	for _, n := range list {
		name := "of-" + strings.NewReplacer("/", "-", " ", "-", ".", "-").Replace(n.name)
		n.write(t, template, filepath.Join(dir, name))
		names = append(names, name)
	}
	return names
}

// hostInvalid is in all paths that nothing may open.
const hostInvalid = "host.invalid"

// unixElsewhere are paths of other hosts and devices on Linux.
var unixElsewhere = []string{"/net/" + hostInvalid + "/x", "/afs/" + hostInvalid + "/x", "//net//" + hostInvalid, "/a/../net/" + hostInvalid + "/x",
	"/dev/" + hostInvalid, "/dev/shm/../" + hostInvalid, "/proc/" + hostInvalid + "/cwd", "/sys/" + hostInvalid}
