package lookup

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// expand replaces the marks that stand for the name of a ref (gitrevisions(7)): @{-N} at
// the start, the branch or commit that was checked out before; and behind the name of a
// branch, or of nothing, which is the one that is checked out, @{upstream}, @{u} and
// @{push}.
func (db *Database) expand(name string) (string, error) {
	wrong := func(err error) error {
		if _, isOfFile := errors.AsType[*fs.PathError](err); isOfFile {
			return err
		}
		return fmt.Errorf("%w: %s: %w", ErrRevision, name, err)
	}
	if mark, ok := strings.CutPrefix(name, "@{-"); ok {
		digits, rest, closed := strings.Cut(mark, "}")
		n, err := strconv.Atoi(digits)
		if !closed || err != nil || n <= 0 {
			return "", wrong(errors.New("@{-N} needs a number"))
		}
		before, err := db.checkedOut(n)
		if err != nil {
			return "", wrong(err)
		}
		name = before + rest
	}
	for {
		branch, behind, _ := strings.Cut(name, "@{")
		mark, rest, closed := strings.Cut(behind, "}")
		find := db.repo.Upstream
		switch mark = strings.ToLower(mark); {
		case closed && mark == "push":
			find = db.repo.PushRef
		case !closed || mark != "u" && mark != "upstream":
			return name, nil
		}
		if branch == "" || branch == "@" || branch == "HEAD" {
			if branch = db.repo.Branch(); branch == "" {
				return "", wrong(errors.New("no branch is checked out"))
			}
		}
		full, err := find(branch)
		if err != nil {
			return "", wrong(err)
		}
		name = full + rest
	}
}

// checkedOut returns the name of the branch, or the id of the commit, that the n-th last
// checkout left, as the reflog of HEAD has it.
func (db *Database) checkedOut(n int) (string, error) {
	log, err := db.repo.Reflog("HEAD")
	if err != nil {
		return "", err
	}
	left := n
	for i := range log {
		move, ok := strings.CutPrefix(log[i].Message, "checkout: moving from ")
		from, _, isMove := strings.Cut(move, " to ")
		if !ok || !isMove {
			continue
		}
		if left--; left == 0 {
			return from, nil
		}
	}
	return "", fmt.Errorf("the reflog of HEAD has %d checkouts", n-left)
}
