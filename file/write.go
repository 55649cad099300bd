package file

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Own is the mode of a file that only its owner may read.
const Own fs.FileMode = 0o600

// Write puts what write writes into the file at path, whole or not at all: into
// a temporary file beside it, then to disk, then renamed over path. Until the
// rename an old file stays what it was, and if anything fails (write returns an
// error or panics, the disk is full) the temporary file is removed. Where the file
// system can, it has no name until it is whole, and is gone with a killed process.
// Elsewhere the next Write to the same path removes what one left.
//
// The file gets mode, whatever the umask is. With 0 it gets the mode of the file
// that it replaces, or 0666 if there is none, less the umask.
//
// A device, FIFO or socket, and all below /dev and /proc, is written to and
// never replaced. A symbolic link is followed, and the file it leads to is
// replaced, as the shell's > would: who links report.json to a shared folder
// wants the report there, and the link to stay. A link to nothing is an error,
// since creating its target is more often an attack than a wish.
//
// The error does not name the file.
func Write(path string, mode fs.FileMode, write func(io.Writer) error) error {
	to, replaced, err := locate(path)
	switch {
	case err != nil:
	case replaced:
		err = replace(to, mode, createTemp, write)
	default:
		err = writeInPlace(to, write)
	}
	return bare(err)
}

// Replace puts text into the file at path as Write does, with the mode of the old
// one. What is there may only be a regular file.
func Replace(path string, text []byte) error {
	if info, err := Stat(path); err == nil && !info.Mode().IsRegular() {
		return ErrNotRegular
	}
	return Write(path, 0, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Check returns the error that Write would return for path before it wrote
// anything, so that a long run is not for nothing. It changes nothing.
func Check(path string) error {
	to, replaced, err := locate(path)
	if err == nil && replaced {
		var temp *temporary
		if temp, err = createTemp(to, Own); err == nil {
			err = temp.discard()
		}
	}
	return bare(err)
}

// locate returns where the bytes for path go, past symbolic links, and whether
// that is replaced; else it is written to.
func locate(path string) (to string, replaced bool, err error) {
	if path == "" {
		return "", false, errors.New("it has no name")
	}
	info, err := Stat(path)
	switch {
	case err == nil && info.IsDir():
		return "", false, errDirectory
	case system(path):
		// /dev/stdout leads to whatever standard output is: to replace that
		// file would lose what the shell's redirection put there.
		return path, false, err
	case errors.Is(err, fs.ErrNotExist):
		// Another process may have put a file there since Stat.
		link, err := Lstat(path)
		if err == nil && link.Mode()&fs.ModeSymlink != 0 {
			return "", false, errors.New("it is a symbolic link to nothing")
		}
		if err != nil && !Absent(err) {
			return "", false, err
		}
		if strings.HasSuffix(path, "/") {
			return "", false, errDirectory
		}
		return path, true, nil
	case err != nil || !info.Mode().IsRegular():
		return path, false, err
	}
	path, err = filepath.EvalSymlinks(path)
	return path, err != nil || !system(path), err
}

var errDirectory = errors.New("it is a directory")

// system reports whether path is where the kernel, not a disk, keeps files.
func system(path string) bool {
	path = filepath.ToSlash(filepath.Clean(path))
	return strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/dev/shm/") || strings.HasPrefix(path, "/proc/")
}

// writeInPlace writes to something that exists and is not replaced. Opening a
// FIFO waits for its reader.
func writeInPlace(path string, write func(io.Writer) error) error {
	switch path {
	case "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1":
		return buffered(os.Stdout, write) // shares the offset: after what is already there
	case "/dev/stderr", "/dev/fd/2", "/proc/self/fd/2":
		return buffered(os.Stderr, write)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	err = buffered(f, write)
	return cmp.Or(err, f.Close())
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 64<<10)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// replace writes a new file over the one at path, if there is one. create is
// createTemp.
func replace(path string, mode fs.FileMode, create func(string, fs.FileMode) (*temporary, error), write func(io.Writer) error) (err error) {
	removeLeftovers(path)
	first := Own
	if mode == 0 {
		first = 0o666
		if old, err := Stat(path); err == nil {
			first = old.Mode().Perm()
		} else if !Absent(err) {
			return err
		}
	}
	temp, err := create(path, first)
	if err != nil {
		return err
	}
	done := false
	defer func() { // also when write panics
		if !done {
			_ = temp.discard() // a second Close does no harm
		}
	}()
	if err := buffered(temp.File, write); err != nil {
		return err
	}
	if mode != 0 && mode != Own {
		if err := temp.Chmod(mode); err != nil {
			return err
		}
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if closeBeforeRename {
		if err := temp.Close(); err != nil {
			return err
		}
	}
	if err := temp.giveName(path); err != nil {
		return err
	}
	if err := rename(temp.name, path); err != nil {
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

// tempName returns a new name for a temporary file beside path: random, and with a
// sum of that, so that no file of anyone else is taken for a leftover.
func tempName(path string) string {
	random := rand.Text()[:10]
	return filepath.Join(filepath.Dir(path), tempPrefix(path)+random+sumOf(random))
}

func sumOf(random string) string {
	sum := sha256.Sum256([]byte("keysweep " + random))
	return strings.ToUpper(hex.EncodeToString(sum[:4]))
}

// isLeftover reports whether a name beside path is one that tempName makes.
func isLeftover(name, path string) bool {
	end, ok := strings.CutPrefix(name, tempPrefix(path))
	return ok && len(end) == 18 && end[10:] == sumOf(end[:10])
}

// temporary is a file that is written before it replaces another.
type temporary struct {
	*os.File
	name string // "": it has none yet
}

// createTemp creates a file for path, without a name if the file system has such.
func createTemp(path string, mode fs.FileMode) (*temporary, error) {
	if f, err := unnamed(filepath.Dir(path), mode); err == nil {
		return &temporary{f, ""}, nil
	}
	return createNamed(path, mode)
}

// giveName gives it a name beside path, if it has none.
func (t *temporary) giveName(path string) error {
	for t.name == "" {
		name := tempName(path)
		err := link(t.File, name)
		if err == nil {
			t.name = name
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// discard closes and removes it.
func (t *temporary) discard() error {
	err := t.Close()
	if t.name != "" {
		err = errors.Join(err, os.Remove(t.name))
	}
	return err
}

// createNamed creates a file beside path that did not exist. O_EXCL alone
// already refuses a symbolic link (open(2)), and noFollow says so again.
func createNamed(path string, mode fs.FileMode) (*temporary, error) {
	for {
		name := tempName(path)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if claim(f) {
			return &temporary{f, name}, nil
		}
		_ = f.Close() // removed as a leftover before it was ours
	}
}

// removeLeftovers removes temporary files of processes that no longer run. It
// does what it can: a leftover is no reason to fail.
func removeLeftovers(path string) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return
	}
	defer folder.Close()
	for {
		names, err := folder.Readdirnames(1024)
		for _, name := range names {
			if isLeftover(name, path) {
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
