package fabric

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/commbench/commbench/bench/sysfs"
	"github.com/commbench/commbench/nvml/answer"
)

// longest is the most bytes that an attribute may have. None that is read here comes near.
const longest = 256

// folder stands for a device, or for a part of one.
type folder string

// sys is a folder of sysfs below a root.
func sys(root string, parts ...string) folder {
	if root == "" {
		root = "/"
	}
	return folder(root).at("sys").at(parts...)
}

func (f folder) at(parts ...string) folder {
	return folder(filepath.Join(append([]string{string(f)}, parts...)...))
}

func (f folder) name() string { return filepath.Base(string(f)) }

func (f folder) above() folder { return folder(filepath.Dir(string(f))) }

func (f folder) exists() bool {
	_, err := os.Stat(string(f))
	return err == nil
}

func (f folder) isFile() bool {
	info, err := os.Stat(string(f))
	return err == nil && !info.IsDir()
}

// list is what is in it, sorted.
func (f folder) list(most int) ([]string, error) {
	d, err := os.Open(string(f))
	if err != nil {
		return nil, f.gone(err)
	}
	defer d.Close()
	names, err := d.Readdirnames(most + 1)
	switch {
	case errors.Is(err, io.EOF): // it is empty
		return nil, nil
	case err != nil:
		return nil, err
	case len(names) > most:
		return nil, fmt.Errorf("%s: expected at most %d entries", f, most)
	}
	slices.Sort(names)
	return names, nil
}

// target is the name of what a link leads to, as a device's link to its driver.
func (f folder) target(link string) answer.Of[string] {
	to, err := os.Readlink(string(f.at(link)))
	if err != nil {
		return answer.From("", f.file(link).why(err))
	}
	return answer.Is(filepath.Base(to))
}

// file is an attribute of a folder. It keeps its path, for those that are read often.
type file struct {
	folder folder
	name   string // below the folder, as "counters/port_xmit_data"
	path   string
}

func (f folder) file(name string) file { return file{f, name, string(f.at(name))} }

// read is what the file says, without white space around it. It is never "".
func (f file) read() (string, error) {
	var room [longest]byte
	b, err := sysfs.Read(f.path, room[:0], longest)
	switch {
	case err != nil:
		return "", f.why(err)
	case len(b) == longest:
		return "", fmt.Errorf("%s: expected fewer than %d bytes", f.path, longest)
	}
	text := string(bytes.TrimSpace(b))
	if text == "" { // what the kernel writes where a driver has nothing to say
		return "", none(f.name + " is empty")
	}
	return text, nil
}

// why makes of an error that there is no value, where it says that.
func (f file) why(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.folder.exists(): // else it is the device that is gone
		return none("no " + f.name)
	case errors.Is(err, syscall.EINVAL): // of a link that is down, a port that has no such counter
		return fmt.Errorf("%w: %w", none("the kernel has no value for it now"), err)
	}
	return err
}

// gone is why, of a folder itself.
func (f folder) gone(err error) error { return f.above().file(f.name()).why(err) }

// none is an error that an answer takes for: there is no value.
func none(why string) error { return answer.None[struct{}](why).Err() }

// get is an attribute.
func get[T any](f folder, name string, parse func(string) (T, error)) answer.Of[T] {
	return answer.From(parsed(f.file(name), parse))
}

// parsed is what a file means. Why there is no value is said without the path.
func parsed[T any](f file, parse func(string) (T, error)) (T, error) {
	text, err := f.read()
	if err != nil {
		return *new(T), err
	}
	v, err := parse(text)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		err = fmt.Errorf("%s: %w", f.path, err)
	}
	return v, err
}
