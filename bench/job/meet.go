package job

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

// meeting is what process 0 leaves in a file for the other processes of a job that an
// engine has started on this host: where it listens, and the job's secret.
type meeting struct {
	Address string
	Secret  []byte
	Owner   string // tells the process that wrote it from all others, dead ones too
}

const (
	meetingPoll = 5 * time.Millisecond
	maxMeeting  = 4 << 10
)

// meet fills in where process 0 listens, and the secret, by a file that is named after
// the job's key and that only this user can read. end removes what is left of it.
func meet(ctx context.Context, c *Config, key string, r *rendezvous.Config) (end func(), err error) {
	end = func() {}
	path, err := meetingPlace(key)
	if err != nil {
		return end, err
	}
	if r.Process > 0 {
		m, err := await(ctx, path, c.Timeout)
		if err != nil {
			return end, err
		}
		r.Address, r.Secret = m.Address, m.Secret
		return end, nil
	}
	m := meeting{Secret: c.Secret, Owner: owner(os.Getpid())}
	if len(m.Secret) == 0 {
		m.Secret = make([]byte, 32)
		_, _ = rand.Read(m.Secret) // it never fails
	}
	if r.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return end, fmt.Errorf("rendezvous: %w", err)
	}
	m.Address = r.Listener.Addr().String()
	r.Address, r.Secret = m.Address, m.Secret
	end = func() {
		r.Listener.Close()
		_ = os.Remove(path)
	}
	return end, m.leave(path)
}

// meetingPlace is the file's path, in a directory of this user's own.
func meetingPlace(key string) (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("commbench-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("rendezvous: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("rendezvous: %w", err)
	}
	if !info.IsDir() || !ours(info) || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("rendezvous: %s is not a directory that only this user can use: remove it, or give --rendezvous", dir)
	}
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(dir, hex.EncodeToString(sum[:12])), nil
}

// leave writes the file, all at once.
func (m *meeting) leave(path string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("rendezvous: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("rendezvous: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// await reads the file once it is there and of a process that lives: one of an earlier
// job that died may be left.
func await(ctx context.Context, path string, timeout time.Duration) (*meeting, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("process 0 did not come to the rendezvous within %v: no file %s; are all processes on this host, and of one user? Else give --rendezvous host:port", timeout, path))
	defer cancel()
	tick := time.NewTicker(meetingPoll)
	defer tick.Stop()
	for {
		if m := read(path); m != nil {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// read is nil if there is no meeting yet.
func read(path string) *meeting {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	var m meeting
	if json.NewDecoder(io.LimitReader(f, maxMeeting)).Decode(&m) != nil {
		return nil
	}
	var pid int
	if _, err := fmt.Sscan(m.Owner, &pid); err != nil || owner(pid) != m.Owner {
		return nil
	}
	return &m
}
