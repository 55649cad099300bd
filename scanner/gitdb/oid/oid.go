// Package oid holds object names: SHA-1 and SHA-256 ids, the object formats
// that they belong to, and the types of objects (gitformat-pack(5),
// gitglossary(7) "object name").
package oid

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // git's object names
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
)

// ID is an object name. A SHA-1 id fills the first 20 bytes, the rest is zero.
type ID [32]byte

// sha1Size is the length of a SHA-1 id in bytes.
const sha1Size = 20

// String returns 40 hex digits if the last 12 bytes are zero, else 64: a
// SHA-256 id ends so by chance once in 2^96.
func (id ID) String() string {
	if id.short() {
		return hex.EncodeToString(id[:sha1Size])
	}
	return hex.EncodeToString(id[:])
}

func (id ID) short() bool { return [12]byte(id[sha1Size:]) == [12]byte{} }

// IsZero reports whether id is the null id, which names no object.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders ids as git does: by bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// FromBytes returns the id in the first bytes of b; b is 20 or 32 bytes long.
func FromBytes(b []byte) (id ID) {
	copy(id[:], b)
	return id
}

// Parse returns the id written as 40 or 64 hex digits.
func Parse(s []byte) (id ID, ok bool) {
	if len(s) != 2*sha1Size && len(s) != 2*len(id) {
		return ID{}, false
	}
	_, err := hex.Decode(id[:], s)
	return id, err == nil
}

// Type is the type of an object, numbered as in a pack entry.
type Type uint8

// The types of objects.
const (
	Commit Type = 1
	Tree   Type = 2
	Blob   Type = 3
	Tag    Type = 4
)

var typeNames = [...]string{Commit: "commit", Tree: "tree", Blob: "blob", Tag: "tag"}

func (t Type) String() string {
	if t == 0 || int(t) >= len(typeNames) {
		return "type " + strconv.Itoa(int(t))
	}
	return typeNames[t]
}

// ParseType returns the type that s names.
func ParseType(s string) (Type, bool) {
	i := slices.Index(typeNames[:], s)
	return Type(max(i, 0)), i > 0
}

// Format is a repository's object format: which hash names objects.
type Format uint8

// The object formats.
const (
	SHA1 Format = iota
	SHA256
)

// Size returns the length of an id in bytes.
func (f Format) Size() int {
	if f == SHA256 {
		return sha256.Size
	}
	return sha1Size
}

// New returns the hash of f.
func (f Format) New() hash.Hash {
	if f == SHA256 {
		return sha256.New()
	}
	return sha1.New() //nolint:gosec // git's object names
}

// Hasher names objects; it keeps the scratch of one goroutine.
type Hasher struct {
	h      hash.Hash
	header []byte
	sum    []byte
}

// NewHasher returns a Hasher for f.
func NewHasher(f Format) *Hasher { return &Hasher{h: f.New()} }

// Begin starts the name of an object of type t and size bytes.
func (h *Hasher) Begin(t Type, size int64) {
	h.h.Reset()
	h.header = append(h.header[:0], t.String()...)
	h.header = append(h.header, ' ')
	h.header = strconv.AppendInt(h.header, size, 10)
	h.header = append(h.header, 0)
	h.h.Write(h.header)
}

// Write adds content; it never fails.
func (h *Hasher) Write(b []byte) (int, error) { return h.h.Write(b) }

// ID returns the name of what was written since Begin.
func (h *Hasher) ID() ID {
	h.sum = h.h.Sum(h.sum[:0])
	return FromBytes(h.sum)
}

// Sum returns the name of an object of type t with this content.
func (h *Hasher) Sum(t Type, content []byte) ID {
	h.Begin(t, int64(len(content)))
	_, _ = h.Write(content)
	return h.ID()
}
