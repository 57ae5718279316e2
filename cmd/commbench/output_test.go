package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// parts remembers each write.
type parts struct{ all []string }

func (p *parts) Write(b []byte) (int, error) {
	p.all = append(p.all, string(b))
	return len(b), nil
}

// A record that is appended is one write, so that none is cut in half by a kill.
func TestRecordsAreWrittenOneByOne(t *testing.T) {
	o, err := openOutput(filepath.Join(t.TempDir(), "runs.jsonl"), "jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	var p parts
	o.w = &p
	err = o.write(func(w io.Writer) error {
		_, err := io.WriteString(w, "one\ntwo\nthree\n")
		return err
	})
	if want := []string{"one\n", "two\n", "three\n"}; err != nil || !slices.Equal(p.all, want) {
		t.Errorf("%q, want %q: %v", p.all, want, err)
	}
}

// A pipe cannot be synced, which is no failure.
func TestOutputIntoAPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := &output{file: w, w: w, lines: true, special: true}
	if err := o.write(func(w io.Writer) error { _, err := io.WriteString(w, "one\n"); return err }); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(r); string(b) != "one\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// What went wrong is said, whichever part of it did, and leaves no file.
func TestOutputFails(t *testing.T) {
	dir := t.TempDir()
	for _, format := range []string{"json", "jsonl"} {
		o, err := openOutput(filepath.Join(dir, "out"), format, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.write(func(io.Writer) error { return errDiskFull }); !errors.Is(err, errDiskFull) {
			t.Errorf("%s: %v", format, err)
		}
	}
	o, err := openOutput(filepath.Join(dir, "out"), "jsonl", nil)
	if err != nil {
		t.Fatal(err)
	}
	o.w = fullDisk{}
	if err := o.write(func(w io.Writer) error { _, err := w.Write(bytes.Repeat([]byte("x\n"), 3)); return err }); !errors.Is(err, errDiskFull) {
		t.Error(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "out"))
	if files, _ := os.ReadDir(dir); len(b) > 0 || err != nil || len(files) != 1 {
		t.Errorf("%q, %v, %d files", b, err, len(files))
	}
}
