package rendezvous

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	MaxBlob      = 32 << 20 // bytes of a blob of an Exchange
	MaxWhat      = 256      // bytes of the name of an Exchange
	MaxName      = 256      // bytes of Config.Name and Config.Host; longer phases are cut
	MaxProcesses = 1 << 16

	defaultTimeout = 30 * time.Second
	maxTimeout     = 24 * time.Hour
	purpose        = "control" // of these connections, among those of a job
)

// Config is one process's view of the job.
type Config struct {
	// Process is this process's place among Processes. Process 0 is the hub.
	Process, Processes int
	// Name is how errors name this process beside its number: "ranks 8 to 15".
	Name string
	// Host is the name of this host for errors; the default is os.Hostname.
	Host string
	// Address is host:port. Process 0 listens there, the others dial it.
	Address string
	// Listener is for process 0 only and takes the place of Address. Join closes it.
	Listener net.Listener
	// Secret is that of the job. It must be random if Address is not of loopback.
	Secret []byte
	// Timeout is how long joining may take, and how long a peer may be silent; 0 is
	// 30 seconds, and 24 hours the most. Once all have joined, that of process 0 holds for all.
	Timeout time.Duration
	// Log gets a line for each connection that was refused: five at most, and then
	// how many more there were. It is called by one goroutine at a time.
	Log func(string)
}

// check fills in defaults and says what cannot be.
func (c *Config) check() error {
	if c.Host == "" {
		c.Host, _ = os.Hostname()
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	switch {
	case c.Processes < 1 || c.Processes > MaxProcesses:
		return fmt.Errorf("%d processes: a job has 1 to %d", c.Processes, MaxProcesses)
	case c.Process < 0 || c.Process >= c.Processes:
		return fmt.Errorf("process %d of %d: processes count from 0", c.Process, c.Processes)
	case len(c.Name) > MaxName || len(c.Host) > MaxName:
		return fmt.Errorf("a name of %d bytes on a host of %d: each may have %d", len(c.Name), len(c.Host), MaxName)
	case c.Timeout < 0 || c.Timeout > maxTimeout:
		return fmt.Errorf("a timeout of %v: at most %v is one", c.Timeout, maxTimeout)
	case c.Listener != nil && c.Process != 0:
		return fmt.Errorf("process %d has a listener: only process 0 listens", c.Process)
	case c.Processes == 1:
		return nil // nobody to talk to
	case len(c.Secret) == 0:
		return errors.New("no secret: the processes of a job must share one")
	case c.Address == "" && c.Listener == nil:
		return errors.New("no address: name the host and port of process 0")
	}
	return nil
}

// heartbeat is the time between two signs of life.
func heartbeat(timeout time.Duration) time.Duration {
	return max(min(timeout/4, 2*time.Second), time.Millisecond)
}

// linger is for a peer to take what it is told at the end.
func linger(timeout time.Duration) time.Duration { return min(timeout, 2*time.Second) }

// IsLoopback says whether nobody outside this host can reach host:port: a literal
// address of loopback, or "localhost". Other names are not looked up: they, and
// no host at all, which is every interface, are not.
func IsLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
