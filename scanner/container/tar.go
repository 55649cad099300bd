package container

import (
	"archive/tar"
	"errors"
	"io"
	"maps"
	"slices"
)

// tar passes on the files of a tar, and of further ones that were appended to it.
func (o *opening) tar() error {
	in := &input{meter: o.meter, r: o.src.stream}
	for {
		behind, err := o.tarMembers(tar.NewReader(in), in)
		if err != nil {
			return err
		}
		if !in.ended {
			// Some write no end, and do not fill the last block: a tar that was cut seldom
			// ends there.
			if behind == in.meter.consumed && behind%tarBlock != 0 {
				return nil
			}
			return errTarEnd
		}
		// Two empty blocks end an archive; more follow, up to the size of a record.
		if !o.skipZeros() {
			return nil
		}
		if head, _ := o.src.stream.Peek(HeadSize); !isTar(head, "") {
			return o.behind()
		}
	}
}

const tarBlock = 512

var errTarEnd = errors.New("it ends without its two empty blocks")

// skipZeros skips zeros, and reports whether anything follows.
func (o *opening) skipZeros() bool {
	for {
		b, err := o.src.stream.ReadByte()
		if err != nil {
			return false
		}
		if b != 0 {
			_ = o.src.stream.UnreadByte()
			return true
		}
	}
}

// tarMembers returns where the content of the last member ends.
func (o *opening) tarMembers(t *tar.Reader, in *input) (behind int64, err error) {
	for {
		var h *tar.Header
		err := guarded(func() (err error) { h, err = t.Next(); return err })
		if errors.Is(err, io.EOF) {
			return behind, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return behind, err
		}
		for _, key := range slices.Sorted(maps.Keys(h.PAXRecords)) {
			if key != "path" && key != "linkpath" {
				if err := o.text(h.Name, h.PAXRecords[key]); err != nil {
					return behind, err
				}
			}
		}
		if h.Linkname != "" {
			if err := o.text(h.Name, h.Linkname); err != nil {
				return behind, err
			}
		}
		start := in.meter.consumed
		if err := o.member(h.Name, t); err != nil {
			return behind, err
		}
		behind = in.meter.consumed
		// Of a sparse file, less is here than its size.
		if in.meter.consumed > start {
			o.covered = append(o.covered, Span{start, in.meter.consumed})
		}
	}
}
