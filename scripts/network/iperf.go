package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/commbench/commbench/scripts/internal/doc"
)

// iperf3 is GB/s received over so many streams: a server and a client, as users run
// them (128 KiB a write), with the congestion control that everything else has.
func iperf3(ctx context.Context, s *settings, streams int) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+s.warm+s.sample)
	port, ended, err := serve(ctx)
	defer func() {
		cancel() // a server that had its one client is gone already
		<-ended
	}()
	if err != nil {
		return nil, err
	}
	client := []string{"-c", "127.0.0.1", "-p", port, "-P", strconv.Itoa(streams), "-t", seconds(max(s.sample, time.Second)), "-O", seconds(s.warm), "-J"}
	if name := congestion(); name != "" {
		client = append(client, "-C", name)
	}
	text, err := doc.Output(ctx, nil, "iperf3", client...)
	if err != nil {
		return nil, err
	}
	return parseIperf3(text)
}

// seconds are whole ones, as iperf3 wants them.
func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// serve starts a server for one client. ended is closed when it is gone, which it is
// soon after ctx has ended.
func serve(ctx context.Context) (port string, ended <-chan struct{}, err error) {
	for range 10 {
		// iperf3 cannot choose a port. One that nobody is given by the system, but
		// another program may have.
		port = strconv.Itoa(20000 + rand.IntN(10000))
		server := exec.CommandContext(ctx, "iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", port, "--forceflush")
		server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
		server.WaitDelay = time.Second
		gone := make(chan struct{})
		r, w := io.Pipe()
		server.Stdout = w
		if err := server.Start(); err != nil {
			close(gone)
			return "", gone, err
		}
		go func() {
			_ = server.Wait() // the client says what went wrong
			w.Close()
			close(gone)
		}()
		for in := bufio.NewScanner(r); in.Scan(); {
			if strings.Contains(in.Text(), "listening on "+port) {
				go func() { _, _ = io.Copy(io.Discard, r) }()
				return port, gone, nil
			}
		}
		ended = gone
	}
	return "", ended, errors.New("iperf3 found no port to listen on")
}

func parseIperf3(text []byte) ([]float64, error) {
	var report struct {
		Error string
		End   struct {
			Received struct {
				Rate float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("iperf3 printed %.80q: %w", text, err)
	}
	if rate := report.End.Received.Rate; report.Error == "" && rate > 0 {
		return []float64{rate / 8e9}, nil
	}
	return nil, fmt.Errorf("iperf3 has no rate to report: %q", report.Error)
}
