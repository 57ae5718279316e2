package routing

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// bounds keep a damaged or hostile file (a gzip bomb, a line without end) from
// taking the memory or the time of the machine. They are of the data after
// decompression.
type bounds struct{ file, line, document int }

var fileBounds = bounds{
	file:     256 << 20, // a trace: some 2 million tokens of top-8 with weights
	line:     64 << 20,  // one sequence of a trace
	document: 64 << 20,  // an expert-load file, held in memory as a whole
}

// input is a file, decompressed where it is gzip, read line by line or whole.
type input struct {
	name   string
	bounds bounds
	r      *bufio.Reader
	line   int // the line that next returned last; 0 before the first
	left   int // bytes that may still be read
	buffer []byte
}

// openFile opens the file and has read make a source of it.
func openFile(name string, read func(*input) (*Source, error)) (*Source, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, cannotRead(name, err)
	}
	defer file.Close()
	in, err := newInput(name, file, fileBounds)
	if err != nil {
		return nil, err
	}
	return read(in)
}

// cannotRead takes the name out of the errors of package os, as FileError has it.
func cannotRead(name string, err error) error {
	problem := err.Error()
	if path := (*os.PathError)(nil); errors.As(err, &path) {
		problem = path.Err.Error()
	}
	return &FileError{File: name, Problem: problem, Want: "a file that can be read", Err: err}
}

// newInput looks at the first two bytes for gzip's magic number: names lie.
func newInput(name string, r io.Reader, b bounds) (*input, error) {
	in := &input{name: name, bounds: b, r: bufio.NewReaderSize(r, 1<<16), left: b.file}
	magic, err := in.r.Peek(2)
	if err != nil && err != io.EOF {
		return nil, cannotRead(name, err)
	}
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(in.r)
		if err != nil {
			return nil, in.broken(0, err)
		}
		in.r = bufio.NewReaderSize(unzipped, 1<<16)
	}
	return in, nil
}

// fault is an error at the column of the current line.
func (in *input) fault(column int, want, problem string, arguments ...any) error {
	return &FileError{File: in.name, Line: in.line, Column: column, Problem: fmt.Sprintf(problem, arguments...), Want: want}
}

// broken is an error of the reading itself, after so many bytes of the line.
func (in *input) broken(bytes int, err error) error {
	e := &FileError{File: in.name, Line: in.line + 1, Column: bytes + 1, Err: err}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		e.Problem, e.Want = "the gzip data end early", "a complete file"
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		e.Problem, e.Want = "the gzip data are damaged", "a file as it was written"
	default:
		e.Problem = err.Error()
	}
	return e
}

// next returns the next line without its end, valid until the next call, or
// io.EOF. Lines with nothing in them are passed over.
func (in *input) next() ([]byte, error) {
	for {
		line, err := in.any()
		if err != nil || len(line) > 0 {
			return line, err
		}
	}
}

// any returns the next line, which may be empty.
func (in *input) any() ([]byte, error) {
	in.buffer = in.buffer[:0]
	for {
		part, err := in.r.ReadSlice('\n')
		in.buffer = append(in.buffer, part...)
		in.left -= len(part)
		switch {
		case in.left < 0:
			in.line++
			return nil, in.fault(0, fmt.Sprintf("at most %d bytes", in.bounds.file), "the file does not end here")
		case len(in.buffer) > in.bounds.line:
			in.line++
			return nil, in.fault(0, fmt.Sprintf("at most %d bytes in a line", in.bounds.line), "the line does not end here")
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(in.buffer) == 0:
			return nil, io.EOF
		case err == nil, err == io.EOF:
			in.line++
			return bytes.TrimSuffix(bytes.TrimSuffix(in.buffer, []byte("\n")), []byte("\r")), nil
		default:
			return nil, in.broken(len(in.buffer), err)
		}
	}
}

// whole returns the rest of the file, which is a document.
func (in *input) whole() ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in.r, int64(in.bounds.document)+1))
	switch {
	case err != nil:
		in.line = bytes.Count(data, []byte("\n"))
		return nil, in.broken(len(data)-1-bytes.LastIndexByte(data, '\n'), err)
	case len(data) > in.bounds.document:
		return nil, &FileError{File: in.name, Problem: "the file does not end", Want: fmt.Sprintf("at most %d bytes", in.bounds.document)}
	case len(bytes.TrimSpace(data)) == 0:
		return nil, in.empty()
	}
	return data, nil
}

// empty is the error for a file that holds nothing.
func (in *input) empty() error {
	return &FileError{File: in.name, Problem: "the file is empty", Want: "recorded routing"}
}
