package hardware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mostBytes bounds a file: those of the catalogue have some 3 KB.
const mostBytes = 64 << 10

// Open returns what the catalogue has by a name or, where the name is a path or ends in
// .yaml or .yml, what is in that file.
func Open(name string) (*Hardware, error) {
	if isFile(name) {
		h := new(Hardware)
		if err := readFile(name, h); err != nil {
			return nil, err
		}
		return h, nil
	}
	for _, h := range catalogue() {
		if h.Name == strings.ToLower(name) {
			h := *h
			return &h, nil
		}
	}
	return nil, fmt.Errorf("hardware: nothing called %q; there are %s; a file's name ends in .yaml", name, strings.Join(Names(), ", "))
}

func isFile(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func readFile(name string, into interface{ check() (string, error) }) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("hardware: %w", err)
	}
	defer f.Close()
	return read(f, name, into)
}

// Read reads a hardware file, whose name is for errors.
func Read(r io.Reader, name string) (*Hardware, error) {
	h := new(Hardware)
	if err := read(r, name, h); err != nil {
		return nil, err
	}
	return h, nil
}

// read decodes a file and checks it.
func read(r io.Reader, name string, into interface{ check() (string, error) }) error {
	text, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	switch {
	case err != nil:
		return fmt.Errorf("hardware: %w", err)
	case len(text) > mostBytes:
		return fmt.Errorf("hardware: %s: more than %d bytes: that is no hardware file", name, mostBytes)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return fmt.Errorf("hardware: %s: empty; commbench hardware show --format yaml h800 prints what one looks like", name)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("hardware: %s: %s", name, said(err))
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("hardware: %s: more than one document: want one", name)
	}
	if field, err := into.check(); err != nil {
		return fmt.Errorf("hardware: %s: %s: %w", name, field, err)
	}
	return nil
}

// said is what the decoder says, without the names of Go's types.
func said(err error) string {
	wrong := new(yaml.TypeError)
	if !errors.As(err, &wrong) {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	var lines []string
	for _, e := range wrong.Errors {
		e, _, _ = strings.Cut(e, " in type ")
		e, _, _ = strings.Cut(e, " into ")
		lines = append(lines, e)
	}
	return strings.Join(lines, "; ")
}

// YAML is the hardware as a file that Open takes.
func (h *Hardware) YAML() []byte { return marshal(h) }

func marshal(v any) []byte {
	b, err := yaml.Marshal(v)
	if err != nil {
		panic(err) // numbers and words: there is nothing that cannot be written
	}
	return b
}
