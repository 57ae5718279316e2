package shm_test

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
	"strconv"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/shm"
)

// Here the ranks are processes: rank 0 is the test, the others are the test's
// program started again with these variables.
const (
	rankVar = "COMMBENCH_SHM_TEST_RANK"
	sizeVar = "COMMBENCH_SHM_TEST_SIZE"
	partVar = "COMMBENCH_SHM_TEST_PART"
)

func TestMain(m *testing.M) {
	if os.Getenv(rankVar) == "" {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintf(os.Stderr, "rank %s: %v\n", os.Getenv(rankVar), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is a rank that prints its address as a line and reads all of them.
func child() error {
	rank, err := strconv.Atoi(os.Getenv(rankVar))
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(os.Getenv(sizeVar))
	if err != nil {
		return err
	}
	part := parts[os.Getenv(partVar)]
	w, end, err := join(rank, size, patience)
	if err != nil {
		return err
	}
	fmt.Printf("%x\n", w.Address())
	in := bufio.NewReader(os.Stdin)
	addrs := make([][]byte, size)
	for i := range addrs {
		if addrs[i], err = readAddress(in); err != nil {
			return err
		}
	}
	go func() { // never outlive the test
		io.Copy(io.Discard, in)
		os.Exit(2)
	}()
	if err := w.Connect(addrs); err != nil {
		return err
	}
	return errors.Join(part(w), end())
}

func readAddress(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	return hex.AppendDecode(nil, bytes.TrimSpace(line))
}

const (
	block    = 7392
	patience = 20 * time.Second
)

// join makes a rank with a block and two words for each rank.
func join(rank, size int, timeout time.Duration) (_ *transport.World, end func() error, _ error) {
	d := shm.New()
	memory, err := transport.Alloc(size*block, d)
	if err != nil {
		return nil, nil, err
	}
	w, err := transport.Listen(d, driver.Place{World: "processes", Rank: rank, Size: size},
		&transport.Options{Segments: []driver.Memory{memory}, Words: 2 * size, Timeout: timeout})
	if err != nil {
		return nil, nil, errors.Join(err, memory.Free())
	}
	return w, func() error { return errors.Join(w.Close(), memory.Free()) }, nil
}

// start starts ranks 1 to size-1 with the given part to play and connects rank 0
// with them. The processes are gone when the test ends, however it ends.
func start(t testing.TB, size int, part string, timeout time.Duration) (*transport.World, []*exec.Cmd) {
	t.Helper()
	w, end, err := join(0, size, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	addrs := [][]byte{w.Address()}
	cmds := make([]*exec.Cmd, size)
	inputs := make([]io.Writer, size)
	for rank := 1; rank < size; rank++ {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", rankVar, rank), fmt.Sprintf("%s=%d", sizeVar, size), partVar+"="+part)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		addr, err := readAddress(bufio.NewReader(out))
		if err != nil {
			t.Fatalf("rank %d has no address: %v", rank, err)
		}
		cmds[rank], inputs[rank], addrs = cmd, in, append(addrs, addr)
	}
	for _, in := range inputs[1:] {
		for _, addr := range addrs {
			if _, err := fmt.Fprintf(in, "%x\n", addr); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Connect(addrs); err != nil {
		t.Fatal(err)
	}
	return w, cmds
}

// parts are what the started ranks do.
var parts = map[string]func(w *transport.World) error{
	"exchange": exchange,
	"hello and hang": func(w *transport.World) error {
		c, err := w.Channel(0, 0)
		if err != nil {
			return err
		}
		if err := c.Signal(w.Rank(), 1); err != nil {
			return err
		}
		return w.Wait(context.Background(), 0, 1<<63)
	},
	"park": park,
	"ring": func(w *transport.World) error { return ring(w, func(uint64) bool { return true }) },
	"echo": func(w *transport.World) error {
		c, err := w.Channel(0, 0)
		for n := uint64(1); err == nil; n++ {
			if err = w.Wait(context.Background(), 0, n); err == nil {
				err = c.Signal(0, 1)
			}
		}
		return err
	},
}

// exchange puts a block to every rank, each round another one, and checks what
// came from every rank. Word r counts blocks from rank r, word size+r those of
// ours that rank r has looked at.
func exchange(w *transport.World) error {
	const rounds = 300
	ctx, rank, size := context.Background(), w.Rank(), w.Size()
	channels := make([]*transport.Channel, size)
	for peer := range channels {
		var err error
		if channels[peer], err = w.Channel(peer, 0); err != nil {
			return err
		}
	}
	fill := func(b []byte, from, to int, round uint64) []byte {
		for i := range b {
			b[i] = byte(i) ^ byte(i>>8)*3 ^ byte(from*31+to*7) ^ byte(round*5)
		}
		return b
	}
	src, want := make([]byte, block), make([]byte, block)
	for round := range uint64(rounds) {
		for i := range size {
			to := (rank + i) % size
			if err := w.Wait(ctx, size+to, round); err != nil {
				return err
			}
			if err := channels[to].PutSignal(0, rank*block, fill(src, rank, to, round), rank, 1); err != nil {
				return err
			}
			if err := channels[to].Flush(); err != nil { // src is used again
				return err
			}
		}
		for from := range size {
			if err := w.Wait(ctx, from, round+1); err != nil {
				return err
			}
			if !bytes.Equal(w.Segment(0)[from*block:][:block], fill(want, from, rank, round)) {
				return fmt.Errorf("round %d: other bytes came from rank %d", round, from)
			}
			if err := channels[from].Signal(size+rank, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// park answers each signal of rank 0, and has parked before it comes.
func park(w *transport.World) error {
	c, err := w.Channel(0, 0)
	for n := uint64(1); err == nil; n++ {
		ticket := w.Bell().Arm()
		if w.Load(0) >= n {
			return fmt.Errorf("signal %d came too early", n)
		}
		if err = c.Signal(0, 1); err != nil {
			return err
		}
		for start := time.Now(); w.Load(0) < n; ticket = w.Bell().Arm() {
			if w.Bell().Park(ticket, patience); time.Since(start) >= patience {
				return fmt.Errorf("signal %d did not wake this process", n)
			}
		}
	}
	return err
}

// A process that sleeps is woken by a signal of another one.
func TestParked(t *testing.T) {
	w, cmds := start(t, 2, "park", patience)
	c, err := w.Channel(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(30) {
		if err := w.Wait(context.Background(), 0, n+1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(n%5) * time.Millisecond) // it falls asleep now, or did so long ago
		if err := c.Signal(0, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Wait(context.Background(), 0, 31); err != nil {
		t.Fatal(err)
	}
	// Killed in its sleep, it leaves a bell that is armed.
	if err := cmds[1].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmds[1].Wait()
	for range 2 {
		if err := c.Signal(0, 1); err != nil {
			t.Errorf("a signal to a rank that was killed in its sleep: %v", err)
		}
	}
}

func TestProcesses(t *testing.T) {
	for _, size := range []int{2, 4} {
		t.Run(fmt.Sprintf("ranks=%d", size), func(t *testing.T) {
			w, cmds := start(t, size, "exchange", patience)
			if err := exchange(w); err != nil {
				t.Error(err)
			}
			for rank, cmd := range cmds[1:] {
				if err := cmd.Wait(); err != nil {
					t.Errorf("rank %d: %v", rank+1, err)
				}
			}
		})
	}
}

// A rank that is killed takes nobody with it: who waits for it times out, who
// puts to it is not hurt, and who comes too late to attach is told so.
func TestKilled(t *testing.T) {
	const timeout = 20 * time.Millisecond
	w, cmds := start(t, 3, "hello and hang", timeout)
	ctx := context.Background()
	c, err := w.Channel(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for rank, cmd := range cmds {
		if rank == 0 {
			continue
		}
		// Starting up may take longer than the timeout.
		for began := time.Now(); w.Load(rank) == 0; time.Sleep(time.Millisecond) {
			if time.Since(began) > patience {
				t.Fatalf("rank %d does not say hello", rank)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
	}
	if err := c.PutSignal(0, 0, make([]byte, 3*block), 0, 1); err != nil {
		t.Errorf("a put to a rank that was killed: %v", err)
	}
	err = w.Wait(ctx, 1, 2)
	var what *transport.WaitError
	if !errors.Is(err, transport.ErrTimeout) || !errors.As(err, &what) || what.Word != 1 || what.Awaited != 2 || what.Seen != 1 {
		t.Errorf("a wait for a rank that was killed: %v", err)
	}
	if _, err := w.Channel(2, 0); !errors.Is(err, transport.ErrClosed) {
		t.Errorf("a channel to a rank that was killed: %v", err)
	}
}

// A signal to another process and one back, each after a Wait; the other process
// has waited for long before it when it is parked. ring is a hop of a token that
// processes pass around, all but one of which wait.
func BenchmarkProcesses(b *testing.B) {
	for name, before := range map[string]time.Duration{"polling": 0, "parked": 5 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			w, _ := start(b, 2, "echo", patience)
			c, err := w.Channel(1, 0)
			if err != nil {
				b.Fatal(err)
			}
			var times []time.Duration
			for b.Loop() {
				time.Sleep(before)
				began := time.Now()
				if err := c.Signal(0, 1); err != nil {
					b.Fatal(err)
				}
				if err := w.Wait(context.Background(), 0, uint64(len(times)+1)); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			drivertest.ReportTimes(b, times)
		})
	}
	b.Run("ring/ranks=32", func(b *testing.B) {
		const ranks = 32
		w, _ := start(b, ranks, "ring", patience)
		if err := ring(w, func(round uint64) bool { return round == 0 || b.Loop() }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*ranks), "ns/hop")
		b.ReportMetric(0, "ns/op")
	})
}

// ring passes a token on, which rank 0 makes, for as long as more says so. The
// first round finds all peers.
func ring(w *transport.World, more func(round uint64) bool) error {
	c, err := w.Channel((w.Rank()+1)%w.Size(), 0)
	for round := uint64(0); err == nil && more(round); round++ {
		if w.Rank() == 0 {
			if err = c.Signal(0, 1); err != nil {
				return err
			}
		}
		if err = w.Wait(context.Background(), 0, round+1); err != nil || w.Rank() == 0 {
			continue
		}
		err = c.Signal(0, 1)
	}
	return err
}
