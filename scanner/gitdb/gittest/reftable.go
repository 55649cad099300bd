package gittest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Table is a reftable to write, byte for byte as git's
// Documentation/technical/reftable.adoc says. It has no index and no blocks of
// objects.
type Table struct {
	BlockSize int // 0: blocks are neither aligned nor filled up, and may be 16 MiB
	// Restarts is after how many records a key is written whole; 0: 16.
	Restarts int
	SHA256   bool
	Least    uint64 // least update index; those of records count from it
	Refs     []TableRef
	Logs     []TableLog
}

// TableRef is a ref of a Table: an ID in hex, perhaps Peeled too, or a Target. With
// none of them it is a deletion.
type TableRef struct{ Name, ID, Peeled, Target string }

// TableLog is a record of a reflog, of Index counted from Table.Least. Without New
// it is a deletion.
type TableLog struct {
	Ref         string
	Index       uint64
	Old, New    string // ids in hex; 40 or 64 zeros for none
	Name, Email string
	Time        uint64
	Zone        int16 // as git writes it: 230 is +0230
	Message     string
}

// Bytes returns the table.
func (t Table) Bytes() []byte {
	version := byte(1)
	if t.SHA256 {
		version = 2
	}
	header := append([]byte("REFT"), version, byte(t.BlockSize>>16), byte(t.BlockSize>>8), byte(t.BlockSize))
	header = binary.BigEndian.AppendUint64(header, t.Least)
	header = binary.BigEndian.AppendUint64(header, t.Least+uint64(len(t.Refs)+len(t.Logs)))
	if t.SHA256 {
		header = append(header, "s256"...)
	}
	out := slices.Clone(header)

	refs := slices.SortedFunc(slices.Values(t.Refs), func(a, b TableRef) int { return strings.Compare(a.Name, b.Name) })
	w := tableWriter{table: t, head: len(header), kind: 'r'}
	for _, ref := range refs {
		kind, value := ref.record()
		out = w.add(out, []byte(ref.Name), kind, append([]byte{0}, value...))
	}
	out = w.flush(out)
	logs := uint64(len(out))
	if len(refs) == 0 {
		logs = 0
	}

	head := 0
	if len(refs) == 0 {
		head = len(header)
	}
	w = tableWriter{table: t, head: head, kind: 'g'}
	slices.SortFunc(t.Logs, func(a, b TableLog) int { return bytes.Compare(a.key(t.Least), b.key(t.Least)) })
	for _, log := range t.Logs {
		kind, value := log.record()
		out = w.add(out, log.key(t.Least), kind, value)
	}
	out = w.flush(out)
	if len(t.Logs) == 0 {
		logs = 0
	}

	footer := slices.Clone(header)
	for _, position := range []uint64{0, 0, 0, logs, 0} {
		footer = binary.BigEndian.AppendUint64(footer, position)
	}
	return append(out, binary.BigEndian.AppendUint32(footer, crc32.ChecksumIEEE(footer))...)
}

func (r TableRef) record() (kind int, value []byte) {
	switch {
	case r.Target != "":
		return 3, append(varint(uint64(len(r.Target))), r.Target...)
	case r.Peeled != "":
		return 2, append(unhex(r.ID), unhex(r.Peeled)...)
	case r.ID != "":
		return 1, unhex(r.ID)
	}
	return 0, nil
}

func (l TableLog) key(least uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(l.Ref), 0), math.MaxUint64-least-l.Index)
}

func (l TableLog) record() (kind int, value []byte) {
	if l.New == "" {
		return 0, nil
	}
	value = append(unhex(l.Old), unhex(l.New)...)
	for _, text := range []string{l.Name, l.Email} {
		value = append(append(value, varint(uint64(len(text)))...), text...)
	}
	value = append(value, varint(l.Time)...)
	value = binary.BigEndian.AppendUint16(value, uint16(l.Zone))
	return 1, append(append(value, varint(uint64(len(l.Message)))...), l.Message...)
}

// tableWriter fills blocks of one kind.
type tableWriter struct {
	table    Table
	head     int // length of the file's header in the first block, then 0
	kind     byte
	records  []byte
	restarts []int
	last     []byte
	n        int
}

// add adds a record to the block, after it wrote the block if that is full.
func (w *tableWriter) add(out, key []byte, kind int, value []byte) []byte {
	size := w.table.BlockSize
	if size == 0 {
		size = 1<<24 - 1
	}
	if w.head+4+len(w.records)+len(key)+len(value)+20+3*(len(w.restarts)+1)+2 > size && w.n > 0 {
		out = w.flush(out)
	}
	every := w.table.Restarts
	if every == 0 {
		every = 16
	}
	prefix := 0
	if w.n%every == 0 {
		w.restarts = append(w.restarts, w.head+4+len(w.records))
	} else {
		for prefix < min(len(key), len(w.last)) && key[prefix] == w.last[prefix] {
			prefix++
		}
	}
	w.records = append(w.records, varint(uint64(prefix))...)
	w.records = append(w.records, varint(uint64(len(key)-prefix)<<3|uint64(kind))...)
	w.records = append(append(w.records, key[prefix:]...), value...)
	w.last, w.n = key, w.n+1
	return out
}

// flush writes the block.
func (w *tableWriter) flush(out []byte) []byte {
	if w.n == 0 {
		return out
	}
	at := len(out) - w.head
	body := w.records
	for _, r := range w.restarts {
		body = append(body, byte(r>>16), byte(r>>8), byte(r))
	}
	body = binary.BigEndian.AppendUint16(body, uint16(len(w.restarts)))
	length := w.head + 4 + len(body)
	out = append(out, w.kind, byte(length>>16), byte(length>>8), byte(length))
	if w.kind == 'g' {
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		z.Write(body)
		z.Close()
		out = append(out, b.Bytes()...)
	} else {
		out = append(out, body...)
		for w.table.BlockSize > 0 && len(out)-at < w.table.BlockSize {
			out = append(out, 0)
		}
	}
	*w = tableWriter{table: w.table, kind: w.kind}
	return out
}

// varint writes a number as pack entries write distances.
func varint(n uint64) []byte {
	b := []byte{byte(n & 0x7f)}
	for n >>= 7; n > 0; n >>= 7 {
		n--
		b = append(b, byte(n&0x7f|0x80))
	}
	slices.Reverse(b)
	return b
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// WriteStack writes tables, the oldest first, as the stack of a repository folder.
// Names of tables are never used again.
func (r *Repo) WriteStack(gitDir string, tables ...Table) {
	r.T.Helper()
	dir := filepath.Join(gitDir, "reftable")
	var list strings.Builder
	for i, t := range tables {
		r.tables++
		name := fmt.Sprintf("0x%012x-0x%012x-%08x.ref", i, i, r.tables)
		r.write(filepath.Join(dir, name), string(t.Bytes()))
		list.WriteString(name + "\n")
	}
	// As git does it: a reader sees the old list or the new one.
	r.write(filepath.Join(dir, "tables.list.lock"), list.String())
	if err := os.Rename(filepath.Join(dir, "tables.list.lock"), filepath.Join(dir, "tables.list")); err != nil {
		r.T.Fatal(err)
	}
}

// ToReftable moves the refs and reflogs of the repository and of its linked working
// trees from files to stacks of this many tables. Each but the last names some refs that
// a newer one deletes or changes, and the last has all reflogs. A git without reftables cannot read the repository any more.
func (r *Repo) ToReftable(tables int) {
	r.T.Helper()
	common := strings.TrimSpace(r.Git("rev-parse", "--path-format=absolute", "--git-common-dir"))
	r.Git("config", "core.repositoryFormatVersion", "1")
	refs := r.refsOf(r.Dir)
	type tree struct {
		gitDir string
		refs   []TableRef
	}
	trees := []tree{{common, refs}}
	worktrees, _ := filepath.Glob(filepath.Join(common, "worktrees", "*"))
	for _, gitDir := range worktrees {
		top, err := os.ReadFile(filepath.Join(gitDir, "gitdir"))
		if err != nil {
			r.T.Fatal(err)
		}
		var own []TableRef
		for _, ref := range r.refsOf(filepath.Dir(strings.TrimSpace(string(top)))) {
			if !strings.Contains(ref.Name, "/") || strings.HasPrefix(ref.Name, "refs/bisect/") || strings.HasPrefix(ref.Name, "refs/worktree/") {
				own = append(own, ref)
			}
		}
		trees = append(trees, tree{gitDir, own})
	}
	sha256 := strings.TrimSpace(r.Git("rev-parse", "--show-object-format")) == "sha256"
	r.Git("config", "extensions.refStorage", "reftable")
	for _, t := range trees {
		stack := split(t.refs, tables, sha256)
		stack[tables-1].Logs = r.takeLogs(t.gitDir)
		r.WriteStack(t.gitDir, stack...)
		r.write(filepath.Join(t.gitDir, "HEAD"), "ref: refs/heads/.invalid\n")
	}
	for _, name := range []string{"packed-refs", "refs"} {
		if err := os.RemoveAll(filepath.Join(common, name)); err != nil {
			r.T.Fatal(err)
		}
	}
	r.write(filepath.Join(common, "refs", "heads"), "this repository uses the reftable format\n")
}

// takeLogs reads the reflogs of a repository folder, and removes their files.
func (r *Repo) takeLogs(gitDir string) (logs []TableLog) {
	r.T.Helper()
	top := filepath.Join(gitDir, "logs")
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		index := uint64(0)
		for line := range strings.Lines(string(b)) {
			head, message, _ := strings.Cut(line, "\t")
			who, when, _ := strings.Cut(head, "> ")
			ids, email, _ := strings.Cut(who, " <")
			part := strings.SplitN(ids, " ", 3)
			log := TableLog{Ref: filepath.ToSlash(path[len(top)+1:]), Index: index, Old: part[0], New: part[1], Name: part[2], Email: email, Message: message}
			if _, err := fmt.Sscanf(when, "%d %d", &log.Time, &log.Zone); err != nil {
				return err
			}
			logs = append(logs, log)
			index++
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		r.T.Fatal(err)
	}
	if err := os.RemoveAll(top); err != nil {
		r.T.Fatal(err)
	}
	return logs
}

// split spreads refs over tables that shadow one another.
func split(refs []TableRef, tables int, sha256 bool) []Table {
	list := make([]Table, tables)
	for i := range list {
		list[i] = Table{BlockSize: 4096, SHA256: sha256, Least: uint64(1 + i*len(refs)*2)}
	}
	for i, ref := range refs {
		at := i % tables
		list[at].Refs = append(list[at].Refs, ref)
		if at > 0 {
			list[at-1].Refs = append(list[at-1].Refs, TableRef{Name: ref.Name, Target: "refs/heads/of an older table"},
				TableRef{Name: ref.Name + "-gone", Target: "HEAD"})
			list[at].Refs = append(list[at].Refs, TableRef{Name: ref.Name + "-gone"})
		}
	}
	return list
}

// refsOf returns the refs that git sees in a working tree, HEAD and ORIG_HEAD too.
func (r *Repo) refsOf(dir string) (refs []TableRef) {
	r.T.Helper()
	for line := range strings.Lines(r.GitIn(dir, "for-each-ref", "--format=%(refname)|%(objectname)|%(*objectname)|%(symref)")) {
		part := strings.Split(strings.TrimRight(line, "\n"), "|")
		if part[3] != "" {
			refs = append(refs, TableRef{Name: part[0], Target: part[3]})
		} else {
			refs = append(refs, TableRef{Name: part[0], ID: part[1], Peeled: part[2]})
		}
	}
	gitDir := strings.TrimSpace(r.GitIn(dir, "rev-parse", "--absolute-git-dir"))
	for _, name := range []string{"HEAD", "ORIG_HEAD"} {
		b, err := os.ReadFile(filepath.Join(gitDir, name))
		if err != nil {
			continue
		}
		text := strings.TrimSpace(string(b))
		if target, ok := strings.CutPrefix(text, "ref: "); ok {
			refs = append(refs, TableRef{Name: name, Target: target})
		} else {
			refs = append(refs, TableRef{Name: name, ID: text})
		}
	}
	return refs
}

func (r *Repo) write(path, content string) {
	r.T.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.T.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		r.T.Fatal(err)
	}
}
