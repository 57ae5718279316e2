package routing

import (
	"fmt"
	"strings"
)

// FileError is what is wrong with a file of recorded routing, and where.
type FileError struct {
	File string
	// Line and Column count from 1. Both are 0 where the file as a whole is
	// meant, and Column is 0 where the line as a whole is. A column is a field
	// in tab-separated traces and a byte in JSON.
	Line, Column int
	Problem      string // what was found
	Want         string // what was expected; may be empty
	Err          error  // the cause, where it is an error of its own
}

// Error reads "file:line:column: problem: want what was expected".
func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, ":%d", e.Column)
	}
	b.WriteString(": " + e.Problem)
	if e.Want != "" {
		b.WriteString(": want " + e.Want)
	}
	return b.String()
}

// Unwrap is the cause, so that errors.Is(err, fs.ErrNotExist) works.
func (e *FileError) Unwrap() error { return e.Err }

// quote shows text from a file in a message: not more than can be read.
func quote(text []byte) string {
	const most = 24
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
