package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/commbench/commbench/reports"
)

// output is where the result goes. It is opened before the run, so that a file
// that cannot be written is an error before anything is measured.
type output struct {
	file *os.File
	w    io.Writer
	path string // where a finished temporary file is moved to; "" if file is it

	lines   bool // it is appended, one record a line
	special bool // the file is a pipe, a device or such
}

// openOutput opens the file, or takes stdout where none is named. Results in
// jsonl are appended to a file; others replace it, and only once they are
// complete.
func openOutput(path, format string, stdout io.Writer) (*output, error) {
	if !slices.Contains(reports.Formats(), format) {
		return nil, usageError{fmt.Errorf("--format %q: want %s", format, strings.Join(reports.Formats(), ", "))}
	}
	if path == "" {
		return &output{w: stdout}, nil
	}
	fail := func(err error) (*output, error) {
		return nil, usageError{fmt.Errorf("--output: %w", err)}
	}
	info, err := os.Stat(path)
	special := err == nil && !info.Mode().IsRegular()
	if special && info.IsDir() {
		return fail(fmt.Errorf("%s is a directory", path))
	}
	if format == "jsonl" || special {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
		if err != nil {
			return fail(err)
		}
		return &output{file: f, w: f, lines: format == "jsonl", special: special}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fail(err)
	}
	mode := os.FileMode(0o644)
	if info != nil {
		mode = info.Mode().Perm()
	}
	if err := f.Chmod(mode); err != nil {
		return fail(errors.Join(err, f.Close(), os.Remove(f.Name())))
	}
	return &output{file: f, w: f, path: path}, nil
}

// finish writes what was measured, whatever ended the run, and where nothing was leaves
// an existing file as it was. It returns both errors.
func (o *output) finish(measured bool, runErr error, report func(io.Writer) error) error {
	if !measured {
		return errors.Join(plainly(runErr), o.discard())
	}
	return errors.Join(plainly(runErr), o.write(report))
}

// write writes the result and puts the file in place.
func (o *output) write(report func(io.Writer) error) error {
	if o.file == nil {
		return report(o.w)
	}
	var b bytes.Buffer
	err := report(&b)
	if err == nil {
		err = o.save(b.Bytes())
	}
	err = errors.Join(err, o.file.Close())
	if o.path == "" {
		return err
	}
	if err != nil {
		return errors.Join(err, os.Remove(o.file.Name()))
	}
	return os.Rename(o.file.Name(), o.path)
}

// save writes a complete result, and sees to it that it is on the disk. What is
// appended is so line by line: a record is there as a whole, whatever happens to the
// program after it.
func (o *output) save(b []byte) error {
	parts := slices.Values([][]byte{b})
	if o.lines {
		parts = bytes.Lines(b)
	}
	for part := range parts {
		_, err := o.w.Write(part)
		if err == nil && !o.special {
			err = o.file.Sync()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// discard leaves an existing file as it was.
func (o *output) discard() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	if o.path != "" {
		err = errors.Join(err, os.Remove(o.file.Name()))
	}
	return err
}
