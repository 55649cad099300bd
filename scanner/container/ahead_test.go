package container

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestReadingAheadYieldsTheSame(t *testing.T) {
	broken := errors.New("broken")
	for _, size := range []int{0, 1, aheadAfter - 1, aheadAfter, aheadAfter + 1, aheadAfter + aheadSize, aheadAfter + 7*aheadSize + 3} {
		content := bytes.Repeat([]byte("0123456789abcdef!"), size/17+1)[:size]
		for _, end := range []error{io.EOF, broken} {
			for _, wrap := range []func(io.Reader) io.Reader{iotest.HalfReader, iotest.DataErrReader} {
				a := &ahead{wait: aheadAfter, r: wrap(io.MultiReader(bytes.NewReader(content), iotest.ErrReader(end)))}
				got, err := io.ReadAll(a)
				a.close()
				if !bytes.Equal(got, content) || !errors.Is(err, end) && end != io.EOF || end == io.EOF && err != nil {
					t.Errorf("%d bytes: %d, %v, want %v", size, len(got), err, end)
				}
			}
		}
		a := &ahead{wait: aheadAfter, r: bytes.NewReader(content)} // of which only a part is wanted
		_, _ = io.CopyN(io.Discard, a, aheadAfter+1)
		a.close()
	}
}

func TestAPanicWhileReadingAheadIsTheReaders(t *testing.T) {
	a := &ahead{wait: aheadAfter, r: io.MultiReader(bytes.NewReader(make([]byte, aheadAfter)), panics{})}
	defer func() {
		a.close()
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_, err := io.Copy(io.Discard, a)
	t.Errorf("%v", err)
}
