package report

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"keysweep/quote"
)

// WriteFile puts what write writes into the file at path, whole or not at all:
// into a temporary file beside it, mode 0600, then to disk, then renamed over
// path. Until the rename an old report stays what it was, and if anything
// fails (write returns an error or panics, the disk is full) the temporary
// file is removed. What a killed process left is removed by the next WriteFile
// to the same path.
//
// A device, FIFO or socket, and all below /dev and /proc, is written to and
// never replaced. A symbolic link is followed, and the file it leads to is
// replaced, as the shell's > would: who links report.json to a shared folder
// wants the report there, and the link to stay. A link to nothing is an error,
// since creating its target is more often an attack than a wish.
func WriteFile(path string, write func(io.Writer) error) error {
	place, err := locate(path)
	if err == nil {
		if place.replace {
			err = replaceFile(place.path, write)
		} else {
			err = writeInPlace(place.path, write)
		}
	}
	return writeError(path, err)
}

// CheckFile returns the error that WriteFile would return for path before it
// wrote anything, so that a scan need not run first. It changes nothing.
func CheckFile(path string) error {
	place, err := locate(path)
	if err == nil && place.replace {
		var temp *os.File
		if temp, err = createTemp(place.path); err == nil {
			err = errors.Join(temp.Close(), os.Remove(temp.Name()))
		}
	}
	return writeError(path, err)
}

// writeError names the report, not the temporary file that nobody asked for.
func writeError(path string, err error) error {
	if err == nil {
		return nil
	}
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		err = pathErr.Err
	case errors.As(err, &linkErr):
		err = linkErr.Err
	}
	return fmt.Errorf("writing the report %s: %w", quote.Text(path), err)
}

// target is where a report goes.
type target struct {
	path    string // no symbolic link
	replace bool   // else it is written to
}

func locate(path string) (target, error) {
	if path == "" {
		return target{}, errors.New("it has no name")
	}
	if system(path) {
		// /dev/stdout leads to whatever standard output is: to replace that
		// file would lose what the shell's redirection put there.
		if info, err := os.Stat(path); err != nil {
			return target{}, err
		} else if info.IsDir() {
			return target{}, errDirectory
		}
		return target{path, false}, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Another process may have put a file there since Stat.
		if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
			return target{}, errors.New("it is a symbolic link to nothing")
		}
		if strings.HasSuffix(path, "/") {
			return target{}, errDirectory
		}
		return target{path, true}, nil
	case err != nil:
		return target{}, err
	case info.IsDir():
		return target{}, errDirectory
	case !info.Mode().IsRegular():
		return target{path, false}, nil
	}
	path, err = filepath.EvalSymlinks(path)
	if err == nil && system(path) {
		return target{path, false}, nil
	}
	return target{path, true}, err
}

var errDirectory = errors.New("it is a directory")

// system reports whether path lies where the kernel, not a disk, keeps files.
func system(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/dev/shm/") || strings.HasPrefix(path, "/proc/")
}

// writeInPlace writes to something that exists and is not replaced. Opening a
// FIFO waits for its reader.
func writeInPlace(path string, write func(io.Writer) error) (err error) {
	var f *os.File
	switch path {
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		f = os.Stdout // shares the offset: behind what is already there
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2":
		f = os.Stderr
	default:
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); err != nil {
			return err
		}
		defer func() {
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}()
	}
	return buffered(f, write)
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 64<<10)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

func replaceFile(path string, write func(io.Writer) error) (err error) {
	removeLeftovers(path)
	temp, err := createTemp(path)
	if err != nil {
		return err
	}
	done := false
	defer func() { // also when write panics
		if !done {
			_ = temp.Close() // a second Close does no harm
			_ = os.Remove(temp.Name())
		}
	}()
	if err := buffered(temp, write); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if closeBeforeRename {
		if err := temp.Close(); err != nil {
			return err
		}
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	done = true
	if !closeBeforeRename {
		// Until here the lock of claim kept the file from other processes. What
		// Close could report, Sync has.
		_ = temp.Close()
	}
	return syncFolder(filepath.Dir(path))
}

// tempPrefix returns how the names of temporary files for path start.
func tempPrefix(path string) string {
	const most = 200 // a name has 255 bytes at most, and we add some
	base := filepath.Base(path)
	return "." + base[:min(len(base), most)] + ".keysweep-"
}

// createTemp creates a file beside path that did not exist. O_EXCL alone
// already refuses a symbolic link (open(2)), and noFollow says so again.
func createTemp(path string) (*os.File, error) {
	for {
		name := filepath.Join(filepath.Dir(path), tempPrefix(path)+rand.Text()[:10])
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if claim(f) {
			return f, nil
		}
		_ = f.Close() // removed as a leftover before it was ours
	}
}

// removeLeftovers removes temporary files of processes that no longer run. It
// does what it can: a leftover is no reason not to report.
func removeLeftovers(path string) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return
	}
	defer folder.Close()
	prefix := tempPrefix(path)
	for {
		names, err := folder.Readdirnames(1024)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				removeAbandoned(filepath.Join(filepath.Dir(path), name))
			}
		}
		if err != nil {
			return
		}
	}
}

// syncFolder makes a rename durable. Windows and some file systems cannot, and
// need not.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return nil // a folder may be writable and not readable
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && syncMatters && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
