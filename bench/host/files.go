package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/commbench/commbench/bench/sysfs"
	"github.com/commbench/commbench/nvml/answer"
)

// Bounds of what is read. They are above what the kernel writes: a page into most files.
const (
	maxFile = 64 << 10
	maxLine = 256
)

// files are those of a machine. Paths start with /proc or /sys, in errors as well: what root
// is says nothing of the machine.
type files struct {
	root   string
	absent string // why there are none, if so
}

// none is the error of what is not there.
func none(why string) error { return answer.None[struct{}](why).Err() }

// head is a file's first bytes, up to a bound, and whether there are more.
func (f files) head(path string, most int) (text string, more bool, err error) {
	if f.absent != "" {
		return "", false, none(f.absent)
	}
	text, err = begin(filepath.Join(f.root, path), most+1)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, none("no " + path)
	}
	if err != nil {
		if inner := new(fs.PathError); errors.As(err, &inner) {
			err = inner.Err
		}
		return "", false, fmt.Errorf("%s: %w", path, err)
	}
	if len(text) > most {
		return text[:most], true, nil
	}
	return text, false, nil
}

func begin(path string, most int) (string, error) {
	// What is no file may have no end, or no beginning: a pipe waits in Open.
	if info, err := os.Stat(path); err != nil {
		return "", err
	} else if !info.Mode().IsRegular() {
		return "", errors.New("expected a file")
	}
	text, err := sysfs.Read(path, nil, most)
	return string(text), err
}

// text is a whole file.
func (f files) text(path string) (string, error) {
	text, more, err := f.head(path, maxFile)
	if more {
		return "", fmt.Errorf("%s: expected at most %d bytes", path, maxFile)
	}
	return text, err
}

// line is a file of one short line, without what is around it.
func (f files) line(path string) (string, error) {
	text, err := f.text(path)
	if err != nil {
		return "", err
	}
	text = strings.TrimSpace(text)
	if !plain(text) {
		return "", fmt.Errorf("%s: %s: expected one line of text", path, shorten(text))
	}
	return text, nil
}

// plain is whether a text is fit for a field: a line that is neither empty nor long.
func plain(text string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	return text != "" && len(text) <= maxLine && utf8.ValidString(text) && !strings.ContainsFunc(text, odd)
}

// shorten quotes a text for an error, cut if it is long.
func shorten(text string) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}

// choice is the word in brackets of a setting such as "always [madvise] never".
func (f files) choice(path string) (string, error) {
	text, err := f.line(path)
	if err != nil {
		return "", err
	}
	for word := range strings.FieldsSeq(text) {
		if inner, ok := strings.CutPrefix(word, "["); ok && len(inner) > 1 && strings.HasSuffix(inner, "]") {
			return strings.TrimSuffix(inner, "]"), nil
		}
	}
	return "", fmt.Errorf("%s: %s: expected one word in brackets, as in always [madvise] never", path, shorten(text))
}

// fields are the lines "key : value" of a file, of each key the first.
func (f files) fields(path string) (map[string]string, error) {
	text, err := f.text(path)
	if err != nil {
		return nil, err
	}
	return fieldsOf(text), nil
}

func fieldsOf(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		key = strings.TrimSpace(key)
		if _, again := fields[key]; ok && !again {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields
}
