//go:build !linux

package file

import (
	"errors"
	"io/fs"
	"os"
)

// unnamed and link are for Linux alone.
func unnamed(string, fs.FileMode) (*os.File, error) { return nil, errors.ErrUnsupported }

func link(*os.File, string) error { return errors.ErrUnsupported }
