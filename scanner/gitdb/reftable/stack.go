package reftable

import (
	"cmp"
	"maps"
	"slices"
)

// Stack is the tables of one stack, the oldest first, as tables.list names them. A
// newer table hides what an older one says of the same ref.
type Stack []*Table

// Find returns the record of one ref, and false if it is not there. It is never
// Deleted.
func (s Stack) Find(name string) (Ref, bool, error) {
	for _, t := range slices.Backward(s) {
		if ref, found, err := t.Find(name); found || err != nil {
			return ref, found && !ref.Deleted, err
		}
	}
	return Ref{}, false, nil
}

// Refs returns the refs that are there, sorted by name. With an error, which wraps
// ErrCorrupt, it returns what could be read: a ref of an older table may then be
// there although a newer one changed it.
func (s Stack) Refs() (list []Ref, err error) {
	seen := make(map[string]struct{})
	for i, t := range slices.Backward(s) {
		errT := t.Refs(func(ref Ref) {
			if _, hidden := seen[ref.Name]; hidden {
				return
			}
			if i > 0 { // the oldest table, which is the largest, hides nothing
				seen[ref.Name] = struct{}{}
			}
			if !ref.Deleted {
				list = append(list, ref)
			}
		})
		err = cmp.Or(err, errT)
	}
	slices.SortFunc(list, func(a, b Ref) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// Log returns the records of the reflog of a ref, the newest first. With an error, which
// wraps ErrCorrupt, it returns what could be read.
func (s Stack) Log(ref string) (list []Log, err error) {
	logs := make(map[uint64]Log) // by update index
	for _, t := range s {
		errT := t.Logs(func(log Log) {
			switch {
			case log.Ref != ref:
			case log.Deleted, log.Old.IsZero() && log.New.IsZero(): // that says that there is a reflog, and no more
				delete(logs, log.UpdateIndex)
			default:
				logs[log.UpdateIndex] = log
			}
		})
		err = cmp.Or(err, errT)
	}
	return slices.SortedFunc(maps.Values(logs), func(a, b Log) int { return cmp.Compare(b.UpdateIndex, a.UpdateIndex) }), err
}
