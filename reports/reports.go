package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/commbench/commbench/bench/record"
)

// ErrFormat: the format is not one of Formats.
var ErrFormat = errors.New("unknown format")

// Options are what a report says beyond its records. Nil is none.
type Options struct {
	// Meaning is what the figures mean, in words, a line each. It ends the
	// table; the formats for machines leave it out.
	Meaning []string
}

var formats = []struct {
	name  string
	write func(io.Writer, []record.Record, *Options) error
}{
	{"table", writeTable},
	{"json", func(w io.Writer, recs []record.Record, _ *Options) error { return record.WriteJSON(w, recs) }},
	{"jsonl", func(w io.Writer, recs []record.Record, _ *Options) error { return record.WriteJSONL(w, recs) }},
	{"csv", writeCSV},
	{"gobench", writeGoBench},
}

// Formats are the names that Write knows.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Write writes the records in the named format. The error is ErrFormat,
// record.ErrInvalid, or what w returned; no writer's error is swallowed.
func Write(w io.Writer, format string, recs []record.Record, opts *Options) error {
	if opts == nil {
		opts = &Options{}
	}
	for _, f := range formats {
		if f.name == format {
			return f.write(w, recs, opts)
		}
	}
	return fmt.Errorf("reports: %w %q: want %s", ErrFormat, format, strings.Join(Formats(), ", "))
}

// flush writes a finished report. WriteTo also reports a short write.
func flush(w io.Writer, b *bytes.Buffer) error {
	_, err := b.WriteTo(w)
	return err
}

func validate(recs []record.Record) error {
	for i := range recs {
		if err := recs[i].Validate(); err != nil {
			return fmt.Errorf("reports: record %d: %w", i, err)
		}
	}
	return nil
}

// clean keeps a record's strings, which may come from a file, from breaking a
// line or steering a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
