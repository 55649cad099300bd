package scanner

import (
	"path/filepath"
	"strconv"
	"strings"
)

// FromEnvironment takes from git's environment (git(1)) where the repository,
// its index and its objects are, for Staged and Range. get returns a variable,
// "" if it is not set.
func (o *Options) FromEnvironment(get func(string) string) {
	o.GitDir, o.WorkTree = get("GIT_DIR"), get("GIT_WORK_TREE")
	if o.GitDir != "" && o.WorkTree == "" && get("GIT_IMPLICIT_WORK_TREE") != "0" {
		o.WorkTree = "."
	}
	if o.Staged != nil {
		o.Staged.IndexFile = get("GIT_INDEX_FILE")
	}
	if dir := get("GIT_OBJECT_DIRECTORY"); dir != "" {
		o.ObjectDirs = append(o.ObjectDirs, dir)
	}
	o.ObjectDirs = append(o.ObjectDirs, objectDirs(get("GIT_ALTERNATE_OBJECT_DIRECTORIES"))...)
}

// objectDirs reads a list of objects folders as git has it in
// GIT_ALTERNATE_OBJECT_DIRECTORIES (git(1)): separated as in PATH; one that
// starts with a double quote is quoted as in C.
func objectDirs(list string) (dirs []string) {
	for list != "" {
		dir := ""
		if quoted, err := strconv.QuotedPrefix(list); err == nil && list[0] == '"' {
			dir, _ = strconv.Unquote(quoted)
			list = list[len(quoted):]
		}
		plain, rest, _ := strings.Cut(list, string(filepath.ListSeparator))
		if dir += plain; dir != "" {
			dirs = append(dirs, dir)
		}
		list = rest
	}
	return dirs
}
