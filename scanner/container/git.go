package container

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
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
	// maxNamed is how many deltas may be built on one another, each of which names its base
	// by an id: it takes a walk for each. pack-objects builds 50 by default.
	maxNamed = 250
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
	dir, file := path.Split(filepath.ToSlash(name))
	if _, ok := oid.Parse([]byte(path.Base(dir) + file)); !ok || len(path.Base(dir)) != 2 {
		return false
	}
	_, err := looseObject(bytes.NewReader(head))
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

// packed passes on the objects of the pack that the stream yields. Its format is the first
// in which its checksum is right.
func (o *opening) packed(formats []oid.Format) error {
	path, errRead, err := o.packFile()
	if err != nil {
		return fmt.Errorf("%w: %w", errSpool, err)
	}
	if o.inPacks++; o.inPacks == 1 {
		o.budget.packs.Lock()
		defer o.budget.packs.Unlock()
	}
	defer func() { o.inPacks-- }()
	for i, format := range formats {
		p, err := pack.OpenContent(o.ctx, path, format, uint64(max(o.budget.free, o.spooled.size*maxRatio)))
		if err != nil {
			return err
		}
		sum := pack.Guard(func() error { return p.VerifyTrailer(o.ctx) })
		if sum != nil && i < len(formats)-1 && o.ctx.Err() == nil {
			p.Close()
			continue
		}
		_ = os.RemoveAll(o.spooled.dir) // what is open can still be read, unless this is Windows
		if err = o.meter.add(int(p.Inflated())); err == nil {
			err = o.packObjects(p)
		}
		p.Close()
		return cmp.Or(err, errRead, sum)
	}
	return nil
}

// packFile puts what the stream yields into a file with a name, in a folder of its own,
// until the container is closed. errRead is the error of the stream.
func (o *opening) packFile() (path string, errRead, err error) {
	dir, err := os.MkdirTemp("", "keysweep-")
	if err != nil {
		return "", nil, err
	}
	s := &spool{budget: o.budget, dir: dir}
	o.spooled = s
	path = filepath.Join(dir, "x.pack")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", nil, err
	}
	s.ReaderAt, s.file = f, f
	w := &fileWriter{file: f}
	for errRead == nil && w.err == nil {
		if o.ctx.Err() != nil {
			return "", nil, context.Cause(o.ctx)
		}
		var n int64
		n, errRead = io.CopyN(w, o.src.stream, 1<<20)
		s.size += n
	}
	if errRead == io.EOF {
		errRead = nil
	}
	return path, errRead, w.err
}

func (o *opening) packObjects(p *pack.Pack) error {
	v := &packVisitor{opening: o, pack: p, built: make([]bool, p.Count())}
	opts := pack.WalkOptions{Workers: 1, Name: true, MaxObject: maxPacked, NewVisitor: func() pack.Visitor { return v }}
	err := p.Walk(o.ctx, opts)
	for i := 0; i < maxNamed && err == nil && p.Join(); i++ {
		opts.Need = v.missing()
		v.large = 0
		err = p.Walk(o.ctx, opts)
	}
	v.failed = v.count() - v.large
	if err == nil && (v.failed > 0 || p.CutErr != nil) {
		err = v.others()
	}
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
		return fmt.Errorf("objects that are damaged, or are changes of others that are not here: %d; what they add was scanned", v.failed)
	}
	if errors.Is(p.CutErr, pack.ErrTooLarge) {
		return &limitError{at: o.meter, what: fmt.Sprintf("more than %d bytes for each of its own", maxRatio)}
	}
	return p.CutErr
}

// missing returns the entries that were not built, and what they are built on.
func (v *packVisitor) missing() *pack.Bits {
	b := pack.NewBits(len(v.built))
	for entry, built := range v.built {
		if !built {
			v.pack.AddWithBases(b, entry)
		}
	}
	return b
}

// count returns how many entries were not built.
func (v *packVisitor) count() (n int) {
	for _, built := range v.built {
		if !built {
			n++
		}
	}
	return n
}

// others passes on what the entries that were not built hold themselves.
func (v *packVisitor) others() error {
	for entry, built := range v.built {
		if built {
			continue
		}
		if err := v.stored(v.pack.Offset(entry)); err != nil {
			return err
		}
	}
	if stop := v.pack.Stop(); stop > 0 {
		return v.stored(stop)
	}
	return nil
}

// stored passes on what the entry at at holds, up to what is damaged in it.
func (v *packVisitor) stored(at uint64) error {
	r, err := v.pack.Stored(at)
	if err != nil {
		return nil // it is counted
	}
	if err := v.member(fmt.Sprintf("entry at %d", at), r); err != nil && v.ends(err) {
		return err
	}
	return nil
}

// packVisitor implements pack.Visitor.
type packVisitor struct {
	*opening
	pack          *pack.Pack
	built         []bool // of each entry
	failed, large int    // entries that were not built
}

// Visit implements pack.Visitor. Most objects are versions of others, and hold nothing.
func (v *packVisitor) Visit(object *pack.Object) (held bool, err error) {
	again := v.built[object.Entry] // as the base of another
	v.built[object.Entry] = true
	r := object.Stream
	if r == nil {
		r = bytes.NewReader(object.Data)
		holds := v.budget.limits.Holds
		if held = holds == nil || object.Contains(holds, literalOverlap); again || !held && !Recognize(object.Data, "") {
			return held, v.meter.add(len(object.Data))
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
	}
}
