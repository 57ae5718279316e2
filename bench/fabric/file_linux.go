package fabric

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// readFile fills the buffer as far as the file goes. The kernel gives an attribute whole with
// the first read. It is asked itself: package os would wait, without end, for a file whose
// driver answers EAGAIN, since those of sysfs can be polled.
func readFile(path string, buf []byte) (int, error) {
	fd, err := again(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) })
	if err != nil {
		return 0, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	n, err := again(func() (int, error) { return unix.Read(fd, buf) })
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return n, nil
}

// again calls until no signal came between.
func again(call func() (int, error)) (n int, err error) {
	for {
		if n, err = call(); err != unix.EINTR {
			return n, err
		}
	}
}
