package job

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/commbench/commbench/transport/rendezvous"
)

const (
	// pipeVar names the descriptor on which a child reads its place.
	pipeVar = "COMMBENCH_JOB_PIPE"
	pipe    = 3 // the first that a child inherits

	maxPlace  = 4 << 10 // bytes
	maxSecret = 1 << 10
)

// inheritance is what a parent tells a child, as one line of JSON.
type inheritance struct {
	Process, Processes int
	Rendezvous         string
	Secret             []byte
	Bind               string
}

// inherited says whether this process is a child.
func inherited() bool { return os.Getenv(pipeVar) != "" }

// joinParent takes the place that the parent has for this child.
func joinParent(ctx context.Context, c *Config) (*Job, error) {
	in, err := openPipe()
	if err != nil {
		return nil, usagef("%s is set, which is for children of commbench only: %w", pipeVar, err)
	}
	_ = os.Unsetenv(pipeVar)
	r := bufio.NewReaderSize(in, maxPlace)
	line, err := firstLine(r, c.Timeout)
	if err != nil {
		return nil, fmt.Errorf("no place from the parent process: %w", err)
	}
	place, err := parseInheritance(line)
	if err != nil {
		return nil, fmt.Errorf("no place from the parent process: %w", err)
	}
	go func() { // for as long as the process lives
		_, _ = io.Copy(io.Discard, r)
		os.Exit(1) // the parent is gone, or through with this child
	}()
	c.Bind = place.Bind
	j, err := join(ctx, c, rendezvous.Config{Process: place.Process, Processes: place.Processes, Address: place.Rendezvous, Secret: place.Secret}, nil)
	switch {
	case errors.Is(err, rendezvous.ErrRefused): // the parent knows, and waits for this process
		return nil, errors.Join(ErrReported, err)
	case err != nil:
		return nil, err
	}
	j.child = true
	return j, nil
}

// firstLine waits no longer than for a peer: the parent may have been stopped before it
// told this child anything. The pipe must not be read after an error.
func firstLine(r *bufio.Reader, timeout time.Duration) ([]byte, error) {
	type result struct {
		line []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := r.ReadSlice('\n')
		done <- result{line, err}
	}()
	select {
	case got := <-done:
		return got.line, got.err
	case <-time.After(timeout):
		return nil, fmt.Errorf("nothing came from it for %v: it hangs", timeout)
	}
}

// openPipe makes sure that the descriptor is a pipe: one of this process's own may have
// its number.
func openPipe() (*os.File, error) {
	if v := os.Getenv(pipeVar); v != strconv.Itoa(pipe) {
		return nil, fmt.Errorf("it is %q, and not %d", v, pipe)
	}
	f := os.NewFile(pipe, "job")
	if f == nil {
		return nil, fmt.Errorf("descriptor %d is not open", pipe)
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return nil, fmt.Errorf("descriptor %d is no pipe", pipe)
	}
	return f, nil
}

// parseInheritance reads the line.
func parseInheritance(line []byte) (place inheritance, err error) {
	if err := json.Unmarshal(line, &place); err != nil {
		return place, err
	}
	if place.Processes < 2 || place.Processes > maxProcs || place.Process < 1 || place.Process >= place.Processes {
		return place, fmt.Errorf("process %d of %d", place.Process, place.Processes)
	}
	if _, err := netip.ParseAddr(place.Bind); err != nil {
		return place, fmt.Errorf("an address for data: %w", err)
	}
	return place, checkMeeting(place.Rendezvous, place.Secret)
}

// checkMeeting says what is wrong with where process 0 of this host listens, and with
// the secret.
func checkMeeting(address string, secret []byte) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("a rendezvous: %w", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !rendezvous.IsLoopback(address) {
		return fmt.Errorf("a rendezvous at %q, which is no port of this host's loopback", address)
	}
	if len(secret) == 0 || len(secret) > maxSecret {
		return fmt.Errorf("a secret of %d bytes", len(secret))
	}
	return nil
}
