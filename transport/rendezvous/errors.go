package rendezvous

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/commbench/commbench/transport/internal/auth"
)

// Sentinels that programs act on, with errors.Is.
var (
	// ErrSecret: process 0 and this process were given different secrets.
	ErrSecret = auth.ErrSecret
	// ErrRefused: process 0 does not let this process join, and says why.
	ErrRefused = errors.New("refused by process 0")
	// ErrClosed: this session was closed.
	ErrClosed = errors.New("session closed")
	// ErrLeft: a process has said goodbye while others wait for it.
	ErrLeft = errors.New("has left")
	// ErrLost: the connection to a process broke, or nothing came from it for the
	// timeout. Only who was connected with it has this error; others are told its text.
	ErrLost = errors.New("lost")
)

// lostError is an ErrLost, and says how.
type lostError struct{ error }

func (e lostError) Unwrap() error        { return e.error }
func (e lostError) Is(target error) bool { return target == ErrLost }

// Peer is a process of the job, as it names itself.
type Peer struct {
	Name, Host string
}

// PeerError is the failure of a process, the same one in every other process. Err
// is only text where it comes from elsewhere.
type PeerError struct {
	Process    int
	Name, Host string
	Phase      string // what it was doing when it last said so; may be empty
	Err        error
}

func (e *PeerError) Error() string {
	var b strings.Builder
	b.WriteString(title(e.Process, Peer{e.Name, e.Host}))
	if e.Phase != "" {
		fmt.Fprintf(&b, ", in phase %s", e.Phase)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

func (e *PeerError) Unwrap() error { return e.Err }

// title names a process: process 2 (ranks 16 to 23) on host b.
func title(process int, p Peer) string {
	s := fmt.Sprintf("process %d", process)
	if p.Name != "" {
		s += " (" + p.Name + ")"
	}
	if p.Host != "" {
		s += " on host " + p.Host
	}
	return s
}

// broken is why a connection ended, without the addresses: the error names the
// process. A deadline that passed is silence.
func (s *Session) broken(err error) error {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("nothing came from it for %v: it hangs, or its host or the network is down", s.timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it ended without a goodbye: %w", io.EOF)
	case errors.As(err, &op):
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}

// list names numbers in ascending order: "processes 3, 5 to 7".
func list(processes []int) string {
	var b strings.Builder
	b.WriteString("process ")
	if len(processes) != 1 {
		b.Reset()
		b.WriteString("processes ")
	}
	for i := 0; i < len(processes); {
		last := i
		for last+1 < len(processes) && processes[last+1] == processes[last]+1 {
			last++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		switch {
		case last == i:
			fmt.Fprint(&b, processes[i])
		case last == i+1:
			fmt.Fprintf(&b, "%d, %d", processes[i], processes[last])
		default:
			fmt.Fprintf(&b, "%d to %d", processes[i], processes[last])
		}
		i = last + 1
	}
	return b.String()
}
