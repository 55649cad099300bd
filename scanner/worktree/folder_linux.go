package worktree

import (
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// openFolder opens the folder at path, following links. Linux does not say what is
// in a cloud.
func openFolder(path string, _ bool) (folder, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &linuxFolder{fd: fd}, nil
}

// linuxFolder works on bare descriptors: os.File would add a system call for
// each file (epoll_ctl), and its ReadDir asks for the kind by path where the
// file system does not say.
type linuxFolder struct {
	fd int
}

// buffers are of getdents. The system fills them with whole entries only, so
// that nothing is left over between two calls.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// retry repeats a system call that a signal interrupted.
func retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if err != unix.EINTR {
			return v, err
		}
	}
}

// list decodes struct linux_dirent64:
//
//	8 inode | 8 offset | 2 record length | 1 type | name, NUL, padding
func (f *linuxFolder) list(limit int) (out []entry, done bool, err error) {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	for len(out) < limit {
		n, err := retry(func() (int, error) { return unix.Getdents(f.fd, buf[:]) })
		if err != nil {
			return out, false, err
		}
		if n == 0 {
			return out, true, nil
		}
		text := string(buf[:n]) // names are parts of it: one allocation
		for at := 0; n-at > 19; {
			size := int(binary.NativeEndian.Uint16(buf[at+16:]))
			if size < 20 || size > n-at {
				return out, false, unix.EIO
			}
			end := bytes.IndexByte(buf[at+19:at+size], 0)
			if end < 0 {
				return out, false, unix.EIO
			}
			name := text[at+19 : at+19+end]
			kind, unknown := kindOfMode(uint32(buf[at+18])<<12), buf[at+18] == unix.DT_UNKNOWN
			at += size
			if name == "." || name == ".." {
				continue
			}
			if unknown {
				if kind, err = f.lstat(name); err != nil {
					kind = Regular // opening it says why
				}
			}
			out = append(out, entry{name, kind})
		}
	}
	return out, false, nil
}

// kindOfMode is of st_mode. A type of getdents is its bits from the twelfth on.
func kindOfMode(m uint32) Kind {
	switch m & unix.S_IFMT {
	case unix.S_IFREG:
		return Regular
	case unix.S_IFDIR:
		return Directory
	case unix.S_IFLNK:
		return Symlink
	}
	return Special
}

func (f *linuxFolder) lstat(name string) (Kind, error) {
	var st unix.Stat_t
	_, err := retry(func() (int, error) {
		return 0, unix.Fstatat(f.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
	})
	return kindOfMode(st.Mode), err
}

func (f *linuxFolder) open(name string, old file) (file, state, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(f.fd, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	})
	switch err {
	case nil:
	case unix.ELOOP, unix.ENXIO: // a link; a socket or a device without driver
		return nil, state{}, errKind
	default:
		return nil, state{}, err
	}
	lf, ok := old.(*linuxFile)
	if !ok {
		lf = new(linuxFile)
	}
	lf.fd = fd
	first, err := lf.stat()
	if err == nil && kindOfMode(lf.st.Mode) != Regular {
		err = errKind
	}
	if err != nil {
		lf.close()
		return nil, state{}, err
	}
	return lf, first, nil
}

func (f *linuxFolder) readlink(name string) (string, error) {
	var buf [unix.PathMax]byte // no link is longer
	n, err := retry(func() (int, error) { return unix.Readlinkat(f.fd, name, buf[:]) })
	switch err {
	case nil:
		return string(buf[:n]), nil
	case unix.EINVAL:
		err = errKind
	}
	return "", err
}

// noOpenat2 is set once the kernel (before 5.6) or a sandbox refuses openat2.
var noOpenat2 atomic.Bool

// maxPath is the most bytes of a path that one system call takes.
const maxPath = unix.PathMax - 1

func (f *linuxFolder) sub(names []string) (folder, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC | unix.O_NOFOLLOW
	how := unix.OpenHow{Flags: flags, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	at, oneByOne := f.fd, noOpenat2.Load()
	for len(names) > 0 {
		// As many names at once as a path may hold, if the kernel promises to
		// follow no link.
		n, size := 1, len(names[0])
		for ; n < len(names) && size+1+len(names[n]) <= maxPath && !oneByOne; n++ {
			size += 1 + len(names[n])
		}
		fd, err := retry(func() (int, error) {
			if n == 1 {
				return unix.Openat(at, names[0], flags, 0)
			}
			return unix.Openat2(at, strings.Join(names[:n], "/"), &how)
		})
		if n > 1 && (err == unix.ENOSYS || err == unix.EPERM || err == unix.EAGAIN) {
			oneByOne = true
			noOpenat2.CompareAndSwap(false, err != unix.EAGAIN)
			continue
		}
		if at != f.fd {
			unix.Close(at)
		}
		switch err {
		case nil:
		case unix.ELOOP, unix.ENOTDIR:
			return nil, errKind
		default:
			return nil, err
		}
		at, names = fd, names[n:]
	}
	return &linuxFolder{fd: at}, nil
}

func (f *linuxFolder) close() { unix.Close(f.fd) }

// linuxFile is an open file. It is used again for the next one.
type linuxFile struct {
	fd int
	st unix.Stat_t
}

func (f *linuxFile) stat() (state, error) {
	if _, err := retry(func() (int, error) { return 0, unix.Fstat(f.fd, &f.st) }); err != nil {
		return state{}, err
	}
	return state{
		size:     f.st.Size,
		blocks:   f.st.Blocks,
		modified: f.st.Mtim.Nano(),
		meta:     f.st.Ctim.Nano(),
	}, nil
}

func (f *linuxFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := retry(func() (int, error) { return unix.Read(f.fd, p[:min(len(p), 1<<30)]) })
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (f *linuxFile) seekData(off int64) (int64, error) {
	at, err := unix.Seek(f.fd, off, unix.SEEK_DATA)
	switch err {
	case nil:
		return at, nil
	case unix.ENXIO:
		return 0, io.EOF
	}
	// Not supported here: no holes known. The offset is where it was.
	return off, nil
}

func (f *linuxFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := retry(func() (int, error) { return unix.Pread(f.fd, p[n:], off+int64(n)) })
		if err != nil {
			return n, err
		}
		if m == 0 {
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

func (f *linuxFile) seek(off int64) error {
	_, err := unix.Seek(f.fd, off, io.SeekStart)
	return err
}

func (f *linuxFile) close() { unix.Close(f.fd) }
