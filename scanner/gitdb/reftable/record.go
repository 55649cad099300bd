package reftable

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"keysweep/scanner/gitdb/oid"
)

// Ref is one record of a ref. Exactly one of these is so: it is Deleted, it has a
// Target, or it has an ID.
type Ref struct {
	Name    string // raw bytes, such as refs/heads/main or HEAD
	ID      oid.ID
	Peeled  oid.ID // what the tag at ID leads to; zero if ID is no tag, or not known
	Target  string // the name of another ref, raw bytes
	Deleted bool   // it hides the ref of an older table
}

// Log is one record of a reflog.
type Log struct {
	Ref         string // raw bytes
	UpdateIndex uint64 // greater is newer
	Deleted     bool   // it hides the record of an older table; the rest is zero
	Old, New    oid.ID // zero: there was none, there is none
	Name, Email string // raw bytes
	Time        int64  // seconds since 1970
	Zone        int    // 230 is +0230: so git writes it, although its format says minutes
	Message     string // raw bytes
}

// Line returns the record as a line of a file in .git/logs, "" if it is Deleted.
func (l *Log) Line() string {
	if l.Deleted {
		return ""
	}
	return fmt.Sprintf("%s %s %s <%s> %d %+05d\t%s\n", l.Old, l.New, l.Name, l.Email, l.Time, l.Zone, strings.TrimSuffix(l.Message, "\n"))
}

// The types of records, the low three bits behind the length of the suffix.
const (
	refDeleted  = 0
	refID       = 1
	refPeeled   = 2
	refSymbolic = 3

	logDeleted = 0
	logUpdate  = 1
)

// records reads the records of one block, in order.
type records struct {
	block
	rest    []byte // not read yet
	key     []byte // of the last one
	started bool   // there is a last one
	err     error
}

func (b block) read() *records { return &records{block: b, rest: b.records} }

// next reads the key and type of the next record, and leaves its value to the
// caller. It returns false at the end of the block, and after an error.
func (r *records) next() (kind int, ok bool) {
	if r.err != nil || len(r.rest) == 0 {
		return 0, false
	}
	prefix, suffix := r.varint(), r.varint()
	kind = int(suffix & 7)
	if prefix > uint64(len(r.key)) {
		r.fail("a key repeats %d bytes of one with %d", prefix, len(r.key))
		return 0, false
	}
	// Only the suffix is compared and copied: the prefix of a key may be long and
	// its record short.
	more := r.bytes(suffix >> 3)
	if r.err == nil && r.started && bytes.Compare(more, r.key[prefix:]) <= 0 {
		r.fail("keys are not in order")
	}
	r.key, r.started = append(r.key[:prefix], more...), true
	return kind, r.err == nil
}

func (r *records) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: block at %d: %s", ErrCorrupt, r.at, fmt.Sprintf(format, args...))
	}
	r.rest = nil
}

// bytes takes n bytes.
func (r *records) bytes(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.fail("a record goes on behind the end")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// varint takes a number as pack entries write distances: seven bits a byte, the
// highest first, and one is added for each byte that follows.
func (r *records) varint() (n uint64) {
	for i, c := range r.rest {
		if n > math.MaxUint64>>8 {
			break
		}
		if n = n<<7 | uint64(c&0x7f); c < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
		n++
	}
	r.fail("malformed number")
	return 0
}

func (r *records) text() string { return string(r.bytes(r.varint())) }

func (r *records) id(f oid.Format) oid.ID {
	if b := r.bytes(uint64(f.Size())); b != nil {
		return oid.FromBytes(b)
	}
	return oid.ID{}
}

// ref reads the next record of a ref, without its name, which is r.key.
func (r *records) ref(f oid.Format) (ref Ref, ok bool) {
	kind, ok := r.next()
	if !ok {
		return Ref{}, false
	}
	r.varint() // update index
	switch kind {
	case refDeleted:
		ref.Deleted = true
	case refID:
		ref.ID = r.id(f)
	case refPeeled:
		ref.ID = r.id(f)
		ref.Peeled = r.id(f)
	case refSymbolic:
		ref.Target = r.text()
	default:
		r.fail("record of type %d", kind)
	}
	return ref, r.err == nil
}

// log reads the next record of a reflog, without the name of the ref.
func (r *records) log(f oid.Format) (log Log, ok bool) {
	kind, ok := r.next()
	if !ok {
		return Log{}, false
	}
	name := len(r.key) - 9
	if name < 0 || r.key[name] != 0 {
		r.fail("the key of a log has no update index")
		return Log{}, false
	}
	log.UpdateIndex = math.MaxUint64 - binary.BigEndian.Uint64(r.key[name+1:])
	switch kind {
	case logDeleted:
		log.Deleted = true
	case logUpdate:
		log.Old, log.New = r.id(f), r.id(f)
		log.Name, log.Email = r.text(), r.text()
		log.Time = int64(r.varint())
		if zone := r.bytes(2); zone != nil {
			log.Zone = int(int16(binary.BigEndian.Uint16(zone)))
		}
		log.Message = r.text()
	default:
		r.fail("record of type %d", kind)
	}
	return log, r.err == nil
}

// maxText bounds what is kept of the names and messages of one table, in bytes:
// room for a million refs. Records repeat the names before them, so that a small
// table can have long ones.
const maxText = 128 << 20

func tooMuchText(at int) error {
	return fmt.Errorf("%w: block at %d: more than %d bytes of names and messages", ErrCorrupt, at, maxText)
}

// Refs calls visit for each record of a ref, in the order of names. An error wraps
// ErrCorrupt; what came before it is right.
func (t *Table) Refs(visit func(Ref)) error {
	last, text := "", 0
	return t.refBlocks(func(b block) (bool, error) {
		for r := b.read(); ; {
			ref, ok := r.ref(t.format)
			if !ok {
				return r.err == nil, r.err
			}
			if text += len(r.key) + len(ref.Target); text > maxText {
				return false, tooMuchText(b.at)
			}
			ref.Name = string(r.key)
			if ref.Name <= last {
				return false, fmt.Errorf("%w: block at %d: names are not in order", ErrCorrupt, b.at)
			}
			last = ref.Name
			visit(ref)
		}
	})
}

// Find returns the record of one ref, and false if this table has none. It reads
// the block that must hold it, and the first name of each block before that.
func (t *Table) Find(name string) (ref Ref, found bool, err error) {
	var holder block
	err = t.refBlocks(func(b block) (bool, error) {
		r := b.read()
		if _, ok := r.next(); !ok || string(r.key) > name {
			return false, r.err
		}
		holder = b
		return true, nil
	})
	if err != nil {
		return Ref{}, false, err
	}
	for r := holder.read(); ; {
		ref, ok := r.ref(t.format)
		if !ok || string(r.key) > name {
			return Ref{}, false, r.err
		}
		if string(r.key) == name {
			ref.Name = name
			return ref, true, nil
		}
	}
}

// Logs calls visit for each record of a reflog, by the name of the ref, the newest
// first. An error wraps ErrCorrupt; what came before it is right.
func (t *Table) Logs(visit func(Log)) error {
	name, text := "", 0
	return t.logBlocks(func(b block) error {
		for r := b.read(); ; {
			log, ok := r.log(t.format)
			if !ok {
				return r.err
			}
			if of := r.key[:len(r.key)-9]; string(of) != name {
				name = string(of)
				text += len(name)
			}
			log.Ref = name
			if text += len(log.Name) + len(log.Email) + len(log.Message); text > maxText {
				return tooMuchText(b.at)
			}
			visit(log)
		}
	})
}
