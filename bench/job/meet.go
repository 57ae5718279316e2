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
	"strings"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

// meeting is what process 0 leaves in a file for the other processes of a job that an
// engine has started on this host: where it listens, and the job's secret.
type meeting struct {
	Address string
	Secret  []byte
}

const (
	firstPoll, lastPoll = 2 * time.Millisecond, 50 * time.Millisecond
	maxMeeting          = 4 << 10 // bytes
)

// meet fills in where process 0 listens, and the secret, by a file that is named after
// the job's key and that only this user can read. end removes what is left of it.
func meet(ctx context.Context, c *Config, key string, r *rendezvous.Config) (end func(), err error) {
	end = func() {}
	p, err := meetingPlace(key)
	if err != nil {
		return end, err
	}
	if r.Process > 0 {
		// Process 0 may die before it removes its file.
		end = p.sweep
		m, err := p.await(ctx, c.Timeout)
		if err != nil {
			return end, err
		}
		r.Address, r.Secret = m.Address, m.Secret
		return end, nil
	}
	p.sweep()
	if err := c.listenHere(r); err != nil {
		return end, err
	}
	file := p.file(this())
	end = func() {
		r.Listener.Close()
		_ = os.Remove(file)
	}
	m := meeting{Address: r.Address, Secret: r.Secret}
	return end, m.leave(file)
}

// listenHere has process 0 listen where only this host reaches it, with the secret that
// was given, or else a new one.
func (c *Config) listenHere(r *rendezvous.Config) (err error) {
	if r.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return fmt.Errorf("rendezvous: %w", err)
	}
	r.Address, r.Secret = r.Listener.Addr().String(), c.Secret
	if len(r.Secret) == 0 {
		r.Secret = make([]byte, 32)
		_, _ = rand.Read(r.Secret) // it never fails
	}
	return nil
}

// place is where the processes of a job meet: files whose names begin with the job's,
// and go on with that of the process that wrote it.
type place struct{ dir, job string }

// meetingPlace is in a directory of this user's own.
func meetingPlace(key string) (place, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("commbench-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return place{}, fmt.Errorf("rendezvous: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return place{}, fmt.Errorf("rendezvous: %w", err)
	}
	if !info.IsDir() || !ours(info) || info.Mode().Perm()&0o077 != 0 {
		return place{}, fmt.Errorf("rendezvous: %s is not a directory that only this user can use: remove it, or give --rendezvous", dir)
	}
	sum := sha256.Sum256([]byte(key))
	return place{dir, hex.EncodeToString(sum[:12])}, nil
}

func (p place) file(o owner) string { return filepath.Join(p.dir, p.job+"-"+o.String()) }

// split takes the name of a file apart.
func split(name string) (job string, o owner, ok bool) {
	job, who, _ := strings.Cut(strings.TrimPrefix(name, "."), "-")
	o, ok = parseOwner(who)
	return job, o, ok && len(job) == 24
}

// leave writes the file, all at once.
func (m *meeting) leave(file string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	dir, name := filepath.Split(file)
	unfinished := filepath.Join(dir, "."+name)
	if err = os.WriteFile(unfinished, b, 0o600); err == nil {
		err = os.Rename(unfinished, file)
	}
	if err != nil {
		_ = os.Remove(unfinished)
		return fmt.Errorf("rendezvous: %w", err)
	}
	return nil
}

// sweep removes the files of processes that are dead, of any job. What cannot be
// removed does no harm.
func (p place) sweep() {
	entries, _ := os.ReadDir(p.dir)
	for _, e := range entries {
		if _, o, ok := split(e.Name()); ok && o.dead() {
			_ = os.Remove(filepath.Join(p.dir, e.Name()))
		}
	}
}

// await reads the file once it is there.
func (p place) await(ctx context.Context, timeout time.Duration) (*meeting, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("rendezvous: process 0 did not come within %v: no file %s; are all processes on this host, and of one user? Else give --rendezvous host:port",
		timeout, filepath.Join(p.dir, p.job+"-*")))
	defer cancel()
	for poll := firstPoll; ; poll = min(2*poll, lastPoll) {
		if m := p.read(); m != nil {
			return m, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

// read is nil if there is no meeting yet. Of several it takes the newest: the process of
// an earlier one may be about to remove it.
func (p place) read() *meeting {
	entries, _ := os.ReadDir(p.dir)
	var newest *meeting
	var at time.Time
	for _, e := range entries {
		job, o, ok := split(e.Name())
		if !ok || job != p.job || strings.HasPrefix(e.Name(), ".") || !o.alive() {
			continue
		}
		info, err := e.Info()
		if err != nil || newest != nil && info.ModTime().Before(at) {
			continue
		}
		if m := readMeeting(filepath.Join(p.dir, e.Name())); m != nil {
			newest, at = m, info.ModTime()
		}
	}
	return newest
}

func readMeeting(path string) *meeting {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxMeeting))
	if err != nil {
		return nil
	}
	m, err := parseMeeting(b)
	if err != nil {
		return nil
	}
	return m
}

func parseMeeting(b []byte) (*meeting, error) {
	var m meeting
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	return &m, checkMeeting(m.Address, m.Secret)
}
