package container

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"keysweep/scanner/gitdb/oid"
	"keysweep/scanner/gitdb/pack"
)

const (
	packMagic   = "PACK\x00\x00\x00"
	bundleMagic = "# v"
	// maxBundleHead is how many bytes the lines before the pack of a bundle may take.
	maxBundleHead = 16 << 20
	// maxPacked is the largest object of a pack that is held in memory, in bytes.
	maxPacked = 64 << 20
	// literalOverlap is how long what Limits.Holds looks for may be, in bytes.
	literalOverlap = 64
)

func isPack(head []byte, _ string) bool {
	return len(head) > len(packMagic) && (head[len(packMagic)] == 2 || head[len(packMagic)] == 3)
}

// isBundle knows the two versions of gitformat-bundle(5).
func isBundle(head []byte, _ string) bool {
	return bytes.HasPrefix(head, []byte("# v2 git bundle\n")) || bytes.HasPrefix(head, []byte("# v3 git bundle\n"))
}

// isLooseObject reports whether content is an object of git by its name, objects/12/345…,
// and by what it begins with.
func isLooseObject(head []byte, name string) bool {
	dir, file := filepath.Split(filepath.ToSlash(name))
	hex := strings.TrimSuffix(dir, "/")
	hex = hex[max(0, len(hex)-2):] + file
	if len(hex) != 40 && len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return false
	}
	r := bytes.NewReader(head)
	_, err := looseObject(r)
	return err == nil
}

// looseObject returns a reader of the content of an object: zlib, in it the type, a
// blank, the size and a NUL before the content.
func looseObject(r io.Reader) (io.Reader, error) {
	var zlib [2]byte
	if _, err := io.ReadFull(r, zlib[:]); err != nil {
		return nil, unexpected(err)
	}
	if zlib[0]&0x0f != 8 || (int(zlib[0])<<8|int(zlib[1]))%31 != 0 || zlib[1]&0x20 != 0 {
		return nil, errHeader
	}
	content := flate.NewReader(r)
	var head [32]byte
	for n := range head {
		if _, err := io.ReadFull(content, head[n:n+1]); err != nil {
			return nil, unexpected(err)
		}
		if head[n] == 0 {
			kind, _, _ := strings.Cut(string(head[:n]), " ")
			if _, ok := oid.ParseType(kind); ok {
				return content, nil
			}
			break
		}
	}
	return nil, errHeader
}

func openLooseObject(in *input) (io.Reader, error) { return looseObject(in) }

// gitPack passes on the objects of a pack; of which commits and files they are is not
// known.
func (o *opening) gitPack() error { return o.packed([]oid.Format{oid.SHA1, oid.SHA256}) }

// gitBundle passes on the objects of a bundle (gitformat-bundle(5)):
//
//	"# v2 git bundle" or "# v3 git bundle" | capabilities, "@…" | commits that are needed,
//	"-ID …" | refs, "ID NAME" | an empty line | a pack
func (o *opening) gitBundle() error {
	formats := []oid.Format{oid.SHA1}
	var head strings.Builder
	for isStart := true; ; {
		line, err := o.src.stream.ReadSlice('\n')
		if head.Len() > maxBundleHead {
			return errHeader
		}
		if err != nil && err != bufio.ErrBufferFull {
			return unexpected(err)
		}
		if isStart && string(line) == "\n" {
			break
		}
		isStart = err == nil
		if string(line) == "@object-format=sha256\n" {
			formats[0] = oid.SHA256
		}
		head.Write(line)
	}
	if err := o.text("refs", head.String()); err != nil {
		return err
	}
	return o.packed(formats)
}

// packed passes on the objects of the pack that the stream yields. It is put into a
// temporary folder first. Its format is the first in which its checksum is right.
func (o *opening) packed(formats []oid.Format) error {
	dir, err := os.MkdirTemp("", "keysweep-")
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.pack")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	w := &fileWriter{file: f}
	_, errRead := io.Copy(w, o.src.stream)
	if err := errors.Join(w.err, f.Close()); err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	if o.inPacks++; o.inPacks == 1 {
		o.budget.packs.Lock()
		defer o.budget.packs.Unlock()
	}
	defer func() { o.inPacks-- }()
	for i, format := range formats {
		p, err := pack.OpenWithoutIndex(o.ctx, path, format, 1)
		if err != nil {
			return err
		}
		sum := pack.Guard(func() error { return p.VerifyTrailer(o.ctx) })
		if sum != nil && i < len(formats)-1 && o.ctx.Err() == nil {
			p.Close()
			continue
		}
		err = o.packObjects(p)
		p.Close()
		return errors.Join(err, sum, errRead)
	}
	return nil
}

func (o *opening) packObjects(p *pack.Pack) error {
	v := &packVisitor{opening: o, pack: p}
	err := p.Walk(o.ctx, pack.WalkOptions{Workers: 1, MaxObject: maxPacked, NewVisitor: func() pack.Visitor { return v }})
	if err != nil {
		return err
	}
	if v.large > 0 {
		if err := o.note(TooLarge, fmt.Sprintf("objects over %d bytes: %d", maxPacked, v.large)); err != nil {
			return &visitError{err}
		}
	}
	if err := o.note(NoHistory, ""); err != nil {
		return &visitError{err}
	}
	if v.failed > 0 {
		return fmt.Errorf("objects that are damaged, or are changes of others that are not here: %d", v.failed)
	}
	return p.CutErr
}

// packVisitor implements pack.Visitor.
type packVisitor struct {
	*opening
	pack          *pack.Pack
	failed, large int
}

// Visit implements pack.Visitor. Most objects are versions of others, and hold nothing.
func (v *packVisitor) Visit(object *pack.Object) (held bool, err error) {
	r := object.Stream
	if r == nil {
		r = bytes.NewReader(object.Data)
		holds := v.budget.limits.Holds
		if held = holds == nil || object.Contains(holds, literalOverlap); !held && !Recognize(object.Data, "") {
			return false, v.meter.add(len(object.Data))
		}
	}
	name := object.Type.String() + " " + v.pack.ID(object.Entry).String()
	if err := v.member(name, r); err != nil {
		return held, v.problem(name, err)
	}
	return held, nil
}

// Fail implements pack.Visitor.
func (v *packVisitor) Fail(_, count int, err error) {
	if errors.Is(err, pack.ErrTooLarge) {
		v.large += count
		return
	}
	v.failed += count
}
