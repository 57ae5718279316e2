package shm

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/numa"
)

// region is a memory file, mapped once by a driver value. It is unmapped when
// its last use was released.
type region struct {
	d     *Driver
	key   regionKey
	bytes []byte
	fd    int // open for peers to attach through; -1 if the file is another process's
	uses  int // guarded by d.mu
}

// regionKey tells regions apart: an inode number alone could be used again after
// the region is gone, in the same process or in one with the same pid.
type regionKey struct {
	process process
	inode   uint64
}

// seals fix the size of a region for good: without them a process that shortens
// the file would kill the others at their next touch.
const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// create makes a region of this process, with one use.
func (d *Driver) create(size int) (_ *region, err error) {
	self, err := thisProcess()
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("commbench", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if errors.Is(err, unix.ENOSYS) {
		return nil, fmt.Errorf("memfd_create: %w", driver.ErrNotSupported)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return nil, fmt.Errorf("ftruncate to %d bytes: %w", size, err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("fstat: %w", err)
	}
	bytes, err := mmap(fd, size)
	if err != nil {
		return nil, err
	}
	r := &region{d: d, key: regionKey{self, st.Ino}, bytes: bytes, fd: fd, uses: 1}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.regions[r.key] = r
	return r, nil
}

// attach returns a region by its key, with one more use: the one that is mapped
// already, or else a mapping of what the process has open as descriptor.
func (d *Driver) attach(key regionKey, descriptor int32, size int) (*region, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.regions[key]; r != nil {
		if len(r.bytes) != size {
			return nil, fmt.Errorf("%w: a region of %d bytes, expected %d", driver.ErrBadAddress, len(r.bytes), size)
		}
		r.uses++
		return r, nil
	}
	bytes, err := mapPeer(key, descriptor, size)
	if err != nil {
		return nil, err
	}
	r := &region{d: d, key: key, bytes: bytes, fd: -1, uses: 1}
	d.regions[key] = r
	return r, nil
}

// mapPeer maps another process's region, after making sure that the descriptor
// is still that region and not what was opened there since.
func mapPeer(key regionKey, descriptor int32, size int) ([]byte, error) {
	// Neither wait on a pipe nor take a terminal, should it be one by now.
	const flags = unix.O_RDWR | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	path := fmt.Sprintf("/proc/%d/fd/%d", key.process.Pid, descriptor)
	fd, err := unix.Open(path, flags, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("open %s: %w: the process ended or closed its region, or is in another pid namespace",
			path, driver.ErrClosed)
	case err != nil:
		return nil, fmt.Errorf("open %s: %w (peers must run as the same user)", path, err)
	}
	defer unix.Close(fd)

	start, err := startTime(key.process.Pid)
	if err != nil {
		return nil, err
	}
	if start != key.process.Start {
		return nil, fmt.Errorf("%w: the process ended, and its pid %d is another's now", driver.ErrClosed, key.process.Pid)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("fstat %s: %w", path, err)
	}
	if st.Ino != key.inode {
		return nil, fmt.Errorf("%w: the region was closed, and %s is another file now", driver.ErrClosed, path)
	}
	if st.Size != int64(size) {
		return nil, fmt.Errorf("%w: %s has %d bytes, expected %d", driver.ErrBadAddress, path, st.Size, size)
	}
	if got, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err != nil || got&seals != seals {
		return nil, fmt.Errorf("%w: %s is not a sealed memory file", driver.ErrBadAddress, path)
	}
	return mmap(fd, size)
}

func mmap(fd, size int) ([]byte, error) {
	bytes, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap %d bytes: %w", size, err)
	}
	if size >= numa.HugePage {
		// Also for a peer's region: a page is made by whoever touches it first. Without
		// huge pages it is slower and not wrong.
		_ = numa.AdviseHuge(bytes)
	}
	return bytes, nil
}

func (r *region) retain() {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	r.uses++
}

// retainMapped is retain if there is any use left, and else false.
func (r *region) retainMapped() bool {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.uses == 0 {
		return false
	}
	r.uses++
	return true
}

// release ends one use.
func (r *region) release() error {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	if r.uses--; r.uses > 0 {
		return nil
	}
	delete(r.d.regions, r.key)
	err := unix.Munmap(r.bytes)
	if r.fd >= 0 {
		err = errors.Join(err, unix.Close(r.fd))
	}
	return err
}

func releaseAll(regions []*region) error {
	var errs []error
	for _, r := range regions {
		errs = append(errs, r.release())
	}
	return errors.Join(errs...)
}
