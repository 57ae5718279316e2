package limits

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/commbench/commbench/transport/driver"
)

// What the two processes say to each other over the peer's standard input and
// output: the peer its address as a line in hex, the parent both addresses, and
// then a byte for each measurement. Both leave when the other side closes.
const (
	maxLine = 64 << 10 // an address has a few KiB at most
	ask     = 'm'
	grace   = 5 * time.Second // for a peer to say its address, or to leave
)

// Peer is the other process of WakeProcesses: the program that it starts calls
// this with its standard input and output. It returns nil when in ends.
func Peer(ctx context.Context, d driver.Driver, in io.Reader, out io.Writer) error {
	e, err := listen(d, 1)
	if err != nil {
		return err
	}
	return errors.Join(e.serve(ctx, bufio.NewReaderSize(in, maxLine), out), e.world.Close())
}

func (e *end) serve(ctx context.Context, in *bufio.Reader, out io.Writer) error {
	if _, err := fmt.Fprintf(out, "%x\n", e.world.Address()); err != nil {
		return err
	}
	addrs := make([][]byte, 2)
	for i := range addrs {
		var err error
		if addrs[i], err = readAddress(in); err != nil {
			return err
		}
	}
	if err := e.connect(addrs); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	asked := make(chan struct{}, 1)
	go func() {
		for {
			if b, err := in.ReadByte(); err != nil || b != ask {
				cancel(io.EOF)
				return
			}
			select {
			case asked <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case <-asked:
			if err := e.echo(ctx); err != nil && context.Cause(ctx) != io.EOF {
				return err
			}
		case <-ctx.Done():
			if err := context.Cause(ctx); err != io.EOF {
				return err
			}
			return nil
		}
	}
}

// readAddress reads a line of at most maxLine bytes.
func readAddress(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("no address of the other process: %w", err)
	}
	return hex.AppendDecode(nil, bytes.TrimSpace(line))
}

// WakeProcesses measures between this process and another one, over the driver:
// this program, started again with the given arguments, with which it calls Peer.
// The process is gone when ctx is cancelled, and after Close.
func WakeProcesses(ctx context.Context, d driver.Driver, args ...string) (*Wake, error) {
	if !d.Caps().Processes {
		return nil, fmt.Errorf("limits: driver %s does not connect processes: %w", d.Name(), driver.ErrNotSupported)
	}
	e, err := listen(d, 0)
	if err != nil {
		return nil, err
	}
	p, err := startPeer(ctx, args)
	if err != nil {
		return nil, errors.Join(err, e.world.Close())
	}
	w := &Wake{ping: e, samples: make([]float64, 0, wakeRounds)}
	w.close = func() error { return errors.Join(p.end(), e.world.Close()) }
	addr, err := p.address()
	addrs := [][]byte{e.world.Address(), addr}
	if err == nil {
		_, err = fmt.Fprintf(p.in, "%x\n%x\n", addrs[0], addrs[1])
	}
	if err == nil {
		err = w.ping.connect(addrs)
	}
	if err != nil {
		return nil, errors.Join(p.blame(ctx, err), w.close())
	}
	crew := Threads(1)
	w.play = func(ctx context.Context, f func(context.Context) error) error {
		either, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(p.ctx, func() { cancel(context.Cause(p.ctx)) })()
		_, err := p.in.Write([]byte{ask})
		if err == nil {
			crew.Run(func(int) { err = f(either) })
		}
		return p.blame(ctx, err)
	}
	w.close = func() error {
		crew.Close()
		return errors.Join(p.end(), e.world.Close())
	}
	return w, nil
}

// peer is the other process, seen from its parent.
type peer struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *os.File
	errs head
	ctx  context.Context // ends with the process; the cause says how
}

func startPeer(ctx context.Context, args []string) (*peer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &peer{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Stderr = &p.errs
	p.cmd.WaitDelay = time.Second // for whoever has inherited its standard error
	var w *os.File
	if p.out, w, err = os.Pipe(); err != nil {
		return nil, err
	}
	defer w.Close()
	p.cmd.Stdout = w
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(err, p.out.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("limits: the other process: %w", err), p.out.Close())
	}
	var gone context.CancelCauseFunc
	p.ctx, gone = context.WithCancelCause(context.Background())
	go func() {
		how := "exit status 0"
		if err := p.cmd.Wait(); err != nil {
			how = err.Error()
		}
		gone(fmt.Errorf("the other process, pid %d, ended: %s%s", p.cmd.Process.Pid, how, p.errs.String()))
	}()
	return p, nil
}

// address is what the process says first.
func (p *peer) address() ([]byte, error) {
	// Without a deadline, which not all systems have for pipes, it ends with ctx.
	_ = p.out.SetReadDeadline(time.Now().Add(grace))
	return readAddress(bufio.NewReaderSize(p.out, maxLine))
}

// blame is why something with the process failed: ctx, if that ended, and the
// process, if that did. One that dies breaks its pipes a little before.
func (p *peer) blame(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-ctx.Done():
	case <-p.ctx.Done():
	case <-time.After(100 * time.Millisecond):
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case p.ctx.Err() != nil:
		return context.Cause(p.ctx)
	}
	return err
}

// end has the process leave, and sees it out.
func (p *peer) end() error {
	p.in.Close()
	defer p.out.Close()
	select {
	case <-p.ctx.Done():
		return nil
	case <-time.After(grace):
	}
	err := fmt.Errorf("limits: the other process, pid %d, did not leave and was killed", p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill()
	<-p.ctx.Done()
	return err
}

// head is the beginning of what a process says is wrong.
type head struct{ text []byte }

func (h *head) Write(b []byte) (int, error) {
	h.text = append(h.text, b[:min(len(b), 512-len(h.text))]...)
	return len(b), nil
}

func (h *head) String() string {
	if s := bytes.TrimSpace(h.text); len(s) > 0 {
		return ": " + string(s)
	}
	return ""
}
