package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// entry is a file or, with a name that ends in a slash, a folder of an archive.
type entry struct {
	name string
	mode int64
	data []byte
}

// stem is how the names of a program's archives start.
func (r *release) stem(p *program) string {
	return fmt.Sprintf("%s_%s_%s_%s", p.name, r.version, p.goos, p.goarch)
}

// archiveName is the archive of a program.
func (r *release) archiveName(p *program) string {
	if p.goos == "windows" {
		return r.stem(p) + ".zip"
	}
	return r.stem(p) + ".tar.gz"
}

// archive writes the archive of a program: one folder.
func (r *release) archive(p *program) error {
	entries := []entry{{p.file(), 0o755, p.data}}
	for _, name := range sorted(p.shared) {
		entries = append(entries, entry{name, 0o644, p.shared[name]})
	}
	for i := range entries {
		entries[i].name = path.Join(r.stem(p), entries[i].name)
	}
	pack := gzipped
	if p.goos == "windows" {
		pack = zipped
	}
	data, err := pack(entries, r.date)
	if err != nil {
		return err
	}
	return r.write(r.archiveName(p), data)
}

// tarred returns a tar archive whose files belong to root.
func tarred(entries []entry, date time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: date, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func gzipped(entries []entry, date time.Time) ([]byte, error) {
	data, err := tarred(entries, date)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func zipped(entries []entry, date time.Time) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: date})
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(f, bytes.NewReader(e.data)); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}
