package tcp

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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// failureVar is what the test's program is started with to be rank 1 of 2, and to fail.
const failureVar = "COMMBENCH_TCP_TEST_FAILURE"

func TestMain(m *testing.M) {
	if os.Getenv(failureVar) == "" {
		os.Exit(m.Run())
	}
	if err := fail(); err != nil {
		fmt.Fprintf(os.Stderr, "rank 1: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fail is what that process does: it says where it is and hello, and waits for more
// than comes.
func fail() error {
	d := process(2)
	m, err := d.Alloc(segmentSize)
	if err != nil {
		return err
	}
	w, err := transport.Listen(d, driver.Place{World: "test", Rank: 1, Size: 2},
		&transport.Options{Segments: []driver.Memory{m}, Words: 8, Timeout: patience})
	if err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	fmt.Printf("%x\n%s\n", w.Address(), d.Network().Address)
	first, err := readAddress(in)
	if err != nil {
		return err
	}
	go func() { // never outlive the test
		io.Copy(io.Discard, in)
		os.Exit(2)
	}()
	if err := w.Connect([][]byte{first, w.Address()}); err != nil {
		return err
	}
	c, err := w.Channel(0, 0)
	if err != nil {
		return err
	}
	if err := c.Signal(0, 1); err != nil {
		return err
	}
	return w.Wait(context.Background(), 0, 1<<63)
}

func readAddress(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	return hex.AppendDecode(nil, bytes.TrimSpace(line))
}

// doomed is rank 0, which is here, with rank 1, which is a process that can be killed,
// and has said hello.
func doomed(t *testing.T, timeout time.Duration) (w *transport.World, host string, process *os.Process) {
	t.Helper()
	d := New(Config{Secret: secret, Streams: 2})
	w = listen(t, d, 0, 2, timeout, false)
	program, err := os.Executable()
	must(t, err)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), failureVar+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said := bufio.NewReader(out)
	addr, err := readAddress(said)
	must(t, err)
	host, err = said.ReadString('\n')
	must(t, err)
	_, err = fmt.Fprintf(in, "%x\n", w.Address())
	must(t, err)
	must(t, w.Connect([][]byte{w.Address(), addr}))
	// It may take longer to start than a small timeout.
	until := time.Now().Add(patience)
	for idle := (transport.Backoff{Bell: w.Bell()}); w.Load(0) == 0; idle.Pause() {
		if time.Now().After(until) {
			t.Fatal("the other process does not say hello")
		}
	}
	return w, strings.TrimSpace(host), cmd.Process
}

// until is how a verb ends that is called again and again.
func until(verb func() error) error {
	for {
		if err := verb(); err != nil {
			return err
		}
	}
}

// busy calls each verb on a channel of its own, and waits, until all have failed.
func busy(t *testing.T, w *transport.World) (errs map[string]error) {
	t.Helper()
	small, large := make([]byte, 100), make([]byte, segmentSize)
	verbs := map[string]func(c *transport.Channel) error{
		"put":        func(c *transport.Channel) error { return c.Put(0, 0, large) },
		"signal":     func(c *transport.Channel) error { return c.Signal(1, 1) },
		"put-signal": func(c *transport.Channel) error { return c.PutSignal(0, 0, small, 1, 1) },
		"flush":      func(c *transport.Channel) error { return errors.Join(c.Signal(1, 1), c.Flush()) },
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	errs = map[string]error{}
	index := 0
	for name, verb := range verbs {
		c := open(t, w, 1, index)
		index++
		all.Go(func() {
			err := until(func() error { return verb(c) })
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	all.Go(func() {
		err := w.Wait(context.Background(), 0, 2)
		mu.Lock()
		defer mu.Unlock()
		errs["wait"] = err
	})
	all.Wait()
	return errs
}

// sleep sleeps on the bell until there is a fault.
func sleep(t *testing.T, w *transport.World) {
	for w.Fault() == nil {
		ticket := w.Bell().Arm()
		if w.Fault() == nil && !w.Bell().Park(ticket, patience) {
			t.Error("who sleeps on the bell is not woken")
			return
		}
	}
}

// A process that is killed ends all that its peers do, at once, and wakes who sleeps.
func TestKilled(t *testing.T) {
	noLeaks(t)
	w, host, process := doomed(t, patience)
	open(t, w, 1, 99)
	var asleep sync.WaitGroup
	asleep.Go(func() { sleep(t, w) })
	start := time.Now()
	must(t, process.Kill())
	asleep.Wait()
	err := w.Wait(context.Background(), 0, 2)
	if !errors.Is(err, transport.ErrLost) {
		t.Error(err)
	}
	var what *transport.WaitError
	if !errors.As(err, &what) || what.Seen != 1 {
		t.Errorf("%v does not say what was seen", err)
	}
	says(t, err, "rank 0: word 0: awaited 2, seen 1", "rank 1 at "+host)
	says(t, w.Fault(), "rank 1 at "+host)
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %v", took)
	}
}

// A process is killed while its peer is in the middle of everything.
func TestKilledWhileBusy(t *testing.T) {
	noLeaks(t)
	w, host, process := doomed(t, patience)
	time.AfterFunc(soon/5, func() { _ = process.Kill() })
	start := time.Now()
	for name, err := range busy(t, w) {
		if !errors.Is(err, transport.ErrLost) || errors.Is(err, transport.ErrTimeout) {
			t.Errorf("%s: %v", name, err)
		}
		says(t, err, "rank 0", host)
		if name != "wait" {
			says(t, err, "to rank 1 on channel ")
		}
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	c, err := w.Channel(1, 99)
	if err == nil {
		err = c.Signal(1, 1)
	}
	if !errors.Is(err, transport.ErrLost) {
		t.Errorf("a new channel to who is lost: %v", err)
	}
}

// A process that is stopped takes bytes until its buffers are full.
func TestStopped(t *testing.T) {
	noLeaks(t)
	w, host, process := doomed(t, soon)
	open(t, w, 1, 99) // while it can answer
	must(t, process.Signal(syscall.SIGSTOP))
	start := time.Now()
	for name, err := range busy(t, w) {
		if !errors.Is(err, transport.ErrTimeout) && !errors.Is(err, transport.ErrLost) {
			t.Errorf("%s: %v", name, err)
		}
		says(t, err, "rank 0")
		if name != "wait" {
			says(t, err, "to rank 1 on channel ", host)
		}
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	start = time.Now()
	must(t, w.Close())
	if took := time.Since(start); took > patience/4 {
		t.Errorf("closing took %v", took)
	}
}
