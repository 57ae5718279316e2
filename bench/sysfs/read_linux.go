package sysfs

import (
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"
)

// Read appends to buf what a file has, up to its end or until most bytes are there. It allocates only
// where buf has too little room. An error is an *fs.PathError, and is no reason to try again.
//
// The kernel is asked itself: package os waits, without end, for a file whose driver answers EAGAIN,
// since those of sysfs can be polled.
func Read(path string, buf []byte, most int) ([]byte, error) {
	fd, err := again(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) })
	if err != nil {
		return buf, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	for len(buf) < most {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(most-len(buf), max(512, len(buf))))
		}
		room := buf[len(buf):min(cap(buf), most)]
		n, err := again(func() (int, error) { return unix.Read(fd, room) })
		if err != nil {
			return buf, &fs.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			break
		}
		buf = buf[:len(buf)+n]
	}
	return buf, nil
}

// again calls until no signal came between.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return n, err
		}
	}
}
