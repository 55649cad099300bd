package config

import (
	"errors"
	"io/fs"

	"keysweep/exceptions"
)

// Reader reads a file of what is trusted in the place of the working tree: of
// the index, or of a commit's tree. path is '/'-separated, from the top. The
// error wraps fs.ErrNotExist if the file is not there.
type Reader func(path string, limit int64) ([]byte, error)

// Trusted reads the configuration at path of what read reads. name is what
// errors and reports call it. It returns nil if it is not there.
func Trusted(name, path string, read Reader) (*Config, error) {
	text, err := read(path, maxSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, wrap(name, err)
	}
	return Parse(name, text)
}

// TrustedBaseline reads a baseline as Trusted does.
func TrustedBaseline(name, path string, read Reader) (*exceptions.Baseline, error) {
	text, err := read(path, exceptions.MaxBaseline)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, wrapBaseline(name, err)
	}
	return exceptions.ParseBaseline(name, text)
}
